"""What came of an institution, in the order in which it was taken and landed: so that nobody looks through all of it.

`<home>/landed/_journal/<institution>/<number>-<receipt>`: one small file for every delivery that pull did not accept, and
one for every time that land lands something of a delivery. It is there before what it names, so whoever has read the
journal to some entry knows of everything until there; what is named and not there yet may still come.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from jobs.files import read_ours, write_whole
from schemas.base import Strict

FOLDER = "_journal"


class Entry(Strict):
    """What was about to be written: a receipt of what was not accepted, or the manifests of a delivery.

    receipt: below the institution's receipts. manifests: below the landed folder.
    """

    receipt: str | None = None
    manifests: list[str] = []


def names_in(landed: Path, institution: str) -> list[str]:
    """The names of an institution's entries, in their order."""
    folder = landed / FOLDER / institution
    # A path for each of so many names would cost ten times what the names do.
    names = os.listdir(folder) if folder.is_dir() else []  # noqa: PTH208
    return sorted(name for name in names if name[0] != ".")


def receipt_of(name: str) -> str:
    """The receipt that an entry is about, without its suffix."""
    return name.partition("-")[2]


def institutions(landed: Path) -> list[str]:
    """Of whom there is a journal."""
    folder = landed / FOLDER
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def append(landed: Path, institution: str, names: list[str], receipt: str, entry: Entry) -> None:
    """Write an entry behind the others. Only who is alone at it for the institution may (`one_ingest`).

    Args:
        names: of the entries that there are; the new one is added.
        receipt: the one that it is about, without its suffix.
    """
    number = int(names[-1].partition("-")[0]) + 1 if names else 1
    name = f"{number:08}-{receipt}"
    write_whole(landed / FOLDER / institution / name, entry.model_dump_json(exclude_defaults=True).encode())
    names.append(name)


def since(landed: Path, institution: str, cursor: str | None) -> tuple[list[Entry], str] | None:
    """The entries behind one, and the name of the last; None where they cannot be told, so that all has to be looked through.

    That is so where the entry is gone – landed was put back from a copy – or one behind it is damaged.
    """
    names = names_in(landed, institution)
    if cursor and cursor not in names:
        return None
    new = names[names.index(cursor) + 1 :] if cursor else names
    entries = [read_ours(Entry, landed / FOLDER / institution / name) for name in new]
    if None in entries:
        return None
    return [one for one in entries if one], names[-1] if names else ""


def named(entries: Iterable[Entry]) -> set[str]:
    """The manifests that entries name."""
    return {path for entry in entries for path in entry.manifests}

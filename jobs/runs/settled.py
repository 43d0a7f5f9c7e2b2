"""How far publications have settled what a home received: `<lake>/_settled/<number>.json`, the newest few.

A file is settled once a publication used it, or landing had refused it and a publication said so; a delivery that was refused,
once a publication said so. gold.coverage tells it of everything; so that a run need not ask of everything, it leaves behind how
far it has read each institution's journal, and what before that is still open. This holds for the coverage that its
publication pins, and for no other: after a restore an earlier note holds, or all is looked through once more.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.files import read_ours, write_whole
from jobs.landing import journal
from jobs.landing.known import Known
from jobs.landing.manifests import (
    LANDED,
    LANDING,
    Landing,
    Manifest,
    in_order,
    manifest_paths,
    manifests_at,
)
from jobs.landing.receipts import RECEIPTS, Receipt, load_receipts, loaded, receipt_path
from schemas.base import Strict
from schemas.ledger import SPANNING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jobs.lake import Lake
    from jobs.lake.chain import Publication
    from schemas import Registry

FOLDER = "_settled"
KEPT = 5
"""So many notes stay."""
COVERAGE = "gold.coverage"
UNPUBLISHABLE = "unpublishable"
"""Code of a statement that a run did without, as no day could be published with it."""

Cursors = dict[str, str]
"""Institution → the last entry of its journal that was read."""
StatementDate = tuple[str, date]
"""Institution and business date."""


class Note(Strict):
    """What a publication left open.

    coverage: rows and checksum of gold.coverage. manifests, receipts: files that hold something that is not settled, or that are
    named and not there yet; below the landed and the landing folder. first: institution → the first date of which it has
    anything in force.
    """

    coverage: tuple[int, int]
    cursors: Cursors
    manifests: list[str]
    receipts: list[str]
    first: dict[str, date]


@dataclass(frozen=True)
class Reported:
    """What publications have said of files, and of deliveries as a whole."""

    consumed: frozenset[Landing]
    refused: frozenset[Landing]
    unpublishable: frozenset[Landing]

    def settles(self, file: Manifest) -> bool:
        """Whether nothing is to be done of a file any more."""
        return file.landed_as in self.consumed or (file.state == "refused" and file.landed_as in self.refused)


@dataclass
class Intake:
    """What of a home is open for a lake, and what it is to be seen beside.

    Attributes:
        files: every file of the dates of an institution of which one is open; of all dates, when all was looked through.
        receipts: of deliveries that pull refused, and that are not reported.
        reported: what publications said of these.
        absent: files of manifests that are named and not there, or cannot be read; below the landed folder.
        pending: receipts that are not reported, or not there; below the landing folder.
        first: as the last publication left it; None when all was looked through.
    """

    files: list[Manifest]
    receipts: list[Receipt]
    reported: Reported
    cursors: Cursors
    absent: set[str]
    pending: set[str]
    first: dict[str, date] | None = None
    open: frozenset[Landing] = field(init=False)

    def __post_init__(self) -> None:
        self.open = frozenset(one.landed_as for one in self.files if not self.reported.settles(one))

    @property
    def is_whole(self) -> bool:
        """Whether all was looked through."""
        return self.first is None

    @property
    def dates(self) -> set[StatementDate]:
        """The dates of institutions that `files` holds whole."""
        return {(file.institution, file.business_date) for file in self.files}

    def known(self, home: Path) -> Known:
        """All that is settled."""
        return Known(home, self.open, self.cursors)


def intake(lake: Lake, registry: Registry, home: Path, last: Publication, *, whole: bool = False) -> Intake:
    """What is open for a lake of what a home received.

    Args:
        whole: look through everything.
    """
    note = None if whole else _note(lake.path, last)
    if note is None:
        return _whole(lake, registry, home, last)
    manifests, pending, cursors = set(note.manifests), set(note.receipts), dict(note.cursors)
    for institution in {*cursors, *journal.institutions(home / LANDED)}:
        came = journal.since(home / LANDED, institution, cursors.get(institution))
        if came is None:
            return _whole(lake, registry, home, last)
        entries, cursors[institution] = came
        manifests |= journal.named(entries)
        pending |= {f"{RECEIPTS}/{institution}/{one.receipt}" for one in entries if one.receipt}
    there = {name: home / LANDED / name for name in manifests if (home / LANDED / name).is_file()}
    dates = {(path.parts[-4], date.fromisoformat(path.parts[-2])) for path in there.values()}
    receipts = loaded(path for path in (home / LANDING / name for name in sorted(pending)) if path.is_file())
    days = {day for _, day in dates} | {one.business_date for one in receipts if one.business_date}
    reported = _reported(lake, last.seq, days, is_dated=all(one.business_date for one in receipts))
    paths = [path for one, day in sorted(dates) for path in manifest_paths(home, one, "*", day)]
    seen = _seen(home, registry, paths, receipts, reported, cursors, note.first)
    return replace(seen, absent=seen.absent | (manifests - there.keys()), pending=seen.pending | _lost(home, pending))


def _whole(lake: Lake, registry: Registry, home: Path, last: Publication) -> Intake:
    # The journals first: what is landed meanwhile stands behind their last entries.
    journals = {one: journal.names_in(home / LANDED, one) for one in journal.institutions(home / LANDED)}
    cursors = {one: names[-1] for one, names in journals.items() if names}
    receipts = [one for source in registry.sources.values() for one in load_receipts(source, home / LANDING)]
    return _seen(
        home, registry, manifest_paths(home, "*", "*", "*"), receipts, _reported(lake, last.seq), cursors, None
    )


def _seen(
    home: Path,
    registry: Registry,
    paths: Iterable[Path],
    receipts: list[Receipt],
    reported: Reported,
    cursors: Cursors,
    first: dict[str, date] | None,
) -> Intake:
    """What is open of these files of manifests and receipts."""
    read = {path: manifests_at(path) for path in paths}
    waiting = [one for one in receipts if one.state == "refused" and (one.delivery_id, 0) not in reported.refused]
    return Intake(
        files=in_order(file for files in read.values() for file in files),
        receipts=[one for one in waiting if one.institution in registry.sources],
        reported=reported,
        cursors=cursors,
        absent={below_landed(home, path) for path, files in read.items() if not files},
        pending={below_landing(home, one) for one in waiting},
        first=first,
    )


def _lost(home: Path, receipts: set[str]) -> set[str]:
    """Those that are not there, or cannot be read: they may still come."""
    return {name for name in receipts if not (home / LANDING / name).is_file() or not loaded([home / LANDING / name])}


def below_landed(home: Path, path: Path) -> str:
    return path.relative_to(home / LANDED).as_posix()


def below_landing(home: Path, receipt: Receipt) -> str:
    return receipt_path(home / LANDING, receipt).relative_to(home / LANDING).as_posix()


def _reported(lake: Lake, seq: int, days: set[date] | None = None, *, is_dated: bool = True) -> Reported:
    """What publications said of the files of some business dates. To the driver: one row per file of a statement.

    Args:
        days: unless given, of all.
        is_dated: whether there is no delivery of which nobody knows the date: it is told under the date of some run.
    """
    of_days = "true"
    if days is not None:
        literals = ", ".join(f"DATE '{day}'" for day in sorted(days))
        of_days = f"business_date IN ({literals})" if days else "false"
        of_days = of_days if is_dated else f"({of_days} OR feed = '{SPANNING}')"
    said = lake.ask(
        dict,
        f"""
        SELECT DISTINCT file_id, landing, file_state, code
        FROM coverage
        WHERE file_state <> 'missing' AND publication_seq <= {seq} AND {of_days}
        """,
        coverage=lake.read(COVERAGE),
    )
    consumed, refused = (
        frozenset((row["file_id"], row["landing"]) for row in said if row["file_state"] == state)
        for state in ("consumed", "refused")
    )
    unpublishable = frozenset((row["file_id"], row["landing"]) for row in said if row["code"] == UNPUBLISHABLE)
    return Reported(consumed, refused, unpublishable)


# -- the note


def _note(lake: Path, last: Publication) -> Note | None:
    """The newest note that holds for a publication."""
    pin = last.pins.get(COVERAGE)
    for number, path in sorted(_noted(lake), reverse=True):
        found = read_ours(Note, path) if pin and number <= last.seq else None
        if found and pin and found.coverage == (pin.rows, pin.checksum):
            return found
    return None


def _noted(lake: Path) -> list[tuple[int, Path]]:
    return [(int(path.stem), path) for path in (lake / FOLDER).glob("*.json") if path.stem.isdigit()]


def save(lake: Path, seq: int, note: Note) -> None:
    """Leave a note behind for the publication to come, in place of those of before the last few."""
    write_whole(lake / FOLDER / f"{seq:08}.json", note.model_dump_json(indent=1).encode())
    for number, path in _noted(lake):
        if not seq - KEPT < number <= seq:
            path.unlink()

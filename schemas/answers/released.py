"""The lock of the shipped registry, which says what was released of it: `python -m schemas.answers.released 2026-12-01`.

A lock is a registry as its files say it, of all that past acts are credited by. A checkout without history is held
against it as one with history is against a revision. It is written when a version is cut, with that day as its release;
it is not written where something in it was altered, so that it cannot be made to fit an edit.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import yaml

from schemas.answers.changes import as_filed, refusals
from schemas.answers.files import files_of
from schemas.base import ROOT
from schemas.errors import RegistryError
from schemas.registry import load_registry

LOCK = "released.lock"
"""Its name in the registry's folder. It declares nothing, so it is no part of the registry's digest."""

TITLE = "# What was released of this registry; written by python -m schemas.answers.released, never by hand.\n"


def refused_since_release(root: Path = ROOT) -> list[str]:
    """What of a registry that was released is altered; nothing where all stands, or nothing was released yet."""
    lock = root / LOCK
    if not lock.is_file():
        return []
    return refusals(as_filed(lock), as_filed(root), load_registry(root).regions)


def lock_release(on: date, root: Path = ROOT) -> Path:
    """Lock a registry as it stands as released on a day.

    Raises:
        RegistryError: what was released before is altered, or was released later.
    """
    lock = root / LOCK
    problems = refused_since_release(root)
    if lock.is_file() and on < (before := as_filed(lock).released):
        problems.append(f"{lock}: released {before}, which is after {on}")
    if problems:
        raise RegistryError("\n".join(problems))
    said = {"released": on, "files": dict(files_of(root).files)}
    text = yaml.safe_dump(said, allow_unicode=True, sort_keys=False, default_flow_style=None, width=10_000)
    lock.write_text(TITLE + text, encoding="utf-8")
    return lock


def main(arguments: Sequence[str]) -> int:
    """Lock the shipped registry, or say why not. Exit code 2: it may not be released."""
    try:
        lock_release(date.fromisoformat(arguments[0]))
    except RegistryError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

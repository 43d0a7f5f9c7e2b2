"""Which files make up a statement, and which statement of several is in force; manifests alone, no engine."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from jobs.landing.manifests import Manifest, load_manifests, newest_landings


def statement_of(file: Manifest) -> tuple[str, str, object]:
    """What a higher revision replaces as a whole."""
    return (file.institution, file.feed, file.business_date)


def in_force(files: Iterable[Manifest]) -> list[Manifest]:
    """Of every statement the files of its highest revision; of bills, which may be none, those of the delivery's."""
    files = list(files)
    highest: dict[object, int] = {}
    for file in files:
        for key in (statement_of(file), _delivery(file)):
            highest[key] = max(highest.get(key, -1), file.revision)
    return [file for file in files if file.revision == highest[_delivery(file) if file.bill else statement_of(file)]]


def accepted_in_force(home: Path) -> list[Manifest]:
    """The accepted files of a home folder as they are landed now, of every statement the highest revision."""
    return in_force(file for file in newest_landings(load_manifests(home)) if file.state == "accepted")


def _delivery(file: Manifest) -> tuple[str, object]:
    """What arrives with one control file, whatever its revision."""
    return (file.institution, file.business_date)


def whole_statements(some: Iterable[Manifest], files: Iterable[Manifest]) -> list[Manifest]:
    """Every part of the statements that `some` parts belong to."""
    wanted = {_whole(file) for file in some}
    return [file for file in files if _whole(file) in wanted]


def _whole(file: Manifest) -> object:
    """What belongs together: the parts of a statement; a bill is whole by itself."""
    return file.file_id if file.bill else statement_of(file)

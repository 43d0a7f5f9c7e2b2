"""Which files make up a statement, and which statement of several is in force; manifests alone, no engine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from jobs.landing.manifests import Manifest, load_manifests, newest_landings


def statement_of(file: Manifest) -> tuple[str, str, date]:
    """What a higher revision replaces as a whole."""
    return (file.institution, file.feed, file.business_date)


def in_force(files: Iterable[Manifest]) -> list[Manifest]:
    """What counts: of every statement the accepted files of its highest revision, and the accepted bills that stand.

    Args:
        files: all that are known, refused ones too: they say of whom a delivery has a bill.
    """
    files = list(files)
    accepted = [file for file in files if file.state == "accepted"]
    highest: dict[object, int] = {}
    for file in accepted:
        highest[statement_of(file)] = max(highest.get(statement_of(file), -1), file.revision)
    bills_from = _bills_from(files)
    return [
        file
        for file in accepted
        if (
            file.revision >= bills_from[statement_of(file), file.bill.customer_key]
            if file.bill
            else file.revision == highest[statement_of(file)]
        )
    ]


def accepted_in_force(home: Path) -> list[Manifest]:
    """The accepted files in force of a home folder as they are landed now."""
    return in_force(newest_landings(load_manifests(home)))


def _bills_from(files: Sequence[Manifest]) -> dict[tuple[tuple[str, str, date], str], int]:
    """(statement, customer) → the revision from which on the customer's bills stand.

    It is the last delivery of the date in which none of the customer's bills was refused, be it that it has none: a
    bill falls to accepted ones and to its absence. Of a refused bill of older landings nobody knows whose it was.
    """
    deliveries: dict[object, set[int]] = defaultdict(set)
    for file in files:
        deliveries[file.institution, file.business_date].add(file.revision)
    refused = {(statement_of(file), file.revision, file.customer_key) for file in files if file.state == "refused"}
    found = {}
    for statement, customer in {(statement_of(file), file.bill.customer_key) for file in files if file.bill}:
        institution, _, business_date = statement
        whole = [
            revision
            for revision in deliveries[institution, business_date]
            if not {(statement, revision, customer), (statement, revision, None)} & refused
        ]
        found[statement, customer] = max(whole, default=-1)
    return found


def whole_statements(some: Iterable[Manifest], files: Iterable[Manifest]) -> list[Manifest]:
    """Every part of the statements that `some` parts belong to."""
    wanted = {_whole(file) for file in some}
    return [file for file in files if _whole(file) in wanted]


def _whole(file: Manifest) -> object:
    """What belongs together: the parts of a statement; a bill is whole by itself."""
    return file.file_id if file.bill else statement_of(file)

"""What a run would post, said without posting it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.day import JOBS, do_job
from jobs.lake.chain import last_publication, restore_pins
from jobs.ledger.post import post
from jobs.runs.journal import Outcome
from jobs.runs.notes import discard, noted
from jobs.runs.opening import begin

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake
    from schemas import Registry


@dataclass(frozen=True)
class Foretold:
    """Entries that would be appended for a measure, kind and reason. amount: milligrams or points. people: how many."""

    measure: str
    entry_kind: str
    reason: str
    entries: int
    amount: int
    people: int


def foretell(lake: Lake, registry: Registry, home: Path, business_date: date, *, full: bool = False) -> list[Foretold]:
    """What a run of a date would append to the ledger; the tables end as they were.

    Whatever days lie between the last publication and the date are foretold together: the order in which files are
    used makes no difference to what stands in the end.

    Args:
        full: as if everything were computed again, say under new factors.

    Raises:
        RunError: the date lies before the last published one.
        Busy: somebody writes to the lake.
    """
    with rehearsed(lake, registry, home, business_date, full=full) as entries:
        return [] if entries is None else _summary(lake, entries)


@contextmanager
def rehearsed(
    lake: Lake, registry: Registry, home: Path, business_date: date, *, full: bool = False
) -> Iterator[Frame | None]:
    """The rows that a run of a date would append to gold.ledger; the tables end as they were.

    None where the run would have nothing to do. Raises as `foretell` does.
    """
    with lake.writing(f"a dry run of {business_date}"):
        run = begin(lake, registry, home, business_date, full=full)
        if run.has_nothing_to_do:
            yield None
            return
        try:
            for name in JOBS:
                if name == "post":
                    break
                do_job(run, name, Outcome(business_date, None, "open"))
            yield post(run)["gold.ledger"]
        finally:
            lake.forget()
            restore_pins(lake, run.last)
            discard(lake.path)


def dry_post(lake: Lake, registry: Registry, home: Path, business_date: date) -> list[Foretold]:
    """What post would append to the ledger of the run that is open. Returns and raises as `dry_job` does."""
    with _dry(lake, registry, home, business_date, "post") as rows:
        return _summary(lake, rows["gold.ledger"]) if rows else []


def dry_job(lake: Lake, registry: Registry, home: Path, business_date: date, name: str) -> dict[str, int]:
    """Rows by table that a job of the run that is open would write; nothing is written.

    Returns:
        Nothing where the date is published and nothing new was received.

    Raises:
        RunError: no run of the date is open, and the job is not the one that opens it.
    """
    with _dry(lake, registry, home, business_date, name) as rows:
        return {table: lake.count(frame) for table, frame in rows.items()}


@contextmanager
def _dry(lake: Lake, registry: Registry, home: Path, business_date: date, name: str) -> Iterator[dict[str, Frame]]:
    """What a job gives by table; a run that only this opened is open no more in the end."""
    with lake.writing(f"a dry {name} of {business_date}"):
        opens = name == "conform" and noted(lake.path, last_publication(lake).seq + 1) is None
        run = begin(lake, registry, home, business_date, done=() if opens else set(lake.tables))
        try:
            yield {} if run.has_nothing_to_do else JOBS[name](run)
        finally:
            lake.forget()
            if opens:
                discard(lake.path)


def _summary(lake: Lake, entries: Frame) -> list[Foretold]:
    return lake.ask(
        Foretold,
        """
        SELECT measure, entry_kind, reason, count(1) AS entries, CAST(sum(amount) AS bigint) AS amount,
            count(DISTINCT person_id) AS people
        FROM entries
        GROUP BY measure, entry_kind, reason
        ORDER BY measure, entry_kind, reason
        """,
        entries=entries,
    )

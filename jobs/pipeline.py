"""A day from its files to its publication, job by job."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.account import account
from jobs.conform import conform
from jobs.match import match
from jobs.post import post
from jobs.publish import gate, publish
from jobs.resolve import resolve
from jobs.run import Run, begin

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake
    from schemas import Registry

Job = Callable[[Run], "dict[str, Frame]"]
JOBS: dict[str, Job] = {"conform": conform, "resolve": resolve, "match": match, "post": post, "account": account}
"""What computes tables; each owns the tables that it returns."""

Progress = Callable[[str], None]


@dataclass
class Outcome:
    """What a run did.

    Attributes:
        seq: publication number; None where there was nothing to publish.
        seconds: by job.
        appended: rows written by table.
        commits: Delta commits.
    """

    business_date: date
    seq: int | None
    state: str
    seconds: dict[str, float] = field(default_factory=dict)
    appended: dict[str, int] = field(default_factory=dict)
    commits: int = 0
    figures: dict[str, Any] = field(default_factory=dict)


def run_day(
    lake: Lake,
    registry: Registry,
    home: Path,
    business_date: date,
    *,
    full: bool = False,
    dry_run: bool = False,
    progress: Progress = lambda _: None,
) -> Outcome:
    """Account for everything received before the date's cut-off, and publish it.

    Where nothing new was received and nothing changes, nothing is written: the last publication stands.

    Args:
        full: compute everything again from the landed files; publishes only if something differs.
        dry_run: compute up to `post` and write nothing that stays.

    Raises:
        PublicationBlocked: a critical rule is broken; the last publication stays in force.
    """
    outcome = Outcome(business_date, None, "unchanged")
    commits_before = len(lake.commits)
    with _timed(outcome, "begin"):
        run = begin(lake, registry, home, business_date, full)
    if run.has_nothing_to_do:
        return outcome
    for name, job in JOBS.items():
        progress(name)
        with _timed(outcome, name):
            for table, rows in job(run).items():
                is_snapshot = lake.tables[table].writes == "overwrite"
                changed = lake.count(run.written("gold.ledger") if is_snapshot else rows)
                outcome.appended[table] = changed
                if changed:
                    lake.write(table, rows, **run.commit_metadata)
    if full and not any(outcome.appended[table] for table in outcome.appended):
        lake.release()
        outcome.figures = run.figures
        return outcome
    progress("gate")
    with _timed(outcome, "gate"):
        results = gate(run)
    progress("publish")
    with _timed(outcome, "publish"):
        publish(run, results)
    outcome.seq, outcome.state = run.seq, run.figures.pop("state")
    outcome.figures = run.figures
    outcome.commits = len(lake.commits) - commits_before
    lake.release()
    return outcome


@contextmanager
def _timed(outcome: Outcome, job: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    outcome.seconds[job] = time.perf_counter() - started

"""A day from its files to its publication, job by job."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expectations import SPENT
from jobs.account import account
from jobs.conform import conform
from jobs.land import land
from jobs.manifests import LANDING, Manifest
from jobs.match import match
from jobs.post import post
from jobs.publish import gate, publish
from jobs.pull import pull
from jobs.resolve import resolve
from jobs.run import Run, begin
from jobs.tokens import Tokens
from schemas.sources import load_stations

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake
    from schemas import Registry


JOBS: dict[str, Callable[[Run], dict[str, Frame]]] = {
    "conform": conform,
    "resolve": resolve,
    "match": match,
    "post": post,
    "account": account,
}
"""What computes tables, in order: a pure function of the run, giving the tables that the registry says it writes."""
PUBLISH = "publish"

Progress = Callable[[str], None]


@dataclass
class Outcome:
    """What a run did.

    Attributes:
        seq: publication number; None where there was nothing to publish.
        seconds: by job.
        appended: rows written by table.
        commits: Delta commits.
        figures: what jobs counted beside their rows, and the seconds of `seconds` that Great Expectations took.
    """

    business_date: date
    seq: int | None
    state: str
    seconds: dict[str, float] = field(default_factory=dict)
    appended: dict[str, int] = field(default_factory=dict)
    commits: int = 0
    figures: dict[str, Any] = field(default_factory=dict)


def ingest(
    registry: Registry, home: Path, tokens: Tokens, progress: Progress = lambda _: None
) -> dict[str, list[Manifest]]:
    """Pull and land what lies in `<home>/exports`, institution by institution; needs no engine.

    Returns:
        Institution → manifests written by this call. A refused delivery stays with its institution.
    """
    written = {}
    for source in registry.sources.values():
        progress(source.id)
        pull(source, home / "exports", home / LANDING)
        written[source.id] = land(source, home, tokens, load_stations(source, registry.root))
    return written


def run_day(
    lake: Lake,
    registry: Registry,
    home: Path,
    business_date: date,
    *,
    full: bool = False,
    progress: Progress = lambda _: None,
) -> Outcome:
    """Account for everything received before the date's cut-off, and publish it.

    Where nothing new was received and nothing changes, nothing is written: the last publication stands.

    Args:
        full: compute everything again from the landed files; publishes only if something differs.

    Raises:
        PublicationBlocked: a critical rule is broken; the last publication stays in force.
    """
    outcome = Outcome(business_date, None, "unchanged")
    commits_before, gx_before = len(lake.commits), replace(SPENT)
    with _timed(outcome, "begin"):
        run = begin(lake, registry, home, business_date, full=full)
    if run.has_nothing_to_do:
        return outcome
    for name in JOBS:
        progress(name)
        with _timed(outcome, name):
            outcome.appended |= _perform(run, name)
    if not full or any(outcome.appended.values()):
        progress(PUBLISH)
        with _timed(outcome, "gate"):
            results = gate(run)
        with _timed(outcome, PUBLISH):
            outcome.state = publish(run, results)
        outcome.seq = run.seq
    outcome.figures = run.figures | {
        "gx_import_seconds": SPENT.importing - gx_before.importing,
        "gx_judge_seconds": SPENT.judging - gx_before.judging,
    }
    outcome.commits = len(lake.commits) - commits_before
    lake.release()
    return outcome


def run_job(lake: Lake, registry: Registry, home: Path, business_date: date, name: str) -> dict[str, int]:
    """One job of a run by itself: `conform` opens the run, the others go on with it, `publish` ends it.

    Returns:
        Rows written by table; nothing where the date is published and nothing new was received.

    Raises:
        RunError: the run that is open is of another date.
        PublicationBlocked: a critical rule is broken.
    """
    earlier = set(itertools.takewhile(lambda other: other != name, JOBS))
    done = {table.name for table in lake.tables.values() if table.written_by in earlier}
    run = begin(lake, registry, home, business_date, done=done)
    written: dict[str, int] = {}
    if run.has_nothing_to_do:
        return written
    if name == PUBLISH:
        publish(run, gate(run))
    else:
        written = _perform(run, name)
    lake.release()
    return written


def dry_post(lake: Lake, registry: Registry, home: Path, business_date: date) -> list[dict[str, Any]]:
    """What post would append to the ledger of the run that is open; nothing is written.

    Returns:
        measure, entry_kind, reason, entries, amount; nothing where the date is published and nothing new was received.

    Raises:
        RunError: no run of the date is open.
    """
    run = begin(lake, registry, home, business_date, done=set(lake.tables))
    if run.has_nothing_to_do:
        return []
    summary = lake.sql(
        """SELECT measure, entry_kind, reason, count(1) AS entries, CAST(sum(amount) AS bigint) AS amount
           FROM {entries} GROUP BY measure, entry_kind, reason ORDER BY measure, entry_kind, reason""",
        entries=post(run)["gold.ledger"],
    )
    found: list[dict[str, Any]] = lake.to_arrow(summary).to_pylist()
    lake.release()
    return found


def _perform(run: Run, name: str) -> dict[str, int]:
    """Compute a job and commit what changed; returns rows by table."""
    written = {}
    rows = JOBS[name](run)
    for table in run.lake.tables.values():
        if table.written_by != name:
            continue
        is_snapshot = table.writes == "overwrite"
        changed = run.lake.count(run.written("gold.ledger") if is_snapshot else rows[table.name])
        if changed:
            run.lake.write(table.name, rows[table.name], **run.commit_metadata)
        written[table.name] = changed
    run.release()
    return written


@contextmanager
def _timed(outcome: Outcome, job: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    outcome.seconds[job] = time.perf_counter() - started

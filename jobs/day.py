"""A day from its files to its publication, job by job."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from expectations import SPENT
from jobs.accounts.account import account
from jobs.activities.match import match
from jobs.claims.conform import conform
from jobs.landing import key_check
from jobs.landing.ingest import Ingested
from jobs.landing.tokens import Tokens
from jobs.landing.workers import ingest_all
from jobs.ledger.post import post
from jobs.logs import log
from jobs.persons.resolve import resolve
from jobs.publications.blame import StatementsBlamed
from jobs.publications.publish import gate, publish
from jobs.runs.journal import Outcome, recorded
from jobs.runs.notes import Aside, discard, noted
from jobs.runs.opening import begin
from jobs.runs.run import Run

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


def ingest(registry: Registry, home: Path, tokens: Tokens, progress: Progress = lambda _: None) -> dict[str, Ingested]:
    """Pull and land what lies in `<home>/exports`, institution by institution, side by side where much waits; no engine.

    Returns:
        Institution → what this call made of its deliveries. One that cannot be read stops no other.

    Raises:
        SettingError: the keys are not those that made what was landed before; nothing is pulled.
    """
    key_check.hold(home, tokens.check)
    return ingest_all(registry.sources, registry.root, home, tokens, progress)


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
    gx_before = replace(SPENT)
    with lake.writing(f"the run of {business_date}"), recorded(lake, home, "run", outcome) as opened:
        with _timed(outcome, "begin"):
            run = begin(lake, registry, home, business_date, full=full)
        outcome.held += _unjudged(run)
        if run.has_nothing_to_do:
            return outcome
        _say_opened(run, opened(run.id, run.seq))
        while True:
            for name in JOBS:
                progress(name)
                do_job(run, name, outcome)
            if full and not any(outcome.appended.values()):
                discard(lake.path)
                break
            progress(PUBLISH)
            if _is_published(run, outcome):
                break
            run = begin(lake, registry, home, business_date, full=full)
        outcome.figures = run.figures | {
            "gx_import_seconds": SPENT.importing - gx_before.importing,
            "gx_judge_seconds": SPENT.judging - gx_before.judging,
        }
        lake.forget()
    return outcome


def run_job(lake: Lake, registry: Registry, home: Path, business_date: date, name: str) -> Outcome:
    """One job of a run by itself: `conform` opens the run, the others go on with it, `publish` ends it.

    Returns:
        What this job did. Where the date is published and nothing new was received: no rows, and the state of the
        date's publication.

    Raises:
        RunError: the run that is open is of another date.
        PublicationBlocked: a critical rule is broken.
    """
    earlier = set(itertools.takewhile(lambda other: other != name, JOBS))
    done = {table.name for table in lake.tables.values() if table.written_by in earlier}
    outcome = Outcome(business_date, None, "open")
    with lake.writing(f"{name} of {business_date}"), recorded(lake, home, "run", outcome) as opened:
        with _timed(outcome, "begin"):
            run = begin(lake, registry, home, business_date, done=done)
        outcome.held += _unjudged(run)
        if run.has_nothing_to_do:
            outcome.state = run.last.state if run.last.business_date == business_date else "unchanged"
            return outcome
        _say_opened(run, opened(run.id, run.seq))
        if name == PUBLISH:
            while not _is_published(run, outcome):
                run = begin(lake, registry, home, business_date)
                for other in JOBS:
                    do_job(run, other, outcome)
        else:
            do_job(run, name, outcome)
        outcome.figures = run.figures | {f"gx_seconds_{name}": SPENT.importing + SPENT.judging}
        lake.forget()
    return outcome


def _unjudged(run: Run) -> Iterator[str]:
    """What is said of institutions whose statements we failed to judge."""
    for institution, reference in run.unjudged.items():
        yield (
            f"{institution}: its new statements could not be judged and are held back; the others' are used. The mistake is "
            f"ours, its line in the log has reference {reference}; a later run tries again"
        )


def _say_opened(run: Run, is_new: bool) -> None:
    if not is_new:
        return
    log.info("run_opened", files=len(run.fresh), refused=len(run.refused), deliveries=len(run.turned_away))
    for file, code in run.refused:
        log.warning(
            "file_not_used",
            institution=file.institution,
            feed=file.feed,
            statement_date=file.business_date.isoformat(),
            revision=file.revision,
            code=code,
        )


def do_job(run: Run, name: str, outcome: Outcome) -> None:
    """Compute a job and commit what changed."""
    written = {}
    with _timed(outcome, name):
        rows = JOBS[name](run)
        for table in run.lake.tables.values():
            if table.written_by != name:
                continue
            # A snapshot is of the ledger: it is other where the ledger is.
            changed = rows[table.name] if table.writes == "append" else run.log("gold.ledger").written
            written[table.name] = run.lake.count(changed)
            if written[table.name]:
                run.lake.write(table.name, rows[table.name], **run.commit_metadata)
        run.forget()
    outcome.appended |= written
    log.info("job_done", job=name, seconds=round(outcome.seconds[name], 3), rows=sum(written.values()))


def _is_published(run: Run, outcome: Outcome) -> bool:
    """Audit the run and make it visible.

    Returns:
        False where statements were set aside instead, as rows of theirs break what keeps everybody's day from being
        published: the run is to be begun again, without them. There are fewer each time.
    """
    with _timed(outcome, "gate"):
        try:
            results = gate(run)
        except StatementsBlamed as blamed:
            _set_aside(run, blamed.aside, outcome)
            return False
    broken = sum(not one.is_passed for one in results)
    log.info("gate_passed", rules=len(results), warnings=broken, seconds=round(outcome.seconds["gate"], 3))
    with _timed(outcome, PUBLISH):
        outcome.state = publish(run, results)
    outcome.seq = run.seq
    log.info("published", publication_seq=run.seq, state=outcome.state)
    return True


def _set_aside(run: Run, aside: list[Aside], outcome: Outcome) -> None:
    """Note what the run is to do without."""
    opened = noted(run.lake.path, run.seq)
    assert opened is not None
    opened.model_copy(update={"aside": [*opened.aside, *aside]}).save(run.lake.path)
    outcome.held += map(str, aside)
    for one in aside:
        log.warning(
            "statement_set_aside",
            institution=one.institution,
            feed=one.feed,
            statement_date=one.business_date.isoformat(),
            revision=one.revision,
            code=one.rule_id,
            table=one.table,
        )
    run.forget()


@contextmanager
def _timed(outcome: Outcome, job: str) -> Iterator[None]:
    started = time.perf_counter()
    try:
        yield
    finally:
        outcome.seconds[job] = time.perf_counter() - started

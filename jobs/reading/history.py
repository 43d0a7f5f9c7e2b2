"""Every publication with its gates, and what the runs behind them took; and the runs that published nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.lake.chain import QUALITY
from jobs.lake.chain import publications as chained
from jobs.runs.journal import RunJournal, load_all
from jobs.runs.notes import noted
from schemas.tables import SEQ

if TYPE_CHECKING:
    from jobs.lake import Lake


@dataclass
class Published:
    """One publication.

    Attributes:
        passed: rules that held.
        broken: severity → rules that did not.
        commits, seconds, run_id, started_at: of the run; null where this home does not have it.
    """

    seq: int
    kind: str
    business_date: date
    state: str
    passed: int = 0
    broken: dict[str, int] = field(default_factory=dict)
    commits: int | None = None
    seconds: float | None = None
    run_id: str | None = None
    started_at: datetime | None = None


def publications(lake: Lake, home: Path, day: date | None = None) -> list[Published]:
    """Every publication, or those of one business date. To the driver: a few rows per publication."""
    runs = {
        run.publication_seq: run
        for run in load_all(home)
        if run.lake == lake.name and run.outcome in ("published", "degraded")
    }
    found = {}
    for each in chained(lake):
        assert each.business_date is not None
        one = found[each.seq] = Published(each.seq, each.kind, each.business_date, each.state)
        if run := runs.get(each.seq):
            one.commits, one.seconds = run.commits, round(sum(run.seconds.values()), 1)
            one.run_id, one.started_at = run.run_id, run.started_at
    gates = lake.ask(
        dict,
        f"""
        SELECT {SEQ}, severity, is_passed, count(1) AS rules
        FROM quality
        GROUP BY {SEQ}, severity, is_passed
        """,
        quality=lake.read(QUALITY),
    )
    for row in gates:
        if judged := found.get(row[SEQ]):
            if row["is_passed"]:
                judged.passed += row["rules"]
            else:
                judged.broken = dict(Counter(judged.broken) + Counter({row["severity"]: row["rules"]}))
    return [one for one in found.values() if day in (None, one.business_date)]


def unpublished(lake: Lake, home: Path, day: date | None = None) -> list[tuple[RunJournal, str]]:
    """Runs of this lake that published nothing, and how they stand: blocked, failed, open, or killed."""
    found: list[tuple[RunJournal, str]] = []
    for run in load_all(home):
        if run.lake != lake.name or run.outcome in ("published", "degraded", "unchanged"):
            continue
        opened = noted(lake.path, run.publication_seq)
        is_open = run.outcome == "open" and opened is not None and opened.run_id == run.run_id
        state = "killed" if run.outcome == "open" and not is_open else run.outcome
        if day in (None, run.business_date):
            found.append((run, state))
    return found

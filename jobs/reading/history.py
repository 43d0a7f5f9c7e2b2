"""Every publication with its gates, and what the runs behind them took; and the runs that published nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.runs.journal import RunRecord, load_all
from jobs.runs.notes import noted

if TYPE_CHECKING:
    from jobs.lake import Lake


@dataclass
class Published:
    """One publication.

    Attributes:
        passed: rules that held.
        broken: severity → rules that did not.
        commits, seconds, run_id, started_at: of the run; null where its record is not in this home.
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

    def ask(query: str, table: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = lake.to_arrow(lake.sql(query, rows=lake.read(table))).to_pylist()
        return rows

    records = {
        record.publication_seq: record
        for record in load_all(home)
        if record.lake == lake.path.name and record.outcome in ("published", "degraded")
    }
    found = {}
    for row in ask(
        """SELECT DISTINCT publication_seq, publication_kind, business_date, publication_state FROM rows
           ORDER BY publication_seq""",
        "gold.publications",
    ):
        seq, record = row["publication_seq"], records.get(row["publication_seq"])
        found[seq] = Published(seq, row["publication_kind"], row["business_date"], row["publication_state"])
        if record:
            found[seq].commits, found[seq].seconds = record.commits, round(sum(record.seconds.values()), 1)
            found[seq].run_id, found[seq].started_at = record.run_id, record.started_at
    for row in ask(
        """SELECT publication_seq, severity, is_passed, count(1) AS rules FROM rows
           GROUP BY publication_seq, severity, is_passed""",
        "gold.quality",
    ):
        if one := found.get(row["publication_seq"]):
            if row["is_passed"]:
                one.passed += row["rules"]
            else:
                one.broken = dict(Counter(one.broken) + Counter({row["severity"]: row["rules"]}))
    return [one for one in found.values() if day in (None, one.business_date)]


def unpublished(lake: Lake, home: Path, day: date | None = None) -> list[tuple[RunRecord, str]]:
    """Runs of this lake that published nothing, and how they stand: blocked, failed, open, or killed."""
    found: list[tuple[RunRecord, str]] = []
    for record in load_all(home):
        if record.lake != lake.path.name or record.outcome in ("published", "degraded", "unchanged"):
            continue
        opened = noted(lake.path, record.publication_seq)
        is_open = record.outcome == "open" and opened is not None and opened.run_id == record.run_id
        state = "killed" if record.outcome == "open" and not is_open else record.outcome
        if day in (None, record.business_date):
            found.append((record, state))
    return found

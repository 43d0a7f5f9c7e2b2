"""What a run took and how it ended: one JSON file per run under `<home>/runs/`.

Clocks and the engine's name stand here and not in the tables, which are the same whoever computed them and when.
"""

from __future__ import annotations

from datetime import date, datetime, timezone
from pathlib import Path
from typing import Literal

from jobs.pull import write_whole
from schemas.base import Strict

RUNS = "runs"
Kind = Literal["run", "maintenance", "migration"]


class RunRecord(Strict):
    """One run, all its jobs together, also where each was a process of its own.

    run_id: start and a random part. lake: folder of the tables. publication_seq: the number that it has or was to
    have. outcome: `open` until it ends; it stays so where the process was killed. seconds: by job. rows: written, by
    table. broken_rules: why it was blocked. error: what kind of failure; never its text, which may hold a value.
    """

    run_id: str
    kind: Kind
    lake: str
    engine: str
    business_date: date | None
    publication_seq: int
    started_at: datetime
    ended_at: datetime | None = None
    outcome: Literal["open", "published", "degraded", "unchanged", "blocked", "failed"] = "open"
    seconds: dict[str, float] = {}
    commits: int = 0
    rows: dict[str, int] = {}
    figures: dict[str, int | float] = {}
    broken_rules: list[str] = []
    error: str | None = None

    def joined(self, later: RunRecord) -> RunRecord:
        """This record with what a later process of the same run added."""
        return later.model_copy(
            update={
                "started_at": self.started_at,
                "seconds": self.seconds | later.seconds,
                "commits": self.commits + later.commits,
                "rows": self.rows | later.rows,
                "figures": self.figures | later.figures,
            }
        )


def save(home: Path, record: RunRecord) -> None:
    """Write a record in place of an earlier one of the same run."""
    write_whole(_path(home, record.run_id), record.model_dump_json(indent=1).encode())


def load(home: Path, run_id: str) -> RunRecord | None:
    """The record of one run; None where there is none."""
    path = _path(home, run_id)
    return RunRecord.model_validate_json(path.read_bytes()) if path.is_file() else None


def load_all(home: Path) -> list[RunRecord]:
    """Every record, in the order of their starts."""
    found = [RunRecord.model_validate_json(path.read_bytes()) for path in (home / RUNS).glob("*.json")]
    return sorted(found, key=lambda record: record.started_at)


def now() -> datetime:
    """The clock of run records."""
    return datetime.now(timezone.utc)


def _path(home: Path, run_id: str) -> Path:
    return home / RUNS / f"{run_id}.json"

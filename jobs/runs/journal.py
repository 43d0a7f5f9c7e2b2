"""What a run took and how it ended: one JSON file per run under `<home>/runs/`.

Clocks and the engine's name stand here and not in the tables, which are the same whoever computed them and when.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from jobs.errors import PublicationBlocked
from jobs.files import read_ours, write_whole
from jobs.lake.chain import Kind
from jobs.logs import about, log
from schemas.base import Strict

if TYPE_CHECKING:
    from jobs.lake import Lake


RUNS = "runs"


class RunJournal(Strict):
    """One run, all its jobs together, also where each was a process of its own.

    run_id: start and a random part. lake: folder of the tables below home, or URI. publication_seq: the number that it has or was to
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

    def joined(self, later: RunJournal) -> RunJournal:
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


def save(home: Path, record: RunJournal) -> None:
    """Write a record in place of an earlier one of the same run."""
    write_whole(_path(home, record.run_id), record.model_dump_json(indent=1).encode())


def load(home: Path, run_id: str) -> RunJournal | None:
    """The record of one run; None where there is none."""
    path = _path(home, run_id)
    return read_ours(RunJournal, path) if path.is_file() else None


def load_all(home: Path) -> list[RunJournal]:
    """Every record, in the order of their starts."""
    found = [record for path in (home / RUNS).glob("*.json") if (record := read_ours(RunJournal, path))]
    return sorted(found, key=lambda record: record.started_at)


def now() -> datetime:
    """The clock of run records."""
    return datetime.now(timezone.utc)


def _path(home: Path, run_id: str) -> Path:
    return home / RUNS / f"{run_id}.json"


@dataclass
class Outcome:
    """What a run did.

    Attributes:
        seq: publication number; None where there was nothing to publish.
        seconds: by job.
        appended: rows written by table.
        commits: Delta commits.
        held: what was held back as its rows break a critical rule, each with its file and line, or as it could not be judged.
    """

    business_date: date
    seq: int | None
    state: str
    seconds: dict[str, float] = field(default_factory=dict)
    appended: dict[str, int] = field(default_factory=dict)
    commits: int = 0
    figures: dict[str, Any] = field(default_factory=dict)
    held: list[str] = field(default_factory=list)


Open = Callable[[str, int], bool]
"""(run_id, publication_seq) → whether the run begins here, and is not one that an earlier process opened."""


@contextmanager
def recorded(lake: Lake, home: Path, kind: Kind, outcome: Outcome) -> Iterator[Open]:
    """Save what `outcome` says in the end, and that it failed where it did, once the run is opened; bind its log."""
    journal = _Journal(lake, home, kind, outcome)
    with journal.around:
        journal.around.enter_context(about(business_date=outcome.business_date.isoformat()))
        failure: dict[str, Any] = {}
        try:
            yield journal.open
        except PublicationBlocked as blocked:
            failure = {"outcome": "blocked", "broken_rules": [one.rule.id for one in blocked.broken]}
            log.error("run_blocked", codes=failure["broken_rules"])
            raise
        except BaseException as error:
            failure = {"outcome": "failed", "error": type(error).__name__}
            log.error("run_failed", error=failure["error"])
            raise
        finally:
            journal.close(failure)


@dataclass
class _Journal:
    """A run's record while the run lasts, joined with what earlier processes of the run left."""

    lake: Lake
    home: Path
    kind: Kind
    outcome: Outcome
    around: ExitStack = field(default_factory=ExitStack)
    record: RunJournal | None = None
    earlier: RunJournal | None = None

    def __post_init__(self) -> None:
        self.started, self.commits_before = now(), len(self.lake.commits)

    def open(self, run_id: str, publication_seq: int) -> bool:
        self.earlier = load(self.home, run_id)
        self._save(
            RunJournal(
                run_id=run_id,
                kind=self.kind,
                lake=self.lake.name,
                engine=self.lake.engine,
                business_date=self.outcome.business_date,
                publication_seq=publication_seq,
                started_at=self.started,
            )
        )
        self.around.enter_context(about(run_id=run_id))
        return self.earlier is None

    def close(self, failure: dict[str, Any]) -> None:
        outcome = self.outcome
        outcome.commits = len(self.lake.commits) - self.commits_before
        if not self.record:
            return
        said = {
            "outcome": outcome.state,
            "ended_at": None if outcome.state == "open" and not failure else now(),
            "seconds": {job: round(seconds, 3) for job, seconds in outcome.seconds.items()},
            "commits": outcome.commits,
            "rows": outcome.appended,
            "figures": outcome.figures,
        }
        self._save(self.record.model_copy(update=said | failure))

    def _save(self, record: RunJournal) -> None:
        self.record = record
        save(self.home, self.earlier.joined(record) if self.earlier else record)

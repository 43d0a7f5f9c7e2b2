"""Keep the record of whatever publishes – a run, maintenance, a migration –, however it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.logs import about, log
from jobs.publish import PublicationBlocked
from jobs.run_record import Kind, RunRecord, load, now, save

if TYPE_CHECKING:
    from jobs.lake import Lake


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


Open = Callable[[str, int], bool]
"""(run_id, publication_seq) → whether the run begins here, and is not one that an earlier process opened."""


@contextmanager
def recorded(lake: Lake, home: Path, kind: Kind, outcome: Outcome) -> Iterator[Open]:
    """Save what `outcome` says in the end, and that it failed where it did, once the run is opened; bind its log."""
    started, commits_before = now(), len(lake.commits)
    record: RunRecord | None = None
    earlier: RunRecord | None = None

    def opened(run_id: str, publication_seq: int) -> bool:
        nonlocal record, earlier
        earlier = load(home, run_id)
        record = RunRecord(
            run_id=run_id,
            kind=kind,
            lake=lake.path.name,
            engine=lake.engine,
            business_date=outcome.business_date,
            publication_seq=publication_seq,
            started_at=started,
        )
        save(home, earlier.joined(record) if earlier else record)
        around.enter_context(about(run_id=run_id))
        return earlier is None

    with ExitStack() as around:
        around.enter_context(about(business_date=outcome.business_date.isoformat()))
        ended: dict[str, Any] = {}
        try:
            yield opened
        except PublicationBlocked as blocked:
            ended = {"outcome": "blocked", "broken_rules": [one.rule.id for one in blocked.broken]}
            log.error("run_blocked", codes=ended["broken_rules"])
            raise
        except BaseException as error:
            ended = {"outcome": "failed", "error": type(error).__name__}
            log.error("run_failed", error=ended["error"])
            raise
        finally:
            outcome.commits = len(lake.commits) - commits_before
            if record:
                said = {
                    "outcome": outcome.state,
                    "ended_at": None if outcome.state == "open" and not ended else now(),
                    "seconds": {job: round(seconds, 3) for job, seconds in outcome.seconds.items()},
                    "commits": outcome.commits,
                    "rows": outcome.appended,
                    "figures": outcome.figures,
                }
                record = record.model_copy(update=said | ended)
                save(home, earlier.joined(record) if earlier else record)

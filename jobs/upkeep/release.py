"""What a changed registry – factors, caps, programmes – does to a published world: foretold, or posted.

A release is a run of the last published date in which everything is computed again. What it foretells and what it
posts is told by the same sums over ledger rows, so that the two can be held against each other.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.day import Progress, run_day
from jobs.dry_run import rehearsed
from jobs.errors import RunError
from jobs.lake.chain import last_publication, published
from jobs.lake.frames import listed
from jobs.runs.journal import Outcome

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake
    from schemas import Registry


_Factors = tuple[str, str | None, str | None]
"""Scenario, and the factor or rule before and after."""


@dataclass(frozen=True)
class Restated:
    """What changes for the acts, or the caps, whose factor or rule was one and is another.

    Attributes:
        before, after: factor or rule that entries rest on; None where none stood, or none stands.
        positions: acts, or days of a cap, with all their measures.
        entries: ledger rows, reversals and new ones together.
        amounts: measure → sum of these rows: by how much milligrams and points change.
    """

    scenario: str
    before: str | None
    after: str | None
    positions: int
    entries: int
    people: int
    amounts: dict[str, int]


@dataclass(frozen=True)
class Release:
    """Everything that a release changes.

    Attributes:
        business_date: the last published one, as of which everything is computed again.
        entries, people, amounts: of all together; a person counts once.
    """

    business_date: date
    restated: list[Restated]
    entries: int
    people: int
    amounts: dict[str, int]


def foretell_release(lake: Lake, registry: Registry, home: Path) -> Release:
    """What the registry as it stands would change; the tables end as they were.

    Raises:
        RunError: nothing was published yet.
        Busy: somebody writes to the lake.
    """
    business_date = _last_date(lake)
    with rehearsed(lake, registry, home, business_date, full=True) as entries:
        assert entries is not None  # A full run always has something to do.
        return _release(lake, business_date, entries)


def post_release(
    lake: Lake, registry: Registry, home: Path, progress: Progress = lambda _: None
) -> tuple[Outcome, Release]:
    """Post what the registry changes, and tell it from the rows that were written.

    Raises:
        RunError: nothing was published yet.
        PublicationBlocked: a critical rule is broken; the last publication stays in force.
    """
    outcome = run_day(lake, registry, home, _last_date(lake), full=True, progress=progress)
    return outcome, _release(lake, outcome.business_date, published(lake, "gold.ledger", outcome.seq or 0).written)


def _last_date(lake: Lake) -> date:
    business_date = last_publication(lake).business_date
    if business_date is None:
        raise RunError("nothing was published yet: there is nothing that a release could change")
    return business_date


def _release(lake: Lake, business_date: date, entries: Frame) -> Release:
    """What ledger rows change. To the driver: as many rows as there are factors."""
    # A position has at most one row that is reversed and one that is posted for a measure.
    pairs = lake.keep(
        """
        SELECT scenario, position, person_id, measure, CAST(sum(amount) AS bigint) AS amount,
            max(CASE WHEN entry_kind = 'reverse' THEN factor_id END) AS before,
            max(CASE WHEN entry_kind = 'post' THEN factor_id END) AS after,
            count(1) AS entries
        FROM entries
        GROUP BY scenario, position, person_id, measure
        """,
        entries=entries,
    )
    amounts: defaultdict[_Factors, dict[str, int]] = defaultdict(dict)
    for row in _summed(lake, pairs, "scenario", "before", "after", "measure"):
        amounts[row["scenario"], row["before"], row["after"]][row["measure"]] = row["amount"]
    [total] = _summed(lake, pairs)
    return Release(
        business_date,
        restated=[
            Restated(
                scenario=row["scenario"],
                before=row["before"],
                after=row["after"],
                positions=row["positions"],
                entries=row["entries"],
                people=row["people"],
                amounts=amounts[row["scenario"], row["before"], row["after"]],
            )
            for row in _summed(lake, pairs, "scenario", "before", "after")
        ],
        entries=total["entries"],
        people=total["people"],
        amounts={row["measure"]: row["amount"] for row in _summed(lake, pairs, "measure")},
    )


def _summed(lake: Lake, pairs: Frame, *by: str) -> list[dict[str, Any]]:
    """Positions, entries, people and amount, by columns; of all together unless told."""
    keys = "".join(f"{name}, " for name in by)
    grouped = f"GROUP BY {listed(by)} ORDER BY {listed(by)}" if by else ""
    return lake.ask(
        dict,
        f"""
        SELECT {keys}count(DISTINCT position) AS positions,
            coalesce(CAST(sum(entries) AS bigint), 0) AS entries,
            count(DISTINCT person_id) AS people,
            coalesce(CAST(sum(amount) AS bigint), 0) AS amount
        FROM pairs {grouped}
        """,
        pairs=pairs,
    )

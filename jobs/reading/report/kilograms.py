"""What stood, and what a publication posted and took back, by every side of an entry."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from datetime import date
from typing import TYPE_CHECKING

from jobs.lake.chain import published
from schemas.grades import GRADES
from schemas.ledger import REDUCTION
from schemas.tables import SEQ

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake
    from schemas import Registry

RULE = "rule"
"""In place of how a figure fits: a rule stands where a figure would."""


@dataclass(frozen=True)
class Amount:
    """Milligrams that stood before, and what this publication posted and took back (negative), with its entries."""

    before: int = 0
    posted: int = 0
    reversed: int = 0
    posted_entries: int = 0
    reversed_entries: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(*(one + more for one, more in zip(astuple(self), astuple(other))))

    @property
    def now(self) -> int:
        return self.before + self.change

    @property
    def change(self) -> int:
        return self.posted + self.reversed

    @property
    def entries(self) -> int:
        return self.posted_entries + self.reversed_entries


@dataclass(frozen=True)
class Kilograms:
    """The ledger's reductions. kinds: what acts earned, and what exclusions and caps took.

    days: act dates from the report's first on; older: all before them.

    grades: by how well founded the figures of acts are; `rule` is what rules take or give over several acts.

    restated: reason → what was posted or taken back for acts of earlier days, or instead of something that stood.
    restated_days: act dates before the business date with any entry of this publication.
    """

    total: Amount
    kinds: Mapping[str, Amount]
    scenarios: Mapping[str, Amount]
    regions: Mapping[str, Amount]
    grades: Mapping[str, Amount]
    days: Mapping[date, Amount]
    older: Amount
    restated: Mapping[str, Amount]
    restated_days: int


def kilograms(lake: Lake, seq: int, on: date, first: date) -> Kilograms:
    """The reductions of a publication, of which `on` is the business date; `first` is the first act date by itself."""
    cube = _cube(lake, seq)
    sides = {
        "total": ("'total'", "true"),
        "kind": ("position_kind", "true"),
        "scenario": ("scenario", "true"),
        "region": ("region", "true"),
        "figure": ("concat(scenario, '|', factor_id, '|', match_quality)", "true"),
        "day": ("CAST(act_date AS string)", f"act_date >= DATE '{first}'"),
        "older": ("'older'", f"act_date < DATE '{first}'"),
        # What stood before, in the same sense: nothing, since only this publication's entries have a reason.
        "restated": ("reason", f"entry_kind <> 'before' AND (act_date < DATE '{on}' OR reason <> 'new')"),
    }
    found = {side: _amounts(lake, cube, name, which) for side, (name, which) in sides.items()}
    return Kilograms(
        total=found["total"].get("total", Amount()),
        kinds=found["kind"],
        scenarios=found["scenario"],
        regions=found["region"],
        grades=_by_grade(lake.registry, found["figure"]),
        days={date.fromisoformat(name): amount for name, amount in found["day"].items()},
        older=found["older"].get("older", Amount()),
        restated=found["restated"],
        restated_days=_restated_days(lake, cube, on),
    )


def _cube(lake: Lake, seq: int) -> Frame:
    """One pass over the ledger: a small table, of which the sums by every side are taken."""
    return lake.keep(
        f"""
        WITH entries AS (
            SELECT position_kind, scenario, region, act_date, factor_id, match_quality, amount,
                CASE WHEN {SEQ} = {seq} THEN entry_kind ELSE 'before' END AS entry_kind,
                CASE WHEN {SEQ} = {seq} THEN reason ELSE 'before' END AS reason
            FROM reductions
        )
        SELECT position_kind, scenario, region, act_date, factor_id, match_quality, entry_kind, reason,
            CAST(sum(amount) AS bigint) AS amount, count(1) AS entries
        FROM entries
        GROUP BY position_kind, scenario, region, act_date, factor_id, match_quality, entry_kind, reason
        """,
        reductions=published(lake, "gold.ledger", seq).where(f"measure = '{REDUCTION}'").rows,
    )


def _amounts(lake: Lake, cube: Frame, name: str, which: str) -> dict[str, Amount]:
    """The cube's sums by a name, of the rows for which a condition holds; both are SQL."""
    sums = ", ".join(
        f"CAST(coalesce(sum(CASE WHEN entry_kind = '{kind}' THEN {of} END), 0) AS bigint) AS {column}"
        for column, kind, of in (
            ("before", "before", "amount"),
            ("posted", "post", "amount"),
            ("reversed", "reverse", "amount"),
            ("posted_entries", "post", "entries"),
            ("reversed_entries", "reverse", "entries"),
        )
    )
    rows = lake.ask(
        dict, f"SELECT {name} AS name, {sums} FROM cube WHERE {which} GROUP BY {name} ORDER BY name", cube=cube
    )
    return {row.pop("name"): Amount(**row) for row in rows}


def _by_grade(registry: Registry, figures: Mapping[str, Amount]) -> dict[str, Amount]:
    """Amounts of figures by their grades, the best founded first."""
    found: defaultdict[str, Amount] = defaultdict(Amount)
    for name, amount in figures.items():
        scenario, factor_id, match_quality = name.split("|")
        grade = RULE if match_quality == RULE else registry.library.grade_of(scenario, factor_id, match_quality)  # type: ignore[arg-type]
        found[grade] += amount
    return {grade: found[grade] for grade in (*GRADES, RULE) if grade in found}


def _restated_days(lake: Lake, cube: Frame, on: date) -> int:
    query = f"SELECT DISTINCT act_date FROM cube WHERE entry_kind <> 'before' AND act_date < DATE '{on}'"
    return lake.count(lake.sql(query, cube=cube))

"""What was taken because another act claims the same saving: which side counts, and why, for the person to read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from schemas.ledger import REDUCTION

if TYPE_CHECKING:
    from jobs.lake import Lake
    from jobs.lake.log import Log
    from schemas import Registry
    from schemas.scenarios import Exclusion, Extent

WITHIN: dict[Extent, str] = {
    "meal": "of one meal",
    "day": "of one day",
    "object": "of a month and one and the same object",
    "month": "of one month",
}
"""Within what the sides are held against each other, in words."""


@dataclass(frozen=True)
class Excluded:
    """What an exclusion took of a scenario of a person's.

    Attributes:
        act_date: the first day of the period that the rule is in force.
        milligrams: what does not count.
        counts: the scenarios of the side that does.
        extent: within what the sides stood against each other.
        why: what both claim.
    """

    scenario: str
    act_date: date
    milligrams: int
    counts: list[str]
    extent: Extent
    why: str


def declared(registry: Registry, rule: str) -> tuple[str, Exclusion]:
    """The scenario that declares an exclusion, and the exclusion."""
    return next(
        (name, one) for name, scenario in registry.scenarios.items() for one in scenario.excludes if one.id == rule
    )


def counting(registry: Registry, rule: str, taken: str) -> list[str]:
    """The scenarios that count where an exclusion took of another."""
    declaring, one = declared(registry, rule)
    return one.scenarios if taken == declaring else [declaring]


def arithmetic(registry: Registry, entry: Mapping[str, Any]) -> tuple[str, int, dict[str, Any]]:
    """Formula, amount and what was applied, of what an exclusion took of kilograms."""
    quantity, taken = entry["quantity_micro"], entry["scenario"]
    declaring, rule = declared(registry, entry["factor_id"])
    own = registry.scenarios[declaring].name_en
    others = ", ".join(registry.scenarios[name].name_en for name in rule.scenarios)
    many = " together" if len(rule.scenarios) > 1 else ""
    said = f"{WITHIN[rule.by]}, {own} saved no less than {others}{many} and counts"
    if taken == declaring:
        said = f"{WITHIN[rule.by]}, {others}{many} saved more than {own}, so what they saved counts"
    formula = (
        f"{said}; the {quantity:,} mg of {registry.scenarios[taken].name_en} are the same saving = −{quantity:,} mg"
    )
    told: dict[str, Any] = {"rule": rule.id, "why": rule.why}
    if rule.source:
        told["source"] = rule.source.model_dump(mode="json")
    return formula, -quantity, told


def excluded_of(lake: Lake, registry: Registry, month: Log) -> list[Excluded]:
    """What exclusions take of a person's month. month: ledger rows."""
    rows = lake.ask(
        dict,
        f"""
        SELECT factor_id, scenario, act_date, CAST(0 - sum(amount) AS bigint) AS milligrams
        FROM month
        WHERE measure = '{REDUCTION}' AND position_kind = 'exclusion'
        GROUP BY factor_id, scenario, act_date
        HAVING sum(amount) <> 0
        ORDER BY act_date, scenario, factor_id
        """,
        month=month.rows,
    )
    found = []
    for row in rows:
        _, rule = declared(registry, row["factor_id"])
        counts = counting(registry, row["factor_id"], row["scenario"])
        found.append(Excluded(row["scenario"], row["act_date"], row["milligrams"], counts, rule.by, rule.why))
    return found

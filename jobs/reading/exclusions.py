"""What was taken because another act claims the same saving: which side counts, and why, for the person to read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from jobs.lake.frames import semi
from jobs.ledger.entries import LEDGER
from jobs.ledger.exclusions import OCCASION, exclusion_position
from schemas.ledger import REDUCTION

if TYPE_CHECKING:
    from jobs.lake import Lake
    from jobs.lake.log import Log
    from schemas import Registry
    from schemas.scenarios import Exclusion, Extent

WITHIN: dict[Extent, str] = {
    "meal": "at one meal",
    "day": "on one day",
    "object": "with one and the same object in one month",
    "month": "in one month",
}
"""Within what the sides are held against each other, in words."""
_BY_OCCASION = f"coalesce({OCCASION.format(extent='a.extent', act='l')}, '')"
POSITIONS = ", ".join(
    exclusion_position("a.rule", "a.person_id", "a.start", occasion, "a.taken") for occasion in (_BY_OCCASION, "''")
)
"""SQL: the positions, one of which an exclusion `a` takes at what the outcome `l` is of: by its meal or object, or by all
of a period's."""
_ASKED = pa.schema(
    [(name, pa.string()) for name in ("entry_id", "person_id", "claim_id", "rule", "extent", "taken")]
    + [(name, pa.date32()) for name in ("start", "act_date")]
)


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


def start_of_period(rule: Exclusion, day: date) -> date:
    """The first date of the period of a day, whenever the rule begins."""
    return day.replace(day=1) if rule.period == "month" else day


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
    return [_told(registry, row["factor_id"], row) for row in rows]


def excluding(lake: Lake, registry: Registry, entries: Iterable[Mapping[str, Any]]) -> dict[str, list[Excluded]]:
    """Entry of an act → what exclusions now take of its scenario where the act lies; most acts lie in none."""
    asked = [one for entry in entries if entry["position_kind"] == "activity" for one in _asked(registry, entry)]
    if not asked:
        return {}
    rules = lake.from_arrow(pa.Table.from_pylist(asked, schema=_ASKED))
    rows = lake.ask(
        dict,
        f"""
        WITH aged AS (
            SELECT *, row_number() OVER (PARTITION BY claim_id, act_date ORDER BY publication_seq DESC) AS age
            FROM outcomes
        ),
        acts AS (SELECT * FROM aged WHERE age = 1 AND is_live),
        standing AS (
            SELECT position, person_id, factor_id, scenario, act_date, CAST(0 - sum(amount) AS bigint) AS milligrams
            FROM ledger
            WHERE measure = '{REDUCTION}' AND position_kind = 'exclusion'
            GROUP BY position, person_id, factor_id, scenario, act_date
            HAVING sum(amount) <> 0
        )
        SELECT DISTINCT a.entry_id, a.rule, x.scenario, x.act_date, x.milligrams
        FROM asked AS a
        JOIN acts AS l ON a.claim_id = l.claim_id AND a.act_date = l.act_date
        JOIN standing AS x ON a.person_id = x.person_id AND a.rule = x.factor_id AND x.position IN ({POSITIONS})
        ORDER BY a.entry_id, a.rule
        """,
        asked=rules,
        outcomes=semi(lake, lake.read("silver.activities"), rules, "claim_id"),
        ledger=semi(lake, lake.read(LEDGER), rules, "person_id"),
    )
    found: defaultdict[str, list[Excluded]] = defaultdict(list)
    for row in rows:
        found[row["entry_id"]].append(_told(registry, row["rule"], row))
    return dict(found)


def _asked(registry: Registry, entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The exclusions that may take of an act."""
    return [
        {
            **{"entry_id": entry["entry_id"], "person_id": entry["person_id"], "claim_id": entry["position"]},
            **{"rule": rule.id, "extent": rule.by, "taken": entry["scenario"], "act_date": entry["act_date"]},
            "start": start_of_period(rule, entry["act_date"]),
        }
        for scenario in registry.scenarios.values()
        for rule in scenario.excludes
        if entry["scenario"] in (scenario.id, *rule.scenarios) and rule.in_force(entry["act_date"])
    ]


def _told(registry: Registry, rule: str, row: Mapping[str, Any]) -> Excluded:
    _, one = declared(registry, rule)
    counts = counting(registry, rule, row["scenario"])
    return Excluded(row["scenario"], row["act_date"], row["milligrams"], counts, one.by, one.why)

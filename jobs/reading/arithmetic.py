"""The arithmetic of an entry in words, from the registry alone: factor, exclusion, cap, or rule of a programme."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING, Any

from jobs.policy.periods import last_day
from jobs.reading.emissions import arithmetic as of_payment
from jobs.reading.exclusions import arithmetic as of_exclusion
from jobs.reading.exclusions import declared
from schemas.answers.calculator import worked
from schemas.ledger import POINTS, REDUCTION
from schemas.programmes import COUNTED, Programme
from schemas.programmes.rules import Benefit, Cap, Earn, Expiry, Rule, Tier

if TYPE_CHECKING:
    from schemas import Registry
    from schemas.factors import FactorFile, FactorSeries
    from schemas.scenarios import Cap as KilogramCap


Reckoned = tuple[str, int, dict[str, Any]]
"""Formula, amount and what was applied."""


def arithmetic(registry: Registry, entry: Mapping[str, Any]) -> Reckoned:
    """Formula, amount and what was applied, of an entry as it was posted."""
    if entry["position_kind"] == "payment":
        return of_payment(registry.spending, entry)
    if entry["measure"] == REDUCTION:
        return _kilograms(registry, entry)
    programme = registry.programmes[entry["measure"].removeprefix(POINTS)]
    rule = next((one for one in programme.rules if programme.key(one) == entry["factor_id"]), None)
    if rule is None:
        return _by_gram(registry, programme, entry)
    formula, points = _by_rule(registry, rule, entry)
    return formula, points, told_rule(programme.key(rule), rule)


def validity_of_entry(registry: Registry, entry: Mapping[str, Any]) -> tuple[date, date, list[str]]:
    """The dates, first and last, and the scenarios of the acts that an entry is of."""
    if entry["position_kind"] == "exclusion":
        scenario, exclusion = declared(registry, entry["factor_id"])
        last = last_day(exclusion.period, entry["act_date"])
        if exclusion.valid_to:
            last = min(last, exclusion.valid_to - timedelta(days=1))
        return entry["act_date"], last, [scenario, *exclusion.scenarios]
    programme, rule = _summing_rule(registry, entry)
    if rule is None:
        return entry["act_date"], entry["act_date"], [entry["scenario"]]
    last = last_day(rule.period, entry["act_date"])
    if programme is None:
        return entry["act_date"], last, [entry["scenario"]]
    return entry["act_date"], last, programme.scenarios_of(rule)  # type: ignore[arg-type]


def _summing_rule(
    registry: Registry, entry: Mapping[str, Any]
) -> tuple[Programme | None, Tier | Cap | KilogramCap | None]:
    """Whose the rule is that an entry sums up by; none for what is of a single act."""
    for programme in registry.programmes.values():
        for rule in programme.summing:
            if programme.key(rule) == entry["factor_id"]:
                return programme, rule
    if entry["position_kind"] != "cap":
        return None, None
    return None, _cap(registry, entry)


def _cap(registry: Registry, entry: Mapping[str, Any]) -> KilogramCap:
    return next(cap for cap in registry.scenarios[entry["scenario"]].caps if cap.id == entry["factor_id"])


def _kilograms(registry: Registry, entry: Mapping[str, Any]) -> Reckoned:
    if entry["position_kind"] == "exclusion":
        return of_exclusion(registry, entry)
    quantity, scenario = entry["quantity_micro"], registry.scenarios[entry["scenario"]]
    if entry["position_kind"] == "cap":
        cap = _cap(registry, entry)
        milligrams = cap.limit_mg - quantity
        formula = f"limit {cap.limit_mg:,} mg − the {cap.period}'s {quantity:,} mg = {milligrams:,} mg"
        return formula, milligrams, {"rule": cap.id, "limit": cap.limit, "source": cap.source.model_dump(mode="json")}
    behind = registry.library.series_of(entry["factor_id"])
    legs = scenario.quantification.legs if scenario.quantification else []
    formula, milligrams = worked(quantity, scenario.unit, [one for _, one in behind], legs)
    grade = registry.library.grade_of(scenario.id, entry["factor_id"], entry["match_quality"])
    factor = told(*behind[0]) | {"match_quality": entry["match_quality"], "grade": grade}
    if len(behind) > 1:
        factor["project"] = told(*behind[1])
    return formula, milligrams, factor


def _by_gram(registry: Registry, programme: Programme, entry: Mapping[str, Any]) -> Reckoned:
    """Points that follow from kilograms, of an act, an exclusion or a cap."""
    formula, milligrams, factor = _kilograms(registry, entry)
    rule = next(
        rule
        for rule in programme.earn
        if rule.per == "gram" and entry["scenario"] in rule.scenarios and rule.in_force(entry["act_date"])
    )
    exact = Fraction(rule.points) * abs(milligrams) / 1000
    points = int(exact) if milligrams > 0 else -ceil(exact)
    formula = f"{formula}; × {rule.points} points per gram = {points:,} points"
    stated = abs(entry["amount"])
    if entry["position_kind"] in ("exclusion", "cap") and stated < -points:
        points = -stated
        formula += f"; no more than was left of what the programme's own acts earned: {points:,} points"
    return formula, points, factor | {"points": told_rule(programme.key(rule), rule)}


def _by_rule(registry: Registry, rule: Rule, entry: Mapping[str, Any]) -> tuple[str, int]:
    counted = entry["quantity_micro"]
    if isinstance(rule, Earn):
        unit = registry.scenarios[entry["scenario"]].unit
        quantity = Fraction(counted, COUNTED["unit"])
        points = int(Fraction(rule.points) * (quantity if rule.per == "unit" else 1))
        said = f"{float(quantity):g} {unit} × {rule.points} points per {unit}" if rule.per == "unit" else "one act"
        return f"{said} = {points:,} points (rounded down)", points
    if isinstance(rule, Tier):
        total = Fraction(counted, COUNTED[rule.per])
        points = rule.points_at(total)
        unit = "g" if rule.per == "gram" else "acts" if rule.per == "act" else "units"
        return f"the {rule.period}'s {float(total):g} {unit} reach the step of {points:,} points", points
    if isinstance(rule, Cap):
        points = rule.points - counted
        return f"limit {rule.points:,} points − the {rule.period}'s {counted:,} points = {points:,} points", points
    if isinstance(rule, Expiry):
        return f"{counted:,} points that were not used by {entry['act_date']} = −{counted:,} points", -counted
    assert isinstance(rule, Benefit)
    return f"{counted:,} points given up for {rule.name} = −{counted:,} points", -counted


def told_rule(key: str, rule: Rule) -> dict[str, Any]:
    """A rule of a programme as a reader has to see it: its name, and where it stands or why it was assumed."""
    said: dict[str, Any] = {"rule": key}
    if rule.source:
        said["source"] = rule.source.model_dump(mode="json")
    if rule.assumption:
        said["assumption"] = rule.assumption
    return said


def told(file: FactorFile, series: FactorSeries) -> dict[str, Any]:
    """A figure as a reader has to see it: value, region, gas, boundary, status and where it stands."""
    assert series.source is not None
    return {
        "factor_id": series.id,
        "value": f"{series.value} {series.unit}",
        "region": series.region,
        "gas_basis": series.gas_basis,
        "boundary": file.boundary,
        "status": series.status,
        "source": series.source.model_dump(mode="json"),
    }

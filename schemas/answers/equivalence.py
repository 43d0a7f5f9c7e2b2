"""What every programme pays for the same act, and for the same kilogram of the standard: points and, by priced benefits, fen.

Nothing here is posted. A programme of another region is asked as well, as if it took in the place of the act: the
kilograms are the same for all, and what differs is the programmes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from schemas import Registry
from schemas.answers.calculator import Quantity, calculate, plain
from schemas.programmes import Programme
from schemas.regions import is_inside
from schemas.scenarios import Scenario
from schemas.scenarios.quantification import load_methods
from schemas.units import MICRO

KILOGRAM = 10**6
"""Milligrams."""


@dataclass(frozen=True)
class Own:
    """A programme's own figure for the act, in milligrams, and since when."""

    of: date
    milligrams: Fraction
    note: str | None


@dataclass(frozen=True)
class Worth:
    """What one programme pays.

    Attributes:
        pays_here: whether it is kept in the ledger, and its region takes in the place of the act.
        points: for the act alone in its day, under the caps; of programmes that are kept whole, as posted. None where
            the programme does not reward it.
        per_kilogram: points, before they are rounded, ÷ the standard's kilograms.
        fen: what the points are worth by the lowest- and the highest-priced benefit; None without a priced one.
        fen_per_kilogram: the same for a kilogram.
        own: the programme's own figures, the oldest first.
        is_assumed: whether some rule behind the points is an assumption.
        notes: what else decides about the points.
    """

    programme: str
    pays_here: bool
    points: Fraction | None
    per_kilogram: Fraction | None
    fen: tuple[Fraction, Fraction] | None
    fen_per_kilogram: tuple[Fraction, Fraction] | None
    own: list[Own]
    is_assumed: bool
    notes: list[str]


@dataclass(frozen=True)
class Comparison:
    """One act, and what each programme pays that knows it.

    Attributes:
        standard_mg: its reduction as the ledger would post it; None where no factor applies.
    """

    scenario: str
    quantity: str
    unit: str
    region: str
    act_date: date
    standard_mg: int | None
    worths: list[Worth]


def compare(registry: Registry, scenario: Scenario, quantity: Quantity, region: str, on: date) -> Comparison:
    """What every programme that rewards an act, or publishes a figure for it, pays for it on a local date."""
    standard = calculate(registry.library, load_methods(), scenario, quantity, region, on).credited_mg
    worths = [
        _worth(programme, scenario, Fraction(quantity.micro, MICRO), standard, region, on)
        for programme in registry.programmes.values()
        if programme.in_force(on)
        and (scenario.id in programme.rewarded or any(one.scenario == scenario.id for one in programme.published))
    ]
    return Comparison(
        scenario=scenario.id,
        quantity=quantity.told,
        unit=scenario.unit,
        region=region,
        act_date=on,
        standard_mg=standard,
        worths=worths,
    )


def reference(scenario: Scenario) -> Quantity:
    """So much of an act as is taken where programmes are set beside each other."""
    micro = int(Fraction(scenario.reference) * MICRO)
    return Quantity(micro, f"{plain(micro)} {scenario.unit}")


def comparisons(registry: Registry, region: str, on: date) -> Iterator[Comparison]:
    """The reference quantity of every act that some programme rewards or publishes a figure for."""
    for scenario in registry.scenarios.values():
        found = compare(registry, scenario, reference(scenario), region, on)
        if found.worths:
            yield found


def _worth(
    programme: Programme, scenario: Scenario, units: Fraction, standard: int | None, region: str, on: date
) -> Worth:
    own = [
        Own(one.of, one.milligrams * (units if one.per == "unit" else 1), one.note)
        for one in sorted(programme.published, key=lambda one: one.of)
        if one.scenario == scenario.id and one.of <= on
    ]
    rules = [rule for rule in programme.earning if scenario.id in rule.scenarios and rule.in_force(on)]
    points: Fraction | None = None
    notes: list[str] = []
    if rules and (standard is not None or programme.kept == "compared"):
        points, notes = _points(programme, scenario, units, standard, on)
    elif rules:
        notes = ["no points: the standard has no figure for it there"]
    if points is not None and programme.coverage and programme.coverage.in_force(on):
        notes.append(f"only where {programme.coverage.institutions} institutions report the person")
    per_kilogram = points * KILOGRAM / standard if points is not None and standard else None
    if points is not None and programme.kept == "ledger":
        points = Fraction(int(points))  # as it is posted
    return Worth(
        programme=programme.id,
        pays_here=programme.kept == "ledger" and is_inside(region, programme.region) and points is not None,
        points=points,
        per_kilogram=per_kilogram,
        fen=None if points is None else programme.worth(points, on),
        fen_per_kilogram=None if per_kilogram is None else programme.worth(per_kilogram, on),
        own=own,
        is_assumed=any(rule.assumption for rule in rules),
        notes=notes,
    )


def _points(
    programme: Programme, scenario: Scenario, units: Fraction, standard: int | None, on: date
) -> tuple[Fraction, list[str]]:
    """Points of the act alone in its day, exact, and what else decides about them."""
    points, notes = programme.given(scenario.id, units, standard, on), []
    for cap in programme.caps:
        limited = not cap.scenarios or scenario.id in cap.scenarios
        if limited and cap.in_force(on) and points > cap.points:
            points = Fraction(cap.points)
            notes.append(f"at most {cap.points:,} a {cap.period}")
    for tier in programme.tiers:
        if scenario.id in tier.scenarios and tier.period != "day" and tier.in_force(on):
            notes.append(f"up to {tier.steps[-1].points:,} more for what is done in a {tier.period}")
    for rule in programme.earn:
        if scenario.id in rule.scenarios and rule.in_force(on) and rule.unproved:
            notes.append(f"{rule.unproved} without proof")
    return points, notes

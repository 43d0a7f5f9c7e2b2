"""What an act would be credited: the ledger's arithmetic, asked of the library alone, with everything it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

from schemas.factors import FactorFile, FactorSeries
from schemas.grades import ALL, Grade
from schemas.library import Found, Library, MatchQuality, NoFactor, per_unit
from schemas.regions import region_and_parents
from schemas.scenarios import Cap, Scenario
from schemas.scenarios.quantification import Leg, MethodText, Quantification
from schemas.units import MICRO, NANO, UnitError, counted_amount

OPTIONS: dict[str, dict[str, str]] = {
    "distance": {"km": "12km", "vehicle_km": "'12 vehicle_km'"},
    "steps": {"step": "8000"},
    "mass": {"kg": "1.5kg"},
    "energy": {"kWh": "30kWh"},
    "volume": {"m3": "5m3"},
    "count": {"act": "2", "statement": "2", "room_night": "2", "hour": "8", "day": "2", "sheet": "3"},
}
"""How much of an act is said: option → the units that it is for, each with an example."""
BARE = {"steps", "count"}
"""Options whose unit goes without saying."""


class UnknownScenario(LookupError):
    """No scenario bears the name on that date; the text names those that are like it."""


class UnclearScenario(ValueError):
    """The name means more than one scenario on that date."""


@dataclass(frozen=True)
class Quantity:
    """How much of an act.

    Attributes:
        micro: millionths of the scenario's unit, as claims are counted.
        told: the amount in words, with what it was computed from.
    """

    micro: int
    told: str


@dataclass(frozen=True)
class Term:
    """A figure that goes into a sum.

    Attributes:
        role: `factor`, or of a displacement `baseline` and `project`.
        factor, name: the figure's file and its name.
        region: that the figure was made for.
        proxy_reason: why it may stand in for the region asked for, where it is of another one.
        grade: how well founded it is there.
        conservative: why this figure and no higher one.
    """

    role: str
    factor: str
    name: str
    factor_id: str
    value: str
    unit: str
    gas_basis: str
    kind: str
    boundary_kind: str
    boundary: str
    region: str
    match_quality: MatchQuality
    proxy_reason: str | None
    grade: Grade
    data_year: int | None
    published_on: date | None
    valid_from: date
    valid_to: date | None
    status: str
    source: dict[str, str | None]
    licence: str
    conservative: str


@dataclass(frozen=True)
class Sum:
    """One way of computing the act.

    Attributes:
        method, formula, source, conservative: of the method, in words.
        factors: ids of the figures' files.
        boundary_kind, gas_basis: of what is weighed.
        milligrams: rounded down once, as the ledger does; null where a figure is missing.
        worked: the formula with its numbers, or what is missing.
        terms: the figures; none where one is missing.
    """

    method: str
    method_name: str
    formula: str
    source: dict[str, str | None]
    conservative: str
    factors: list[str]
    boundary_kind: str
    gas_basis: str
    milligrams: int | None
    worked: str
    terms: list[Term]


@dataclass(frozen=True)
class Limit:
    """A cap in force on the date, and whether the act alone exceeds it."""

    cap: str
    period: str
    limit: str
    limit_mg: int
    is_exceeded: bool
    source: dict[str, str | None]


@dataclass(frozen=True)
class Answer:
    """What an act is worth.

    Attributes:
        quantity: how much, in words.
        applied: what the ledger would post; null where nothing quantifies the scenario.
        reason: why nothing is credited, where nothing is.
        credited_mg: what is left of it under the caps; null where nothing is credited.
        alternatives: other figures and boundaries, for comparison.
    """

    scenario: str
    name: str
    name_en: str
    category: str
    region: str
    act_date: date
    quantity: str
    quantity_micro: int
    unit: str
    applied: Sum | None
    reason: str | None
    credited_mg: int | None
    limits: list[Limit]
    alternatives: list[Sum]


def calculate(
    library: Library,
    methods: Mapping[str, MethodText],
    scenario: Scenario,
    quantity: Quantity,
    region: str,
    on: date,
) -> Answer:
    """What an amount of an act in a region on a local date is worth, as the ledger would post it.

    Where no factor applies that is the answer: `applied` has no milligrams, or there is none, and `reason` says why.
    What is shown beside it is so whether it is credited or not.
    """

    def computed(one: Quantification, by: Library) -> Sum:
        return _sum(by, methods[one.method], one, scenario.unit, quantity, region, on)

    applied = computed(scenario.quantification, library) if scenario.quantification else None
    beside = replace(library, credits=ALL)
    milligrams = applied.milligrams if applied else None
    caps = [cap for cap in scenario.caps if cap.in_force(on)]
    return Answer(
        scenario=scenario.id,
        name=scenario.name,
        name_en=scenario.name_en,
        category=scenario.category,
        region=region,
        act_date=on,
        quantity=quantity.told,
        quantity_micro=quantity.micro,
        unit=scenario.unit,
        applied=applied,
        reason=scenario.no_factor_reason if applied is None else applied.worked if milligrams is None else None,
        credited_mg=None if milligrams is None else min([milligrams, *(cap.limit_mg for cap in caps)]),
        limits=[_limit(cap, milligrams or 0) for cap in caps],
        alternatives=[computed(one, beside) for one in scenario.alternatives],
    )


def scenario_named(scenarios: Mapping[str, Scenario], name: str, on: date) -> Scenario:
    """The scenario of an id, of a Chinese or English name, or of an alias that is in use on a date.

    Raises:
        UnknownScenario: none is called that.
        UnclearScenario: several are.
    """
    if name in scenarios:
        return scenarios[name]
    called = {
        one.id: one
        for one in scenarios.values()
        if name == one.name
        or name.casefold() == one.name_en.casefold()
        or any(alias.name == name and alias.in_force(on) for alias in one.aliases)
    }
    if len(called) == 1:
        return next(iter(called.values()))
    if called:
        raise UnclearScenario(f"{name} is {' and '.join(called)} on {on}; say which")
    spans = [(alias, one.id) for one in scenarios.values() for alias in one.aliases if alias.name == name]
    if spans:
        told = "; ".join(
            f"{one} from {alias.valid_from}{f' until before {alias.valid_to}' if alias.valid_to else ''}"
            for alias, one in spans
        )
        raise UnknownScenario(f"{name} was no name in use on {on}: it means {told}")
    names = {word: one.id for one in scenarios.values() for word in (one.id, one.name, one.name_en)}
    near = dict.fromkeys(names[word] for word in get_close_matches(name, names, cutoff=0.5))
    raise UnknownScenario(f"{name} is no scenario; {'is it' if near else 'there are'} {', '.join(near or scenarios)}")


def quantity_of(scenario: Scenario, given: Mapping[str, str], own_baseline: str | None = None) -> Quantity:
    """How much of the scenario's act is meant.

    Args:
        given: one of OPTIONS, or `quantity`, to what it says: `12km`, or a bare number of steps or acts.
        own_baseline: of a metered saving, the own consumption that the metered one is compared with.

    Raises:
        UnitError: nothing or too much is said, an amount is of something else, or finer than is counted.
    """
    examples = {option: units[scenario.unit] for option, units in OPTIONS.items() if scenario.unit in units}
    wanted = " or ".join(f"--{option} {example}" for option, example in examples.items())
    counted = f"{scenario.id} is counted in {scenario.unit}: say {wanted or '--quantity'}"
    if len(given) != 1:
        raise UnitError(f"{counted}, and nothing beside it" if given else counted)
    [(option, text)] = given.items()
    if option != "quantity" and option not in examples:
        raise UnitError(counted)
    try:
        amount = counted_amount(f"{text} {scenario.unit}" if option in BARE else text, scenario.unit)
        if not _is_metered(scenario):
            if own_baseline is not None:
                raise UnitError(f"{scenario.id} is compared with no consumption of one's own")
            return _counted(amount, scenario.unit)
        if own_baseline is None:
            raise UnitError(
                f"{scenario.id} is a saving against one's own consumption: say --own-baseline and the metered amount"
            )
        baseline = counted_amount(own_baseline, scenario.unit)
    except UnitError as error:
        raise UnitError(f"{error}; {counted}" if option in examples else str(error)) from None
    before, after = (_counted(one, scenario.unit).told for one in (baseline, amount))
    saved = _counted(max(baseline - amount, Fraction(0)), scenario.unit)
    told = f"{before} − {after} = {saved.told} saved" if baseline > amount else f"{after} is no less than {before}"
    return Quantity(saved.micro, told)


def worked(quantity_micro: int, unit: str, series: Sequence[FactorSeries], legs: Sequence[Leg] = ()) -> tuple[str, int]:
    """The ledger's arithmetic in words, and the milligrams that it gives.

    Args:
        series: one figure; or of a displacement baseline and project, in this order.
        legs: those of the method, for amounts of what a figure is per; those of another method are not looked at.
    """
    if len(legs) != len(series):
        legs = [Leg("", None)] * len(series)
    of_one = per_unit(legs, series)
    milligrams = quantity_micro * (of_one.numerator // of_one.denominator) // NANO
    values = [
        f"{leg.amount.of} × {one.value} {one.unit}" if leg.amount else f"{one.value} {one.unit}"
        for leg, one in zip(legs, series)
    ]
    value = f"({' − '.join(values)})" if len(values) > 1 else values[0]
    return f"{plain(quantity_micro)} {unit} × {value} = {milligrams:,} mg (rounded down)", milligrams


def plain(micro: int) -> str:
    """Millionths as a decimal number, exact."""
    return f"{micro // MICRO}.{micro % MICRO:06}".rstrip("0").rstrip(".")


def _is_metered(scenario: Scenario) -> bool:
    applied = [scenario.quantification] if scenario.quantification else scenario.alternatives
    return any(one.method == "metered_saving" for one in applied)


def _counted(amount: Fraction, unit: str) -> Quantity:
    micro = amount * MICRO
    if micro.denominator != 1:
        raise UnitError("an amount is counted to the millionth of its unit, no finer")
    return Quantity(micro.numerator, f"{plain(micro.numerator)} {unit}")


def _sum(
    library: Library,
    words: MethodText,
    one: Quantification,
    unit: str,
    quantity: Quantity,
    region: str,
    on: date,
) -> Sum:
    files = [library.factors[name] for name in one.factors]
    roles = ["baseline", "project"] if one.method == "displacement" else ["factor"]
    found: list[Found] = []
    try:
        library.quantify(one, region, on)
        found = library.found(one, region, on)
        told, milligrams = worked(quantity.micro, unit, [each.series for each in found], one.legs)
    except NoFactor as missing:
        told, milligrams = missing.reason, None
    return Sum(
        method=one.method,
        method_name=words.name,
        formula=words.formula,
        source=cited(words.source),
        conservative=words.conservative,
        factors=one.factors,
        boundary_kind=files[0].boundary_kind,
        gas_basis=found[0].series.gas_basis if found else files[0].gas,
        milligrams=milligrams,
        worked=told,
        terms=[_term(role, file, each, region) for role, file, each in zip(roles, files, found)],
    )


def _term(role: str, file: FactorFile, found: Found, region: str) -> Term:
    one = found.series
    reasons = [proxy.reason for place in region_and_parents(region) for proxy in one.proxies if proxy.region == place]
    return Term(
        role=role,
        factor=file.id,
        name=file.name,
        factor_id=one.id,
        value=one.value,
        unit=one.unit,
        gas_basis=one.gas_basis,
        kind=file.kind,
        boundary_kind=file.boundary_kind,
        boundary=file.boundary,
        region=one.region,
        match_quality=found.match_quality,
        proxy_reason=reasons[0] if found.match_quality == "proxy" else None,
        grade=found.grade,
        data_year=one.data_year,
        published_on=one.published_on,
        valid_from=one.valid_from,
        valid_to=one.valid_to,
        status=one.status,
        source=cited(one.source),
        licence=one.licence,
        conservative=one.conservative,
    )


def _limit(cap: Cap, milligrams: int) -> Limit:
    return Limit(cap.id, cap.period, cap.limit, cap.limit_mg, milligrams > cap.limit_mg, cited(cap.source))


def cited(source: Any) -> dict[str, str | None]:
    """A citation as plain values; of a figure that has none, nothing."""
    return source.model_dump(mode="json") if source is not None else {}

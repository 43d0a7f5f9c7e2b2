"""The one standard: scenarios with the factors that quantify them, and its look-up."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from itertools import zip_longest
from math import ceil
from pathlib import Path
from typing import Literal, get_args

from schemas.base import ROOT
from schemas.errors import RegistryError
from schemas.factors import FOLDER as FACTORS
from schemas.factors import FactorFile, FactorSeries, load_factors, series_by_id
from schemas.factors.parts import Boundary
from schemas.grades import ALL, EVERYTHING, Credits, Grade, Inside, Terms, weakest
from schemas.regions import NATIONAL, region_and_parents
from schemas.scenarios import FOLDER, Scenario, load_scenarios
from schemas.scenarios.quantification import UNITS, Displacement, Leg, Quantification

MatchQuality = Literal["exact", "parent", "proxy"]
"""How well a factor fits a place: of the region itself, of one that contains it, or borrowed."""

LESS = "-"
"""Between the ids of baseline and project: `metro_displacement` names both figures that it came from."""


BURNT: dict[Boundary, str] = {"use": "burnt", "generation": "burnt"}
"""Boundaries that hold the same: what burns, in an engine or, for power, at the plant. A vehicle's use holds its power."""


class NoFactor(LookupError):
    """No factor applies: an answer rather than an error, as the claim's outcome is then `no_factor`.

    Attributes:
        reason: one sentence that names what is missing.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Found:
    """A series that applies to a place, how well it fits, and the place that it was made for or borrowed for."""

    series: FactorSeries
    match_quality: MatchQuality
    place: str

    @property
    def grade(self) -> Grade:
        """How well founded it is there. What is lent is no better than lent, and a programme's is then no longer its own."""
        if self.match_quality != "proxy" or self.series.grade == "foreign":
            return self.series.grade
        return "proxied" if self.series.grade == "programme" else weakest([self.series.grade, "proxied"])


@dataclass(frozen=True)
class Rate:
    """The answer of a look-up: what one unit of the scenario is worth.

    Attributes:
        factor_id: id of the series; of a displacement those of baseline and project, joined by `-`.
        region: the one that the factor was made for; of a displacement the baseline's.
        grade: of its figures the one that is founded worst; `derived` where an amount of them is computed with.
    """

    factor_id: str
    micrograms_per_unit: int
    match_quality: MatchQuality
    region: str
    grade: Grade


@dataclass(frozen=True)
class RateRow:
    """One answer and its local dates [`valid_from`, `valid_to`); `region` is the one asked for."""

    scenario: str
    region: str
    valid_from: date
    valid_to: date | None
    factor_id: str
    micrograms_per_unit: int
    match_quality: MatchQuality
    grade: Grade


@dataclass(frozen=True)
class Library:
    """Scenarios and factors by id, checked against each other.

    Attributes:
        inside: programme → whose acts are its own, for amounts that are credited only there.
        credits: which grades are credited from when on; without a deployment every figure that applies.
    """

    factors: Mapping[str, FactorFile]
    scenarios: Mapping[str, Scenario]
    inside: Mapping[str, Inside] = field(default_factory=dict)
    credits: Credits = ALL

    def rate(self, scenario: str, region: str, on: date, institution: str | None = None) -> Rate:
        """What one unit of a scenario is worth for an act in a region on a local date.

        Args:
            institution: who reports the act; of nobody in particular, unless told.

        Raises:
            NoFactor: the scenario has no factor, or none that is credited is in force there on that date.
        """
        quantification = self.scenarios[scenario].quantification
        if quantification is None:
            raise NoFactor(f"the library has no factor for {scenario}")
        try:
            return self.quantify(quantification, region, on, institution)
        except NoFactor as missing:
            raise NoFactor(f"no factor for {scenario}: {missing.reason}") from None

    def quantify(self, quantification: Quantification, region: str, on: date, institution: str | None = None) -> Rate:
        """What one unit is worth by a method; rounded down to the microgram where amounts are computed with.

        Raises:
            NoFactor: the method begins later, one of its factors is not in force there on that date, or not credited; or
                the act emits no less than what it takes the place of.
        """
        if quantification.since and on < quantification.since:
            raise NoFactor(f"it is quantified from {quantification.since} on")
        found = self.found(quantification, region, on, institution)
        series = [one.series for one in found]
        saved = per_unit(quantification.legs, series)
        if saved <= 0:
            raise NoFactor(f"{series[-1].id} emits no less than {series[0].id} in {region} on {on}")
        grades = [one.grade for one in found]
        grades += ["derived" for leg in quantification.legs if leg.amount]
        return Rate(
            factor_id=LESS.join(one.id for one in series),
            micrograms_per_unit=saved.numerator // saved.denominator,
            match_quality=max((one.match_quality for one in found), key=get_args(MatchQuality).index),
            region=found[0].place,
            grade=weakest(grades),
        )

    def found(
        self, quantification: Quantification, region: str, on: date, institution: str | None = None
    ) -> list[Found]:
        """The figures that a method reads for an act, in the order of its legs.

        Raises:
            NoFactor: one of them is not in force there on that date, or not credited.
        """
        own = {name for name, one in self.inside.items() if one.holds(region, institution)}
        terms = self.credits.on(on)
        return [find(self.factors[leg.factor], region, on, terms, own) for leg in quantification.legs]

    @property
    def insiders(self) -> list[str]:
        """The institutions whose acts are some programme's own."""
        return sorted({name for one in self.inside.values() for name in one.institutions})

    def owned(self, scenario: str) -> bool:
        """Whether some figure that a scenario is credited by is a programme's own."""
        said = self.scenarios[scenario].quantification
        return any(one.programme for name in (said.factors if said else []) for one in self.factors[name].applied)

    def grade_of(self, scenario: str, factor_id: str, match_quality: MatchQuality) -> Grade:
        """How well founded a figure is that an entry of the ledger was computed with.

        Raises:
            KeyError: the library has no such series.
        """
        found = [Found(one, match_quality, one.region).grade for _, one in self.series_of(factor_id)]
        said = self.scenarios[scenario].quantification
        if said and any(leg.amount for leg in said.legs):
            found.append("derived")
        return weakest(found)

    def series_of(self, factor_id: str) -> list[tuple[FactorFile, FactorSeries]]:
        """The one or two series behind a rate's factor id, with their files.

        Raises:
            KeyError: the library has no such series.
        """
        known = series_by_id(self.factors)
        return [known[name] for name in factor_id.split(LESS)]

    @property
    def used_by(self) -> dict[str, list[str]]:
        """Factor → the scenarios that it quantifies, or that it is shown beside."""
        used: dict[str, list[str]] = {}
        for scenario in self.scenarios.values():
            for name in dict.fromkeys(name for _, one in _quantifications(scenario) for name in one.factors):
                used.setdefault(name, []).append(scenario.id)
        return used

    @property
    def counts(self) -> dict[str, int]:
        """What the library holds, each of it checked when it was loaded."""
        series = [one for file in self.factors.values() for one in file.series]
        quantified = [one for one in self.scenarios.values() if one.quantification]
        return {
            "factors": len(self.factors),
            "series, each with unit, gas, region, dates and source": len(series),
            "of them unverified, never applied": sum(not one.is_applied for one in series),
            "examples of sources, computed again": sum(len(one.examples) for one in series),
            "regions that borrow a figure, each with its reason": sum(len(one.proxies) for one in series),
            "scenarios with method and factor": len(quantified),
            "scenarios without, each with its reason": len(self.scenarios) - len(quantified),
            "alternatives, shown and never applied": sum(len(one.alternatives) for one in self.scenarios.values()),
        }

    def rate_table(
        self, scenarios: Iterable[str], regions: Iterable[str], institution: str | None = None
    ) -> list[RateRow]:
        """Every answer of `rate` for these scenarios and regions, as spans of days.

        Args:
            institution: who reports the acts; nobody in particular, unless told.

        Returns:
            Rows ordered by scenario, region and date. The spans of one scenario and region never overlap; the
            dates that no row covers are those on which `rate` raises.
        """
        rows: list[RateRow] = []
        for scenario in sorted(set(scenarios)):
            days = self._turns(self.scenarios[scenario].quantification)
            for region in sorted(set(regions)):
                for first, after in zip_longest(days, days[1:]):
                    try:
                        found = self.rate(scenario, region, first, institution)
                    except NoFactor:
                        continue
                    figure = (found.factor_id, found.micrograms_per_unit, found.match_quality, found.grade)
                    rows.append(RateRow(scenario, region, first, after, *figure))
        return rows

    def _turns(self, quantification: Quantification | None) -> list[date]:
        """The days on which answers can change: a series begins or ends, the method begins, other grades are credited."""
        if quantification is None:
            return []
        files = [self.factors[name] for name in quantification.factors]
        begins = {quantification.since} if quantification.since else set()
        return sorted(begins.union(self.credits.turns, *(one.turns for file in files for one in file.applied)))

    def lowest(self, scenario: str) -> list[RateRow]:
        """The least that a unit of a scenario can be worth to an act that was somewhere in the country.

        Returns:
            Of the country and every place inside it that a figure names, the answer that is lowest, of equal ones the
            widest place's, by spans of days. No span covers a date on which one of them has no answer: the act may have
            been there. Only figures decide, which are dated: who reports from where moves nothing.
        """
        quantification = self.scenarios[scenario].quantification
        files = [self.factors[name] for name in quantification.factors] if quantification else []
        places = {NATIONAL, *(place for file in files for one in file.applied for place in one.divisions)}
        found: dict[date, list[RateRow]] = {}
        for row in self.rate_table([scenario], places):
            found.setdefault(row.valid_from, []).append(row)
        return [
            min(found[day], key=lambda row: (row.micrograms_per_unit, row.region))
            for day in sorted(found)
            if len(found[day]) == len(places)
        ]

    def highest(self, scenario: str) -> int:
        """The most micrograms that one unit of a scenario can be worth, anywhere and ever."""
        quantification = self.scenarios[scenario].quantification
        if quantification is None:
            return 0
        leg = quantification.legs[0]
        return max(ceil(per_unit([leg], [one])) for one in self.factors[leg.factor].series)


def per_unit(legs: Sequence[Leg], series: Sequence[FactorSeries]) -> Fraction:
    """Micrograms that one unit of a scenario saves, exact: the first figure less the second, each times its amount."""
    weights = [
        one.micrograms_per_unit * (leg.amount.exact if leg.amount else 1) for leg, one in zip(legs, series, strict=True)
    ]
    return Fraction(weights[0] - sum(weights[1:]))


def find(file: FactorFile, region: str, on: date, terms: Terms = EVERYTHING, inside: Collection[str] = ()) -> Found:
    """The series of a file for a region on a local date: its own, a parent's that speaks for it, or a declared proxy's.

    Of one place a figure that is everybody's comes before a programme's own.

    Args:
        terms: which grades are credited.
        inside: the programmes whose own the act is.

    Raises:
        NoFactor: none is in force, or none of those that are is credited.
    """
    refused: Found | None = None
    for found in _candidates(file, region, on):
        is_own = found.grade != "programme" or terms.is_open or found.series.programme in inside
        if is_own and found.grade in terms.grades:
            return found
        refused = refused or found
    if refused is None:
        raise NoFactor(f"{file.id} does not cover {region} on {on}")
    why = f"{refused.series.programme}'s own amount" if refused.grade == "programme" else f"a {refused.grade} figure"
    raise NoFactor(f"{file.id} has only {refused.series.id} for {region} on {on}: {why}, which is not credited there")


def _candidates(file: FactorFile, region: str, on: date) -> Iterator[Found]:
    """The series in force that speak for a region, those that fit best first."""
    in_force = sorted((one for one in file.applied if one.in_force(on)), key=lambda one: one.programme is not None)
    places = region_and_parents(region)
    fit = [one for one in in_force if not any(unfit.region in places for unfit in one.not_for)]
    for place in places:
        for one in fit:
            if one.region == place:
                yield Found(one, "exact" if place == region else "parent", place)
    for place in places:
        for one in fit:
            if any(proxy.region == place for proxy in one.proxies):
                yield Found(one, "proxy", one.region)


def load_library(root: Path = ROOT) -> Library:
    """Scenarios and factors of a registry.

    Raises:
        RegistryError: a file is broken; a method names a factor that is not there, is not per the scenario's unit or
            of another kind; or a scenario has neither a factor that applies nor a reason for having none.
    """
    library = Library(load_factors(root), load_scenarios(root))
    for scenario in library.scenarios.values():
        path = f"{root / FOLDER / scenario.id}.yaml"
        for key, one in _quantifications(scenario):
            problem = _unfit(library.factors, scenario, one)
            if problem:
                raise RegistryError(f"{path}: {key}: {problem}")
        applied = scenario.quantification
        if applied and not all(library.factors[name].applied for name in applied.factors):
            raise RegistryError(f"{path}: quantification: no figure of {applied.factors} applies; say no_factor_reason")
    _check_lent(root, library)
    return library


def _check_lent(root: Path, library: Library) -> None:
    """A figure that is lent as the lowest of several is the lowest of them."""
    known = series_by_id(library.factors)
    compared = [
        (file, one, proxy, name) for file, one in known.values() for proxy in one.proxies for name in proxy.lowest_of
    ]
    for file, one, proxy, name in compared:
        path = f"{root / FACTORS / file.id}.yaml: {one.id}"
        if name not in known or name == one.id:
            raise RegistryError(f"{path}: proxies: lowest_of: {name!r} is no other series of the library")
        other_file, other = known[name]
        if other_file.per != file.per or other.micrograms_per_unit < one.micrograms_per_unit:
            raise RegistryError(
                f"{path}: proxies: {proxy.region}: {one.value} {one.unit} is not the lowest: {name} is "
                f"{other.value} {other.unit}; lend the lowest of one unit"
            )


def _quantifications(scenario: Scenario) -> list[tuple[str, Quantification]]:
    found = [("quantification", scenario.quantification)] if scenario.quantification else []
    return [*found, *((f"alternatives.{number}", one) for number, one in enumerate(scenario.alternatives))]


def _unfit(factors: Mapping[str, FactorFile], scenario: Scenario, one: Quantification) -> str | None:
    """Why a method cannot quantify the scenario, if it cannot."""
    for name, amount in one.legs:
        if name not in factors:
            return f"{name!r} is none of {', '.join(factors)}"
        per, counted = factors[name].per, amount.unit if amount else scenario.unit
        if per != counted:
            mend = "write the amount in that unit" if amount else f"say as an amount how much of it a {counted} is"
            return f"{name} is per {per}, but {scenario.id} is counted in {counted}; {mend}"
    if scenario.unit not in UNITS[one.method]:
        return f"{one.method} is of {', '.join(sorted(UNITS[one.method]))}, not of {scenario.unit}"
    files = [factors[name] for name in one.factors]
    wanted = "emission" if one.method == "metered_saving" else "reduction"
    if not isinstance(one, Displacement):
        return None if files[0].kind == wanted else f"{one.method} needs a factor of {wanted}, not of {files[0].kind}"
    sorts = {(file.kind, BURNT.get(file.boundary_kind, file.boundary_kind), file.gas) for file in files}
    if len(sorts) > 1 or files[0].kind == "reduction":
        told = " and ".join(f"{file.id} ({file.kind}, {file.boundary_kind}, {file.gas})" for file in files)
        return f"{told} cannot be set against each other: one kind of emission, one boundary, one gas"
    return None

"""The one standard: scenarios with the factors that quantify them, and its look-up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import zip_longest
from pathlib import Path
from typing import Literal, get_args

from schemas.base import ROOT
from schemas.errors import RegistryError
from schemas.factors import FactorFile, FactorSeries, load_factors, series_by_id
from schemas.regions import NATIONAL, region_and_parents
from schemas.scenarios import FOLDER, Scenario, load_scenarios
from schemas.scenarios.quantification import UNITS, Displacement, Quantification

MatchQuality = Literal["exact", "parent", "proxy"]
"""How well a factor fits a place: of the region itself, of one that contains it, or borrowed."""

LESS = "-"
"""Between the ids of baseline and project: `metro_displacement` names both figures that it came from."""


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


@dataclass(frozen=True)
class Rate:
    """The answer of a look-up: what one unit of the scenario is worth.

    Attributes:
        factor_id: id of the series; of a displacement those of baseline and project, joined by `-`.
        region: the one that the factor was made for; of a displacement the baseline's.
    """

    factor_id: str
    micrograms_per_unit: int
    match_quality: MatchQuality
    region: str


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


@dataclass(frozen=True)
class Library:
    """Scenarios and factors by id, checked against each other."""

    factors: Mapping[str, FactorFile]
    scenarios: Mapping[str, Scenario]

    def rate(self, scenario: str, region: str, on: date) -> Rate:
        """What one unit of a scenario is worth for an act in a region on a local date.

        Raises:
            NoFactor: the scenario has no factor, or none is in force there on that date.
        """
        quantification = self.scenarios[scenario].quantification
        if quantification is None:
            raise NoFactor(f"the library has no factor for {scenario}")
        try:
            return self.quantify(quantification, region, on)
        except NoFactor as missing:
            raise NoFactor(f"no factor for {scenario}: {missing.reason}") from None

    def quantify(self, quantification: Quantification, region: str, on: date) -> Rate:
        """What one unit is worth by a method.

        Raises:
            NoFactor: one of its factors is not in force there on that date, or the act emits no less than what it
                takes the place of.
        """
        first, *others = (find(self.factors[name], region, on) for name in quantification.factors)
        if not others:
            return Rate(first.series.id, first.series.micrograms_per_unit, first.match_quality, first.place)
        [project] = others
        saved = first.series.micrograms_per_unit - project.series.micrograms_per_unit
        if saved <= 0:
            raise NoFactor(f"{project.series.id} emits no less than {first.series.id} in {region} on {on}")
        quality = max(first.match_quality, project.match_quality, key=get_args(MatchQuality).index)
        return Rate(f"{first.series.id}{LESS}{project.series.id}", saved, quality, first.place)

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

    def rate_table(self, scenarios: Iterable[str], regions: Iterable[str]) -> list[RateRow]:
        """Every answer of `rate` for these scenarios and regions, as spans of days.

        Returns:
            Rows ordered by scenario, region and date. The spans of one scenario and region never overlap; the
            dates that no row covers are those on which `rate` raises.
        """
        rows: list[RateRow] = []
        for scenario in sorted(set(scenarios)):
            # The answer can only change on a day on which a series begins or ends.
            quantification = self.scenarios[scenario].quantification
            files = [self.factors[name] for name in quantification.factors] if quantification else []
            dated = [one for file in files for one in file.applied]
            days = sorted({day for one in dated for day in (one.valid_from, one.valid_to) if day is not None})
            for region in sorted(set(regions)):
                for first, after in zip_longest(days, days[1:]):
                    try:
                        found = self.rate(scenario, region, first)
                    except NoFactor:
                        continue
                    figure = (found.factor_id, found.micrograms_per_unit, found.match_quality)
                    rows.append(RateRow(scenario, region, first, after, *figure))
        return rows

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
        return max(one.micrograms_per_unit for one in self.factors[quantification.factors[0]].series)


def find(file: FactorFile, region: str, on: date) -> Found:
    """The series of a file for a region on a local date: its own, a parent's that speaks for it, or a declared proxy's.

    Raises:
        NoFactor: none is in force.
    """
    in_force = [one for one in file.applied if one.in_force(on)]
    places = region_and_parents(region)
    for place in places:
        for one in in_force:
            if one.region == place and not any(unfit.region in places for unfit in one.not_for):
                return Found(one, "exact" if place == region else "parent", place)
    for place in places:
        for one in in_force:
            if any(proxy.region == place for proxy in one.proxies):
                return Found(one, "proxy", one.region)
    raise NoFactor(f"{file.id} does not cover {region} on {on}")


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
    return library


def _quantifications(scenario: Scenario) -> list[tuple[str, Quantification]]:
    found = [("quantification", scenario.quantification)] if scenario.quantification else []
    return [*found, *((f"alternatives.{number}", one) for number, one in enumerate(scenario.alternatives))]


def _unfit(factors: Mapping[str, FactorFile], scenario: Scenario, one: Quantification) -> str | None:
    """Why a method cannot quantify the scenario, if it cannot."""
    for name in one.factors:
        if name not in factors:
            return f"{name!r} is none of {', '.join(factors)}"
        if factors[name].per != scenario.unit:
            return f"{name} is per {factors[name].per}, but {scenario.id} is counted in {scenario.unit}"
    if scenario.unit not in UNITS[one.method]:
        return f"{one.method} is of {', '.join(sorted(UNITS[one.method]))}, not of {scenario.unit}"
    files = [factors[name] for name in one.factors]
    wanted = "emission" if one.method == "metered_saving" else "reduction"
    if not isinstance(one, Displacement):
        return None if files[0].kind == wanted else f"{one.method} needs a factor of {wanted}, not of {files[0].kind}"
    sorts = {(file.kind, file.boundary_kind, file.gas) for file in files}
    if len(sorts) > 1 or files[0].kind == "reduction":
        told = " and ".join(f"{file.id} ({file.kind}, {file.boundary_kind}, {file.gas})" for file in files)
        return f"{told} cannot be set against each other: one kind of emission, one boundary, one gas"
    return None

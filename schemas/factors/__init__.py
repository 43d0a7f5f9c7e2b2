"""Factors: what one unit of an act is worth, dated and sourced. One YAML per scenario, named after its id.

A look-up never guesses: it takes the region asked for, then the region's parents, then a proxy that a file
declares with its reason, and otherwise raises. It never reaches before a series' first day nor past its last.
Of several sourced figures the library carries the lowest (less credit when in doubt) and names the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from typing_extensions import Self

from schemas.base import ROOT, RegistryError, Strict
from schemas.scenarios import FOLDER as SCENARIOS
from schemas.scenarios import Scenario, load_scenarios
from schemas.scenarios.parts import Citation, Country, Dated, Id, Named, Region, Text, load_by_id, overlapping
from schemas.units import factor_unit, whole_micrograms

FOLDER = "factors"
NATIONAL = "000000"

MatchQuality = Literal["exact", "parent", "proxy"]
"""How well a factor fits a place: of the region itself, of one that contains it, or borrowed."""

Decimal = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?$")]
"""A number as text: YAML would read `46.7` as a binary float, which is another number."""


def _factor_unit(unit: str) -> str:
    factor_unit(unit)
    return unit


Unit = Annotated[str, AfterValidator(_factor_unit)]


class FactorCitation(Citation):
    """A source with the words or figure as seen in it, kept short."""

    seen: Text


class Proxy(Strict):
    """A region that borrows the figure of another, and why that is fair."""

    region: Region
    reason: Text


class Plausible(Strict):
    """The range in which every value of the file lies, from all figures known: catches a slip of a unit.

    Attributes:
        least, most: in `unit`, which is written apart from the series' units on purpose.
    """

    least: Decimal
    most: Decimal
    unit: Unit


class FactorSeries(Dated):
    """One figure for one region and one span of days.

    Attributes:
        value: reduction per unit of the act, in `unit`.
        gas_basis: what the source weighs. `unstated`: it says only grams of carbon reduction; read as CO2,
            which claims less than CO2e.
        region: where the figure was made for; `000000` is the whole country, two letters are another one.
        data_year: year of the data behind the figure; null when the source does not say.
        published_on: date of the source; null when only its year is known.
        known_from: when this library learned it.
        licence: terms under which the figure may be repeated.
        status: `primary` (read in the issuer's own text), `secondary` (in a report that names the issuer),
            `unverified` (kept for the record and never applied).
        conservative: why this figure and no higher one; what is unsettled about it.
        proxies: regions without a figure of their own that this one stands in for.
    """

    id: Id
    value: Decimal
    unit: Unit
    gas_basis: Literal["CO2", "CO2e", "unstated"]
    region: Region | Country
    data_year: int | None
    published_on: date | None
    known_from: date
    source: FactorCitation | None = None
    licence: Text
    status: Literal["primary", "secondary", "unverified"]
    conservative: Text
    proxies: list[Proxy]

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if Fraction(self.value) == 0:
            raise ValueError("value must be greater than 0; a figure that is missing is left out, never zero")
        whole_micrograms(self.value, self.unit)
        gas = factor_unit(self.unit).gas
        if gas != ("CO2e" if self.gas_basis == "CO2e" else "CO2"):
            raise ValueError(f"gas_basis {self.gas_basis} and unit {self.unit} disagree; mend one of them")
        if self.status != "unverified" and self.source is None:
            raise ValueError(f"a {self.status} figure needs its source; without one it is unverified")
        if self.published_on is not None and self.known_from < self.published_on:
            raise ValueError(f"known_from {self.known_from} is before published_on {self.published_on}")
        regions = [self.region, *(proxy.region for proxy in self.proxies)]
        if len(set(regions)) != len(regions):
            raise ValueError("proxies name a region twice, or the figure's own; keep one")
        return self

    @property
    def is_applied(self) -> bool:
        """Whether the figure may credit anybody."""
        return self.status != "unverified"

    @property
    def micrograms_per_unit(self) -> int:
        """Micrograms of reduction per one unit of the scenario, exact."""
        return whole_micrograms(self.value, self.unit)


class FactorFile(Named):
    """The figures of one scenario over time and place.

    Attributes:
        method: `per_quantity`: milligrams = quantity x factor, rounded down once per act.
        measure: what is counted; `reduction` against the baseline that `boundary` names.
        boundary: what is compared with what, and which emissions are inside.
        plausible: range of every value, to catch a wrong unit.
        series: any order.
    """

    scenario: Id
    method: Literal["per_quantity"]
    measure: Literal["reduction"]
    boundary: Text
    plausible: Plausible
    series: list[FactorSeries] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_answer(self) -> Self:
        expected = self.plausible
        gas, per, micrograms = factor_unit(expected.unit)
        for one in self.series:
            if factor_unit(one.unit)[:2] != (gas, per):
                raise ValueError(
                    f"{one.id}: {one.unit} and {expected.unit} differ in gas or denominator; mend one of them"
                )
            value = one.micrograms_per_unit / micrograms
            if not Fraction(expected.least) <= value <= Fraction(expected.most):
                raise ValueError(
                    f"{one.id}: {one.value} {one.unit} is outside the plausible {expected.least} to "
                    f"{expected.most} {expected.unit}; check the unit, or widen the range with a source"
                )
        for one, other in overlapping(self.applied):
            if one.region == other.region:
                raise ValueError(f"{one.id} and {other.id} overlap in {one.region}; end one with valid_to")
            borrowed = {proxy.region for proxy in one.proxies} & {proxy.region for proxy in other.proxies}
            if borrowed:
                raise ValueError(f"{one.id} and {other.id} are both proxies for {min(borrowed)}; keep one")
        return self

    @property
    def applied(self) -> list[FactorSeries]:
        """The series that may credit anybody."""
        return [one for one in self.series if one.is_applied]


class NoFactor(LookupError):
    """No factor applies: an answer rather than an error, as the claim's outcome is then `no_factor`.

    Attributes:
        reason: one sentence that names what is missing.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Rate:
    """The answer of a look-up; `region` is the one that the factor was made for."""

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


def region_and_parents(region: str) -> list[str]:
    """The region, its city, its province and the country, each once, the narrowest first."""
    return list(dict.fromkeys([region, f"{region[:4]}00", f"{region[:2]}0000", NATIONAL]))


def rate(factors: Mapping[str, FactorFile], scenario: str, region: str, on: date) -> Rate:
    """The factor of a scenario for an act in a region on a local date.

    Raises:
        NoFactor: no series of the region, its parents or a declared proxy is in force on that date.
    """
    series = [one for file in factors.values() if file.scenario == scenario for one in file.applied]
    if not series:
        raise NoFactor(f"the library has no factor for {scenario}")
    in_force = [one for one in series if one.in_force(on)]
    places = region_and_parents(region)
    for place in places:
        for one in in_force:
            if one.region == place:
                return Rate(one.id, one.micrograms_per_unit, "exact" if place == region else "parent", place)
    for place in places:
        for one in in_force:
            if any(proxy.region == place for proxy in one.proxies):
                return Rate(one.id, one.micrograms_per_unit, "proxy", one.region)
    raise NoFactor(f"no factor for {scenario} covers {region} on {on}")


def rate_table(factors: Mapping[str, FactorFile], scenarios: Iterable[str], regions: Iterable[str]) -> list[RateRow]:
    """Every answer of `rate` for these scenarios and regions, as spans of days.

    Returns:
        Rows ordered by scenario, region and date. The spans of one scenario and region never overlap; the
        dates that no row covers are those on which `rate` raises.
    """
    rows: list[RateRow] = []
    for scenario in sorted(set(scenarios)):
        series = [one for file in factors.values() if file.scenario == scenario for one in file.applied]
        # The answer can only change on a day on which a series begins or ends.
        days = sorted({day for one in series for day in (one.valid_from, one.valid_to) if day is not None})
        for region in sorted(set(regions)):
            for first, after in zip_longest(days, days[1:]):
                try:
                    found = rate(factors, scenario, region, first)
                except NoFactor:
                    continue
                figure = (found.factor_id, found.micrograms_per_unit, found.match_quality)
                rows.append(RateRow(scenario, region, first, after, *figure))
    return rows


def series_by_id(factors: Mapping[str, FactorFile]) -> dict[str, tuple[FactorFile, FactorSeries]]:
    """Every series with its file, also the unverified: what an explanation of a figure starts from."""
    return {one.id: (file, one) for file in factors.values() for one in file.series}


def load_factors(root: Path = ROOT) -> dict[str, FactorFile]:
    """Every factor file of a registry by id, checked against the scenarios of the same registry.

    Raises:
        RegistryError: a file is broken, two series share an id, two files serve one scenario, a factor is not
            per the scenario's unit, or a scenario has neither a factor nor a reason for having none.
    """
    folder = root / FOLDER
    factors = load_by_id(folder, FactorFile)
    scenarios = load_scenarios(root)
    served: dict[str, str] = {}
    taken: dict[str, str] = {}
    for file in factors.values():
        path = folder / f"{file.id}.yaml"
        scenario = scenarios.get(file.scenario)
        if scenario is None:
            raise RegistryError(f"{path}: scenario: {file.scenario!r} is none of {', '.join(scenarios)}")
        if file.scenario in served:
            raise RegistryError(
                f"{path}: scenario: {served[file.scenario]} serves {file.scenario}; add the series there"
            )
        served[file.scenario] = file.id
        per = factor_unit(file.plausible.unit).per
        if per != scenario.unit:
            raise RegistryError(f"{path}: unit: per {per}, but {scenario.id} is counted in {scenario.unit}")
        for one in file.series:
            if one.id in taken:
                raise RegistryError(f"{path}: series: id {one.id!r} is taken by {taken[one.id]}; rename it")
            taken[one.id] = file.id
    _every_scenario_answered(root, scenarios, factors)
    return factors


def _every_scenario_answered(root: Path, scenarios: Mapping[str, Scenario], factors: Mapping[str, FactorFile]) -> None:
    credited = {file.scenario for file in factors.values() if file.applied}
    for scenario in scenarios.values():
        key = f"{root / SCENARIOS / scenario.id}.yaml: no_factor_reason"
        if scenario.id in credited and scenario.no_factor_reason is not None:
            raise RegistryError(f"{key}: {scenario.id} has a factor; remove the reason")
        if scenario.id not in credited and scenario.no_factor_reason is None:
            raise RegistryError(f"{key}: {scenario.id} has no factor that applies; say why, or add one")

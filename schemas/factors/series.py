"""A factor file: one figure over time and place, with its unit, gas, boundary and sources."""

from __future__ import annotations

import re
from datetime import date
from fractions import Fraction
from itertools import pairwise, permutations
from typing import Literal

from pydantic import Field, model_validator
from typing_extensions import Self

from schemas.factors.derivation import Derivation
from schemas.factors.parts import (
    BOUNDARIES,
    Boundary,
    Decimal,
    Example,
    FactorCitation,
    Kind,
    Plausible,
    Proxy,
    Review,
    Unfit,
    Unit,
)
from schemas.grades import Grade
from schemas.regions import NATIONAL, grids, region_and_parents
from schemas.scenarios.parts import Country, Dated, Grid, Id, Named, Region, Text, overlapping
from schemas.units import Gas, counted_amount, factor_unit, mass_of, whole_micrograms

NOTICE = re.compile(r"(\d{4})\s*年第\s*\d+\s*号")
"""The year in the number of a ministry's notice."""
YEAR_NAMED = re.compile(r"(\d{4})\s*年(?!\s*(?:第|\d))")
"""A year that a source names by itself: neither a notice's number nor part of a date."""
LIFE_CYCLE = re.compile(r"足迹|生命周期|footprint|life.?cycle", re.IGNORECASE)
SHORT_TON = re.compile(r"([\d.]+)\s*\S+\s+per short ton", re.IGNORECASE)


class FactorSeries(Dated):
    """One figure for one region and one span of days.

    Attributes:
        value: in `unit`, as the source prints it.
        gas_basis: what the source weighs. `unstated`: it says only grams of carbon reduction; read as CO2,
            which claims less than CO2e.
        region: where the figure was made for; `000000` is the whole country, two letters are another one, a grid
            is a region of the power grid.
        data_year: year of the data behind the figure; null when the source does not say.
        published_on: date of the source; null when only its year is known.
        known_from: when this library learned it, which is when it was released here.
        correction: why a figure that was released is wrong, where this one takes its place for days gone by.
        corrects: the series whose place it takes.
        licence: terms under which the figure may be repeated.
        status: `primary` (read in the issuer's own text), `secondary` (in a report that names the issuer),
            `unverified` (kept for the record and never applied).
        conservative: why this figure and no higher one; what is unsettled about it.
        examples: what the source itself computes with it.
        derivation: how the value follows from printed numbers, where no source prints it.
        programme: whose own amount it is, where a programme states it without its derivation: outside of it the figure
            is applied only where it is lent.
        review: until when it may be applied.
        proxies: regions without a figure of their own that this one stands in for.
        not_for: regions inside this one for which it would claim too much, so that nothing is claimed there.
    """

    id: Id
    value: Decimal
    unit: Unit
    gas_basis: Literal["CO2", "CO2e", "unstated"]
    region: Region | Country | Grid
    data_year: int | None
    published_on: date | None
    known_from: date
    correction: Text | None = None
    corrects: Id | None = None
    source: FactorCitation | None = None
    licence: Text
    status: Literal["primary", "secondary", "unverified"]
    conservative: Text
    examples: list[Example] = []
    derivation: Derivation | None = None
    programme: Id | None = None
    review: Review | None = None
    proxies: list[Proxy]
    not_for: list[Unfit] = []

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
        if self.corrects is not None and self.correction is None:
            raise ValueError(f"it corrects {self.corrects}: say in correction what was wrong")
        outside = [one.region for one in self.not_for if self.region not in region_and_parents(one.region)[1:]]
        if outside:
            raise ValueError(f"not_for: {', '.join(outside)} are not inside {self.region}")
        if self.region.startswith("grid_") and self.region not in grids():
            raise ValueError(f"region {self.region} is none of {', '.join(grids())}")
        if self.derivation and (problem := self.derivation.problem(self.value, self.unit)):
            raise ValueError(problem)
        own = [] if self.programme else [self.region]
        regions = [*own, *(proxy.region for proxy in self.proxies)]
        if len(set(regions)) != len(regions):
            raise ValueError("proxies name a region twice, or the figure's own; keep one")
        return self

    @model_validator(mode="after")
    def _years_in_order(self) -> Self:
        """Data come before their publication, and that before its use: a swapped year is caught here."""
        if self.published_on is None:
            return self
        if self.known_from < self.published_on:
            raise ValueError(f"known_from {self.known_from} is before published_on {self.published_on}")
        if self.valid_from < self.published_on and self.correction is None:
            raise ValueError(f"valid_from {self.valid_from} is before published_on {self.published_on}")
        # A year's data are complete when it is over.
        if self.data_year is not None and self.data_year >= self.published_on.year:
            raise ValueError(f"data_year {self.data_year} is not over on {self.published_on}, its day; one is swapped")
        notice = NOTICE.search(f"{self.source.document} {self.source.clause}") if self.source else None
        if notice and int(notice[1]) != self.published_on.year:
            raise ValueError(f"a notice of {notice[1]} cannot be published on {self.published_on}; check the year")
        return self

    @model_validator(mode="after")
    def _reads_as_its_source(self) -> Self:
        """The source's own words: of which year the data are, and per which of the tons."""
        if self.source is None:
            return self
        years = {int(year) for year in YEAR_NAMED.findall(f"{self.source.document} {self.source.seen}")}
        if self.data_year is not None and years and self.data_year not in years:
            raise ValueError(f"data_year is {self.data_year}, but the source speaks of {min(years)}; mend one of them")
        per_short_ton = SHORT_TON.search(self.source.seen)
        if per_short_ton and Fraction(per_short_ton[1]) * 10**9 == self.micrograms_per_unit:
            raise ValueError(f"{self.value} is per short ton of 907.18474 kg in the source; convert it to {self.unit}")
        return self

    @model_validator(mode="after")
    def _computes_as_its_source(self) -> Self:
        for example in self.examples:
            amount = counted_amount(example.of, factor_unit(self.unit).per)
            micrograms, step = mass_of(example.gives)
            if abs(amount * self.micrograms_per_unit - micrograms) > step / 2:
                grams = amount * self.micrograms_per_unit / 10**6
                raise ValueError(
                    f"{example.of} × {self.value} {self.unit} is {float(grams):g} g, but the source has "
                    f"{example.gives}; check value, unit and example"
                )
        return self

    @property
    def divisions(self) -> set[str]:
        """The divisions that it names: its own, those that it is lent to or does not speak for; of a grid its parts."""
        named = [self.region, *(one.region for one in self.proxies), *(one.region for one in self.not_for)]
        parts = {f"{prefix:0<6}" for place in named if place in grids() for prefix in grids()[place].prefixes}
        return parts | {place for place in named if place.isdigit()}

    def in_force(self, on: date) -> bool:
        """Whether the date lies within its span, and before it has to be looked at again."""
        return super().in_force(on) and (self.review is None or on < self.review.by)

    @property
    def turns(self) -> set[date]:
        """The dates on which it begins or ends to be applied."""
        review = self.review.by if self.review else None
        return {day for day in (self.valid_from, self.valid_to, review) if day is not None}

    @property
    def grade(self) -> Grade:
        """How well founded it is in its own region."""
        if not self.region.isdigit() and not self.region.startswith("grid_"):
            return "foreign"
        if self.programme:
            return "programme"
        if self.derivation:
            return "derived"
        return "national" if self.region == NATIONAL else "regional"

    @property
    def is_applied(self) -> bool:
        """Whether the figure may be used at all."""
        return self.status != "unverified"

    @property
    def micrograms_per_unit(self) -> int:
        """Micrograms per one counted unit, exact."""
        return whole_micrograms(self.value, self.unit)


class FactorFile(Named):
    """One figure over time and place.

    Attributes:
        kind: what an act saves (`reduction`), or what a thing emits (`emission`, `footprint`).
        boundary_kind: what is inside, as one of a closed set: only like is set against like.
        boundary: the same in words.
        plausible: what every value must keep to, to catch a wrong unit.
        series: any order.
    """

    kind: Kind
    boundary_kind: Boundary
    boundary: Text
    plausible: Plausible
    series: list[FactorSeries] = Field(min_length=1)

    @property
    def gas(self) -> Gas:
        """The gas that all its series weigh."""
        return factor_unit(self.plausible.unit).gas

    @property
    def per(self) -> str:
        """The unit that all its series are per."""
        return factor_unit(self.plausible.unit).per

    @property
    def applied(self) -> list[FactorSeries]:
        """The series that look-ups may answer with: neither unverified nor corrected by another."""
        corrected = {one.corrects for one in self.series if one.is_applied}
        return [one for one in self.series if one.is_applied and one.id not in corrected]

    @model_validator(mode="after")
    def _kind_fits(self) -> Self:
        if self.boundary_kind not in BOUNDARIES[self.kind]:
            fitting = ", ".join(sorted(BOUNDARIES[self.kind]))
            raise ValueError(
                f"boundary_kind {self.boundary_kind} is none of a {self.kind}: {fitting}; mend one of them"
            )
        if self.kind != "reduction":
            for one in self.series:
                if one.gas_basis == "unstated":
                    raise ValueError(f"{one.id}: the gas of an {self.kind} must be stated: CO2 and CO2e never mix")
                told = f"{one.source.document} {one.source.seen}" if one.source else ""
                if self.kind == "emission" and LIFE_CYCLE.search(told):
                    raise ValueError(f"{one.id}: its source speaks of a whole life; that is a footprint, no emission")
        return self

    @model_validator(mode="after")
    def _plausible(self) -> Self:
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
            digits = len(one.value.partition(".")[2])
            if expected.decimals is not None and digits > expected.decimals:
                raise ValueError(
                    f"{one.id}: {one.value} has {digits} decimals where the source prints {expected.decimals}; "
                    "a page number or a footnote may be glued to it"
                )
        return self

    @model_validator(mode="after")
    def _years_are_alike(self) -> Self:
        """Between the data years of a region nothing leaps, and no region carries its parent's figure."""
        dated = sorted((one for one in self.applied if one.data_year), key=lambda one: (one.region, one.data_year or 0))
        step = self.plausible.step
        for one, other in pairwise(dated):
            before, after = one.micrograms_per_unit, other.micrograms_per_unit
            if step and one.region == other.region and abs(after - before) > before * Fraction(step):
                raise ValueError(f"{other.id}: leaps from {one.id} by more than {step}; is it of another kind?")
        for one, other in permutations(dated, 2):
            is_inside = one.region != other.region and other.region in region_and_parents(one.region)
            if is_inside and (one.data_year, one.value) == (other.data_year, other.value):
                raise ValueError(f"{one.id} carries the figure of {other.id}, the region around it; drop it or mend it")
        return self

    @model_validator(mode="after")
    def _one_answer(self) -> Self:
        ids = {one.id for one in self.series}
        for one in self.series:
            if one.corrects is not None and one.corrects not in ids - {one.id}:
                raise ValueError(f"{one.id}: corrects {one.corrects}, which is no other series of this file")
        for one, other in overlapping(self.applied):
            if (one.region, one.programme) == (other.region, other.programme):
                raise ValueError(f"{one.id} and {other.id} overlap in {one.region}; end one with valid_to")
            borrowed = {proxy.region for proxy in one.proxies} & {proxy.region for proxy in other.proxies}
            if borrowed:
                raise ValueError(f"{one.id} and {other.id} are both proxies for {min(borrowed)}; keep one")
        return self

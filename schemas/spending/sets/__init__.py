"""Sets of spend factors: what a unit of money spent at a category of merchants emits.

One YAML per set says what its figures are; the CSV of the same name holds them, apart, since its licence is its own.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from typing_extensions import Self

from schemas.base import Strict
from schemas.errors import RegistryError
from schemas.factors.parts import Decimal, FactorCitation
from schemas.regions import NATIONAL
from schemas.scenarios.parts import Country, Named, Region, Text, load_by_id
from schemas.units import spend_year

Code = Annotated[str, Field(pattern=r"^[0-9]{4}$")]
"""Merchant category code of ISO 18245: four digits, of which the first may be 0."""

COLUMNS = ["code", "last_code", "name", "category", "value"]


def _spend_unit(unit: str) -> str:
    spend_year(unit)
    return unit


SpendUnit = Annotated[str, AfterValidator(_spend_unit)]


class Licence(Strict):
    """Terms of the figures. changes: what was done to them, as the licence asks to be told."""

    name: Text
    url: Text
    attribution: Text
    changes: Text


class Plausible(Strict):
    """The range in which every figure of the set lies; `unit` is written apart from the set's on purpose."""

    least: Decimal
    most: Decimal
    unit: SpendUnit


class Figure(Strict):
    """One line of the CSV: a code, or the codes up to `last_code`.

    category: what the source counts such merchants as.
    """

    code: Code
    last_code: Code | Literal[""]
    name: Text
    category: Text
    value: Decimal

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last_code and self.last_code <= self.code:
            raise ValueError(f"{self.code}-{self.last_code}: the last code comes after the first")
        if Fraction(self.value) == 0:
            raise ValueError(f"{self.code}: a figure that is missing is left out, never zero")
        return self

    @property
    def codes(self) -> Iterator[str]:
        """Every code that the figure is for."""
        return (f"{number:04d}" for number in range(int(self.code), int(self.last_code or self.code) + 1))


class SpendSet(Named):
    """One set.

    Attributes:
        unit: of every figure; money of a currency and year.
        region: where the figures were made for; `000000` is China.
        proxy_reason: why they may say something of China, exactly where they are another country's.
        gas_basis: what the figures weigh; emissions in CO2 alone are never mixed in.
        boundary: which emissions are inside.
        data_year: year of the data behind the figures.
        published_on: null when it is not known. known_from: when this library learned them.
        decimals: to how many the figures are taken, rounded up.
        conservative: on which side the set errs, and why.
        figures: filled by the loader.
    """

    unit: SpendUnit
    region: Region | Country
    proxy_reason: Text | None = None
    gas_basis: Literal["CO2e"]
    boundary: Text
    data_year: int
    published_on: date | None
    known_from: date
    decimals: int = Field(ge=1, le=10)
    source: FactorCitation
    licence: Licence
    status: Literal["primary", "secondary", "unverified"]
    conservative: Text
    plausible: Plausible
    figures: dict[str, Figure] = Field(default={}, exclude=True)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if (self.proxy_reason is None) != (self.region == NATIONAL):
            raise ValueError("say proxy_reason of another country's figures, and of no others")
        if self.plausible.unit != self.unit:
            raise ValueError(f"plausible is in {self.plausible.unit}, the figures in {self.unit}; mend one of them")
        return self

    @property
    def price_year(self) -> int:
        """The year whose money the figures are per."""
        return spend_year(self.unit)

    @property
    def currency(self) -> str:
        """`EUR` of `kgCO2e/EUR_2019`."""
        return self.unit.partition("/")[2].partition("_")[0]

    @property
    def match_quality(self) -> Literal["parent", "proxy"]:
        """How the figures fit a place in China: they are the country's, or borrowed."""
        return "parent" if self.region == NATIONAL else "proxy"

    def value(self, code: str) -> Fraction:
        """The figure of a code in `unit`, rounded up to `decimals`.

        Raises:
            KeyError: the set has none.
        """
        return self.rounded(self.figures[code].value)

    def rounded(self, value: str) -> Fraction:
        """A figure, rounded up to `decimals`."""
        scale = 10**self.decimals
        return Fraction(math.ceil(Fraction(value) * scale), scale)


def load_sets(folder: Path) -> dict[str, SpendSet]:
    """Every set with its figures by code.

    Raises:
        RegistryError: a file is broken, a code has two figures, or a figure is not plausible.
    """
    return {
        name: one.model_copy(update={"figures": _figures(folder / f"{name}.csv", one)})
        for name, one in load_by_id(folder, SpendSet).items()
    }


def _figures(path: Path, of: SpendSet) -> dict[str, Figure]:
    found: dict[str, Figure] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if reader.fieldnames != COLUMNS:
                raise ValueError(f"expected the columns {', '.join(COLUMNS)}")
            for row in reader:
                figure = Figure.model_validate(row)
                if not Fraction(of.plausible.least) <= Fraction(figure.value) <= Fraction(of.plausible.most):
                    raise ValueError(
                        f"{figure.code}: {figure.value} is outside the plausible {of.plausible.least} to "
                        f"{of.plausible.most} {of.unit}; check the unit"
                    )
                for code in figure.codes:
                    if code in found:
                        raise ValueError(f"{code}: has two figures; keep one")
                    found[code] = figure
        if not found:
            raise ValueError("no figures")
    except (OSError, csv.Error, ValueError) as error:
        raise RegistryError(f"{path}: {error}") from error
    return found

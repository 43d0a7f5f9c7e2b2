"""What money of one currency and year is worth in another: exchange rates and the price index, each with its source."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field, model_validator
from typing_extensions import Self

from schemas.base import Strict
from schemas.factors.parts import Decimal
from schemas.scenarios.parts import Citation, Text
from schemas.units import micrograms_per_fen

RATE = re.compile(r"CNY_([0-9]{4})/(EUR|USD)_\1")

Percent = Annotated[str, Field(pattern=r"^-?[0-9]+\.[0-9]+$")]


class Rate(Strict):
    """Yuan per unit of another currency, both of one year."""

    value: Decimal
    unit: Annotated[str, Field(pattern=r"^CNY_[0-9]{4}/(EUR|USD)_[0-9]{4}$")]
    status: Literal["primary", "secondary"]
    source: Citation

    @model_validator(mode="after")
    def _of_one_year(self) -> Self:
        if RATE.fullmatch(self.unit) is None:
            raise ValueError(f"{self.unit}: a rate is between money of one year; prices are the index's business")
        if Fraction(self.value) == 0:
            raise ValueError("a rate is greater than 0")
        return self


class Change(Strict):
    """By how many percent prices rose against the year before."""

    year: int
    percent: Percent
    status: Literal["primary", "secondary"]
    source: Citation


class Prices(Strict):
    """China's consumer prices from the base year on.

    carried: why the last index counts for later years, whose index is not published.
    """

    base_year: int
    changes: list[Change] = Field(min_length=1)
    carried: Text

    @model_validator(mode="after")
    def _without_gaps(self) -> Self:
        years = [change.year for change in self.changes]
        if years != list(range(self.base_year + 1, self.base_year + 1 + len(years))):
            raise ValueError(f"changes are of {years}; give every year after {self.base_year} once, in order")
        return self

    @property
    def years(self) -> range:
        """The years that have an index of their own."""
        return range(self.base_year, self.changes[-1].year + 1)

    def index(self, year: int) -> Fraction:
        """Prices of a year, those of the base year being 1; the last one for the years after it.

        Raises:
            ValueError: the year lies before the index.
        """
        if year < self.base_year:
            raise ValueError(f"no price index reaches back to {year}; the first is of {self.base_year}")
        index = Fraction(1)
        for change in self.changes:
            if change.year <= year:
                index *= 1 + Fraction(change.percent) / 100
        return index


class Money(Strict):
    """Rates and prices."""

    rates: list[Rate] = Field(min_length=1)
    prices: Prices

    @model_validator(mode="after")
    def _one_rate(self) -> Self:
        units = [rate.unit for rate in self.rates]
        if len(set(units)) != len(units):
            raise ValueError("a currency and year has two rates; keep one")
        return self

    def rate(self, currency: str, year: int) -> Rate:
        """Yuan per unit of a currency, both of the year.

        Raises:
            ValueError: there is no such rate.
        """
        for rate in self.rates:
            if rate.unit == f"CNY_{year}/{currency}_{year}":
                return rate
        raise ValueError(f"no rate of {currency} in {year}; add one to money.yaml, with its source")

    def micrograms_per_fen(self, currency: str, price_year: int, year: int) -> Fraction:
        """What 1 kgCO2e per unit of a currency and year is per fen of another year, in micrograms, exact.

        Raises:
            ValueError: rate or index is missing.
        """
        exchange = self.rate(currency, price_year)
        index_year = min(year, self.prices.years[-1])
        prices = self.prices.index(index_year) / self.prices.index(price_year)
        return micrograms_per_fen(
            f"kgCO2e/{currency}_{price_year}",
            index_year,
            (Fraction(exchange.value), exchange.unit),
            (prices, f"CNY_{index_year}/CNY_{price_year}"),
        )

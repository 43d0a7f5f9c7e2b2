"""Own emissions: what a payment emits, from the category of the merchant, the amount and the year.

    milligrams = fen × micrograms per fen / 1000, rounded up once per payment

where the micrograms per fen of a code and year are the set's figure, brought to yuan of the year (money.yaml) and rounded
up to whole micrograms. A code that the set does not have, a payment without a code and one before the price index have
no emission: they are unknown, and lower the share of spend that the emission covers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator
from typing_extensions import Self

from schemas.base import ROOT, Strict, load_yaml
from schemas.errors import RegistryError
from schemas.scenarios.parts import Dated, Id, overlapping
from schemas.spending.merchants import FOLDER, Merchants, load_merchants
from schemas.spending.money import Money
from schemas.spending.sets import SpendSet, load_sets

CATEGORIES = ("衣", "食", "住", "行", "用")
OTHER = "用"


class Applied(Dated):
    """The set that counts for spend of these dates."""

    set: Id


class Category(Strict):
    """Codes, or ranges of them, under one of the categories that people read."""

    category: Literal["衣", "食", "住", "行"]
    codes: list[int | Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{4}$")]] = Field(min_length=1)

    def holds(self, code: str) -> bool:
        """Whether the category has the code."""
        spans = (str(one).zfill(4).partition("-") for one in self.codes)
        return any(first <= code <= (last or first) for first, _, last in spans)


class _Settings(Strict):
    applied: list[Applied] = Field(min_length=1)
    categories: list[Category]

    @model_validator(mode="after")
    def _one_at_a_time(self) -> Self:
        for one, other in overlapping(self.applied):
            raise ValueError(f"{one.set} and {other.set} are applied on the same dates; end one with valid_to")
        return self


@dataclass(frozen=True)
class SpendRate:
    """What a fen spent at merchants of a code emits, on the local dates [`valid_from`, `valid_to`).

    Attributes:
        factor_id: names set, code and the year whose prices count, as `exiobase_2019:5812:2024`.
        micrograms_per_fen: of CO2e, rounded up.
    """

    factor_id: str
    code: str
    valid_from: date
    valid_to: date | None
    micrograms_per_fen: int
    match_quality: Literal["parent", "proxy"]


@dataclass(frozen=True)
class Spending:
    """The spend library: sets by id, which of them is applied when, money and the words of merchants' names."""

    sets: dict[str, SpendSet]
    applied: list[Applied]
    money: Money
    merchants: Merchants
    categories: list[Category]

    def micrograms_per_fen(self, set_id: str, code: str, year: int) -> int:
        """Micrograms of CO2e per fen of a year, rounded up.

        Raises:
            KeyError: the set has no figure for the code.
            ValueError: the year lies before the price index.
        """
        of = self.sets[set_id]
        per_unit = self.money.micrograms_per_fen(of.currency, of.price_year, year)
        return math.ceil(of.value(code) * per_unit)

    @cached_property
    def rates(self) -> list[SpendRate]:
        """Every applied factor by code and year; that of the index's last year is open towards later ones."""
        found = []
        years = self.money.prices.years
        for applied in self.applied:
            of = self.sets[applied.set]
            for year in years:
                first = max(date(year, 1, 1), applied.valid_from)
                ends = [applied.valid_to, None if year == years[-1] else date(year + 1, 1, 1)]
                after = min((end for end in ends if end is not None), default=None)
                if after is not None and after <= first:
                    continue
                per_unit = self.money.micrograms_per_fen(of.currency, of.price_year, year)
                # Categories of merchants are many, what a source counts them as few.
                micrograms = {
                    value: math.ceil(of.rounded(value) * per_unit)
                    for value in {one.value for one in of.figures.values()}
                }
                found += [
                    SpendRate(
                        factor_id(of.id, code, year), code, first, after, micrograms[figure.value], of.match_quality
                    )
                    for code, figure in of.figures.items()
                ]
        return found

    def category(self, code: str) -> str:
        """The category that people read a code under."""
        return next((one.category for one in self.categories if one.holds(code)), OTHER)


def factor_id(set_id: str, code: str, year: int) -> str:
    """The name of a spend factor."""
    return f"{set_id}:{code}:{year}"


def parts_of(factor: str) -> tuple[str, str, int]:
    """Set, code and price year of a factor's name."""
    set_id, code, year = factor.split(":")
    return set_id, code, int(year)


def load_spending(root: Path = ROOT) -> Spending:
    """The spend library of a registry.

    Raises:
        RegistryError: a file is broken, a set that is applied is unverified or cannot be brought to yuan, or a word
            has a code that no set has.
    """
    folder = root / FOLDER
    sets = load_sets(folder / "sets")
    settings = load_yaml(folder / "spending.yaml", _Settings)
    money = load_yaml(folder / "money.yaml", Money)
    merchants = load_merchants(root)
    place = folder / "spending.yaml"
    for one in settings.applied:
        if one.set not in sets:
            raise RegistryError(f"{place}: applied: {one.set!r} is none of {', '.join(sets)}")
        of = sets[one.set]
        if of.status == "unverified":
            raise RegistryError(f"{place}: applied: {one.set} is unverified, and so never applied")
        try:
            money.micrograms_per_fen(of.currency, of.price_year, one.valid_from.year)
        except ValueError as error:
            raise RegistryError(f"{place}: applied: {one.set} from {one.valid_from}: {error}") from error
    rated = {code for of in sets.values() for code in of.figures}
    for word in merchants.words:
        if word.code is not None and word.code not in rated:
            raise RegistryError(f"{folder / 'merchants.csv'}: {word.word}: no set has a figure for {word.code}")
    return Spending(sets, settings.applied, money, merchants, settings.categories)

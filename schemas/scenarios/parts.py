"""What scenarios, factors and programmes have in common: a citation, a span of days, and one loader by id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from fractions import Fraction
from itertools import combinations, zip_longest
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field, model_validator
from typing_extensions import Self

from schemas.base import Strict, load_folder
from schemas.errors import RegistryError

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
"""Lower case and underscores: an id is part of table values, file names and measure names."""


def _some(text: str) -> str:
    if Fraction(text) == 0:
        raise ValueError("must be greater than 0")
    return text


Exact = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+|/[1-9][0-9]*)?$"), AfterValidator(_some)]
"""A number above zero, exact, as text: a decimal (`0.5`) or a fraction (`25/3`)."""

Region = Annotated[str, Field(pattern=r"^[0-9]{6}$")]
"""Six-digit code of an administrative division (GB/T 2260), `000000` for the country; quoted in YAML."""

InstitutionKind = Literal[
    "transit", "carrier", "bike_share", "car_maker", "utility", "recycler", "platform", "merchant", "government",
    "payment_app", "bank",
]  # fmt: skip
"""The role in which an institution saw the act: `carrier` are railways and airlines, `utility` who supplies power,
water, gas or charges cars, `platform` who takes orders of meals, rooms, rides, parcels or used goods, `merchant` the
shop, canteen or house itself."""

SubjectKind = Literal["resident", "micro_enterprise"]
"""Whose account it is."""

Period = Literal["day", "month", "year"]
"""A calendar period of local dates, the shortest first."""

Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
"""ISO 3166-1 code of another country: a figure from there applies nowhere here but by a declared proxy."""

Grid = Annotated[str, Field(pattern=r"^grid_[a-z]+$")]
"""A region of the power grid; schemas/regions/ says which divisions draw from it."""

Text = Annotated[str, Field(min_length=1)]


class Citation(Strict):
    """Where a figure or rule was read.

    Attributes:
        document: name of the text, with its issuer.
        clause: clause, table or article number in it.
        url: address where it was read.
    """

    document: Text
    clause: Text | None = None
    url: Text | None = None

    @model_validator(mode="after")
    def _can_be_found(self) -> Self:
        if self.clause is None and self.url is None:
            raise ValueError("needs a clause or a url, so that a reader can find the figure")
        return self

    @property
    def text(self) -> str:
        """Document, clause and address on one line."""
        return ", ".join(part for part in (self.document, self.clause, self.url) if part)


class Dated(Strict):
    """Something in force on the local dates [`valid_from`, `valid_to`); without `valid_to`, open."""

    valid_from: date
    valid_to: date | None = None

    @model_validator(mode="after")
    def _has_days(self) -> Self:
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise ValueError(f"valid_to {self.valid_to} must be after valid_from {self.valid_from}")
        return self

    def in_force(self, on: date) -> bool:
        """Whether the date lies within the span."""
        return self.valid_from <= on and (self.valid_to is None or on < self.valid_to)

    def overlaps(self, other: Dated) -> bool:
        """Whether there is a date on which both are in force."""
        return self.in_force(other.valid_from) or other.in_force(self.valid_from)


class Amendment(Dated):
    """A later version of something that was released.

    Attributes:
        known_from: the day of its release.
        correction: what was wrong before: the only way to reach behind the day of its release.
    """

    known_from: date
    correction: Text | None = None

    @model_validator(mode="after")
    def _says_why_it_reaches_back(self) -> Self:
        if self.valid_from < self.known_from and self.correction is None:
            raise ValueError(
                f"valid_from {self.valid_from} is before known_from {self.known_from}, the day of its release; let it "
                "begin then, or say in correction what was wrong"
            )
        return self


def spans(dated: Iterable[Dated]) -> list[tuple[date, date | None]]:
    """All dates, cut where one of these begins or ends: [first, after), without a gap, the last one open."""
    turns = {day for one in dated for day in (one.valid_from, one.valid_to) if day is not None}
    days = [date.min, *sorted(turns - {date.min})]
    return list(zip_longest(days, days[1:]))


D = TypeVar("D", bound=Dated)


def overlapping(dated: Sequence[D]) -> Iterator[tuple[D, D]]:
    """Every pair that is in force on the same date."""
    return ((one, other) for one, other in combinations(dated, 2) if one.overlaps(other))


class Named(Strict):
    """A declarative file: its id is its file name."""

    id: Id
    name: Text


N = TypeVar("N", bound=Named)


def load_by_id(folder: Path, model: type[N]) -> dict[str, N]:
    """Every file of a folder by its id.

    Raises:
        RegistryError: a file breaks its model or is not named after its id; or there is no file at all, on
            which every later check would pass.
    """
    found: dict[str, N] = {}
    for path, item in load_folder(folder, model):
        if item.id != path.stem:
            raise RegistryError(f"{path}: id: is {item.id!r}; rename the file or write {path.stem}")
        found[item.id] = item
    if not found:
        raise RegistryError(f"{folder}: no *.yaml file here; the registry must not be empty")
    return found

"""What a series and its file are made of: kinds and boundaries, a source, and the regions that a figure is lent to."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from typing_extensions import Self

from schemas.base import Strict
from schemas.scenarios.parts import Citation, Grid, Id, Region, Text
from schemas.units import factor_unit

Decimal = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?$")]
"""A number as text: YAML would read `46.7` as a binary float, which is another number."""

Kind = Literal["reduction", "emission", "footprint"]
"""What a figure is: what an act saves, what a thing emits in use, or over its whole life. Never one for another."""

Boundary = Literal[
    "programme", "use", "generation", "upstream", "well_to_wheels", "full_process", "cradle_to_gate", "material_difference",
    "net_life_cycle", "disposal", "supply_chain",
]  # fmt: skip
"""What is inside a figure, so that only like is set against like."""

MEANINGS: dict[Boundary, str] = {
    "programme": "a reduction as a programme or standard credits it, its derivation not published",
    "use": "what the vehicle or device emits where it is used, its electricity included",
    "generation": "at the power plants, without what lies before them and without losses of the grid",
    "upstream": "before the use – extracting, refining, transporting the fuel",
    "well_to_wheels": "use and upstream: the fuel from the well until it is burnt, without making the vehicle and the way",
    "full_process": "use and upstream, with making the vehicle and the way",
    "cradle_to_gate": "making the material up to the gate of the works",
    "material_difference": "cradle to gate of primary material less that of recycled material",
    "net_life_cycle": "over the whole life, with credits for what is avoided",
    "disposal": "collecting and treating as waste",
    "supply_chain": "everything up to the purchaser, from economic input-output tables",
}
"""Every boundary in words."""

BOUNDARIES: dict[Kind, set[Boundary]] = {
    "reduction": {"programme", "well_to_wheels", "material_difference", "net_life_cycle"},
    "emission": {"use", "generation", "upstream", "disposal"},
    "footprint": {"full_process", "cradle_to_gate", "supply_chain"},
}
"""Which boundaries a kind of figure can have."""

UNIT_OF_GAMES = re.compile(r"能量|energy", re.IGNORECASE)
ENERGY_BY_MASS = re.compile(
    r"能量球|energy ball|(?:克|公斤|\bk?g)\s*(?:of\s+)?(?:green\s+)?(?:能量|energy)", re.IGNORECASE
)
WEIGHS_GAS = re.compile(r"CO2|CO₂|碳|carbon|emission|reduc|saving|\d\s*(?:k?g|t)\b", re.IGNORECASE)


def _factor_unit(unit: str) -> str:
    factor_unit(unit)
    return unit


Unit = Annotated[str, AfterValidator(_factor_unit)]


class FactorCitation(Citation):
    """A source with the words or figure as seen in it, kept short."""

    seen: Text

    @model_validator(mode="after")
    def _weighs(self) -> Self:
        if UNIT_OF_GAMES.search(self.seen) and not WEIGHS_GAS.search(self.seen):
            raise ValueError("seen speaks of energy points, not of CO2: that is no factor")
        if ENERGY_BY_MASS.search(self.seen):
            raise ValueError("seen speaks of a game's energy, whose kilograms are not CO2: that is no factor")
        return self


class Proxy(Strict):
    """A region that borrows the figure of another, and why that is fair.

    Attributes:
        correction: what was wrong before, where it is lent later than it was released, for days gone by as well.
        lowest_of: the other figures that are published, by their series, of which this one is the lowest; of one that
            names none it is the only one that was seen.
    """

    region: Region
    reason: Text
    correction: Text | None = None
    lowest_of: list[Id] = []


class Unfit(Strict):
    """A region inside a figure's own that the figure does not speak for, and why."""

    region: Region | Grid
    reason: Text


class Plausible(Strict):
    """What every value of the file must keep to, from all figures known: catches a slip of a unit or of a digit.

    Attributes:
        least, most: the range, in `unit`, which is written apart from the series' units on purpose.
        decimals: the most digits after the point that the source prints; one more is a page number or a footnote.
        step: the largest change, as a share, from one data year of a region to the next.
    """

    least: Decimal
    most: Decimal
    unit: Unit
    decimals: int | None = Field(default=None, ge=0)
    step: Decimal | None = None


class Example(Strict):
    """A computation that the source prints: the figure must come to the same.

    Attributes:
        of: an amount with its unit, such as `24 vehicle_km` or `1100000 kWh`.
        gives: a mass, such as `168 g`, to the digits that were printed.
    """

    of: Text
    gives: Text


class Review(Strict):
    """Until when a figure may be applied before somebody has looked at it again: what it is compared with ages.

    Attributes:
        by: the first act date that it is not applied to.
    """

    by: date
    why: Text

"""Regions: administrative divisions by their code, and the regions of the power grid that provinces draw from."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from schemas.base import Strict, load_yaml
from schemas.scenarios.parts import Citation, Grid, Text

NATIONAL = "000000"
LEVELS = (0, 2, 4, 6)
"""How many digits name the country, a province, a city, a county; the others are zeros."""


class GridRegion(Strict):
    """A region of the power grid: its name and the first digits of the divisions inside it."""

    name: Text
    prefixes: list[Text]


class Grids(Strict):
    """The assignment of divisions to regions of the grid, and who assigns them."""

    source: Citation
    grids: dict[Grid, GridRegion]


@lru_cache(maxsize=1)
def grid_assignment() -> Grids:
    """Which divisions draw from which region of the grid, and who says so."""
    return load_yaml(Path(__file__).parent / "grids.yaml", Grids)


def grids() -> dict[str, GridRegion]:
    """Every region of the grid by its code."""
    return dict(grid_assignment().grids)


def grid_of(region: str) -> str | None:
    """The region of the grid that a division draws from, where the assignment names it."""
    return next((code for code, grid in grids().items() if region.startswith(tuple(grid.prefixes))), None)


def prefix_of(region: str) -> str:
    """What the codes of a division and of all inside it begin with.

    Nothing of the country, two digits of a province, four of a city, six of a county: a zero among a level's own digits,
    as in 331000 and 500000, is no sign of a wider one.
    """
    return next(region[:digits] for digits in LEVELS if not region[digits:].strip("0"))


def is_inside(region: str, outer: str) -> bool:
    """Whether a division is another one or lies in it."""
    return region.startswith(prefix_of(outer))


def region_and_parents(region: str) -> list[str]:
    """The region, its city, its province, its region of the grid and the country, each once, the narrowest first."""
    if not region.isdigit():  # a region of the grid, or another country, which nothing contains
        return [region, NATIONAL] if region in grids() else [region]
    divisions = [f"{region[:digits]:0<6}" for digits in reversed(LEVELS)]
    grid = grid_of(region)
    return list(dict.fromkeys([*divisions[:-1], *([grid] if grid else []), NATIONAL]))

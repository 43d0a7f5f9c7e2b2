"""Factors: what one unit of an act or of a thing is worth, dated and sourced. One YAML per figure, named after its id.

A look-up never guesses: it takes the region asked for, then the region's parents, then a proxy that a file
declares with its reason, and otherwise raises. It never reaches before a series' first day nor past its last.
Of several sourced figures the library applies the lowest (less credit when in doubt) and names the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from schemas.base import ROOT
from schemas.errors import RegistryError
from schemas.factors.series import FactorFile, FactorSeries
from schemas.scenarios.parts import load_by_id

__all__ = ["FOLDER", "FactorFile", "FactorSeries", "load_factors", "series_by_id"]

FOLDER = "factors"


def series_by_id(factors: Mapping[str, FactorFile]) -> dict[str, tuple[FactorFile, FactorSeries]]:
    """Every series with its file, also the unverified: what an explanation of a figure starts from."""
    return {one.id: (file, one) for file in factors.values() for one in file.series}


def load_factors(root: Path = ROOT) -> dict[str, FactorFile]:
    """Every factor file of a registry by id.

    Raises:
        RegistryError: a file is broken, or two series share an id.
    """
    folder = root / FOLDER
    factors = load_by_id(folder, FactorFile)
    taken: dict[str, str] = {}
    for file in factors.values():
        for one in file.series:
            if one.id in taken:
                raise RegistryError(
                    f"{folder / file.id}.yaml: series: id {one.id!r} is taken by {taken[one.id]}; rename it"
                )
            taken[one.id] = file.id
    return factors

"""Programmes: points on top of the same kilograms. One YAML per programme, named after its id.

A programme chooses scenarios and gives points per gram of reduction. It cannot change kilograms, and it has
no key for money: points are for acts and never for spending.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator
from typing_extensions import Self

from schemas.base import ROOT, RegistryError
from schemas.scenarios import load_scenarios
from schemas.scenarios.parts import Citation, Dated, Id, Named, Region, Text, load_by_id

FOLDER = "programmes"


class Programme(Named, Dated):
    """One points programme.

    Attributes:
        region: the division whose acts it rewards, with all divisions inside it.
        scenarios: the acts that earn points, each once.
        points_per_gram: exact, as text: a decimal (`0.5`) or a fraction (`25/3`).
        assumption: true when the programme's public rules do not give the figure and it is ours.
        reason: why the figure was assumed; required when it was.
        source: where the figure stands; for an assumption, what it was modelled on.
    """

    region: Region
    scenarios: list[Id] = Field(min_length=1)
    points_per_gram: Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+|/[1-9][0-9]*)?$")]
    assumption: bool
    reason: Text | None = None
    source: Citation

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if Fraction(self.points_per_gram) == 0:
            raise ValueError("points_per_gram must be greater than 0")
        if len(set(self.scenarios)) != len(self.scenarios):
            raise ValueError("scenarios names one twice; keep it once")
        if self.assumption and self.reason is None:
            raise ValueError("an assumption needs its reason; say what the public rules leave open")
        return self

    @property
    def points_per_milligram(self) -> Fraction:
        """Points for one milligram of reduction, exact."""
        return Fraction(self.points_per_gram) / 1000

    @property
    def measure(self) -> str:
        """The ledger's measure for this programme's points."""
        return f"points.{self.id}"


def load_programmes(root: Path = ROOT) -> dict[str, Programme]:
    """Every programme of a registry by id, checked against the scenarios of the same registry.

    Raises:
        RegistryError: a file is broken, or rewards a scenario that does not exist or has no factor.
    """
    folder = root / FOLDER
    programmes = load_by_id(folder, Programme)
    scenarios = load_scenarios(root)
    for programme in programmes.values():
        key = f"{folder / programme.id}.yaml: scenarios"
        for name in programme.scenarios:
            if name not in scenarios:
                raise RegistryError(f"{key}: {name!r} is none of {', '.join(scenarios)}")
            if scenarios[name].no_factor_reason is not None:
                raise RegistryError(f"{key}: {name} has no factor, so it earns no points; remove it")
    return programmes

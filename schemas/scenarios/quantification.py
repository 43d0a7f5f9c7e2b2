"""How an act becomes milligrams: a closed set of methods, each over factors that it names.

What the methods are, in words, with formula, source and what they are conservative about, stands in methods.yaml.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator
from typing_extensions import Self

from schemas.base import Strict, load_yaml
from schemas.errors import RegistryError
from schemas.scenarios.parts import Citation, Id, Text

UnitMethod = Literal["per_act", "distance", "steps", "mass_by_material", "metered_saving"]
Method = Literal[UnitMethod, "displacement"]

OF_SPEND = "spend_by_mcc"
"""How what was paid becomes an emission (schemas/spending/): the one method that no act is credited by."""

UNITS: dict[Method, set[str]] = {
    "per_act": {"act", "statement", "room_night", "hour"},
    "distance": {"km", "vehicle_km"},
    "steps": {"step"},
    "mass_by_material": {"kg"},
    "metered_saving": {"kWh", "m3"},
    "displacement": {"km", "vehicle_km", "kWh", "kg", "m3", "act", "room_night"},
}
"""What an act that a method quantifies may be counted in."""


class PerUnit(Strict):
    """Quantity × factor. `factor` is what a unit saves; of a metered saving, what a unit emits where it is made."""

    method: UnitMethod
    factor: Id

    @property
    def factors(self) -> list[str]:
        """Ids of the factor files that it reads."""
        return [self.factor]


class Displacement(Strict):
    """Quantity × (baseline − project): what would have been emitted without the act, less what the act emits.

    Attributes:
        baseline, project: factors of one kind, gas, boundary and unit.
        project_is_none: why the act itself emits nothing within the boundary; exactly where it has no `project`.
    """

    method: Literal["displacement"]
    baseline: Id
    project: Id | None = None
    project_is_none: Text | None = None

    @model_validator(mode="after")
    def _says_its_project(self) -> Self:
        if (self.project is None) == (self.project_is_none is None):
            raise ValueError("name the project's factor, or say in project_is_none why the act emits nothing")
        if self.project == self.baseline:
            raise ValueError("baseline and project are the same factor")
        return self

    @property
    def factors(self) -> list[str]:
        """Ids of the factor files that it reads."""
        return [self.baseline, *([self.project] if self.project else [])]


Quantification = Annotated[PerUnit | Displacement, Field(discriminator="method")]


class MethodText(Strict):
    """A method in words.

    Attributes:
        formula: with the names of what is put in.
        source: who computes so.
        conservative: what it leaves out, or takes at its lowest.
    """

    name: Text
    formula: Text
    source: Citation
    conservative: Text


class _Methods(Strict):
    methods: dict[str, MethodText]


@cache
def load_methods() -> dict[str, MethodText]:
    """Every method in words.

    Raises:
        RegistryError: a method has no words, or words have no method.
    """
    path = Path(__file__).parent.parent / "methods.yaml"
    found = load_yaml(path, _Methods).methods
    known = {*get_args(UnitMethod), "displacement", OF_SPEND}
    if found.keys() != known:
        raise RegistryError(f"{path}: methods: {sorted(found.keys() ^ known)} stand only in one of words and code")
    return dict(found)

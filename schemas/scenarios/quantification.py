"""How an act becomes milligrams: a closed set of methods, each over factors that it names.

What the methods are, in words, with formula, source and what they are conservative about, stands in methods.yaml.
"""

from __future__ import annotations

from abc import abstractmethod
from datetime import date
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, get_args

from pydantic import Field, model_validator
from typing_extensions import Self

from schemas.base import Strict, load_yaml
from schemas.errors import RegistryError
from schemas.scenarios.parts import Citation, Id, Text
from schemas.units import counted_amount, counted_unit

UnitMethod = Literal["per_act", "distance", "steps", "mass_by_material", "metered_saving"]
Method = Literal[UnitMethod, "displacement"]

OF_SPEND = "spend_by_mcc"
"""How what was paid becomes an emission (schemas/spending/): the one method that no act is credited by."""

UNITS: dict[Method, set[str]] = {
    "per_act": {"act", "statement", "room_night", "hour", "day", "sheet"},
    "distance": {"km", "vehicle_km"},
    "steps": {"step"},
    "mass_by_material": {"kg"},
    "metered_saving": {"kWh", "m3"},
    "displacement": {"km", "vehicle_km", "kWh", "kg", "m3", "act", "room_night", "day", "sheet"},
}
"""What an act that a method quantifies may be counted in."""


class Amount(Strict):
    """How much of what a factor is per is in one unit of the scenario, where the two are counted in different units.

    Attributes:
        of: an amount with its unit, such as `0.055 L` or `5.5/15.806 L`, exact.
        why: what it is, and why it is no higher.
    """

    of: Text
    why: Text
    source: Citation

    @property
    def unit(self) -> str:
        """The base name of the unit that it is in."""
        return counted_unit(self.of.rpartition(" ")[2])

    @property
    def exact(self) -> Fraction:
        """The amount in that unit, exact."""
        value, _, unit = self.of.rpartition(" ")
        above, _, below = value.partition("/")
        return Fraction(above) / Fraction(below or "1") * counted_amount(f"1 {unit}", self.unit)

    @model_validator(mode="after")
    def _is_an_amount(self) -> Self:
        try:
            found = self.exact
        except (ValueError, ZeroDivisionError) as error:
            raise ValueError(f"of: {self.of!r} is no amount; write it like 0.055 L") from error
        if found <= 0:
            raise ValueError(f"of: {self.of!r} must be above 0")
        return self


class Leg(NamedTuple):
    """A factor that goes into a sum, and how much of what it is per is in one unit of the scenario; None: one."""

    factor: str
    amount: Amount | None


class _Quantified(Strict):
    """What every method says.

    Attributes:
        since: the first act date that is credited by it; without it, as far back as its figures reach.
        known_from: the day of its release.
        correction: why acts of before its release are credited by it.
    """

    since: date | None = None
    known_from: date | None = None
    correction: Text | None = None

    @model_validator(mode="after")
    def _says_when_it_came(self) -> Self:
        if self.correction is not None and self.known_from is None:
            raise ValueError("correction: say known_from, the day of its release, as well")
        return self

    @property
    @abstractmethod
    def legs(self) -> list[Leg]:
        """What it reads: the one factor; of a displacement the baseline, and the project where there is one."""

    @property
    def factors(self) -> list[str]:
        """Ids of the factor files that it reads."""
        return [leg.factor for leg in self.legs]


class PerUnit(_Quantified):
    """Quantity × factor. `factor` is what a unit saves; of a metered saving, what a unit emits where it is made."""

    method: UnitMethod
    factor: Id
    amount: Amount | None = None

    @property
    def legs(self) -> list[Leg]:
        """The one factor."""
        return [Leg(self.factor, self.amount)]


class Displacement(_Quantified):
    """Quantity × (baseline − project): what would have been emitted without the act, less what the act emits.

    Attributes:
        baseline, project: factors of one kind, gas and boundary.
        project_is_none: why the act itself emits nothing within the boundary; exactly where it has no `project`.
    """

    method: Literal["displacement"]
    baseline: Id
    baseline_amount: Amount | None = None
    project: Id | None = None
    project_amount: Amount | None = None
    project_is_none: Text | None = None

    @model_validator(mode="after")
    def _says_its_project(self) -> Self:
        if (self.project is None) == (self.project_is_none is None):
            raise ValueError("name the project's factor, or say in project_is_none why the act emits nothing")
        if self.project == self.baseline:
            raise ValueError("baseline and project are the same factor")
        if self.project is None and self.project_amount is not None:
            raise ValueError("project_amount: there is no project that it could be of")
        return self

    @property
    def legs(self) -> list[Leg]:
        """The baseline, and the project where there is one."""
        project = [Leg(self.project, self.project_amount)] if self.project else []
        return [Leg(self.baseline, self.baseline_amount), *project]


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

"""Scenarios: the acts that are counted. One YAML per scenario, named after its id.

A scenario says what one act is, in which unit it is counted, what proves it, who may report it, how reports
of the same act are recognised, by which method and factors it is quantified and how much may be credited. The
figures themselves are the factors' business, and what an institution calls it is the source contract's.
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from typing_extensions import Self

from schemas.base import ROOT, Strict
from schemas.errors import RegistryError
from schemas.scenarios.parts import (
    Citation,
    Dated,
    Exact,
    Id,
    InstitutionKind,
    Named,
    Period,
    Text,
    load_by_id,
    overlapping,
)
from schemas.scenarios.quantification import Quantification
from schemas.units import UnitError, counted_unit, whole_milligrams

ConsentScope = Literal["travel", "living", "finance"]
FOLDER = "scenarios"


def _base_unit(unit: str) -> str:
    if counted_unit(unit) != unit:
        raise UnitError(f"write {counted_unit(unit)!r} for {unit!r}: claims are counted in the base unit")
    return unit


def _positive_mass(text: str) -> str:
    if whole_milligrams(text) == 0:
        raise UnitError(f"{text!r} would allow nothing; write it like 296 g")
    return text


class Alias(Dated):
    """A Chinese name that institutions use, or used, for the scenario. Names drift, so each has its years."""

    name: Text


class MissingQuantity(Strict):
    """What to credit when a claim proves the act but not how much.

    Attributes:
        rule: `shortest_trip`: the shortest distance between two stations of `network`, the least that the act
            can have been.
        network: id of the network whose distances count.
    """

    rule: Literal["shortest_trip"]
    network: Id


class Cap(Dated):
    """The most that one person is credited for the scenario in one calendar period.

    Attributes:
        limit: plain mass, such as `296 g`.
    """

    id: Id
    period: Period
    limit: Annotated[str, AfterValidator(_positive_mass)]
    source: Citation

    @property
    def limit_mg(self) -> int:
        """The limit in milligrams."""
        return whole_milligrams(self.limit)


class Scenario(Named):
    """One kind of low-carbon act.

    Attributes:
        name: Chinese name, as people read it.
        name_en: English name.
        aliases: other Chinese names, with their years.
        category: category of T/ACEF 031-2022.
        scope: the consent scope that covers it (consent to all covers it too).
        unit: what a claim's quantity is counted in.
        proof: what shows that the act was done: `taps` (entry and exit), `payment` (a full refund undoes the
            act), `reading` (a cumulative count, the highest of a person's day holds), `act` (the record of
            whoever handled it).
        reported_by: `anyone`: several institutions may report the same act; `issuer`: only the institution
            where it was done can, so every claim is an act of its own.
        precedence: the institution kinds that may report it, the most trusted first: the claim of the first
            leads the activity.
        window_seconds: how far apart two precise reports of one act may lie. 0: time does not match reports.
        match_amount: whether two reports of one act must state equal amounts, when both state one.
        unplaced: which region an act counts in when its export does not tell the place: `lowest_factor`, of the
            regions that institutions report from the one whose factor is lowest on that date.
        missing_quantity: what to credit when no report has the quantity; without a rule, nothing.
        caps: limits to a person's credit, never on one date two of the same period.
        is_spend: whether its acts are payments and nothing more: they earn nothing, and their emission is estimated.
        merchant_code: category (ISO 18245) of whoever is paid for such an act, where no report names it.
        reference: so much of it is taken where programmes are set beside each other, in its unit; no fact of anybody's.
        named_by: who counts it as a low-carbon act: standards, programmes, institutions.
        quantification: the method and the factors by which it is credited.
        alternatives: other figures and other boundaries, for comparison; never applied.
        no_factor_reason: why it is not quantified, for the person to read; required exactly when it is not.
    """

    name_en: Text
    aliases: list[Alias]
    category: Literal["衣", "食", "住", "行", "用", "办公", "数字金融"]
    scope: ConsentScope
    unit: Annotated[str, AfterValidator(_base_unit)]
    proof: Literal["taps", "payment", "reading", "act"]
    reported_by: Literal["anyone", "issuer"]
    precedence: list[InstitutionKind] = Field(min_length=1)
    window_seconds: int = Field(ge=0)
    match_amount: bool
    unplaced: Literal["lowest_factor"] | None = None
    missing_quantity: MissingQuantity | None = None
    caps: list[Cap]
    is_spend: bool = False
    merchant_code: str | None = Field(default=None, pattern=r"^[0-9]{4}$")
    reference: Exact = "1"
    named_by: list[Citation] = Field(min_length=1)
    quantification: Quantification | None = None
    alternatives: list[Quantification] = []
    no_factor_reason: Text | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.precedence)) != len(self.precedence):
            raise ValueError("precedence names an institution kind twice; keep its first place")
        for one, other in overlapping(self.caps):
            if one.period == other.period:
                raise ValueError(f"caps {one.id} and {other.id} of a {one.period} overlap; end one of them")
        if self.missing_quantity is not None and self.unit != "km":
            raise ValueError("missing_quantity: shortest_trip is a distance, but the unit is not km")
        if (self.quantification is None) == (self.no_factor_reason is None):
            raise ValueError("say its quantification, or in no_factor_reason why nothing quantifies it; not both")
        return self


def load_scenarios(root: Path = ROOT) -> dict[str, Scenario]:
    """Every scenario of a registry by id.

    Raises:
        RegistryError: a file is broken, two caps share an id, or one name means two scenarios on one date.
    """
    folder = root / FOLDER
    scenarios = load_by_id(folder, Scenario)
    caps = [(cap.id, scenario.id) for scenario in scenarios.values() for cap in scenario.caps]
    for (cap, one), (again, other) in combinations(caps, 2):
        if cap == again:
            raise RegistryError(f"{folder / other}.yaml: caps: id {cap!r} is taken by {one}; choose another")
    aliases = [(alias, scenario.id) for scenario in scenarios.values() for alias in scenario.aliases]
    for (alias, one), (same, other) in combinations(aliases, 2):
        if alias.name == same.name and alias.overlaps(same):
            raise RegistryError(
                f"{folder / other}.yaml: aliases: {alias.name!r} is {one} on the same dates; end one of them"
            )
    return scenarios

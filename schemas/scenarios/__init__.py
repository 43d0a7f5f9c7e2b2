"""Scenarios: the acts that are counted. One YAML per scenario, named after its id.

A scenario says what one act is, in which unit it is counted, what proves it, who may report it, how reports
of the same act are recognised, by which method and factors it is quantified and how much may be credited. The
figures themselves are the factors' business, and what an institution calls it is the source contract's.
"""

from __future__ import annotations

from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field, model_validator
from typing_extensions import Self

from schemas.base import ROOT, Strict
from schemas.errors import RegistryError
from schemas.scenarios.parts import (
    Amendment,
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
Extent = Literal["meal", "day", "object", "month"]
"""Within what an exclusion holds the sides against each other; a meal lies in a day, and what is of an object in a month."""
EXTENTS: tuple[Extent, ...] = get_args(Extent)
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
        correction: what was wrong before, of one that reaches behind its release.
    """

    id: Id
    period: Period
    limit: Annotated[str, AfterValidator(_positive_mass)]
    source: Citation
    correction: Text | None = None

    @property
    def limit_mg(self) -> int:
        """The limit in milligrams."""
        return whole_milligrams(self.limit)


class Exclusion(Amendment):
    """What the scenario's acts save stands against what those of other scenarios do: one thing saves once.

    Within one of what it goes by the side that saved more counts, the declaring scenario where both saved as much; the
    other is taken whole, for what both claim is one saving.

    Attributes:
        scenarios: the others, taken together.
        by: within what the sides are held against each other: a `day` or `month` of act dates; a `meal` of a day by the
            local clock of the acts; in a month an `object`, as contracts name it in `columns.object`: one card, one
            order, one device.
        why: what both claim, for the person to read.
        source: who says so, where somebody does.
    """

    id: Id
    scenarios: list[Id] = Field(min_length=1)
    by: Extent
    why: Text
    source: Citation | None = None

    @model_validator(mode="after")
    def _each_scenario_once(self) -> Self:
        if len(set(self.scenarios)) != len(self.scenarios):
            raise ValueError(f"{self.id}: names a scenario twice; once is enough")
        return self

    @property
    def period(self) -> Period:
        """The calendar period that its entries are of."""
        return "day" if self.by in ("meal", "day") else "month"


class Unlocking(Strict):
    """What would bring a figure: a text that must hold one and was not read.

    Attributes:
        document: its name, with its number.
        clause: where in it the figure stands, as far as its contents are known.
        holder: who issued it or has it.
    """

    document: Text
    clause: Text | None = None
    holder: Text

    @property
    def text(self) -> str:
        """All of it on one line."""
        return f"{', '.join(part for part in (self.document, self.clause) if part)} ({self.holder})"


class Recognition(Strict):
    """By which rules reports of an act are recognised and placed.

    Attributes:
        precedence: the institution kinds that may report it, the most trusted first: the claim of the first
            leads the activity.
        window_seconds: how far apart two precise reports of one act may lie. 0: time does not match reports.
        match_amount: whether two reports of one act must state equal amounts, when both state one.
        unplaced: how an act is credited when its export does not tell the place: `lowest_factor`, by the lowest factor
            of the country and all places inside it on that date, and by none where one of them has none.
        missing_quantity: what to credit when no report has the quantity; without a rule, nothing.
    """

    precedence: list[InstitutionKind] = Field(min_length=1)
    window_seconds: int = Field(ge=0)
    match_amount: bool
    unplaced: Literal["lowest_factor"] | None = None
    missing_quantity: MissingQuantity | None = None

    @model_validator(mode="after")
    def _each_kind_once(self) -> Self:
        if len(set(self.precedence)) != len(self.precedence):
            raise ValueError("precedence names an institution kind twice; keep its first place")
        return self


class Change(Amendment):
    """Rules of recognition that differ on some dates from what the scenario said before; the others stay.

    Attributes: as of `Recognition`. `unplaced: null` and `missing_quantity: null` end the rule.
    """

    precedence: list[InstitutionKind] | None = None
    window_seconds: int | None = None
    match_amount: bool | None = None
    unplaced: Literal["lowest_factor"] | None = None
    missing_quantity: MissingQuantity | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.said:
            raise ValueError("changes nothing; name the rule that differs, or leave it out")
        return self

    @property
    def said(self) -> dict[str, Any]:
        """The rules that it names."""
        return {name: getattr(self, name) for name in self.model_fields_set & Recognition.model_fields.keys()}


class Scenario(Named, Recognition):
    """One kind of low-carbon act. Its rules of recognition are those that were released first; `changes` are later ones.

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
        changes: what of its rules of recognition is otherwise on which dates, in the order of their release: of two that
            name one rule on one date the later holds.
        caps: limits to a person's credit, never on one date two of the same period.
        excludes: which other scenarios may claim the same saving.
        is_spend: whether its acts are payments and nothing more: they earn nothing, and their emission is estimated.
        merchant_code: category (ISO 18245) of whoever is paid for such an act, where no report names it.
        reference: so much of it is taken where programmes are set beside each other, in its unit; no fact of anybody's.
        named_by: who counts it as a low-carbon act: standards, programmes, institutions.
        quantification: the method and the factors by which it is credited.
        alternatives: other figures and other boundaries, for comparison; never applied.
        no_factor_reason: why it is not quantified, for the person to read; required exactly when it is not.
        unlocked_by: the documents that would bring a figure, or a better one.
    """

    name_en: Text
    aliases: list[Alias]
    category: Literal["衣", "食", "住", "行", "用", "办公", "数字金融"]
    scope: ConsentScope
    unit: Annotated[str, AfterValidator(_base_unit)]
    proof: Literal["taps", "payment", "reading", "act"]
    reported_by: Literal["anyone", "issuer"]
    changes: list[Change] = []
    caps: list[Cap]
    excludes: list[Exclusion] = []
    is_spend: bool = False
    merchant_code: str | None = Field(default=None, pattern=r"^[0-9]{4}$")
    reference: Exact = "1"
    named_by: list[Citation] = Field(min_length=1)
    quantification: Quantification | None = None
    alternatives: list[Quantification] = []
    no_factor_reason: Text | None = None
    unlocked_by: list[Unlocking] = []

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for one, other in overlapping(self.caps):
            if one.period == other.period:
                raise ValueError(f"caps {one.id} and {other.id} of a {one.period} overlap; end one of them")
        if any(self.id in one.scenarios for one in self.excludes):
            raise ValueError("excludes: a scenario does not stand against itself; name the others")
        if self.unit != "km" and (self.missing_quantity or any(one.missing_quantity for one in self.changes)):
            raise ValueError("missing_quantity: shortest_trip is a distance, but the unit is not km")
        if (self.quantification is None) == (self.no_factor_reason is None):
            raise ValueError("say its quantification, or in no_factor_reason why nothing quantifies it; not both")
        return self

    def recognised_on(self, day: date) -> Recognition:
        """Its rules of recognition on a local date."""
        said = {name: getattr(self, name) for name in Recognition.model_fields}
        for change in self.changes:
            if change.in_force(day):
                said |= change.said
        return Recognition(**said)


def load_scenarios(root: Path = ROOT) -> dict[str, Scenario]:
    """Every scenario of a registry by id.

    Raises:
        RegistryError: a file is broken, two caps or exclusions share an id, an exclusion names no scenario, or one name
            means two scenarios on one date.
    """
    folder = root / FOLDER
    scenarios = load_by_id(folder, Scenario)
    rules = [
        (rule.id, scenario.id, kind)
        for scenario in scenarios.values()
        for kind, of in (("caps", scenario.caps), ("excludes", scenario.excludes))
        for rule in of
    ]
    for (rule, one, _), (again, other, kind) in combinations(rules, 2):
        if rule == again:
            raise RegistryError(f"{folder / other}.yaml: {kind}: id {rule!r} is taken by {one}; choose another")
    for scenario in scenarios.values():
        if unknown := sorted({name for rule in scenario.excludes for name in rule.scenarios} - scenarios.keys()):
            raise RegistryError(
                f"{folder / scenario.id}.yaml: excludes: {', '.join(unknown)}: no such scenario; use the id of one"
            )
    aliases = [(alias, scenario.id) for scenario in scenarios.values() for alias in scenario.aliases]
    for (alias, one), (same, other) in combinations(aliases, 2):
        if alias.name == same.name and alias.overlaps(same):
            raise RegistryError(
                f"{folder / other}.yaml: aliases: {alias.name!r} is {one} on the same dates; end one of them"
            )
    return scenarios

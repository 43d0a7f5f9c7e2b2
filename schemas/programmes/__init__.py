"""Programmes: points on top of the same kilograms. One YAML per programme, named after its id.

A programme chooses scenarios and gives points for them by its own rules. It cannot change kilograms, and it has no key
for money: points are for acts and never for spending.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Literal, get_args

from pydantic import Field, model_validator
from typing_extensions import Self

from schemas.base import ROOT
from schemas.errors import RegistryError
from schemas.ledger import POINTS
from schemas.programmes.rules import (
    Benefit,
    Cap,
    Coverage,
    Earn,
    Example,
    Expiry,
    Levels,
    Per,
    Published,
    Rankings,
    Rule,
    Teams,
    Tier,
    unnested,
)
from schemas.regions import prefix_of
from schemas.scenarios import Scenario, load_scenarios
from schemas.scenarios.parts import Citation, Dated, Id, Named, Region, SubjectKind, Text, load_by_id
from schemas.units import MICRO

FOLDER = "programmes"
COUNTED: dict[Per, int] = {"gram": 1000, "unit": MICRO, "act": 1}
"""What a claim is counted in, for one of what points are counted by: milligrams, 10^-6 units, acts."""


class Programme(Named, Dated):
    """One points programme.

    Attributes:
        name_en, operator: who runs it, for readers in English.
        region: the division whose acts it rewards, with all divisions inside it.
        kept: `ledger`: its points are entries of the ledger. `compared`: its rules and figures are only set beside the
            others'; `reason` says why.
        open_to: whose acts earn points.
        institutions: whose reports are its own, where it is not everybody's in its region: an amount that is its own is
            credited only there.
        source: where the programme is described.
        left_open: what its public rules do not say.
        earn, tiers: how points are earned; a compared programme may have none.
        caps: the most points of a period; each lies within the ones that limit some of the same acts.
        published: the programme's own figures, beside the standard's.
    """

    name_en: Text
    operator: Text
    region: Region
    kept: Literal["ledger", "compared"]
    reason: Text | None = None
    open_to: list[SubjectKind] = Field(default=list(get_args(SubjectKind)), min_length=1)
    institutions: list[Id] = []
    source: Citation
    left_open: list[Text] = []
    earn: list[Earn] = []
    tiers: list[Tier] = []
    caps: list[Cap] = []
    expiry: Expiry | None = None
    coverage: Coverage | None = None
    levels: Levels | None = None
    benefits: list[Benefit] = []
    teams: Teams | None = None
    rankings: Rankings | None = None
    published: list[Published] = []
    examples: list[Example] = []

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.kept == "compared" and self.reason is None:
            raise ValueError("say in `reason` why it is only compared")
        if self.kept == "ledger" and not (self.earn or self.tiers):
            raise ValueError("a ledger of points needs a rule by which they are earned: earn or tiers")
        twice = [name for name, number in Counter(rule.id for rule in self.rules).items() if number > 1]
        if twice:
            raise ValueError(f"rules of one id: {', '.join(twice)}; an id names one rule")
        for one, other in combinations(self.earn, 2):
            shared = set(one.scenarios) & set(other.scenarios)
            if shared and one.meets(other):
                raise ValueError(f"earn: {one.id} and {other.id} both reward {', '.join(sorted(shared))}; end one")
        for cap, wider in unnested(self.caps):
            raise ValueError(
                f"caps: {cap.id} and {wider.id} limit some of the same acts, and neither all of the other's; "
                "let one have all scenarios of the other and no shorter a period"
            )
        if "team" in (self.rankings.by if self.rankings else []) and self.teams is None:
            raise ValueError("rankings by team need `teams`")
        return self

    @model_validator(mode="after")
    def _comes_out(self) -> Self:
        for example in self.examples:
            found = self._computed(example)
            stated = Fraction(example.fen) if example.fen is not None else Fraction(example.points)
            if found != stated:
                raise ValueError(f"examples: {example.benefit or example.scenario}: gives {found}, not {stated}")
        return self

    def _computed(self, example: Example) -> Fraction | None:
        if example.benefit:
            benefit = next((one for one in self.benefits if one.id == example.benefit), None)
            per_point = benefit.fen_per_point if benefit else None
            return None if per_point is None else per_point * Fraction(example.points)
        assert example.scenario is not None and example.quantity is not None
        return self.given(example.scenario, Fraction(example.quantity))

    def given(
        self, scenario: str, quantity: Fraction, milligrams: int | None = None, on: date | None = None
    ) -> Fraction:
        """Points for an act that is alone in its day, exact: by rules for acts and tiers of a day, before caps.

        Args:
            quantity: in the scenario's unit.
            milligrams: its reduction; None leaves out what goes by the gram.
            on: by the rules in force on this date; otherwise by all.
        """
        counts = {"act": Fraction(1), "unit": quantity}
        if milligrams is not None:
            counts["gram"] = Fraction(milligrams, 1000)
        found = Fraction(0)
        for rule in self.earning:
            if scenario not in rule.scenarios or rule.per not in counts or not (on is None or rule.in_force(on)):
                continue
            if isinstance(rule, Earn):
                found += Fraction(rule.points) * counts[rule.per]
            elif rule.period == "day":
                found += rule.points_at(counts[rule.per])
        return found

    @property
    def measure(self) -> str:
        """The ledger's measure for this programme's points."""
        return f"{POINTS}{self.id}"

    def worth(self, points: Fraction, on: date) -> tuple[Fraction, Fraction] | None:
        """Fen for which points can be given on a date, by the lowest and the highest price; None without a priced benefit."""
        prices = [one.fen_per_point for one in self.benefits if one.fen_per_point and one.in_force(on)]
        return (points * min(prices), points * max(prices)) if prices else None

    @property
    def prefix(self) -> str:
        """What the codes of the divisions in its region begin with."""
        return prefix_of(self.region)

    @property
    def rules(self) -> list[Rule]:
        """Every rule that has an id."""
        single = [rule for rule in (self.expiry, self.coverage) if rule is not None]
        return [*self.earn, *self.tiers, *self.caps, *single, *self.benefits]

    @property
    def earning(self) -> list[Earn | Tier]:
        """The rules by which points are earned."""
        return [*self.earn, *self.tiers]

    @property
    def summing(self) -> list[Tier | Cap]:
        """The rules that sum up a person's period."""
        return [*self.tiers, *self.caps]

    @property
    def rewarded(self) -> list[str]:
        """Scenarios for which it gives points, each once."""
        return list(dict.fromkeys(name for rule in self.earning for name in rule.scenarios))

    def scenarios_of(self, rule: Tier | Cap) -> list[str]:
        """The scenarios that a rule sums up: its own, or all that are rewarded."""
        return rule.scenarios or self.rewarded

    def key(self, rule: Rule) -> str:
        """What the ledger calls one of its rules: programme and rule."""
        return f"{self.id}.{rule.id}"


def load_programmes(root: Path = ROOT) -> dict[str, Programme]:
    """Every programme of a registry by id, checked against the scenarios of the same registry.

    Raises:
        RegistryError: a file is broken; or names a scenario that does not exist, is mere spending, or – where points
            are kept or go by grams – has no factor.
    """
    folder = root / FOLDER
    programmes = load_by_id(folder, Programme)
    scenarios = load_scenarios(root)
    for programme in programmes.values():
        _check_scenarios(f"{folder / programme.id}.yaml", programme, scenarios)
    return programmes


def _check_scenarios(path: str, programme: Programme, scenarios: Mapping[str, Scenario]) -> None:
    named = [("published", one.scenario) for one in programme.published]
    named += [("caps", name) for rule in programme.caps for name in rule.scenarios]
    named += [("examples", one.scenario) for one in programme.examples if one.scenario]
    for rule in programme.earning:
        kind = "earn" if isinstance(rule, Earn) else "tiers"
        named += [(kind, name) for name in rule.scenarios]
        if programme.kept == "compared" and rule.per != "gram":
            continue
        unquantified = [name for name in rule.scenarios if name in scenarios and scenarios[name].no_factor_reason]
        if unquantified:
            names = ", ".join(unquantified)
            raise RegistryError(f"{path}: {kind}: {rule.id}: {names} has no factor, so it earns no points; remove it")
    for kind, name in named:
        if name not in scenarios:
            raise RegistryError(f"{path}: {kind}: {name!r} is none of {', '.join(scenarios)}")
        if scenarios[name].is_spend:
            raise RegistryError(f"{path}: {kind}: {name} is spending; points are for acts and never for spending")
    useless = {name for rule in programme.caps for name in rule.scenarios} - set(programme.rewarded)
    if useless:
        raise RegistryError(f"{path}: caps: {', '.join(sorted(useless))} earns nothing here; remove it")

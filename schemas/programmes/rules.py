"""The rules of a programme. Each has a source, or says that it is an assumption and why; most have both or one.

None of them has a key for money that a person spends: points are for acts and never for spending.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, model_validator
from typing_extensions import Self

from schemas.base import Strict
from schemas.ledger import FEWEST
from schemas.scenarios.parts import Citation, Exact, Id, Period, Text
from schemas.units import whole_milligrams

PERIODS: tuple[Period, ...] = get_args(Period)
"""The shortest first."""

Per = Literal["gram", "unit", "act"]
"""What points are counted by: grams of reduction, the scenario's unit (a kilometre, a step), or whole acts."""


Whole = Annotated[int, Field(gt=0, strict=True)]


def _each_once(scenarios: list[str]) -> list[str]:
    if len(set(scenarios)) != len(scenarios):
        raise ValueError("names one twice; keep it once")
    return scenarios


Scenarios = Annotated[list[Id], AfterValidator(_each_once)]


class Basis(Strict):
    """What a rule rests on.

    Attributes:
        source: where it was read; beside an assumption, what that was modelled on.
        assumption: what the public rules leave open, and why we chose as we did.
    """

    source: Citation | None = None
    assumption: Text | None = None

    @model_validator(mode="after")
    def _rests_on_something(self) -> Self:
        if self.source is None and self.assumption is None:
            raise ValueError("needs a source; or say in `assumption` what the public rules leave open")
        return self


class Rule(Basis):
    """A rule with a name of its own, in force on [`valid_from`, `valid_to`) or as long as its programme.

    Attributes:
        correction: what was wrong before, of one that reaches behind its release.
    """

    id: Id
    valid_from: date | None = None
    valid_to: date | None = None
    correction: Text | None = None

    @model_validator(mode="after")
    def _has_days(self) -> Self:
        if self.valid_from and self.valid_to and self.valid_to <= self.valid_from:
            raise ValueError(f"valid_to {self.valid_to} must be after valid_from {self.valid_from}")
        return self

    def meets(self, other: Rule) -> bool:
        """Whether there may be a date on which both are in force."""
        ends_before = self.valid_to and other.valid_from and self.valid_to <= other.valid_from
        begins_after = other.valid_to and self.valid_from and other.valid_to <= self.valid_from
        return not (ends_before or begins_after)

    def in_force(self, on: date) -> bool:
        """Whether it is in force on a date of its programme's."""
        return (self.valid_from or date.min) <= on < (self.valid_to or date.max)


class Earn(Rule):
    """Points for every act.

    Attributes:
        unproved: points that the programme itself gives where nobody proves the act, to compare with; every claim
            here is an institution's, so it is never applied.
    """

    scenarios: Scenarios = Field(min_length=1)
    points: Exact
    per: Per
    unproved: Exact | None = None


class Step(Strict):
    """From a sum of `reach` on the period gives `points` in all."""

    reach: Exact
    points: Whole


class Tier(Rule):
    """Points for what a person does in a period, by the highest step that the sum of it reaches."""

    scenarios: Scenarios = Field(min_length=1)
    per: Per
    period: Period
    steps: list[Step] = Field(min_length=1)

    @model_validator(mode="after")
    def _rises(self) -> Self:
        reaches = [Fraction(step.reach) for step in self.steps]
        points = [step.points for step in self.steps]
        if sorted(set(reaches)) != reaches or sorted(set(points)) != points:
            raise ValueError("steps: each must reach further and give more than the one before")
        return self

    def points_at(self, total: Fraction) -> int:
        """What the whole period's sum gives."""
        return max((step.points for step in self.steps if Fraction(step.reach) <= total), default=0)


class Cap(Rule):
    """The most points that a person gets in a period, from these scenarios or, without any, from all."""

    scenarios: Scenarios = []
    period: Period
    points: Whole

    def holds(self, other: Cap) -> bool:
        """Whether whatever the other one limits lies within one period of this one."""
        is_wider = not self.scenarios or (bool(other.scenarios) and set(other.scenarios) <= set(self.scenarios))
        return is_wider and PERIODS.index(self.period) >= PERIODS.index(other.period)

    def touches(self, other: Cap) -> bool:
        """Whether both limit some act."""
        return not self.scenarios or not other.scenarios or bool(set(self.scenarios) & set(other.scenarios))


class Expiry(Rule):
    """Points that were earned in a period hold to the end of the `keep`-th one after it; the oldest are used first."""

    keep: int = Field(ge=0, strict=True)
    period: Period


class Coverage(Rule):
    """No points for acts of a day at whose end fewer than `institutions` have the person's consent.

    So incomplete an account would reward what it cannot see.
    """

    institutions: int = Field(ge=2, strict=True)


class Level(Strict):
    """A name for whoever reduced at least `reach` in the window."""

    name: Text
    reach: str

    @property
    def reach_mg(self) -> int:
        """In milligrams."""
        return whole_milligrams(self.reach)


class Levels(Basis):
    """Names by the reduction of the last `months` months, this one included; the lowest first, from nothing."""

    months: Whole
    steps: list[Level] = Field(min_length=1)

    @model_validator(mode="after")
    def _rises(self) -> Self:
        reaches = [step.reach_mg for step in self.steps]
        if reaches[0] != 0 or sorted(set(reaches)) != reaches:
            raise ValueError("steps: the first reaches 0 g, and each further than the one before")
        return self

    def level_of(self, milligrams: int) -> Level:
        """The highest level that is reached; what is below nothing is at the lowest."""
        return max((step for step in self.steps if step.reach_mg <= max(milligrams, 0)), key=lambda step: step.reach_mg)


class Limit(Strict):
    """So many in a period."""

    number: Whole
    period: Period


class Benefit(Rule):
    """What points can be given for.

    Attributes:
        kind: what it is; a `donation` serves the public good, a `loan` is on better terms.
        points: its price; None where it is not known, or nothing is paid (a loan goes by level).
        fen: what it is worth in money, where that is known.
        gives: what it consists of, in words.
        stock: how many there are for everybody.
        quota: how many one person may have.
    """

    name: Text
    kind: Literal["goods", "service", "voucher", "ticket", "travel", "loan", "donation"]
    points: Whole | None = None
    fen: Whole | None = None
    gives: Text | None = None
    stock: Limit | None = None
    quota: Limit | None = None

    @property
    def fen_per_point(self) -> Fraction | None:
        """What a point is worth in it, exact; None without a price on both sides."""
        return Fraction(self.fen, self.points) if self.fen and self.points else None


class Team(Strict):
    """Whoever has given consent at one of these institutions."""

    id: Id
    name: Text
    institutions: list[Id] = Field(min_length=1)


class Teams(Basis):
    """Who belongs together; somebody whom several would take is in the first."""

    teams: list[Team] = Field(min_length=1)


class Rankings(Basis):
    """Groups that are set beside each other, never people; a group below `least` people is not shown."""

    by: list[Literal["region", "team"]] = Field(min_length=1)
    least: int = Field(default=FEWEST, ge=FEWEST, strict=True)


class Published(Strict):
    """A figure that the programme itself counts with, to set beside the standard's; never applied.

    Attributes:
        value: plain mass, such as `89 g`.
        per: of one act, or of so many `units` of the scenario.
        of: from when it is.
    """

    scenario: Id
    value: str
    per: Literal["unit", "act"]
    units: Exact = "1"
    of: date
    note: Text | None = None
    source: Citation

    @property
    def milligrams(self) -> Fraction:
        """The figure of one act, or of one unit, in milligrams."""
        return whole_milligrams(self.value) / Fraction(self.units)


class Example(Strict):
    """What a source says that comes out; computed again when the file is loaded.

    Either an act: a scenario's quantity (in its unit; of points by the act, 1) and its points. Or a benefit: points and
    their fen.
    """

    scenario: Id | None = None
    quantity: Exact | None = None
    benefit: Id | None = None
    points: Exact
    fen: Whole | None = None
    source: Citation

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        is_act = self.scenario is not None and self.quantity is not None and self.benefit is None and self.fen is None
        is_benefit = self.benefit is not None and self.fen is not None and self.scenario is None
        if is_act == is_benefit:
            raise ValueError("say either scenario and quantity, or benefit and fen")
        return self


def unnested(caps: list[Cap]) -> Iterator[tuple[Cap, Cap]]:
    """Pairs of caps of which neither limits all that the other does: what both take would be taken twice."""
    for place, one in enumerate(caps):
        for other in caps[place + 1 :]:
            same = one.holds(other) and other.holds(one)
            if one.touches(other) and one.meets(other) and (same or not (one.holds(other) or other.holds(one))):
                yield one, other

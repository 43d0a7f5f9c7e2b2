"""The carbon record (征信): by which shares the account of a month is graded, and what the reasons say in words.

Grades say how whole an account is, never how good its holder: who does little and is reported in full has an A.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator
from typing_extensions import Self

from schemas.base import ROOT, Strict, load_yaml
from schemas.programmes.rules import Basis, Levels
from schemas.scenarios.parts import Text

Grade = Literal["A", "B", "C", "D"]
GRADES: tuple[Grade, ...] = get_args(Grade)
"""The best first; of two the one that comes later in the alphabet is the worse."""
UNGRADED = "none"
"""In place of a grade where there is nothing of which a share could be known."""

ReportingReason = Literal["reported", "statements_missing", "nothing_owed"]
SpendReason = Literal["categories_known", "categories_unknown", "nothing_spent", "no_payments_reported"]

FiguresReason = Literal["well_founded", "lent_or_computed", "nothing_reduced"]

PerMille = Annotated[int, Field(ge=0, le=1000, strict=True)]


class Scale(Basis):
    """From which share on, in thousandths, a grade is given; the last grade takes what is left."""

    at_least: dict[Grade, PerMille]

    @model_validator(mode="after")
    def _falls_to_nothing(self) -> Self:
        shares = list(self.at_least.values())
        if tuple(self.at_least) != GRADES or sorted(set(shares), reverse=True) != shares or shares[-1] != 0:
            raise ValueError(
                f"at_least: give {', '.join(GRADES)} in this order, each less than the one before, the last 0"
            )
        return self

    def grade_of(self, part: int, whole: int) -> Grade:
        """The grade of a share; whole is above zero."""
        return next(grade for grade, least in self.at_least.items() if 1000 * part >= least * whole)


class Reporting(Scale):
    """What has come of the statements that institutions owe. reasons: each code in words."""

    reasons: dict[ReportingReason, Text]


class SpendCoverage(Scale):
    """Of how much of what was spent the emission is known. reasons: each code in words."""

    reasons: dict[SpendReason, Text]


class FiguresFounded(Scale):
    """How much of what acts reduced rests on figures made for the place or the country: how uncertain it is.

    Attributes:
        reasons: each code in words.
    """

    reasons: dict[FiguresReason, Text]


class CarbonRecordRules(Strict):
    """How a month is graded, and the tiers by what was reduced."""

    reporting: Reporting
    spend: SpendCoverage
    figures: FiguresFounded
    tiers: Levels

    @model_validator(mode="after")
    def _says_all(self) -> Self:
        said = {*self.reporting.reasons, *self.spend.reasons, *self.figures.reasons}
        codes = (*get_args(ReportingReason), *get_args(SpendReason), *get_args(FiguresReason))
        if unsaid := [code for code in codes if code not in said]:
            raise ValueError(f"reasons: {', '.join(unsaid)}: say in words what it means")
        return self


def load_records(root: Path = ROOT) -> CarbonRecordRules:
    """What `records.yaml` says.

    Raises:
        RegistryError: the file breaks the model.
    """
    return load_yaml(root / "records.yaml", CarbonRecordRules)

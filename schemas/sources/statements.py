"""What an institution's statement is held against as a whole: whole numbers that `land` and the last statements give."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field, model_validator

from schemas.base import Strict
from schemas.quality import BoundedRule

Measure = Literal[
    "rows", "rows_permille", "lowest_median_permille", "highest_median_permille", "median", "unusable_permille",
    "bad_identifiers_permille", "new_columns",
]  # fmt: skip

MEASURES: dict[Measure, str] = {
    "rows": "rows of the statement",
    "rows_permille": "rows of the statement, in per mille of the median of the feed's last statements",
    "lowest_median_permille": "median of each of its numbers, in per mille of that of the last statements; the lowest",
    "highest_median_permille": "median of each of its numbers, in per mille of that of the last statements; the highest",
    "median": "median of one of its numbers, in the unit that it is landed in",
    "unusable_permille": "rows that were quarantined or rejected, in per mille of all",
    "bad_identifiers_permille": "identifiers that are none, in per mille of those given; the highest of their kinds",
    "new_columns": "columns that nobody agreed on",
}
"""What can be measured of a statement; what there is too little of to say anything is not measured."""


class StatementRule(BoundedRule):
    """One quality rule of a feed's statements: what is measured, and the most or the least that it may be.

    number: of `median`, the landed column, and after a slash its scenario where rows have one.
    """

    measure: Measure
    number: str | None = None

    @model_validator(mode="after")
    def _names_its_number(self) -> StatementRule:
        if (self.number is not None) != (self.measure == "median"):
            raise ValueError(f"{self.id}: say `number` exactly for measure median")
        return self


class Volume(Strict):
    """How much one statement may hold.

    most_rows: in any case. least, most: as multiples of the median of the feed's last statements, where there
        are enough to compare with; the same bounds hold for the median amount and quantity of a row.
    most_unusable: share of its rows that may be unusable. Where more cannot even be split, the file is refused; where more
        are quarantined or rejected, the statement is held back.
    """

    most_rows: int = Field(gt=0)
    least: float | None = Field(default=None, gt=0, lt=1)
    most: float | None = Field(default=None, gt=1)
    most_unusable: float = Field(default=0.1, ge=0, le=1)

    def rules(self) -> Iterator[StatementRule]:
        """The rules that follow, the gravest first."""
        yield StatementRule(
            id="statement_rows_possible",
            text="A statement has no more rows than its feed can have.",
            severity="critical",
            measure="rows",
            at_most=self.most_rows,
        )
        if self.least is not None:
            yield StatementRule(
                id="statement_not_too_small",
                text="A statement has not far fewer rows than the last ones of its feed.",
                severity="critical",
                measure="rows_permille",
                at_least=round(1000 * self.least),
            )
        if self.most is not None:
            yield StatementRule(
                id="statement_not_too_large",
                text="A statement has not far more rows than the last ones of its feed.",
                severity="critical",
                measure="rows_permille",
                at_most=round(1000 * self.most),
            )
        if self.least is not None:
            yield StatementRule(
                id="statement_numbers_not_too_low",
                text="The median of no amount or quantity is far lower than in the last statements of the feed.",
                severity="critical",
                measure="lowest_median_permille",
                at_least=round(1000 * self.least),
            )
        if self.most is not None:
            yield StatementRule(
                id="statement_numbers_not_too_high",
                text="The median of no amount or quantity is far higher than in the last statements of the feed.",
                severity="critical",
                measure="highest_median_permille",
                at_most=round(1000 * self.most),
            )
        yield StatementRule(
            id="statement_rows_usable",
            text="Few rows of a statement are quarantined or rejected.",
            severity="critical",
            measure="unusable_permille",
            at_most=round(1000 * self.most_unusable),
        )
        yield StatementRule(
            id="statement_columns_agreed",
            text="A statement has no column that nobody agreed on.",
            severity="info",
            measure="new_columns",
            at_most=0,
        )


def identifiers_rule(most_bad: float) -> StatementRule:
    """The rule that follows from the share of identifiers that may be none."""
    return StatementRule(
        id="statement_identifiers_valid",
        text="Few of the identifiers of each kind that a statement of registrations gives are none.",
        severity="critical",
        measure="bad_identifiers_permille",
        at_most=round(1000 * most_bad),
    )

"""What tells the purchase that a refund takes back, as a contract declares it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from schemas.base import Pattern, Strict


class FieldText(Strict):
    """The text of a field; group 1 of `pattern`, or else all of it. A field's name alone is all of it."""

    column: str
    pattern: Pattern | None = None


def whole_field(said: Any) -> Any:
    return {"column": said} if isinstance(said, str) else said


WITHIN_DAYS = 180
"""How old a purchase may be that a refund is matched to, where its contract does not say: half a year of returns."""


class Original(Strict):
    """What tells the purchase that a refund takes back: either the field that names it, or merchant and amount.

    column: the field with the purchase's natural key; group 1 of `pattern`, or else all of it.
    matched_by: the fields that tell the merchant. Of the customer's purchases with the same texts in them, in NFKC
        form, the refund takes back the last one before it that has its amount and is not taken back yet.
    within_days: how many days before the refund that purchase may lie.
    may_be_partial: a row that means `refund` and has the amount of none takes back a part of the last one that cost
        more. One that means `partial_refund` always does.
    """

    column: str | None = None
    pattern: Pattern | None = None
    matched_by: list[Annotated[FieldText, BeforeValidator(whole_field)]] = []
    within_days: int = Field(default=WITHIN_DAYS, gt=0, le=366)
    may_be_partial: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> Original:
        if (self.column is None) != bool(self.matched_by):
            raise ValueError("name exactly one of column, matched_by")
        if self.column and self.model_fields_set & {"within_days", "may_be_partial"}:
            raise ValueError("within_days and may_be_partial are of refunds that name no purchase, by matched_by")
        if self.matched_by and self.pattern:
            raise ValueError("say the pattern with its field, in matched_by")
        return self

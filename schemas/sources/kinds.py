"""What the rows of each kind of feed hold, as columns."""

from __future__ import annotations

import re
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from schemas.base import Strict, later
from schemas.scenarios.parts import SubjectKind
from schemas.sources.columns import (
    REFUNDS,
    Classes,
    Codes,
    Currency,
    Identifiers,
    Merchant,
    Number,
    RowRule,
    Scenario,
    Time,
)
from schemas.sources.originals import FieldText, Original, whole_field

Object = Annotated[FieldText, BeforeValidator(whole_field)] | None


def _only(*allowed: str) -> AfterValidator:
    """Codes that mean one of these and nothing else."""

    def check(codes: Codes) -> Codes:
        unknown = set(codes.codes.values()) - set(allowed)
        if unknown:
            raise ValueError(f"{sorted(unknown)}: use {sorted(allowed)}")
        return codes

    return AfterValidator(check)


class ActColumns(Strict):
    """An act that the institution reports as such. Quantity and amount stand with the scenario's cases.

    rows: which rows are acts and which are ignored; without it all are acts.
    object: what the act was done with – the card, the order, the device –, by a text that every institution writes
        alike; group 1 of its `pattern`, or else all of it. Past landing a keyed hash stands for it.
    """

    customer: str
    occurred_at: Time
    ended_at: Time | None = None
    scenario: Scenario
    rows: list[RowRule] = []
    object: Object = later(None)


class TapColumns(Strict):
    """A gate passage. `amount` counts on the exit; an entry has none."""

    customer: str
    occurred_at: Time
    direction: Annotated[Codes, _only("entry", "exit")]
    station: str
    amount: Number


class PaymentColumns(Strict):
    """A payment or what takes it back.

    customer: absent where the control file binds the file to its customer.
    amount: where it stands; of several fields, such as one of income and one of expense, the first that is not empty.
    currency: absent where every amount is in yuan.
    rows: what a row is, by the first rule that holds.
    original: where a refund names its purchase, or what it is found by.
    purchase_sign, refund_sign: how their amounts are written.
    refunded: what was taken back, on the purchase's own row.
    wallet: through which wallet was paid, by its institution's id.
    merchant: what tells the category of the merchant.
    object: what the act was done with, as of acts.
    """

    customer: str | None = None
    occurred_at: Time
    scenario: Scenario
    amount: Number | Annotated[list[Number], Field(min_length=1)]
    currency: Currency | None = later(None)
    rows: list[RowRule] = Field(min_length=1)
    original: Original | None = None
    purchase_sign: Literal["negative", "positive"] = later("positive")
    refund_sign: Literal["negative", "positive"] = "positive"
    refunded: Number | None = None
    wallet: Classes | None = None
    merchant: Merchant | None = None
    object: Object = later(None)

    @field_validator("amount")
    @classmethod
    def _stands_in_fields(cls, amount: Number | list[Number]) -> Number | list[Number]:
        if any(one.column is None for one in (amount if isinstance(amount, list) else [amount])):
            raise ValueError("what was paid stands in a field")
        return amount

    @model_validator(mode="after")
    def _only_yuan_and_fen(self) -> PaymentColumns:
        if self.currency and {one.unit for one in self.amounts} != {"yuan"}:
            raise ValueError("an amount in another currency is read in its whole units: say unit: yuan")
        return self

    @property
    def amounts(self) -> list[Number]:
        """Where the amount may stand, the first that is not empty."""
        return self.amount if isinstance(self.amount, list) else [self.amount]

    @model_validator(mode="after")
    def _refunds_have_originals(self) -> PaymentColumns:
        meanings = {rule.means for rule in self.rows}
        if bool(meanings & REFUNDS) != (self.original is not None):
            raise ValueError("say `original` exactly where rows may be refunds")
        if self.original and self.original.matched_by and (self.refunded or "refunded" in meanings):
            raise ValueError(
                "what purchases say themselves was taken back, no refund may be matched to: ignore its rows"
            )
        return self


class RegistrationColumns(Strict):
    """What an institution knows of a customer; a later one replaces the earlier."""

    customer: str
    registered_at: Time
    subject_kind: Annotated[Codes, _only(*get_args(SubjectKind))]
    identifiers: Identifiers


class ConsentColumns(Strict):
    """A consent given or withdrawn for a scope."""

    customer: str
    at: Time
    scope: Codes
    consent: Annotated[Codes, _only("given", "withdrawn")]


class RedemptionColumns(Strict):
    """Points of a programme, given up for one of its benefits.

    benefit: code → `<programme>.<benefit>`.
    rows: which rows are redemptions and which are ignored; without it all are.
    """

    customer: str
    redeemed_at: Time
    benefit: Codes
    points: Number
    rows: list[RowRule] = []

    @field_validator("benefit")
    @classmethod
    def _benefits(cls, benefit: Codes) -> Codes:
        odd = [name for name in benefit.codes.values() if not re.fullmatch(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*", name)]
        if odd:
            raise ValueError(f"{odd}: use <programme>.<benefit>")
        return benefit

    @field_validator("points")
    @classmethod
    def _whole_points(cls, points: Number) -> Number:
        if points.unit != "point" or points.column is None or points.is_optional:
            raise ValueError("points stand in a field of every row, in the unit point")
        return points

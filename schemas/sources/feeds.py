"""Feeds: one kind of rows that an institution sends, its files, its key, its rules and its columns."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from schemas.base import Pattern, Strict, later
from schemas.scenarios.parts import Amendment, Text
from schemas.sources.bills import Bill, Origin, head_of
from schemas.sources.columns import (
    TIMES,
    Case,
    Distance,
    Items,
    Number,
    Saving,
    Sum,
    Time,
    columns_of,
    indispensable,
)
from schemas.sources.kinds import (
    ActColumns,
    ConsentColumns,
    PaymentColumns,
    RedemptionColumns,
    RegistrationColumns,
    TapColumns,
)
from schemas.sources.layouts import (
    Delimited,
    Format,
    Json,
    JsonLines,
    Layout,
    Mt940,
    Workbook,
    Xml,
)
from schemas.sources.statements import StatementRule, Volume, identifiers_rule

PACKINGS = {".gz": "gzip", ".zip": "zip"}
"""How a file is packed, by the end of its name."""
WORKBOOK_SUFFIXES = (".xls", ".xlsx")


class Pairing(Strict):
    """How taps become rides.

    scenario: the act that a ride is.
    max_ride_minutes: an exit later than this after its entry is not of that ride.
    duplicate_seconds: the same passage written again within this time is a repetition.
    station_table: CSV beside the contracts, `from_station,to_station,distance_m`, each pair once.
    """

    scenario: str
    max_ride_minutes: int = Field(gt=0)
    duplicate_seconds: int = Field(ge=0)
    station_table: str


class LagChange(Amendment):
    """Rows of acts of these dates are booked so many days after the act, at most."""

    booking_lag_days: int = Field(ge=0, le=31)


class _Feed(Strict):
    """What all feeds share.

    file: names of a file with `{date}` (%Y%m%d of the business date) and `{part}`; its end says how it is packed.
    completeness: a statement is complete for its `day` (a higher revision replaces it whole), for a customer
        and a period (`bill`: a file that a person brought; a later one replaces its days), or only adds.
    bill: of a bill alone, where its period and its time of export stand; in the file itself unless said.
    format: the form, or several of which each file has one.
    fields: every field. What is neither mapped nor a key is named in `not_kept`.
    natural_key: the fields that name a row for ever; null where the institution has none.
    equal_rows: of a feed without one, when rows of two statements that say the same are one: when they are of the same
        day themselves (`row_date`: a later export may repeat them), or of the same business date (`business_date`: each
        export has its own).
    required: fields that may not be empty.
    oldest_days: how many days before its business date a row may lie.
    rules: what its statements are held against as a whole, beside what follows from the volume.
    booking_lag_days: how many days after the act a row may be booked, at most.
    changes: of the booking lag, in the order of their release; nothing of what a row says, so they are no part of the
        contract that a file was landed under.
    longest_value: characters that a value may have, at most.
    in_files_of: the feed in whose files its rows stand, where a file holds rows of two kinds: file, format, fields,
        completeness, bill and control_sum are that feed's, and the control file names the file once, for that feed.
    only: the rows that are this feed's: those whose fields match from end to end; the others belong to another feed.
        What is no feed's is judged as a row of the feed that has the file, so that nothing is lost.
    no_object: why its rows name nothing that acts are done with, of a feed that reports a scenario with an exclusion by
        object: what a person did of these scenarios in a month then counts as done with one thing.
    region: GB/T 2260 code of the feed's acts, `000000` where the export does not tell the place; absent: the
        institution's.
    """

    file: str | list[str]
    completeness: Literal["day", "bill", "additions"]
    bill: Bill | None = later(None)
    format: Format | list[Format]
    fields: list[str] = Field(min_length=1)
    natural_key: list[str] | None
    equal_rows: Literal["row_date", "business_date"] | None = None
    required: list[str] = Field(min_length=1)
    oldest_days: int = Field(gt=0)
    volume: Volume
    rules: list[StatementRule] = []
    not_kept: list[str] = []
    items: Items | None = None
    control_sum: Sum | None = None
    booking_lag_days: int = Field(default=0, ge=0, le=31)
    changes: list[LagChange] = Field(default=[], exclude=True)
    no_object: Text | None = Field(default=None, exclude=True)
    region: str | None = Field(default=None, pattern=r"^\d{6}$")
    longest_value: int = Field(default=4096, gt=0, le=1 << 20)
    in_files_of: str | None = later(None)
    only: dict[str, Pattern] = later({})

    @field_validator("file")
    @classmethod
    def _file_pattern(cls, file: str | list[str]) -> str | list[str]:
        for name in [file] if isinstance(file, str) else file:
            if name.count("{date}") != 1 or name.count("{part}") != 1 or not re.fullmatch(r"[\w.{}-]+", name):
                raise ValueError("use {date} and {part} once each, and no folder")
        return file

    @model_validator(mode="after")
    def _fields_accounted_for(self) -> _Feed:
        if self.items and (not isinstance(self.format, (JsonLines, Json)) or not self.natural_key):
            raise ValueError("items need layout json_lines or json, and a natural_key")
        mapped = set(columns_of(getattr(self, "columns", None)))
        mapped |= self.only.keys()
        keys = set(self.natural_key or ())
        listed = {self.items.column} if self.items else set()
        sums = {self.control_sum.column} if self.control_sum else set()
        unknown = (mapped | keys | listed | set(self.not_kept) | set(self.required)) - set(self.fields)
        unknown |= sums - set(self.fields) - ({self.items.value} if self.items else set())
        unknown |= {name for layout in self.formats for name in _targets(layout)} - set(self.fields)
        if unknown:
            raise ValueError(f"no such field: {sorted(unknown)}")
        forgotten = set(self.fields) - mapped - keys - listed - set(self.not_kept)
        if forgotten:
            raise ValueError(f"map these fields or name them in not_kept: {sorted(forgotten)}")
        both = set(self.not_kept) & mapped
        if both:
            raise ValueError(f"mapped and not_kept: {sorted(both)}")
        absent = {name for layout in self.formats for name in getattr(layout, "optional", ())} & set(self.required)
        if absent:
            raise ValueError(f"required, and optional in the layout: {sorted(absent)}")
        unruled = (keys | set(indispensable(getattr(self, "columns", None)))) - set(self.required)
        if unruled:
            raise ValueError(f"name these fields in required: {sorted(unruled)}")
        return self

    @model_validator(mode="after")
    def _rows_are_told_apart(self) -> _Feed:
        if (self.equal_rows is None) != self.is_keyed:
            raise ValueError("say equal_rows, row_date or business_date, exactly where natural_key is null")
        return self

    @model_validator(mode="after")
    def _formats_fit(self) -> _Feed:
        lines = [layout for layout in self.formats if not isinstance(layout, Workbook)]
        if len(lines) > 1 and not all(isinstance(layout, Delimited) for layout in lines):
            raise ValueError("only delimited layouts may stand beside each other, and workbooks")
        books = [name for name in self.files if name.endswith(WORKBOOK_SUFFIXES)]
        if bool(books) != (len(lines) < len(self.formats)) or (len(books) == len(self.files)) != (not lines):
            raise ValueError("files that end in .xlsx or .xls are workbooks, and no others")
        if len({str(layout.sheet) for layout in self.formats if isinstance(layout, Workbook)}) > 1:
            raise ValueError("all workbooks of a feed have their rows in one sheet")
        return self

    @model_validator(mode="after")
    def _bills_are_told(self) -> _Feed:
        heads = [head_of(layout) for layout in self.formats]
        if not self.is_bill:
            if self.bill is not None or any(
                head and (head.gives or getattr(head, "selection", None)) for head in heads
            ):
                raise ValueError("a bill, and nothing else, has a period, a time of export and a selection")
            return self
        for name in ("period", "exported_at"):
            is_own = name in self.bill_from("file")
            if any((head is not None and name in head.gives) != is_own for head in heads):
                raise ValueError(f"say {name} of a bill in every layout, or in none and in `bill` where it comes from")
        return self

    @model_validator(mode="after")
    def _bookings_lag(self) -> _Feed:
        at = getattr(getattr(self, "columns", None), "occurred_at", None)
        is_booking = at is not None and at.tells == "booking"
        if is_booking != bool(self.booking_lag_days):
            raise ValueError("say booking_lag_days exactly where occurred_at tells: booking")
        return self

    @model_validator(mode="after")
    def _rules_fit(self) -> _Feed:
        if self.rules and self.is_bill:
            raise ValueError("bills are held against no rules: each is as somebody's month was")
        unknown = {rule.number for rule in self.rules if rule.number} - self.numbers
        if unknown:
            raise ValueError(f"no such number: {sorted(unknown)}; a rule may measure {sorted(self.numbers)}")
        return self

    @property
    def files(self) -> list[str]:
        """The agreed forms of a file's name."""
        return [self.file] if isinstance(self.file, str) else self.file

    @property
    def formats(self) -> list[Layout]:
        """The layouts, one of which a file has."""
        return self.format if isinstance(self.format, list) else [self.format]

    def lag_days(self, day: date) -> int:
        """How many days after an act of this date its row may be booked, at most."""
        said = [one.booking_lag_days for one in self.changes if one.in_force(day)]
        return said[-1] if said else self.booking_lag_days

    @property
    def is_bill(self) -> bool:
        """True when each file is one customer's own, of a period."""
        return self.completeness == "bill"

    def bill_from(self, origin: Origin) -> set[str]:
        """Which of `period` and `exported_at` have this origin; none where it is no bill."""
        return (self.bill or Bill()).from_(origin) if self.is_bill else set()

    @property
    def all_rules(self) -> list[StatementRule]:
        """The rules of its statements that follow from the volume, then the written ones; bills are as they are."""
        return [] if self.is_bill else [*self.volume.rules(), *self.rules]

    @property
    def cases(self) -> list[Case]:
        """The ways in which its rows name scenarios."""
        return []

    @property
    def scenarios(self) -> set[str]:
        """Every scenario that its rows may report."""
        return {case.scenario for case in self.cases}

    @property
    def numbers(self) -> set[str]:
        """The numbers of its rows whose medians are known, after a slash the scenario."""
        return {f"{name}/{scenario}" for scenario in self.scenarios for name in ("amount_fen", "quantity_micro")}

    @property
    def is_keyed(self) -> bool:
        """True when rows carry a natural key; otherwise equal rows are told apart by an ordinal."""
        return self.natural_key is not None

    @property
    def time(self) -> Time:
        """When that was which a row tells."""
        columns = getattr(self, "columns", None)
        return next(time for name in TIMES if isinstance(time := getattr(columns, name, None), Time))

    @property
    def key_fields(self) -> list[str]:
        """The fields whose values make the record key: the natural key, else all that are kept."""
        return self.natural_key or [field for field in self.fields if field not in self.not_kept]

    def file_names(self, business_date: date, part: int) -> list[str]:
        """The agreed names of one part, one of which it has."""
        return [name.format(date=business_date.strftime("%Y%m%d"), part=part) for name in self.files]


def _targets(layout: Layout) -> set[str]:
    """Fields that a layout names."""
    if isinstance(layout, (JsonLines, Json)):
        return {*(layout.values or ()), *layout.optional}
    if isinstance(layout, (Xml, Mt940)):
        return set(layout.values or ())
    columns = layout.columns if isinstance(layout, (Delimited, Workbook)) else None
    return {name for name in (columns or {}).values() if name is not None}


class ActFeed(_Feed):
    """Acts."""

    kind: Literal["act"]
    columns: ActColumns

    @property
    def cases(self) -> list[Case]:
        return self.columns.scenario.cases

    @model_validator(mode="after")
    def _consistent(self) -> ActFeed:
        known = set(self.items.known) if self.items else set()
        cases = self.cases
        numbers = [n for case in cases for n in (case.quantity, case.amount) if isinstance(n, Number)]
        unknown = {number.item for number in numbers if number.item} - known
        if unknown:
            raise ValueError(f"items that are not known: {sorted(unknown)}")
        if any(case.claim_kind == "payment" for case in cases):
            raise ValueError("a payment belongs into a payment feed")
        if self.columns.ended_at is None and any(isinstance(case.quantity, Distance) for case in cases):
            raise ValueError("a distance needs ended_at, so that its speed can be checked")
        if any(rule.means not in ("act", None) for rule in self.columns.rows):
            raise ValueError("a row of acts is an act or ignored")
        return self


class TapFeed(_Feed):
    """Gate passages, to be paired into rides."""

    kind: Literal["tap"]
    columns: TapColumns
    pairing: Pairing

    @property
    def scenarios(self) -> set[str]:
        return {self.pairing.scenario}

    @property
    def numbers(self) -> set[str]:
        return {"amount_fen"}


class PaymentFeed(_Feed):
    """Payments, from a card, an account or a wallet. Refunds name their original by its natural key, or are matched to it."""

    kind: Literal["payment"]
    columns: PaymentColumns

    @property
    def cases(self) -> list[Case]:
        return self.columns.scenario.cases

    @model_validator(mode="after")
    def _consistent(self) -> PaymentFeed:
        original = self.columns.original
        if original and original.column and len(self.natural_key or ()) != 1:
            raise ValueError("refunds name one field of the original: the natural key has exactly one field")
        cases = self.cases
        if any(case.claim_kind == "reading" for case in cases):
            raise ValueError("a payment proves an act or a payment, not a reading")
        if self.columns.currency and self.columns.currency.others == "convert" and self.columns.refunded:
            raise ValueError("what was taken back stands on the purchase's row in yuan: ignore other currencies")
        if any(isinstance(case.quantity, (Distance, Saving)) for case in cases):
            raise ValueError("a distance belongs to an act, and so does a meter's saving: a payment has neither")
        if any(rule.means in ("act", "redemption") for rule in self.columns.rows):
            raise ValueError("a row of payments is a purchase or what takes it back; what it proves, its case says")
        if (self.columns.customer is None) != self.is_bill:
            raise ValueError("the control file binds a bill, and nothing else, to its customer")
        return self


class RegistrationFeed(_Feed):
    """Registrations.

    most_bad_identifiers: share of the identifiers given of a kind that may be none. Where more are, columns are exchanged
        rather than values mistyped, and the statement is held back.
    """

    kind: Literal["registration"]
    columns: RegistrationColumns
    most_bad_identifiers: float = Field(default=0.1, ge=0, le=1, exclude=True)

    @property
    def all_rules(self) -> list[StatementRule]:
        return [*super().all_rules, identifiers_rule(self.most_bad_identifiers)]


class ConsentFeed(_Feed):
    """Consents."""

    kind: Literal["consent"]
    columns: ConsentColumns


class RedemptionFeed(_Feed):
    """Redemptions."""

    kind: Literal["redemption"]
    columns: RedemptionColumns

    @property
    def numbers(self) -> set[str]:
        return {"points"}

    @model_validator(mode="after")
    def _consistent(self) -> RedemptionFeed:
        if any(rule.means not in ("redemption", None) for rule in self.columns.rows):
            raise ValueError("a row of redemptions is a redemption or ignored")
        return self


Feed = Annotated[
    ActFeed | TapFeed | PaymentFeed | RegistrationFeed | ConsentFeed | RedemptionFeed, Field(discriminator="kind")
]

"""The forms in which exports are written: lines of text, workbooks, XML. How a file is packed, its name says."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Annotated, Literal

import re2
from pydantic import AfterValidator, Field, field_validator, model_validator

from schemas.base import Pattern, Strict, later
from schemas.sources.columns import TimeForm


class Selection(Strict):
    """Whether a bill holds everything: group 1 of `pattern` is one of `whole`."""

    pattern: Pattern
    whole: list[str] = Field(min_length=1)


def _is_local(form: str) -> str:
    if "%z" in form:
        raise ValueError(f"{form!r}: these times are local; an offset that never changes is written as it stands")
    return form


LocalForm = Annotated[TimeForm, AfterValidator(_is_local)]


class _Head(Strict):
    """How a bill writes the days that it covers, and when it was exported: local times, or days without a clock.

    time_form: of both. period_form, exported_form: of one of them. A day that ends a period belongs to it; a day alone
        as the time of export is its midnight.
    """

    time_form: LocalForm | None = None
    period_form: LocalForm | None = later(None)
    exported_form: LocalForm | None = later(None)

    @property
    def gives(self) -> set[str]:
        """Which of `period` and `exported_at` stand here."""
        raise NotImplementedError

    @property
    def forms(self) -> dict[str, str | None]:
        """How each of them is written."""
        return {
            "period": self.period_form or self.time_form,
            "exported_at": self.exported_form or self.time_form,
        }

    @model_validator(mode="after")
    def _forms_are_said(self) -> _Head:
        for name in sorted(self.gives):
            if self.forms[name] is None:
                raise ValueError(f"say time_form, or the form of {name} alone")
        return self


class Preamble(_Head):
    """What stands above a header, which is found by its names and never by a line number.

    within_lines: the header stands among so many first lines; all that a feed says which is no bill.
    period: groups `first` and `last`, the days that a bill covers. exported_at: group 1. Either is left out where the
        feed's `bill` says that it stands elsewhere.
    selection: absent where such a bill always holds everything.
    """

    within_lines: int = Field(default=100, gt=0, le=1000)
    period: Pattern | None = None
    exported_at: Pattern | None = None
    selection: Selection | None = None

    @field_validator("period")
    @classmethod
    def _groups(cls, period: str | None) -> str | None:
        if period is not None and not {"first", "last"} <= re2.compile(period).groupindex.keys():
            raise ValueError("name the groups first and last")
        return period

    @field_validator("exported_at")
    @classmethod
    def _group(cls, exported_at: str | None) -> str | None:
        if exported_at is not None and not re2.compile(exported_at).groups:
            raise ValueError("name the time of export by a group")
        return exported_at

    @property
    def gives(self) -> set[str]:
        return {name for name in ("period", "exported_at") if getattr(self, name) is not None}


class _Table(Strict):
    """Rows under one header that names the columns, in any order.

    columns: name in the header → the feed's field, or null for what is not kept; absent: the feed's own names.
        Fields without a column are empty in this layout.
    new_columns: what to do with a column that is not agreed.
    is_padded: values stand between spaces and tabs that do not belong to them, also outside of their quotes, and empty
        lines between rows.
    no_value: text that stands for none.
    footer: a line that matches ends the rows.
    """

    columns: dict[str, str | None] | None = None
    new_columns: Literal["refuse", "ignore"] = "refuse"
    preamble: Preamble | None = None
    is_padded: bool = False
    no_value: str | None = None
    footer: Pattern | None = None


class _Lines(Strict):
    encoding: Literal["utf-8", "gb18030"]
    line_ending: Literal["lf", "crlf", "any"]
    may_have_mark: bool = False
    """Whether the file may begin with a byte order mark."""


class _Objects(Strict):
    """Rows that are JSON objects, with exactly the feed's fields unless said.

    values: field → where it stands in the object, keys with dots between; of fields that are not named here nothing stands.
    optional: fields that may be absent, or stand in an object that is absent or null: they are empty then.
    new_keys: what to do with a key that is not agreed, wherever in the object it stands.
    has_numbers: values may be JSON numbers of up to 15 digits; else a value that is no text is an error.
    """

    values: dict[str, str] | None = later(None)
    optional: list[str] = later([])
    new_keys: Literal["refuse", "ignore"] = later("refuse")
    has_numbers: bool = later(False)

    @model_validator(mode="after")
    def _places_are_apart(self) -> _Objects:
        places = sorted((self.values or {}).values())
        for one, other in pairwise(places):
            if other.startswith(f"{one}."):
                raise ValueError(f"values: {one} is a value, and {other} stands inside of it")
        if any("" in place.split(".") for place in places):
            raise ValueError("values: name a key on each side of a dot")
        return self


class JsonLines(_Objects, _Lines):
    """One JSON object a line."""

    layout: Literal["json_lines"]


class DocumentHead(_Head):
    """Where a JSON document says what a bill says of itself: keys with dots between, from the document on, to texts."""

    first: str | None = None
    last: str | None = None
    exported_at: str | None = None

    @model_validator(mode="after")
    def _both_days(self) -> DocumentHead:
        if (self.first is None) != (self.last is None):
            raise ValueError("say first and last, or neither")
        return self

    @property
    def gives(self) -> set[str]:
        return {
            name for name, place in (("period", self.first), ("exported_at", self.exported_at)) if place is not None
        }


class Json(_Objects):
    """One JSON document (in UTF-8, as JSON is), of which one array holds the rows.

    rows: keys with dots between that lead to the array; absent: the document is the array.
    head: of a bill that says of itself what it covers.
    """

    layout: Literal["json"]
    rows: str | None = None
    may_have_mark: bool = False
    head: DocumentHead | None = None


class Delimited(_Table, _Lines):
    """One row a line.

    quoting: `minimal` lets a value stand in double quotes (RFC 4180) within its line; `none` knows no quotes.
    trailing_empty: so many empty cells may follow the last column, in the header and in each row.
    """

    layout: Literal["delimited"]
    delimiter: str = Field(min_length=1, max_length=1)
    quoting: Literal["none", "minimal"]
    trailing_empty: int = later(0, ge=0, le=100)


class Workbook(_Table):
    """A sheet of an Excel file: XLSX, or XLS as Excel wrote it before 2007.

    sheet: its name, or its number from 1; the first unless said.
    """

    layout: Literal["workbook"]
    sheet: str | Annotated[int, Field(ge=1, le=10_000)] | None = later(None)


class AddsUp(Strict):
    """Fields of an XML layout of which a row element, and the inner ones that are its rows, speak both.

    The inner amounts add up to that of the row element. Where it has one inner element without an amount, or with one in
    another currency, its own amount and currency count; where it has several, each has its amount; of several in more
    than one currency nothing can be added up.

    direction: an inner amount of another direction is taken off.
    """

    amount: str
    currency: str | None = None
    direction: str | None = None

    @property
    def fields(self) -> list[str]:
        return [field for field in (self.amount, self.currency, self.direction) if field is not None]


class Xml(Strict):
    """Elements of an XML file, by their local names; no DTD, no entities.

    root: local name of the root. namespace: pattern of its namespace, "" for none.
    path: elements from the outermost that rows share to the innermost that is a row.
    row: the element that is a row; one further out in `path` is a row where it holds none of the inner ones.
    values: field → where its text stands, the first that is there: `Element/Child/…`, from an element of the
        path on, `@Name` for an attribute. Absent: the row has exactly one child for each field, named after it.
    adds_up: what inner elements say adds up to what the row element says; otherwise nothing holds them against it.
    """

    layout: Literal["xml"]
    root: str
    namespace: Pattern = ""
    path: list[str] = Field(min_length=1)
    row: str
    values: dict[str, list[str]] | None = None
    adds_up: AddsUp | None = later(None)

    @model_validator(mode="after")
    def _rows_on_path(self) -> Xml:
        if self.row not in self.path:
            raise ValueError(f"row {self.row!r} is not on the path")
        starts = {place.split("/")[0].split("@")[0] for places in (self.values or {}).values() for place in places}
        if starts - set(self.path):
            raise ValueError(f"values start at an element of the path, not at {sorted(starts - set(self.path))}")
        for field in self.adds_up.fields if self.adds_up else ():
            if not self.places(field, is_inner=True) or not self.places(field, is_inner=False):
                raise ValueError(f"adds_up: {field} has a place in the row and one in what is inside of it")
        return self

    def places(self, field: str, *, is_inner: bool) -> list[str]:
        """Where a field stands inside of elements that a row element holds, or in itself."""
        inner = set(self.path[self.path.index(self.row) + 1 :])
        starts = inner if is_inner else {self.row}
        return [one for one in (self.values or {}).get(field, []) if one.split("/")[0].split("@")[0] in starts]


MT940_NAMES = frozenset(
    [
        "account",
        "statement",
        "reference",
        "value_date",
        "entry_date",
        "mark",
        "amount",
        "currency",
        "funds_code",
        "type",
        "customer_reference",
        "bank_reference",
        "supplementary",
        "details",
    ]
)


class Mt940(_Lines):
    """Statements of a bank as SWIFT MT940 messages; one row a line of a statement (`:61:`) with its details (`:86:`).

    What a statement's lines add up to is held against its balances (`:60F:`, `:62F:`).

    values: field → what it holds, the first that is not empty. Of the statement: `account` (`:25:`), `statement` (`:28C:`),
        `reference` (`:20:`), `currency` of its balances. Of the line: `value_date` and `entry_date` as 2026-11-01 (the
        year of an entry is that of its value date, or the one beside where a year ends between them), `mark` (C, D, RC,
        RD, EC, ED), `amount` without a sign and with a point, `funds_code`, `type`, `customer_reference`,
        `bank_reference`, `supplementary`. Of the details: `details`, all of their lines with spaces between;
        `details?32`, a numbered part, and `details?20-29`, such parts together; `details/NAME`, what follows a code word.
    """

    layout: Literal["mt940"]
    values: dict[str, list[str]] = Field(min_length=1)

    @field_validator("values")
    @classmethod
    def _known_names(cls, values: dict[str, list[str]]) -> dict[str, list[str]]:
        named = [name for names in values.values() for name in names if name not in MT940_NAMES]
        odd = [name for name in named if not re.fullmatch(r"details(\?[0-9]{2}(-[0-9]{2})?|/[A-Z]{2,8})", name)]
        if odd:
            raise ValueError(f"{odd}: use {sorted(MT940_NAMES)}, details?20, details?20-29 or details/NAME")
        return values


Layout = JsonLines | Json | Mt940 | Delimited | Workbook | Xml
Format = Annotated[Layout, Field(discriminator="layout")]
Tabular = Delimited | Workbook

"""How a source's fields become canonical columns: a closed set of converters, declared as data.

Every model names the field that it reads in `column` (a header name or a JSON key).
"""

from __future__ import annotations

import re
from datetime import date
from itertools import pairwise
from typing import Literal

from pydantic import Field, field_validator, model_validator

from schemas.base import Strict

Precision = Literal["second", "minute", "day"]
TIME_DIRECTIVES = frozenset("YmdHMS")
"""`%Y %m %d %H %M %S`, all zero-padded: what a time format may use."""


class Time(Strict):
    """A local time. `formats`: form → precision; the first form that fits decides."""

    column: str
    formats: dict[str, Precision] = Field(min_length=1)

    @field_validator("formats")
    @classmethod
    def _known_directives(cls, formats: dict[str, Precision]) -> dict[str, Precision]:
        for form in formats:
            directives = re.findall(r"%(.)", form)
            if not set("Ymd") <= set(directives) <= TIME_DIRECTIVES or len(set(directives)) < len(directives):
                raise ValueError(f"{form!r}: use %Y %m %d once each, and %H %M %S where there is a time")
        return formats


class Codes(Strict):
    """A code with an agreed meaning; any other code is an error."""

    column: str
    codes: dict[str, str] = Field(min_length=1)


class Number(Strict):
    """A number from a field, from a listed item, or the same in every row.

    unit: `one` counts things (up to six decimals); `yuan` and `fen` are money, whole fen in the end.
    at_most: for what is counted: more in one row is taken for a slip of the unit.
    is_optional: an empty field means unknown; otherwise it is an error.
    """

    column: str | None = None
    item: str | None = None
    constant: int | None = Field(default=None, ge=0)
    unit: Literal["one", "yuan", "fen"] = "one"
    at_most: int | None = Field(default=None, gt=0)
    thousands: Literal["", ","] = ""
    is_optional: bool = False

    @model_validator(mode="after")
    def _one_origin(self) -> Number:
        if sum(origin is not None for origin in (self.column, self.item, self.constant)) != 1:
            raise ValueError("name exactly one of column, item, constant")
        if (self.at_most is not None) != (self.unit == "one" and self.constant is None):
            raise ValueError("say at_most of what is counted in a field or item, and only of that")
        return self


def _compiles(pattern: str | None) -> str | None:
    if pattern is not None:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
    return pattern


class TextClass(Strict):
    """Texts in which `pattern` (regular expression, searched in the NFKC form) occurs are `is`."""

    pattern: str
    value: str

    _compiled = field_validator("pattern")(_compiles)


class Classes(Strict):
    """A class drawn from free text, which itself is never kept; the first pattern decides, else none."""

    column: str
    classes: list[TextClass] = Field(min_length=1)


class Case(Strict):
    """One way in which a source names a scenario, and where such a row holds quantity and amount.

    Either `codes` (equal) or `pattern` (regular expression, searched). `valid_from` and `valid_to`
    (inclusive) bound the act dates on which the name may be used.
    claim_kind: `reading` when a row is a running total of the day, not an act.
    """

    scenario: str
    codes: list[str] = []
    pattern: str | None = None
    valid_from: date = date.min
    valid_to: date = date.max
    claim_kind: Literal["act", "reading"] = "act"
    quantity: Number | None = None
    amount: Number | None = None

    _compiled = field_validator("pattern")(_compiles)

    @model_validator(mode="after")
    def _named(self) -> Case:
        if bool(self.codes) == bool(self.pattern):
            raise ValueError("name exactly one of codes, pattern")
        if self.valid_from > self.valid_to:
            raise ValueError("valid_from lies after valid_to")
        return self

    @property
    def is_dated(self) -> bool:
        """False for a name that may be used on every date."""
        return self.valid_from > date.min or self.valid_to < date.max


class Scenario(Strict):
    """The act that a row reports.

    is_nfkc: compare in Unicode's compatibility form, in which full-width brackets are plain ones.
    ignore_others: the rule by which rows of no case are ignored; without one they are errors.
    """

    column: str
    is_nfkc: bool = False
    cases: list[Case] = Field(min_length=1)
    ignore_others: str | None = None

    @model_validator(mode="after")
    def _unambiguous(self) -> Scenario:
        spans: dict[str, list[tuple[date, date]]] = {}
        for case in self.cases:
            for code in case.codes:
                spans.setdefault(code, []).append((case.valid_from, case.valid_to))
        for code, of_code in spans.items():
            ordered = sorted(of_code)
            for (_, end), (start, _) in pairwise(ordered):
                if start <= end:
                    raise ValueError(f"code {code!r} has two meanings on {start}")
        return self


class Refunds(Strict):
    """Which rows take money back: the kinds of `column`, and the field that names the original.

    A refund's amount is negative, a purchase's is not.
    """

    column: str
    purchase: list[str] = Field(min_length=1)
    full: list[str] = []
    partial: list[str] = []
    original: str


class Items(Strict):
    """A JSON list of (code, value) objects in one field; `known` are the agreed codes."""

    column: str
    code: str
    value: str
    known: list[str] = Field(min_length=1)


class Sum(Strict):
    """The field (or the value key of the items) whose sum the control file states."""

    column: str
    thousands: Literal["", ","] = ""

"""How a source's fields become canonical columns: a closed set of converters, declared as data.

Every model names the field that it reads in `column` (a header name or a JSON key).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, model_validator

from schemas.base import Pattern, Strict, later
from schemas.units import mass_in_kilograms

Precision = Literal["second", "minute", "day"]
TIME_DIRECTIVES = frozenset("YmdHMSfz")
"""What a time format may use: `%Y %m %d %H %M %S`, all zero-padded, `%f` for fractions of a second of any length, and
`%z` for an offset from UTC: `Z`, `+08:00` or `+0800`."""


def _known_directives(form: str) -> str:
    directives = re.findall(r"%(.)", form)
    if not set("md") <= set(directives) <= TIME_DIRECTIVES or len(set(directives)) < len(directives):
        raise ValueError(f"{form!r}: use %Y %m %d once each, and %H %M %S where there is a time")
    return form


def _with_year(form: str) -> str:
    if "%Y" not in form:
        raise ValueError(f"{form!r}: use %Y %m %d once each, and %H %M %S where there is a time")
    return form


RowTimeForm = Annotated[str, AfterValidator(_known_directives)]
"""The form of a row's time: without `%Y` it is the last such day that a row of its file may lie on."""
TimeForm = Annotated[RowTimeForm, AfterValidator(_with_year)]


class Time(Strict):
    """A time: that of its institution's place, unless the value says its offset.

    clock: the field of the time of day, where it stands apart from the date's: forms are those of both with a space between,
        or of the date alone where the clock is empty.
    formats: form → precision; the first form that fits decides.
    tells: the moment of the act, or when an institution booked it: of a booking only the date counts, whatever clock
        stands beside it, and the act lies up to the feed's booking lag before.
    """

    column: str
    clock: str | None = later(None)
    formats: dict[RowTimeForm, Precision] = Field(min_length=1)
    tells: Literal["act", "booking"] = "act"


class Codes(Strict):
    """A code with an agreed meaning; any other code is an error."""

    column: str
    codes: dict[str, str] = Field(min_length=1)


def _known_mass(units: dict[str, str]) -> dict[str, str]:
    for unit in units.values():
        mass_in_kilograms(unit)
    return units


class Units(Strict):
    """Rows that name their own unit of mass in `column`: code → unit; the quantity is counted in kilograms."""

    column: str
    codes: Annotated[dict[str, str], AfterValidator(_known_mass)] = Field(min_length=1)


MONEY_AT_MOST = {"yuan": 100_000_000, "fen": 10_000_000_000}
"""What one row may state of money where its contract does not say less: what nobody pays at once is a slip."""


class Number(Strict):
    """A number from a field, from a listed item, or the same in every row.

    unit: `one` counts things (up to six decimals); `yuan` and `fen` are money, whole fen in the end; `point` counts
        points, whole and above zero.
    units: where every row has its own unit of mass.
    at_most: more in one row is taken for a slip of the unit; to be said of what is counted, of money `MONEY_AT_MOST`
        unless said.
    prefix: text that may stand before the number.
    has_plus: whether a number above zero may be written with a plus.
    pattern: where the number stands in the field's text, as group 1; a text without it has none.
    is_optional: an empty field means unknown; otherwise it is an error.
    """

    column: str | None = None
    item: str | None = None
    constant: int | None = Field(default=None, ge=0)
    unit: Literal["one", "yuan", "fen", "point"] = "one"
    units: Units | None = None
    at_most: int | None = Field(default=None, gt=0)
    thousands: Literal["", ","] = ""
    prefix: str = ""
    has_plus: bool = later(False)
    pattern: Pattern | None = None
    is_optional: bool = False

    @model_validator(mode="after")
    def _one_origin(self) -> Number:
        if sum(origin is not None for origin in (self.column, self.item, self.constant)) != 1:
            raise ValueError("name exactly one of column, item, constant")
        if self.at_most is None and self.constant is None and self.unit not in MONEY_AT_MOST:
            raise ValueError("say at_most of what is counted in a field or item")
        if self.at_most is not None and self.constant is not None:
            raise ValueError("what every row has alike is its own bound: remove at_most")
        if self.units and (self.unit != "one" or self.column is None):
            raise ValueError("units belong to what is counted in a field")
        if self.pattern and not self.is_optional:
            raise ValueError("a number that a pattern finds may be missing: say is_optional")
        return self

    @property
    def most(self) -> int:
        """The most that one row may state, in its unit."""
        if self.constant is not None:
            return self.constant
        return self.at_most if self.at_most is not None else MONEY_AT_MOST[self.unit]


class Place(Strict):
    """Two fields with degrees of latitude and longitude."""

    latitude: str
    longitude: str


class Distance(Strict):
    """Kilometres in a straight line between two places: the least that a trip can have been.

    at_most: kilometres, at_most_per_hour: kilometres an hour, above which the row is an error.
    """

    start: Place
    end: Place
    at_most: int = Field(gt=0)
    at_most_per_hour: int = Field(gt=0)


class Saving(Strict):
    """What a meter counted less than the household's own past: the fields of both, in the unit of the scenario.

    own_baseline: its consumption of the period that it is compared with. at_most: of either, above which the row is
    an error.
    """

    own_baseline: str
    metered: str
    at_most: int = Field(gt=0)


class Lookup(Strict):
    """A quantity that a table tells: of a line, a fare, a class of goods.

    table: CSV beside the contracts: a column for each of `columns`, named after it, and `quantity`, in the scenario's unit
        with up to six decimals; of a range of what it may have been, the least.
    columns: the fields that are looked up.
    numbers: those of them that are compared as numbers: `4`, `4.0` and `4.00` are one.
    at_most: no row of the table says more.
    """

    table: str = Field(pattern=r"^[a-z][a-z0-9_]*\.csv$")
    columns: list[str] = Field(min_length=1)
    numbers: list[str] = []
    at_most: int = Field(gt=0)

    @model_validator(mode="after")
    def _numbers_are_looked_up(self) -> Lookup:
        if unknown := set(self.numbers) - set(self.columns):
            raise ValueError(f"numbers that are not looked up: {sorted(unknown)}")
        return self


Quantity = Number | Distance | Saving | Lookup


class Currency(Strict):
    """The field that names the currency of an amount, which is never taken for yuan.

    pattern: where it stands in the field's text, as group 1.
    yuan: what the institution calls the yuan. codes: what it calls other currencies → ISO 4217; what it names so already
        needs none.
    others: an amount in another currency is converted by the rate of its day (`spending/exchange_rates.csv`), or the row is
        ignored; where there is no rate it is ignored as well.
    """

    column: str
    pattern: Pattern | None = None
    yuan: list[str] = Field(min_length=1)
    codes: dict[str, Annotated[str, Field(pattern=r"^[A-Z]{3}$")]] = {}
    others: Literal["convert", "ignore"]

    @model_validator(mode="after")
    def _told_apart(self) -> Currency:
        if "CNY" in self.codes.values() or set(self.yuan) & self.codes.keys():
            raise ValueError("what is the yuan stands in `yuan`, and in no code")
        return self


class TextClass(Strict):
    """Texts in which `pattern` (regular expression, searched in the NFKC form) occurs are `is`."""

    pattern: Pattern
    value: str


class Classes(Strict):
    """A class drawn from free text, which itself is never kept; the first pattern decides, else none."""

    column: str
    classes: list[TextClass] = Field(min_length=1)


class Case(Strict):
    """One way in which a source names a scenario, and where such a row holds quantity and amount.

    Either `codes` (equal) or `pattern` (searched). `valid_from` and `valid_to` (inclusive) bound the act dates
    on which the name may be used.
    claim_kind: what a row proves: an `act`, a `reading` (a running total of the day), or a `payment`, which
        earns nothing by itself.
    region: where the name tells the place.
    """

    scenario: str
    codes: list[str] = []
    pattern: Pattern | None = None
    valid_from: date = date.min
    valid_to: date = date.max
    claim_kind: Literal["act", "reading", "payment"] = "act"
    region: str | None = Field(default=None, pattern=r"^\d{6}$")
    quantity: Quantity | None = None
    amount: Number | None = None

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
    ignore_others: the rule by which rows of no case, or without a name, are ignored; without one they are errors.
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


RowMeaning = Literal["act", "purchase", "refund", "full_refund", "partial_refund", "refunded", "redemption"]
"""`refund`: full when the refunds of an original add up to it. `refunded`: a purchase that was fully taken back."""

REFUNDS = frozenset(("refund", "full_refund", "partial_refund"))
"""The meanings of rows that take something back."""


class RowRule(Strict):
    """What a row is: the rule holds when every named field matches its pattern from end to end.

    Either `means`, or `ignore`: the name of the rule by which such rows do not count.
    """

    when: dict[str, Pattern] = Field(min_length=1)
    means: RowMeaning | None = None
    ignore: str | None = Field(default=None, pattern=r"^[a-z][a-z_]*$")

    @model_validator(mode="after")
    def _one_answer(self) -> RowRule:
        if (self.means is None) == (self.ignore is None):
            raise ValueError("name exactly one of means, ignore")
        return self


class Merchant(Strict):
    """The fields that tell the category of a merchant; the first that does decides, else it is unknown.

    code: the category code itself. number: UnionPay's merchant number, which holds it. name: a name, for the words of
    `spending/merchants.csv`. Their texts are never kept. default: the code of whoever no other tells, where a feed's
    merchants are of one kind.
    """

    code: str | None = None
    number: str | None = None
    name: str | None = None
    default: str | None = later(None, pattern=r"^[0-9]{4}$")

    @model_validator(mode="after")
    def _some_field(self) -> Merchant:
        if not (self.code or self.number or self.name or self.default):
            raise ValueError("name at least one of code, number, name, default")
        return self


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
    prefix: str = ""


class Identifiers(Strict):
    """Which field holds which identifier. `card` may be a JSON list."""

    citizen_id: str | None = None
    phone: str | None = None
    card: str | None = None


TIMES = ("occurred_at", "registered_at", "redeemed_at", "at")
"""The time of what a row tells, by kind of feed."""
_FIELD_NAMES = ("column", "clock", "customer", "station", "latitude", "longitude", "own_baseline", "metered")


def columns_of(model: object) -> Iterator[str]:
    """Every field that a columns model reads, however deep."""
    if isinstance(model, RowRule):
        yield from model.when
    elif isinstance(model, BaseModel):
        for name in type(model).model_fields:
            value = getattr(model, name)
            if isinstance(value, str) and (name in _FIELD_NAMES or isinstance(model, (Identifiers, Merchant))):
                if name != "default":  # a code, and no field
                    yield value
            elif isinstance(model, Lookup):
                yield from value if name == "columns" else ()
            else:
                yield from columns_of(value)
    elif isinstance(model, list):
        for entry in model:
            yield from columns_of(entry)


def indispensable(columns: Any) -> Iterator[str]:
    """Fields without which no row can count: the customer, and the time of what all rows report."""
    if customer := getattr(columns, "customer", None):
        yield customer
    for name in TIMES:
        if isinstance(time := getattr(columns, name, None), Time):
            yield time.column

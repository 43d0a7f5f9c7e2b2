"""Converters of single values, memoised: exports repeat their times, codes and amounts over and over.

A converter takes the text as sent and returns the canonical value, or raises `BadValue` with an error code.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import lru_cache
from itertools import repeat
from typing import Any

import pyarrow as pa

from jobs.landing.encoded import Column
from jobs.landing.formats.patterns import Patterns, compiled
from schemas.sources.columns import (
    Case,
    Classes,
    Codes,
    Distance,
    Lookup,
    Number,
    RowRule,
    Saving,
    Scenario,
    Sum,
    Units,
)
from schemas.sources.faults import shape
from schemas.units import MICRO, mass_in_kilograms

EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
MEMO_LIMIT = 200_000
Columns = dict[str, Any]
"""Field name → the `Column` of its values, one for each row of a batch; of a field that holds lists, these as they are."""


class BadValue(ValueError):
    """A value cannot be used. `code` is in the catalogue of errors; of several values, `place` is the bad one."""

    def __init__(self, code: str, place: int = 0) -> None:
        super().__init__(code)
        self.code = code
        self.place = place


@dataclass(frozen=True)
class Bad:
    """Stands in a converted column for a value that cannot be used."""

    code: str
    place: int


class RowErrors:
    """The first error of each row of a batch that has one: code, column and the value's shape."""

    def __init__(self) -> None:
        self.found: dict[int, tuple[str, str, str]] = {}

    def forgive(self, rows: Iterable[int]) -> None:
        """Forget what is wrong with rows that do not count, whatever they hold."""
        if self.found:
            for row in rows:
                self.found.pop(row, None)

    def note(self, row: int, code: str, column: str, value: object) -> None:
        """Keep an error, unless the row already has one."""
        if row not in self.found:
            self.found[row] = (code, column, shape(value))

    def columns(self, rows: int, what: str) -> dict[str, pa.Array]:
        """Code, column and shape of every row, as they are landed: of errors, or of identifiers that were refused."""
        said = [f"{what}_{one}" for one in ("code", "column", "shape")]
        if not self.found:
            return dict.fromkeys(said, pa.nulls(rows, pa.string()))
        told = zip(*map(self.found.get, range(rows), repeat((None, None, None))))
        return {name: pa.array(values, pa.string()) for name, values in zip(said, told)}


class Memo(dict[Any, Any]):
    """Text, or several texts, → converted value, computed once. Bounded: emptied between batches when large."""

    def __init__(self, convert: Callable[[Any], Any]) -> None:
        super().__init__()
        self.convert = convert
        self.has_bad = False

    def __missing__(self, text: Any) -> Any:
        try:
            if type(text) is not str and not (type(text) is tuple and set(map(type, text)) <= {str}):
                raise BadValue("wrong_type", _first_without_text(text))
            value = self.convert(text)
        except BadValue as error:
            value = Bad(error.code, error.place)
            self.has_bad = True
        self[text] = value
        return value

    def column(self, name: str | Sequence[str], raw: Column, errors: RowErrors) -> Column:
        """A whole column; what cannot be used is noted and becomes None.

        Where each value is several texts, `name` is the fields that they come from.
        """
        if len(self) > MEMO_LIMIT:
            self.clear()
            self.has_bad = False
        values = list(map(self.__getitem__, raw.values))
        if not self.has_bad:
            return Column(raw.codes, values)
        converted = Column(raw.codes, values)
        for row in converted.rows_where(lambda value: type(value) is Bad):
            bad = converted[row]
            if isinstance(name, str):
                errors.note(row, bad.code, name, raw[row])
            else:
                errors.note(row, bad.code, name[bad.place], raw[row][bad.place])
        return Column(raw.codes, [None if type(value) is Bad else value for value in values])


def longest(row: dict[str, Any]) -> int:
    """The most characters of a value of a JSON object, or of one in its lists."""
    texts: list[Any] = list(row.values())
    most = 0
    while texts:
        one = texts.pop()
        if type(one) is str:
            most = max(most, len(one))
        elif type(one) is list:
            texts += one
        elif type(one) is dict:
            texts += [*one, *one.values()]
    return most


def _first_without_text(value: object) -> int:
    """The place of the first of several values that is no text."""
    return next((at for at, one in enumerate(value) if type(one) is not str), 0) if type(value) is tuple else 0


_NUMBERS = {
    "": re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,6}))?"),
    ",": re.compile(r"(-?)([0-9]{1,12}|[0-9]{1,3}(?:,[0-9]{3}){1,3})(?:\.([0-9]{1,6}))?"),
}
"""Thousands separator → form of a number."""


@lru_cache(maxsize=1 << 16)  # a batch's amounts: the control sum and the row both read them
def to_micro(text: str, thousands: str) -> int:
    """A decimal text in millionths, exactly."""
    match = _NUMBERS[thousands].fullmatch(text)
    if match is None:
        raise BadValue("bad_number")
    sign, whole, fraction = match.groups("")
    micro = int(whole.replace(",", "")) * MICRO
    if fraction:
        micro += int(fraction.ljust(6, "0"))
    return -micro if sign else micro


_WHOLE_IN_MICRO = {"yuan": MICRO // 100, "fen": MICRO, "point": MICRO}
"""What is counted whole: fen and points."""


def number_converter(number: Number, *, is_signed: bool = False) -> Callable[[str], int | None]:
    """Number as declared → millionths (unit `one`), whole fen (money) or whole points."""
    divisor = _WHOLE_IN_MICRO.get(number.unit, 1)
    most = number.most * MICRO // divisor
    within = compiled(number.pattern) if number.pattern else None

    def convert(text: str) -> int | None:
        if within:
            found = within.search(text)
            text = found[1] if found else ""
        if not text:
            if number.is_optional:
                return None
            raise BadValue("missing_value")
        bare = text.removeprefix(number.prefix)
        if number.has_plus and bare.startswith("+"):
            bare = bare[1:] if bare[1:2] != "-" else bare
        value, rest = divmod(to_micro(bare, number.thousands), divisor)
        # Fen with a decimal point would be yuan in a fen field, a hundredth of what was meant.
        if rest or (number.unit == "fen" and "." in text):
            raise BadValue("bad_number")
        if (value < 0 and not is_signed) or (value == 0 and number.unit == "point"):
            raise BadValue("wrong_sign")
        if abs(value) > most:
            raise BadValue("too_much")
        return value

    return convert


def weight_converter(number: Number, units: Units) -> Callable[[tuple[str, str]], int | None]:
    """(number, unit code) → millionths of a kilogram, rounded down: towards less credit."""
    plain = number_converter(number.model_copy(update={"at_most": 10**12}))  # bounded once it is weighed
    kilograms = {code: mass_in_kilograms(unit) for code, unit in units.codes.items()}

    def convert(pair: tuple[str, str]) -> int | None:
        value = plain(pair[0])
        unit: Fraction | None = kilograms.get(pair[1])
        if unit is None:
            raise BadValue("unknown_code" if pair[1] else "missing_value", 1)
        weight = None if value is None else math.floor(value * unit)
        if weight is not None and number.at_most is not None and weight > number.at_most * MICRO:
            raise BadValue("too_much")
        return weight

    return convert


def lookup_converter(lookup: Lookup, table: Mapping[tuple[str, ...], int]) -> Callable[[tuple[str, ...]], int]:
    """The looked-up fields → millionths of the scenario's unit."""
    numbers = {lookup.columns.index(name) for name in lookup.numbers}

    def convert(texts: tuple[str, ...]) -> int:
        key = []
        for place, text in enumerate(texts):
            if not text:
                raise BadValue("missing_value", place)
            try:
                key.append(str(to_micro(text, "")) if place in numbers else text)
            except BadValue as error:
                raise BadValue(error.code, place) from None
        try:
            return table[tuple(key)]
        except KeyError:
            raise BadValue("unknown_code") from None

    return convert


def saving_converter(saving: Saving) -> Callable[[tuple[str, ...]], int]:
    """(own baseline, metered) → millionths of a unit saved; 0 where more was used, which is no negative credit."""
    plain = number_converter(Number(column=saving.metered, at_most=saving.at_most))

    def convert(meters: tuple[str, ...]) -> int:
        counts = []
        for place, text in enumerate(meters):
            try:
                counts.append(plain(text) or 0)
            except BadValue as error:
                raise BadValue(error.code, place) from None
        own_baseline, metered = counts
        return max(0, own_baseline - metered)

    return convert


EARTH_METRES = 6_371_008.8
"""Mean radius of the Earth (IUGG)."""


def way_converter(distance: Distance) -> Callable[[tuple[str, ...]], int]:
    """(latitude, longitude, latitude, longitude, seconds) → millionths of a kilometre, in whole metres, rounded down.

    The great circle between the two places: no way on the ground is shorter.
    """

    def convert(way: tuple[str, ...]) -> int:
        from_latitude, from_longitude, to_latitude, to_longitude = (
            _degrees(way[place], most, place) for place, most in enumerate((90, 180, 90, 180))
        )
        half_chord = (
            math.sin((to_latitude - from_latitude) / 2) ** 2
            + math.cos(from_latitude) * math.cos(to_latitude) * math.sin((to_longitude - from_longitude) / 2) ** 2
        )
        metres = math.floor(2 * EARTH_METRES * math.asin(math.sqrt(half_chord)))
        if metres > distance.at_most * 1000:
            raise BadValue("too_much")
        seconds = int(way[4])
        if seconds < 0:
            raise BadValue("ends_before_start", 4)
        if metres * 3600 > distance.at_most_per_hour * 1000 * seconds:
            raise BadValue("too_fast", 4)
        return metres * (MICRO // 1000)

    return convert


_DEGREES = re.compile(r"-?[0-9]{1,3}(?:\.[0-9]{1,12})?")


def _degrees(text: str, most: int, place: int) -> float:
    """Degrees in radians."""
    if not text:
        raise BadValue("missing_value", place)
    if not _DEGREES.fullmatch(text) or abs(float(text)) > most:
        raise BadValue("bad_coordinate", place)
    return math.radians(float(text))


def sum_converter(total: Sum) -> Callable[[str], int]:
    """A value of the controlled column in millionths; an empty one adds nothing."""
    return lambda text: to_micro(text.removeprefix(total.prefix), total.thousands) if text else 0


def code_converter(codes: Codes) -> Callable[[str], str]:
    """Code → its agreed meaning."""

    def convert(text: str) -> str:
        try:
            return codes.codes[text]
        except KeyError:
            raise BadValue("unknown_code" if text else "missing_value") from None

    return convert


def class_converter(classes: Classes) -> Callable[[str], str | None]:
    """Free text → the class of the first pattern that occurs in it, or None."""
    patterns = Patterns([entry.pattern for entry in classes.classes])

    def convert(text: str) -> str | None:
        found = patterns.found(unicodedata.normalize("NFKC", text))
        return classes.classes[found[0]].value if found else None

    return convert


def case_converter(scenario: Scenario) -> Callable[[str], tuple[Case, ...]]:
    """A source's name of a scenario → the cases it may mean, by date; none when it is to be ignored."""
    normal: Callable[[str], str] = (
        (lambda text: unicodedata.normalize("NFKC", text)) if scenario.is_nfkc else (lambda text: text)
    )
    by_code: dict[str, list[Case]] = {}
    for case in scenario.cases:
        for code in case.codes:
            by_code.setdefault(normal(code), []).append(case)
    by_pattern = [case for case in scenario.cases if case.pattern]
    patterns = Patterns([str(case.pattern) for case in by_pattern])

    def convert(text: str) -> tuple[Case, ...]:
        if not text and not scenario.ignore_others:
            raise BadValue("missing_value")
        plain = normal(text)
        found = by_code.get(plain) or [by_pattern[place] for place in patterns.found(plain)]
        if not found and not scenario.ignore_others:
            raise BadValue("unknown_code")
        return tuple(found)

    return convert


def case_on(cases: tuple[Case, ...], day: int | None) -> Case | None:
    """The first case that is agreed for a local date (days since 1970-01-01), or for every date."""
    for case in cases:
        if not case.is_dated:
            return case
        if day is not None and case.valid_from <= date.fromordinal(day + EPOCH_ORDINAL) <= case.valid_to:
            return case
    return None


def rule_converter(rules: Sequence[RowRule], names: Sequence[str]) -> Callable[[tuple[str, ...]], RowRule]:
    """The values of the fields that rules look at → the first rule that holds."""
    forms = [(rule, [(names.index(name), compiled(pattern)) for name, pattern in rule.when.items()]) for rule in rules]

    # Of a row of no kind it is the rules that would make it something which tell what is odd about it.
    telling = [one for one in forms if one[0].means] or forms

    def blamed(plain: Sequence[str]) -> int:
        """The first field that keeps from holding the rule of which the most holds."""
        fails = [[at for at, pattern in of_rule if not pattern.fullmatch(plain[at])] for _, of_rule in telling]
        shares = [len(failed) / len(of_rule) for failed, (_, of_rule) in zip(fails, telling)]
        return fails[shares.index(min(shares))][0]

    def convert(values: tuple[str, ...]) -> RowRule:
        plain = [unicodedata.normalize("NFKC", value) for value in values]
        for rule, patterns in forms:
            if all(pattern.fullmatch(plain[place]) for place, pattern in patterns):
                return rule
        place = blamed(plain)
        raise BadValue("unknown_code" if plain[place] else "missing_value", place)

    return convert


def known(values: frozenset[str]) -> Callable[[str], str]:
    """A code of a table, as it is."""

    def convert(text: str) -> str:
        if text not in values:
            raise BadValue("unknown_code" if text else "missing_value")
        return text

    return convert

"""What kinds of feeds share: scenarios, rules on rows, quantities, moments, and errors that do not count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jobs.landing.formats.times import texts_of
from jobs.landing.formats.values import (
    Columns,
    Memo,
    RowErrors,
    case_converter,
    case_on,
    lookup_converter,
    number_converter,
    rule_converter,
    saving_converter,
    way_converter,
    weight_converter,
)
from schemas.sources.columns import Case, Distance, Items, Lookup, Number, Quantity, RowRule, Saving, Scenario, Time
from schemas.units import MICRO

Lookups = Mapping[str, Mapping[tuple[str, ...], int]]
"""The tables that quantities are looked up in, by file."""


class Scenarios:
    """Scenario cases of rows, by name and act date."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.by_name = Memo(case_converter(scenario))

    def __call__(
        self, raw: Columns, days: Sequence[int | None], errors: RowErrors
    ) -> tuple[list[Case | None], list[str | None] | None]:
        """The case of each row (None: error or ignored) and the ignore rules, if the contract has one."""
        column = self.scenario.column
        names = raw[column]
        found = self.by_name.column(column, names, errors)
        pairs = list(zip(names, days))
        chosen = {pair: case_on(may, pair[1]) for pair, may in dict(zip(pairs, found)).items() if may}
        cases = [chosen.get(pair) for pair in pairs]
        if None in chosen.values():
            for row, (case, may, day) in enumerate(zip(cases, found, days)):
                if case is None and may and day is not None:
                    errors.note(row, "expired_code", column, names[row])
        rule = self.scenario.ignore_others
        return cases, [rule if may == () else None for may in found] if rule else None


class RowRules:
    """What each row is, by the contract's rules; a contract without rules takes every row for the same."""

    def __init__(self, rules: Sequence[RowRule], otherwise: str) -> None:
        self.names = list(dict.fromkeys(name for rule in rules for name in rule.when))
        self.otherwise = otherwise
        self.by_values = Memo(rule_converter(rules, self.names))

    def __call__(self, raw: Columns, rows: int, errors: RowErrors) -> tuple[list[str | None], list[str | None]]:
        """What each row means, and the rule by which it is ignored."""
        if not self.names:
            return [self.otherwise] * rows, [None] * rows
        values = list(zip(*(raw[name] for name in self.names)))
        rules = self.by_values.column(self.names, values, errors)
        return [rule and rule.means for rule in rules], [rule and rule.ignore for rule in rules]


class Quantities:
    """Quantity and amount of rows, where their cases say that they stand."""

    def __init__(
        self, scenario: Scenario, lookups: Lookups, items: Items | None = None, ended_at: Time | None = None
    ) -> None:
        self.items = items
        self.ended_at = ended_at.column if ended_at else ""
        self.memos: dict[int, Memo] = {}
        for case in scenario.cases:
            for number in (case.quantity, case.amount):
                if isinstance(number, Distance):
                    self.memos[id(number)] = Memo(way_converter(number))
                elif isinstance(number, Saving):
                    self.memos[id(number)] = Memo(saving_converter(number))
                elif isinstance(number, Lookup):
                    self.memos[id(number)] = Memo(lookup_converter(number, lookups[number.table]))
                elif number is not None and number.units:
                    self.memos[id(number)] = Memo(weight_converter(number, number.units))
                elif number is not None:
                    self.memos[id(number)] = Memo(number_converter(number))

    def __call__(
        self, cases: Sequence[Case | None], seconds: Sequence[int | None], raw: Columns, errors: RowErrors
    ) -> tuple[list[int | None], list[int | None]]:
        """Quantity and amount of each row."""
        quantities: list[int | None] = [None] * len(cases)
        amounts: list[int | None] = [None] * len(cases)
        for case in {id(case): case for case in cases if case is not None}.values():
            rows = [row for row, of_row in enumerate(cases) if of_row is case]
            for number, into in ((case.quantity, quantities), (case.amount, amounts)):
                if isinstance(number, Number) and number.constant is not None:
                    for row in rows:
                        into[row] = number.constant * MICRO
                elif number is not None:
                    self._fill(number, into, rows, seconds, raw, errors)
        return quantities, amounts

    def _fill(
        self,
        number: Quantity,
        into: list[int | None],
        rows: list[int],
        seconds: Sequence[int | None],
        raw: Columns,
        errors: RowErrors,
    ) -> None:
        memo = self.memos[id(number)]
        name, values = self._texts(number, rows, seconds, raw)
        for row, value in zip(rows, memo.column(name, values, _Shifted(errors, rows, raw))):
            into[row] = value

    def _texts(
        self, number: Quantity, rows: list[int], seconds: Sequence[int | None], raw: Columns
    ) -> tuple[str | list[str], list[Any]]:
        """The fields that an error names, and what is converted in each of the rows."""
        if isinstance(number, Distance):
            places = (number.start, number.end)
            names = [name for place in places for name in (place.latitude, place.longitude)]
            ways = [(*(raw[name][row] for name in names), str(seconds[row] or 0)) for row in rows]
            return [*names, self.ended_at], ways
        if isinstance(number, Saving):
            meters = [number.own_baseline, number.metered]
            return meters, [(*(raw[name][row] for name in meters),) for row in rows]
        if isinstance(number, Lookup):
            return number.columns, [tuple(raw[name][row] for name in number.columns) for row in rows]
        name = number.column or f"{self.items.column if self.items else ''}.{number.item}"
        if number.units:
            unit = number.units.column
            return [name, unit], [(raw[name][row], raw[unit][row]) for row in rows]
        return name, [raw[name][row] for row in rows]


class _Shifted(RowErrors):
    """Errors of some rows of a batch, noted in the errors of all with the value that was sent."""

    def __init__(self, errors: RowErrors, rows: Sequence[int], raw: Columns) -> None:
        self.all, self.rows, self.raw = errors, rows, raw

    def note(self, row: int, code: str, column: str, value: object) -> None:
        self.all.note(self.rows[row], code, column, self.raw[column][self.rows[row]])


def first_of(one: Sequence[str | None], other: Sequence[str | None] | None) -> list[str | None]:
    """The rule by which each row is ignored, the first of two."""
    return list(one) if other is None else [a or b for a, b in zip(one, other)]


def forgive(ignored: Sequence[str | None], errors: RowErrors) -> None:
    """A row that a rule ignores does not count, whatever else it holds."""
    for row, rule in enumerate(ignored):
        if rule is not None:
            errors.forgive(row)


def column_of(memo: Memo, name: str, raw: Columns, errors: RowErrors) -> list[Any]:
    """One field's column, converted."""
    return memo.column(name, raw[name], errors)


def moments_of(memo: Memo, time: Time, raw: Columns, errors: RowErrors) -> dict[str, Any]:
    """A column of times as `occurred_at_unix`, `time_precision` and `act_date`."""
    moments = memo.column(time.column, texts_of(time, raw), errors)
    return {
        "occurred_at_unix": [moment and moment.unix for moment in moments],
        "time_precision": [moment and moment.precision for moment in moments],
        "act_date": [moment and moment.day for moment in moments],
    }

"""What kinds of feeds share: scenarios, rules on rows, quantities, moments, and errors that do not count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from operator import is_

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.landing.encoded import Column, Rows, each
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
from schemas.sources.columns import Distance, Items, Lookup, Number, Quantity, RowRule, Saving, Scenario, Time
from schemas.units import MICRO

Lookups = Mapping[str, Mapping[tuple[str, ...], int]]
"""The tables that quantities are looked up in, by file."""


class Scenarios:
    """Scenario cases of rows, by name and act date."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.by_name = Memo(case_converter(scenario))

    def __call__(self, raw: Columns, days: Column, errors: RowErrors) -> tuple[Column, Column | None]:
        """The case of each row (None: error or ignored) and the ignore rules, if the contract has one."""
        column = self.scenario.column
        found = self.by_name.column(column, raw[column], errors)
        named = each([found, days])
        cases = [case_on(may, day) if may else None for may, day in named.values]
        is_expired = [case is None and bool(may) and day is not None for case, (may, day) in zip(cases, named.values)]
        for row in Column(named.codes, is_expired).rows_where(bool):
            errors.note(row, "expired_code", column, raw[column][row])
        rule = self.scenario.ignore_others
        return Column(named.codes, cases), found.map(lambda may: rule if may == () else None) if rule else None


class RowRules:
    """What each row is, by the contract's rules; a contract without rules takes every row for the same."""

    def __init__(self, rules: Sequence[RowRule], otherwise: str) -> None:
        self.names = list(dict.fromkeys(name for rule in rules for name in rule.when))
        self.otherwise = otherwise
        self.by_values = Memo(rule_converter(rules, self.names))

    def __call__(self, raw: Columns, rows: int, errors: RowErrors) -> tuple[Column, Column]:
        """What each row means, and the rule by which it is ignored."""
        if not self.names:
            return Column.same(self.otherwise, rows), Column.same(None, rows)
        rules = self.by_values.column(self.names, each([raw[name] for name in self.names]), errors)
        return rules.map(lambda rule: rule and rule.means), rules.map(lambda rule: rule and rule.ignore)


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
        self, cases: Column, seconds: pa.Int64Array | None, raw: Columns, errors: RowErrors
    ) -> tuple[pa.Int64Array, pa.Int64Array]:
        """Quantity and amount of each row.

        seconds: how long each row's act took, where that is known.
        """
        filled = [(np.zeros(len(cases), np.int64), np.ones(len(cases), bool)) for _ in range(2)]
        chosen = {id(case): case for case in cases.values if case is not None}
        for case in chosen.values():
            rows = np.array(cases.rows_where(partial(is_, case)), np.int64)
            for number, (into, is_none) in zip((case.quantity, case.amount), filled):
                if isinstance(number, Number) and number.constant is not None:
                    into[rows], is_none[rows] = number.constant * MICRO, False
                elif number is not None:
                    name, values = self._texts(number, rows, seconds, raw)
                    found = self.memos[id(number)].column(name, values, _Shifted(errors, rows, raw))
                    into[rows] = found.numbers()
                    is_none[rows] = found.map(lambda value: value is None).numbers()
        quantities, amounts = (pa.array(into, mask=is_none) for into, is_none in filled)
        return quantities, amounts

    def _texts(
        self, number: Quantity, rows: Rows, seconds: pa.Int64Array | None, raw: Columns
    ) -> tuple[str | list[str], Column]:
        """The fields that an error names, and what is converted in each of the rows."""
        if isinstance(number, Distance):
            places = (number.start, number.end)
            names = [name for place in places for name in (place.latitude, place.longitude)]
            assert seconds is not None
            took = Column.of(pc.fill_null(seconds, 0).cast(pa.string()).to_pylist())
            return [*names, self.ended_at], each([one.take(rows) for one in (*(raw[name] for name in names), took)])
        if isinstance(number, Saving):
            meters = [number.own_baseline, number.metered]
            return meters, each([raw[name].take(rows) for name in meters])
        if isinstance(number, Lookup):
            return number.columns, each([raw[name].take(rows) for name in number.columns])
        name = number.column or f"{self.items.column if self.items else ''}.{number.item}"
        if number.units:
            return [name, number.units.column], each([raw[one].take(rows) for one in (name, number.units.column)])
        return name, raw[name].take(rows)


class _Shifted(RowErrors):
    """Errors of some rows of a batch, noted in the errors of all with the value that was sent."""

    def __init__(self, errors: RowErrors, rows: Rows, raw: Columns) -> None:
        super().__init__()
        self.all, self.rows, self.raw = errors, rows.tolist(), raw

    def note(self, row: int, code: str, column: str, value: object) -> None:
        self.all.note(self.rows[row], code, column, self.raw[column][self.rows[row]])


def first_of(one: Column, other: Column | None) -> Column:
    """The rule by which each row is ignored, the first of two."""
    return one if other is None else each([one, other]).map(lambda both: both[0] or both[1])


def forgive(ignored: Column, errors: RowErrors) -> None:
    """A row that a rule ignores does not count, whatever else it holds."""
    if errors.found:
        errors.forgive(ignored.rows_where(lambda rule: rule is not None))


def column_of(memo: Memo, name: str, raw: Columns, errors: RowErrors) -> Column:
    """One field's column, converted."""
    return memo.column(name, raw[name], errors)

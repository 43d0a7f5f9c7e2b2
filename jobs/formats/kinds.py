"""What each kind of feed makes of its columns. Every class here turns raw columns into landed ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from jobs.formats.merchants import MerchantCodes
from jobs.formats.values import (
    BadValue,
    Columns,
    Memo,
    RowErrors,
    Window,
    case_converter,
    case_on,
    class_converter,
    code_converter,
    known,
    number_converter,
    rule_converter,
    saving_converter,
    time_converter,
    way_converter,
    weight_converter,
)
from jobs.tokens import IdentifierError, Tokens
from schemas.sources import ActFeed, ConsentFeed, PaymentFeed, RegistrationFeed, TapFeed
from schemas.sources.columns import REFUNDS, Case, Distance, Items, Number, Quantity, RowRule, Saving, Scenario, Time
from schemas.spending.merchants import Merchants
from schemas.units import MICRO


class _Scenarios:
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


class _RowRules:
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


class _Quantities:
    """Quantity and amount of rows, where their cases say that they stand."""

    def __init__(self, scenario: Scenario, items: Items | None, ended_at: Time | None = None) -> None:
        self.items = items
        self.ended_at = ended_at.column if ended_at else ""
        self.memos: dict[int, Memo] = {}
        for case in scenario.cases:
            for number in (case.quantity, case.amount):
                if isinstance(number, Distance):
                    self.memos[id(number)] = Memo(way_converter(number))
                elif isinstance(number, Saving):
                    self.memos[id(number)] = Memo(saving_converter(number))
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


class Acts:
    def __init__(self, feed: ActFeed, zone: ZoneInfo, window: Window) -> None:
        self.columns = feed.columns
        self.times = Memo(time_converter(feed.columns.occurred_at, zone, window))
        self.ends = Memo(time_converter(feed.columns.ended_at, zone, window)) if feed.columns.ended_at else None
        self.rules = _RowRules(feed.columns.rows, "act")
        self.scenarios = _Scenarios(feed.columns.scenario)
        self.quantities = _Quantities(feed.columns.scenario, feed.items, feed.columns.ended_at)

    def __call__(self, raw: Columns, errors: RowErrors) -> dict[str, Any]:
        landed = _moments(self.times, self.columns.occurred_at.column, raw, errors)
        starts = landed["occurred_at_unix"]
        _, ignored = self.rules(raw, len(starts), errors)
        seconds: list[int | None] = [None] * len(starts)
        if self.columns.ended_at is not None and self.ends is not None:
            ends = _moments(self.ends, self.columns.ended_at.column, raw, errors)["occurred_at_unix"]
            landed["ended_at_unix"] = ends
            seconds = [None if start is None or end is None else end - start for start, end in zip(starts, ends)]
        cases, unnamed = self.scenarios(raw, landed["act_date"], errors)
        landed["ignore_rule"] = _first(ignored, unnamed)
        landed["scenario"] = [case and case.scenario for case in cases]
        landed["claim_kind"] = [case and case.claim_kind for case in cases]
        landed["region"] = [case and case.region for case in cases]
        landed["quantity_micro"], landed["amount_fen"] = self.quantities(cases, seconds, raw, errors)
        _forgive(ignored, errors)
        return landed


class Taps:
    def __init__(self, feed: TapFeed, zone: ZoneInfo, window: Window, stations: frozenset[str]) -> None:
        self.columns = feed.columns
        self.times = Memo(time_converter(feed.columns.occurred_at, zone, window))
        self.directions = Memo(code_converter(feed.columns.direction))
        self.stations = Memo(known(stations))
        self.amounts = Memo(number_converter(feed.columns.amount))

    def __call__(self, raw: Columns, errors: RowErrors) -> dict[str, Any]:
        columns = self.columns
        landed = _moments(self.times, columns.occurred_at.column, raw, errors)
        directions = _column(self.directions, columns.direction.column, raw, errors)
        amounts = _column(self.amounts, str(columns.amount.column), raw, errors)
        landed["direction"] = directions
        landed["station"] = _column(self.stations, columns.station, raw, errors)
        landed["amount_fen"] = [fen if direction == "exit" else None for fen, direction in zip(amounts, directions)]
        return landed


class Payments:
    def __init__(
        self,
        feed: PaymentFeed,
        zone: ZoneInfo,
        window: Window,
        merchants: Merchants | None,
        record_key: Callable[[str], str],
    ) -> None:
        self.columns = feed.columns
        self.times = Memo(time_converter(feed.columns.occurred_at, zone, window))
        self.rules = _RowRules(feed.columns.rows, "purchase")
        self.scenarios = _Scenarios(feed.columns.scenario)
        self.quantities = _Quantities(feed.columns.scenario, None)
        self.amounts = Memo(number_converter(feed.columns.amount, is_signed=True))
        self.refunded = Memo(number_converter(feed.columns.refunded)) if feed.columns.refunded else None
        self.wallets = Memo(class_converter(feed.columns.wallet)) if feed.columns.wallet else None
        self.merchants = MerchantCodes(feed.columns.merchant, merchants) if feed.columns.merchant else None
        original = feed.columns.original
        self.originals = re.compile(original.pattern) if original and original.pattern else None
        self.record_key = record_key

    def __call__(self, raw: Columns, errors: RowErrors) -> dict[str, Any]:
        columns = self.columns
        landed = _moments(self.times, columns.occurred_at.column, raw, errors)
        amount_name = str(columns.amount.column)
        amounts = _column(self.amounts, amount_name, raw, errors)
        meanings, ignored = self.rules(raw, len(amounts), errors)
        landed["refers_to_key"] = self._originals(meanings, amounts, raw, errors)
        cases, unnamed = self.scenarios(raw, landed["act_date"], errors)
        landed["ignore_rule"] = _first(ignored, unnamed)
        landed["scenario"] = [case and case.scenario for case in cases]
        landed["region"] = [case and case.region for case in cases]
        landed["claim_kind"] = [
            meaning and ("refund" if meaning in REFUNDS else case and case.claim_kind)
            for meaning, case in zip(meanings, cases)
        ]
        back: list[int | None] = [None] * len(amounts)
        if self.refunded is not None and columns.refunded:
            back = _column(self.refunded, str(columns.refunded.column), raw, errors)
        is_paid = [meaning not in REFUNDS and rule is None for meaning, rule in zip(meanings, landed["ignore_rule"])]
        landed["refunded_fen"] = [(fen or None) if paid else None for fen, paid in zip(back, is_paid)]
        landed["is_full_refund"] = self._is_full(meanings, amounts, back)
        landed["amount_fen"] = [None if fen is None else abs(fen) for fen in amounts]
        quantities, _ = self.quantities(cases, [None] * len(cases), raw, errors)
        landed["quantity_micro"] = [
            None if meaning in REFUNDS else quantity for meaning, quantity in zip(meanings, quantities)
        ]
        if self.wallets is not None and columns.wallet:
            landed["wallet"] = _column(self.wallets, columns.wallet.column, raw, errors)
        if self.merchants is not None:
            codes = self.merchants(raw, landed["act_date"], is_paid)
            landed["merchant_code"], landed["merchant_code_source"] = codes
        _forgive(ignored, errors)
        return landed

    def _originals(
        self, meanings: Sequence[str | None], amounts: Sequence[int | None], raw: Columns, errors: RowErrors
    ) -> list[str | None]:
        """The key of what each refund takes back; signs that do not fit are errors."""
        columns = self.columns
        amount_name, sign = str(columns.amount.column), -1 if columns.refund_sign == "negative" else 1
        refers_to: list[str | None] = [None] * len(meanings)
        for row, (meaning, fen) in enumerate(zip(meanings, amounts)):
            if meaning is None or fen is None:
                continue
            if fen * (sign if meaning in REFUNDS else 1) < 0:
                errors.note(row, "wrong_sign", amount_name, raw[amount_name][row])
            if meaning in REFUNDS and columns.original:
                named = self._named(raw[columns.original.column][row])
                if named is None:
                    errors.note(row, "missing_value", columns.original.column, raw[columns.original.column][row])
                else:
                    refers_to[row] = self.record_key(named)
        return refers_to

    def _named(self, text: Any) -> str | None:
        """The original's number in a refund's field."""
        if type(text) is not str or not text:
            return None
        if self.originals is None:
            return text
        found = self.originals.search(text)
        return found and found[1]

    def _is_full(
        self, meanings: Sequence[str | None], amounts: Sequence[int | None], back: Sequence[int | None]
    ) -> list[bool | None]:
        """Whether a refund, or what stands on the purchase itself, takes everything back; None: its sum decides."""
        is_full = [FULL.get(meaning) if meaning else None for meaning in meanings]
        for row, (fen, returned) in enumerate(zip(amounts, back)):
            if meanings[row] == "purchase" and fen and returned and returned >= fen:
                is_full[row] = True
        return is_full


FULL = {"full_refund": True, "partial_refund": False, "refunded": True}


class Registrations:
    def __init__(self, feed: RegistrationFeed, zone: ZoneInfo, window: Window, tokens: Tokens) -> None:
        self.columns = feed.columns
        self.key_version = tokens.key_version
        self.times = Memo(time_converter(feed.columns.registered_at, zone, window))
        self.kinds = Memo(code_converter(feed.columns.subject_kind))
        self.identifiers = {kind: Memo(_identifier_converter(tokens, kind)) for kind in ("citizen_id", "phone", "card")}

    def __call__(self, raw: Columns, errors: RowErrors) -> dict[str, Any]:
        columns, names = self.columns, self.columns.identifiers
        moments = _moments(self.times, columns.registered_at.column, raw, errors)
        rows = len(moments["occurred_at_unix"])
        landed: dict[str, Any] = {
            "registered_at_unix": moments["occurred_at_unix"],
            "subject_kind": _column(self.kinds, columns.subject_kind.column, raw, errors),
            "key_version": [self.key_version] * rows,
        }
        for kind, name in (("citizen_id", names.citizen_id), ("phone", names.phone)):
            if name:
                landed[f"{kind}_token"] = _column(self.identifiers[kind], name, raw, errors)
        if names.card:
            first, second = _two_cards(raw[names.card], names.card, errors)
            memo = self.identifiers["card"]
            landed["card_token"] = memo.column(names.card, first, errors)
            landed["card2_token"] = memo.column(names.card, second, errors)
        return landed


class Consents:
    def __init__(self, feed: ConsentFeed, zone: ZoneInfo, window: Window) -> None:
        self.columns = feed.columns
        self.times = Memo(time_converter(feed.columns.at, zone, window))
        self.scopes = Memo(code_converter(feed.columns.scope))
        self.consents = Memo(code_converter(feed.columns.consent))

    def __call__(self, raw: Columns, errors: RowErrors) -> dict[str, Any]:
        moments = _moments(self.times, self.columns.at.column, raw, errors)
        consents = _column(self.consents, self.columns.consent.column, raw, errors)
        return {
            "at_unix": moments["occurred_at_unix"],
            "scope": _column(self.scopes, self.columns.scope.column, raw, errors),
            "is_given": [None if consent is None else consent == "given" for consent in consents],
        }


def _first(one: Sequence[str | None], other: Sequence[str | None] | None) -> list[str | None]:
    """The rule by which each row is ignored, the first of two."""
    return list(one) if other is None else [a or b for a, b in zip(one, other)]


def _forgive(ignored: Sequence[str | None], errors: RowErrors) -> None:
    """A row that a rule ignores does not count, whatever else it holds."""
    for row, rule in enumerate(ignored):
        if rule is not None:
            errors.forgive(row)


def _column(memo: Memo, name: str, raw: Columns, errors: RowErrors) -> list[Any]:
    return memo.column(name, raw[name], errors)


def _moments(memo: Memo, name: str, raw: Columns, errors: RowErrors) -> dict[str, Any]:
    moments = memo.column(name, raw[name], errors)
    return {
        "occurred_at_unix": [moment and moment.unix for moment in moments],
        "time_precision": [moment and moment.precision for moment in moments],
        "act_date": [moment and moment.day for moment in moments],
    }


def _identifier_converter(tokens: Tokens, kind: str) -> Callable[[str], str | None]:
    def convert(text: str) -> str | None:
        try:
            return tokens.identifier(kind, text) if text else None
        except IdentifierError as error:
            raise BadValue(error.code) from None

    return convert


def _two_cards(values: Sequence[Any], name: str, errors: RowErrors) -> tuple[list[Any], list[Any]]:
    """Two columns from one that holds a card or a list of at most two; empty text where there is none."""
    first, second = [], []
    for row, value in enumerate(values):
        cards = value if type(value) is list else [] if value is None else [value]
        if len(cards) > 2:
            errors.note(row, "too_many_values", name, value)
            cards = []
        if not all(type(card) is str for card in cards):
            errors.note(row, "wrong_type", name, value)
            cards = []
        first.append(cards[0] if cards else "")
        second.append(cards[1] if len(cards) == 2 and cards[1] != cards[0] else "")
    return first, second

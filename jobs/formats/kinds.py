"""What each kind of feed makes of its columns. Every class here turns raw columns into landed ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from jobs.formats.values import (
    Bad,
    BadValue,
    Columns,
    Memo,
    RowErrors,
    case_converter,
    case_on,
    class_converter,
    code_converter,
    known,
    number_converter,
    time_converter,
)
from jobs.tokens import IdentifierError, Tokens
from schemas.sources import ActFeed, CardFeed, ConsentFeed, RegistrationFeed, TapFeed
from schemas.sources.columns import Case, Number, Scenario
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


class Acts:
    def __init__(self, feed: ActFeed, zone: ZoneInfo) -> None:
        self.columns = feed.columns
        self.items = feed.items
        self.times = Memo(time_converter(feed.columns.occurred_at, zone))
        self.scenarios = _Scenarios(feed.columns.scenario)
        numbers = [n for case in feed.columns.scenario.cases for n in (case.quantity, case.amount) if n]
        self.numbers = {id(number): Memo(number_converter(number)) for number in numbers}

    def __call__(self, raw: Columns, errors: RowErrors) -> dict[str, Any]:
        landed = _moments(self.times, self.columns.occurred_at.column, raw, errors)
        cases, ignored = self.scenarios(raw, landed["act_date"], errors)
        landed["ignore_rule"] = ignored
        landed["scenario"] = [case and case.scenario for case in cases]
        landed["claim_kind"] = [case and case.claim_kind for case in cases]
        quantities: list[int | None] = [None] * len(cases)
        amounts: list[int | None] = [None] * len(cases)
        for case in {id(case): case for case in cases if case is not None}.values():
            rows = [row for row, of_row in enumerate(cases) if of_row is case]
            self._fill(case.quantity, quantities, rows, raw, errors)
            self._fill(case.amount, amounts, rows, raw, errors)
        landed["quantity_micro"], landed["amount_fen"] = quantities, amounts
        return landed

    def _fill(
        self, number: Number | None, into: list[int | None], rows: list[int], raw: Columns, errors: RowErrors
    ) -> None:
        if number is None:
            return
        if number.constant is not None:
            for row in rows:
                into[row] = number.constant * MICRO
            return
        name = number.column or f"{self.items.column if self.items else ''}.{number.item}"
        memo, column = self.numbers[id(number)], raw[name]
        for row in rows:
            value = memo[column[row]]
            if type(value) is Bad:
                errors.note(row, value.code, name, column[row])
            else:
                into[row] = value


class Taps:
    def __init__(self, feed: TapFeed, zone: ZoneInfo, stations: frozenset[str]) -> None:
        self.columns = feed.columns
        self.times = Memo(time_converter(feed.columns.occurred_at, zone))
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


class Cards:
    def __init__(self, feed: CardFeed, zone: ZoneInfo, record_key: Callable[[str], str]) -> None:
        self.columns = feed.columns
        self.times = Memo(time_converter(feed.columns.booked_on, zone))
        self.scenarios = _Scenarios(feed.columns.scenario)
        self.amounts = Memo(number_converter(feed.columns.amount, is_signed=True))
        refunds = feed.columns.refunds
        self.kinds = {
            **dict.fromkeys(refunds.purchase, "purchase"),
            **dict.fromkeys(refunds.full, "full"),
            **dict.fromkeys(refunds.partial, "partial"),
        }
        self.refund_kinds = Memo(known(frozenset(self.kinds)))
        self.wallets = Memo(class_converter(feed.columns.wallet)) if feed.columns.wallet else None
        self.record_key = record_key

    def __call__(self, raw: Columns, errors: RowErrors) -> dict[str, Any]:
        columns, refunds = self.columns, self.columns.refunds
        landed = _moments(self.times, columns.booked_on.column, raw, errors)
        amount_name = str(columns.amount.column)
        amounts = _column(self.amounts, amount_name, raw, errors)
        named = _column(self.refund_kinds, refunds.column, raw, errors)
        kinds = [self.kinds.get(name) for name in named]
        refers_to: list[str | None] = [None] * len(kinds)
        for row, (kind, fen) in enumerate(zip(kinds, amounts)):
            if kind is None or fen is None:
                continue
            if fen > 0 if kind != "purchase" else fen < 0:
                errors.note(row, "wrong_sign", amount_name, raw[amount_name][row])
            if kind != "purchase":
                original = raw[refunds.original][row]
                if not original or type(original) is not str:
                    errors.note(row, "missing_value", refunds.original, original)
                else:
                    refers_to[row] = self.record_key(original)
        cases, landed["ignore_rule"] = self.scenarios(raw, landed["act_date"], errors)
        landed["scenario"] = [case and case.scenario for case in cases]
        landed["claim_kind"] = [kind and ("card" if kind == "purchase" else "refund") for kind in kinds]
        landed["is_full_refund"] = [None if kind is None or kind == "purchase" else kind == "full" for kind in kinds]
        landed["refers_to_key"] = refers_to
        landed["amount_fen"] = [None if fen is None else abs(fen) for fen in amounts]
        if self.wallets is not None and columns.wallet:
            landed["wallet"] = _column(self.wallets, columns.wallet.column, raw, errors)
        return landed


class Registrations:
    def __init__(self, feed: RegistrationFeed, zone: ZoneInfo, tokens: Tokens) -> None:
        self.columns = feed.columns
        self.key_version = tokens.key_version
        self.times = Memo(time_converter(feed.columns.registered_at, zone))
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
    def __init__(self, feed: ConsentFeed, zone: ZoneInfo) -> None:
        self.columns = feed.columns
        self.times = Memo(time_converter(feed.columns.at, zone))
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

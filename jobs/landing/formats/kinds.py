"""What each kind of feed makes of its columns. Every class here turns raw columns into landed ones."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.landing.encoded import Column, each
from jobs.landing.formats.amounts import Amounts
from jobs.landing.formats.clocks import Times
from jobs.landing.formats.merchants import MerchantCodes
from jobs.landing.formats.originals import MatchedOriginals, NamedOriginals
from jobs.landing.formats.parts import (
    Lookups,
    Quantities,
    RowRules,
    Scenarios,
    column_of,
    first_of,
    forgive,
)
from jobs.landing.formats.times import Window
from jobs.landing.formats.values import (
    BadValue,
    Columns,
    Memo,
    RowErrors,
    class_converter,
    code_converter,
    known,
    number_converter,
)
from jobs.landing.tokens import IdentifierError, Tokens
from schemas.sources import ActFeed, ConsentFeed, PaymentFeed, RedemptionFeed, RegistrationFeed, Source, TapFeed
from schemas.sources.columns import REFUNDS
from schemas.spending.merchants import Merchants


class Acts:
    def __init__(self, feed: ActFeed, zone: ZoneInfo, window: Window, lookups: Lookups) -> None:
        self.columns = feed.columns
        self.times = Times(feed.columns.occurred_at, zone, window)
        self.ends = Times(feed.columns.ended_at, zone, window) if feed.columns.ended_at else None
        self.rules = RowRules(feed.columns.rows, "act")
        self.scenarios = Scenarios(feed.columns.scenario)
        self.quantities = Quantities(feed.columns.scenario, lookups, feed.items, feed.columns.ended_at)

    def __call__(self, raw: Columns, errors: RowErrors) -> dict[str, Any]:
        moments = self.times(raw, errors)
        landed = moments.landed()
        _, ignored = self.rules(raw, len(moments.unix), errors)
        seconds = None
        if self.ends is not None:
            landed["ended_at_unix"] = self.ends(raw, errors).unix
            seconds = pc.subtract(landed["ended_at_unix"], moments.unix)
        cases, unnamed = self.scenarios(raw, landed["act_date"], errors)
        landed["ignore_rule"] = first_of(ignored, unnamed)
        landed["scenario"] = cases.map(lambda case: case and case.scenario)
        landed["claim_kind"] = cases.map(lambda case: case and case.claim_kind)
        landed["region"] = cases.map(lambda case: case and case.region)
        landed["quantity_micro"], landed["amount_fen"] = self.quantities(cases, seconds, raw, errors)
        forgive(ignored, errors)
        return landed


class Taps:
    def __init__(self, feed: TapFeed, zone: ZoneInfo, window: Window, stations: frozenset[str]) -> None:
        self.columns = feed.columns
        self.times = Times(feed.columns.occurred_at, zone, window)
        self.directions = Memo(code_converter(feed.columns.direction))
        self.stations = Memo(known(stations))
        self.amounts = Memo(number_converter(feed.columns.amount))

    def __call__(self, raw: Columns, errors: RowErrors) -> dict[str, Any]:
        columns = self.columns
        landed = self.times(raw, errors).landed()
        directions = column_of(self.directions, columns.direction.column, raw, errors)
        amounts = column_of(self.amounts, str(columns.amount.column), raw, errors)
        landed["direction"] = directions
        landed["station"] = column_of(self.stations, columns.station, raw, errors)
        landed["amount_fen"] = each([amounts, directions]).map(lambda one: one[0] if one[1] == "exit" else None)
        return landed


class Payments:
    def __init__(
        self,
        feed: PaymentFeed,
        zone: ZoneInfo,
        window: Window,
        source: Source,
        merchants: Merchants | None,
        record_key: Callable[[str], str],
        merchant_key: Callable[[str | None, Sequence[str]], str],
    ) -> None:
        self.columns = feed.columns
        self.times = Times(feed.columns.occurred_at, zone, window)
        self.rules = RowRules(feed.columns.rows, "purchase")
        self.scenarios = Scenarios(feed.columns.scenario)
        self.quantities = Quantities(feed.columns.scenario, source.lookups)
        self.amounts = Amounts(feed.columns, source.rates)
        self.refunded = Memo(number_converter(feed.columns.refunded)) if feed.columns.refunded else None
        self.wallets = Memo(class_converter(feed.columns.wallet)) if feed.columns.wallet else None
        self.merchants = MerchantCodes(feed.columns.merchant, merchants) if feed.columns.merchant else None
        self.originals: NamedOriginals | MatchedOriginals | None = None
        self.full = FULL
        original = feed.columns.original
        if original and original.matched_by:
            self.originals = MatchedOriginals(original, feed.columns.customer, merchant_key)
            self.full = FULL if original.may_be_partial else {**FULL, "refund": True}
        elif original:
            self.originals = NamedOriginals(original, record_key)

    def __call__(self, raw: Columns, errors: RowErrors) -> dict[str, Any]:
        columns = self.columns
        landed = self.times(raw, errors).landed()
        days = landed["act_date"]
        amounts, unpriced = self.amounts(raw, days, errors)
        meanings, ignored = self.rules(raw, len(amounts), errors)
        ignored = first_of(ignored, unpriced)
        self._check_signs(meanings, amounts, raw, errors)
        if self.originals is not None:
            landed.update(self.originals(meanings, raw, errors))
        cases, unnamed = self.scenarios(raw, days, errors)
        landed["ignore_rule"] = first_of(ignored, unnamed)
        landed["scenario"] = cases.map(lambda case: case and case.scenario)
        landed["region"] = cases.map(lambda case: case and case.region)
        kinds = cases.map(lambda case: case and case.claim_kind)
        landed["claim_kind"] = each([meanings, kinds]).map(_claim_kind)
        back = Column.same(None, len(amounts))
        if self.refunded is not None and columns.refunded:
            back = column_of(self.refunded, str(columns.refunded.column), raw, errors)
        is_paid = each([meanings, landed["ignore_rule"]]).map(lambda one: one[0] not in REFUNDS and one[1] is None)
        landed["refunded_fen"] = each([back, is_paid]).map(lambda one: (one[0] or None) if one[1] else None)
        landed["is_full_refund"] = self._is_full(meanings, amounts, back)
        landed["amount_fen"] = amounts.map(lambda fen: None if fen is None else abs(fen))
        quantities, _ = self.quantities(cases, None, raw, errors)
        is_refund = meanings.map(REFUNDS.__contains__).array(pa.bool_())
        landed["quantity_micro"] = pc.if_else(is_refund, None, quantities)
        if self.wallets is not None and columns.wallet:
            landed["wallet"] = column_of(self.wallets, columns.wallet.column, raw, errors)
        if self.merchants is not None:
            landed["merchant_code"], landed["merchant_code_source"] = self.merchants(raw, days, is_paid)
        forgive(ignored, errors)
        return landed

    def _check_signs(self, meanings: Column, amounts: Column, raw: Columns, errors: RowErrors) -> None:
        """Signs that do not fit are errors."""
        columns = self.columns
        paid, back = (1 if sign == "positive" else -1 for sign in (columns.purchase_sign, columns.refund_sign))
        due = meanings.map(lambda meaning: meaning and (back if meaning in REFUNDS else paid)).numbers()
        for row in np.flatnonzero(amounts.numbers() * due < 0).tolist():
            name = self.amounts.name_in(raw, row)
            errors.note(row, "wrong_sign", name, raw[name][row])

    def _is_full(self, meanings: Column, amounts: Column, back: Column) -> Column:
        """Whether a refund, or what stands on the purchase itself, takes everything back; None: its sum decides."""

        def is_full(one: tuple[str | None, int | None, int | None]) -> bool | None:
            meaning, fen, returned = one
            is_returned = bool(meaning == "purchase" and fen and returned and returned >= fen)
            return True if is_returned else self.full.get(meaning) if meaning else None

        if back.values == [None]:
            return meanings.map(lambda meaning: is_full((meaning, None, None)))
        return each([meanings, amounts, back]).map(is_full)


def _claim_kind(one: tuple[str | None, str | None]) -> str | None:
    meaning, kind = one
    return meaning and ("refund" if meaning in REFUNDS else kind)


FULL = {"full_refund": True, "partial_refund": False, "refunded": True}


class Registrations:
    """An identifier that is none costs only itself: the row counts without it, and says which it was, the first of several.

    Adds up by kind how many were given, and how many of these are none.
    """

    def __init__(
        self,
        feed: RegistrationFeed,
        zone: ZoneInfo,
        window: Window,
        tokens: Tokens,
        given: Counter[str],
        refused: Counter[str],
    ) -> None:
        self.columns = feed.columns
        self.given, self.refused = given, refused
        self.key_version = tokens.key_version
        self.times = Times(feed.columns.registered_at, zone, window)
        self.kinds = Memo(code_converter(feed.columns.subject_kind))
        self.identifiers = {kind: Memo(_identifier_converter(tokens, kind)) for kind in ("citizen_id", "phone", "card")}

    def __call__(self, raw: Columns, errors: RowErrors) -> dict[str, Any]:
        columns, names = self.columns, self.columns.identifiers
        moments = self.times(raw, errors)
        rows = len(moments.unix)
        landed: dict[str, Any] = {
            "registered_at_unix": moments.unix,
            "subject_kind": column_of(self.kinds, columns.subject_kind.column, raw, errors),
            "key_version": Column.same(self.key_version, rows),
        }
        refused = RowErrors()
        for kind, name in (("citizen_id", names.citizen_id), ("phone", names.phone)):
            if name:
                landed[f"{kind}_token"] = self._tokens(kind, name, raw[name], refused)
        if names.card:
            landed["card_tokens"] = self._cards(raw[names.card], names.card, refused)
        landed.update(refused.columns(rows, "refused"))
        return landed

    def _tokens(self, kind: str, name: str, said: Column, refused: RowErrors) -> Column:
        tokens = self.identifiers[kind].column(name, said, refused)
        given = len(said) - len(said.rows_where(lambda text: text == ""))
        self.given[kind] += given
        self.refused[kind] += given - len(tokens.rows_where(lambda token: token is not None))
        return tokens

    def _cards(self, values: Sequence[Any], name: str, refused: RowErrors) -> Column:
        """The tokens of each row's card, or list of cards, in order and once each, with spaces between."""
        if isinstance(values, Column):
            return self._tokens("card", name, values, refused)
        cards = [
            (row, card if type(card) is str else type(card))
            for row, value in enumerate(values)
            for card in (value if type(value) is list else [] if value is None else [value])
        ]
        by_card = RowErrors()
        tokens = self._tokens("card", name, Column.of([card for _, card in cards]), by_card)
        found: dict[int, set[str]] = defaultdict(set)
        for at, ((row, card), token) in enumerate(zip(cards, tokens)):
            if at in by_card.found:
                refused.note(row, by_card.found[at][0], name, card)
            elif token is not None:
                found[row].add(token)
        return Column.of([" ".join(sorted(found[row])) if row in found else None for row in range(len(values))])


class Consents:
    def __init__(self, feed: ConsentFeed, zone: ZoneInfo, window: Window) -> None:
        self.columns = feed.columns
        self.times = Times(feed.columns.at, zone, window)
        self.scopes = Memo(code_converter(feed.columns.scope))
        self.consents = Memo(code_converter(feed.columns.consent))

    def __call__(self, raw: Columns, errors: RowErrors) -> dict[str, Any]:
        at = self.times(raw, errors).unix
        consents = column_of(self.consents, self.columns.consent.column, raw, errors)
        return {
            "at_unix": at,
            "scope": column_of(self.scopes, self.columns.scope.column, raw, errors),
            "is_given": consents.map(lambda consent: None if consent is None else consent == "given"),
        }


class Redemptions:
    def __init__(self, feed: RedemptionFeed, zone: ZoneInfo, window: Window) -> None:
        self.columns = feed.columns
        self.times = Times(feed.columns.redeemed_at, zone, window)
        self.rules = RowRules(feed.columns.rows, "redemption")
        self.benefits = Memo(code_converter(feed.columns.benefit))
        self.points = Memo(number_converter(feed.columns.points))

    def __call__(self, raw: Columns, errors: RowErrors) -> dict[str, Any]:
        columns = self.columns
        moments = self.times(raw, errors)
        _, ignored = self.rules(raw, len(moments.unix), errors)
        named = column_of(self.benefits, columns.benefit.column, raw, errors)
        landed = {
            "redeemed_at_unix": moments.unix,
            "act_date": moments.act_dates,
            "programme": named.map(lambda name: name and name.split(".")[0]),
            "benefit": named.map(lambda name: name and name.split(".")[1]),
            "points": column_of(self.points, str(columns.points.column), raw, errors),
            "ignore_rule": ignored,
        }
        forgive(ignored, errors)
        return landed


def _identifier_converter(tokens: Tokens, kind: str) -> Callable[[str], str | None]:
    def convert(text: str) -> str | None:
        try:
            return tokens.identifier(kind, text) if text else None
        except IdentifierError as error:
            raise BadValue(error.code) from None

    return convert

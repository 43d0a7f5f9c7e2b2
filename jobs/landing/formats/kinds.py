"""What each kind of feed makes of its columns. Every class here turns raw columns into landed ones."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from jobs.landing.formats.amounts import Amounts
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
    moments_of,
)
from jobs.landing.formats.times import Window, time_converter
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
        self.times = Memo(time_converter(feed.columns.occurred_at, zone, window))
        self.ends = Memo(time_converter(feed.columns.ended_at, zone, window)) if feed.columns.ended_at else None
        self.rules = RowRules(feed.columns.rows, "act")
        self.scenarios = Scenarios(feed.columns.scenario)
        self.quantities = Quantities(feed.columns.scenario, lookups, feed.items, feed.columns.ended_at)

    def __call__(self, raw: Columns, errors: RowErrors) -> dict[str, Any]:
        landed = moments_of(self.times, self.columns.occurred_at, raw, errors)
        starts = landed["occurred_at_unix"]
        _, ignored = self.rules(raw, len(starts), errors)
        seconds: list[int | None] = [None] * len(starts)
        if self.columns.ended_at is not None and self.ends is not None:
            ends = moments_of(self.ends, self.columns.ended_at, raw, errors)["occurred_at_unix"]
            landed["ended_at_unix"] = ends
            seconds = [None if start is None or end is None else end - start for start, end in zip(starts, ends)]
        cases, unnamed = self.scenarios(raw, landed["act_date"], errors)
        landed["ignore_rule"] = first_of(ignored, unnamed)
        landed["scenario"] = [case and case.scenario for case in cases]
        landed["claim_kind"] = [case and case.claim_kind for case in cases]
        landed["region"] = [case and case.region for case in cases]
        landed["quantity_micro"], landed["amount_fen"] = self.quantities(cases, seconds, raw, errors)
        forgive(ignored, errors)
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
        landed = moments_of(self.times, columns.occurred_at, raw, errors)
        directions = column_of(self.directions, columns.direction.column, raw, errors)
        amounts = column_of(self.amounts, str(columns.amount.column), raw, errors)
        landed["direction"] = directions
        landed["station"] = column_of(self.stations, columns.station, raw, errors)
        landed["amount_fen"] = [fen if direction == "exit" else None for fen, direction in zip(amounts, directions)]
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
        self.times = Memo(time_converter(feed.columns.occurred_at, zone, window))
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
        landed = moments_of(self.times, columns.occurred_at, raw, errors)
        amounts, unpriced = self.amounts(raw, landed["act_date"], errors)
        meanings, ignored = self.rules(raw, len(amounts), errors)
        ignored = first_of(ignored, unpriced)
        self._check_signs(meanings, amounts, raw, errors)
        if self.originals is not None:
            landed.update(self.originals(meanings, raw, errors))
        cases, unnamed = self.scenarios(raw, landed["act_date"], errors)
        landed["ignore_rule"] = first_of(ignored, unnamed)
        landed["scenario"] = [case and case.scenario for case in cases]
        landed["region"] = [case and case.region for case in cases]
        landed["claim_kind"] = [
            meaning and ("refund" if meaning in REFUNDS else case and case.claim_kind)
            for meaning, case in zip(meanings, cases)
        ]
        back: list[int | None] = [None] * len(amounts)
        if self.refunded is not None and columns.refunded:
            back = column_of(self.refunded, str(columns.refunded.column), raw, errors)
        is_paid = [meaning not in REFUNDS and rule is None for meaning, rule in zip(meanings, landed["ignore_rule"])]
        landed["refunded_fen"] = [(fen or None) if paid else None for fen, paid in zip(back, is_paid)]
        landed["is_full_refund"] = self._is_full(meanings, amounts, back)
        landed["amount_fen"] = [None if fen is None else abs(fen) for fen in amounts]
        quantities, _ = self.quantities(cases, [None] * len(cases), raw, errors)
        landed["quantity_micro"] = [
            None if meaning in REFUNDS else quantity for meaning, quantity in zip(meanings, quantities)
        ]
        if self.wallets is not None and columns.wallet:
            landed["wallet"] = column_of(self.wallets, columns.wallet.column, raw, errors)
        if self.merchants is not None:
            codes = self.merchants(raw, landed["act_date"], is_paid)
            landed["merchant_code"], landed["merchant_code_source"] = codes
        forgive(ignored, errors)
        return landed

    def _check_signs(
        self, meanings: Sequence[str | None], amounts: Sequence[int | None], raw: Columns, errors: RowErrors
    ) -> None:
        """Signs that do not fit are errors."""
        columns = self.columns
        paid, back = (1 if sign == "positive" else -1 for sign in (columns.purchase_sign, columns.refund_sign))
        for row, (meaning, fen) in enumerate(zip(meanings, amounts)):
            if meaning is not None and fen is not None and fen * (back if meaning in REFUNDS else paid) < 0:
                name = self.amounts.name_in(raw, row)
                errors.note(row, "wrong_sign", name, raw[name][row])

    def _is_full(
        self, meanings: Sequence[str | None], amounts: Sequence[int | None], back: Sequence[int | None]
    ) -> list[bool | None]:
        """Whether a refund, or what stands on the purchase itself, takes everything back; None: its sum decides."""
        is_full = [self.full.get(meaning) if meaning else None for meaning in meanings]
        for row, (fen, returned) in enumerate(zip(amounts, back)):
            if meanings[row] == "purchase" and fen and returned and returned >= fen:
                is_full[row] = True
        return is_full


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
        self.times = Memo(time_converter(feed.columns.registered_at, zone, window))
        self.kinds = Memo(code_converter(feed.columns.subject_kind))
        self.identifiers = {kind: Memo(_identifier_converter(tokens, kind)) for kind in ("citizen_id", "phone", "card")}

    def __call__(self, raw: Columns, errors: RowErrors) -> dict[str, Any]:
        columns, names = self.columns, self.columns.identifiers
        moments = moments_of(self.times, columns.registered_at, raw, errors)
        rows = len(moments["occurred_at_unix"])
        landed: dict[str, Any] = {
            "registered_at_unix": moments["occurred_at_unix"],
            "subject_kind": column_of(self.kinds, columns.subject_kind.column, raw, errors),
            "key_version": [self.key_version] * rows,
        }
        refused = RowErrors(rows)
        for kind, name in (("citizen_id", names.citizen_id), ("phone", names.phone)):
            if name:
                landed[f"{kind}_token"] = column_of(self.identifiers[kind], name, raw, refused)
                self._count(kind, raw[name], landed[f"{kind}_token"])
        if names.card:
            landed["card_tokens"] = self._cards(raw[names.card], names.card, refused)
        landed.update(refused_code=refused.codes, refused_column=refused.columns, refused_shape=refused.shapes)
        return landed

    def _count(self, kind: str, said: Sequence[Any], tokens: Sequence[str | None]) -> None:
        given = len(said) - said.count("")
        self.given[kind] += given
        self.refused[kind] += given - (len(tokens) - tokens.count(None))

    def _cards(self, values: Sequence[Any], name: str, refused: RowErrors) -> list[str | None]:
        """The tokens of each row's card, or list of cards, in order and once each, with spaces between."""
        cards = [
            (row, card if type(card) is str else type(card))
            for row, value in enumerate(values)
            for card in (value if type(value) is list else [] if value is None else [value])
        ]
        by_card = RowErrors(len(cards))
        tokens = self.identifiers["card"].column(name, [card for _, card in cards], by_card)
        self._count("card", [card for _, card in cards], tokens)
        found: dict[int, set[str]] = defaultdict(set)
        for (row, card), token, code in zip(cards, tokens, by_card.codes):
            if code is not None:
                refused.note(row, code, name, card)
            elif token is not None:
                found[row].add(token)
        return [" ".join(sorted(found[row])) if row in found else None for row in range(len(values))]


class Consents:
    def __init__(self, feed: ConsentFeed, zone: ZoneInfo, window: Window) -> None:
        self.columns = feed.columns
        self.times = Memo(time_converter(feed.columns.at, zone, window))
        self.scopes = Memo(code_converter(feed.columns.scope))
        self.consents = Memo(code_converter(feed.columns.consent))

    def __call__(self, raw: Columns, errors: RowErrors) -> dict[str, Any]:
        moments = moments_of(self.times, self.columns.at, raw, errors)
        consents = column_of(self.consents, self.columns.consent.column, raw, errors)
        return {
            "at_unix": moments["occurred_at_unix"],
            "scope": column_of(self.scopes, self.columns.scope.column, raw, errors),
            "is_given": [None if consent is None else consent == "given" for consent in consents],
        }


class Redemptions:
    def __init__(self, feed: RedemptionFeed, zone: ZoneInfo, window: Window) -> None:
        self.columns = feed.columns
        self.times = Memo(time_converter(feed.columns.redeemed_at, zone, window))
        self.rules = RowRules(feed.columns.rows, "redemption")
        self.benefits = Memo(code_converter(feed.columns.benefit))
        self.points = Memo(number_converter(feed.columns.points))

    def __call__(self, raw: Columns, errors: RowErrors) -> dict[str, Any]:
        columns = self.columns
        moments = moments_of(self.times, columns.redeemed_at, raw, errors)
        _, ignored = self.rules(raw, len(moments["act_date"]), errors)
        named = [name and name.split(".") for name in column_of(self.benefits, columns.benefit.column, raw, errors)]
        landed = {
            "redeemed_at_unix": moments["occurred_at_unix"],
            "act_date": moments["act_date"],
            "programme": [name and name[0] for name in named],
            "benefit": [name and name[1] for name in named],
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

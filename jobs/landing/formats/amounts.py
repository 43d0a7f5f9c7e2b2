"""What was paid, in fen: from the first of several fields that is not empty, in yuan or brought to yuan."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from datetime import date
from typing import NamedTuple

from jobs.landing.encoded import Column, each
from jobs.landing.formats.parts import column_of
from jobs.landing.formats.patterns import compiled
from jobs.landing.formats.values import EPOCH_ORDINAL, BadValue, Columns, Memo, RowErrors, number_converter
from schemas.sources.columns import Currency, Number
from schemas.sources.kinds import PaymentColumns
from schemas.spending.rates import SCALE, ExchangeRates

YUAN = "CNY"
OTHER_CURRENCY, NO_RATE = "other_currency", "no_exchange_rate"
"""The rules by which a payment in another currency does not count."""


class InYuan(NamedTuple):
    """Fen, the rule by which they do not count, and whether they were brought to yuan."""

    fen: int | None
    ignored: str | None
    is_foreign: bool = True


class Amounts:
    """The amounts of a feed's payments."""

    def __init__(self, columns: PaymentColumns, rates: ExchangeRates | None) -> None:
        self.names = [str(number.column) for number in columns.amounts]
        self.most = max(number.most for number in columns.amounts) * 100
        self.memo = Memo(_first_filled(columns.amounts))
        self.currency, self.rates = columns.currency, rates
        self.codes = Memo(_currency_converter(columns.currency)) if columns.currency else None

    def __call__(self, raw: Columns, days: Column, errors: RowErrors) -> tuple[Column, Column]:
        """Fen of each row, with the sign that they were sent with, and the rule by which a row is ignored."""
        if len(self.names) == 1:
            paid = column_of(self.memo, self.names[0], raw, errors)
        else:
            paid = self.memo.column(self.names, each([raw[name] for name in self.names]), errors)
        if self.codes is None or self.currency is None:
            return paid, Column.same(None, len(paid))
        codes = column_of(self.codes, self.currency.column, raw, errors)
        told = each([paid, codes, days])
        in_yuan = Column(told.codes, [self._in_yuan(*one) for one in told.values])
        for row in in_yuan.rows_where(lambda one: one.is_foreign and abs(one.fen or 0) > self.most):
            name = self.name_in(raw, row)
            errors.note(row, "too_much", name, raw[name][row])
        return in_yuan.map(lambda one: one.fen), in_yuan.map(lambda one: one.ignored)

    def name_in(self, raw: Columns, row: int) -> str:
        """The field that a row's amount stands in."""
        return next((name for name in self.names if raw[name][row] != ""), self.names[0])

    def _in_yuan(self, paid: int | None, code: str | None, day: int | None) -> InYuan:
        """An amount, if in another currency rounded to whole fen, or why it does not count."""
        if code in (None, YUAN):
            return InYuan(paid, None, False)
        if self.currency is None or self.currency.others == "ignore":
            return InYuan(paid, OTHER_CURRENCY)
        if paid is None or day is None:
            return InYuan(None, None)
        rate = self.rates.on(code, date.fromordinal(day + EPOCH_ORDINAL)) if self.rates else None
        if rate is None:
            return InYuan(paid, NO_RATE)
        fen = (2 * abs(paid) * rate + SCALE) // (2 * SCALE)
        return InYuan(-fen if paid < 0 else fen, None)


def _first_filled(numbers: Sequence[Number]) -> Callable[[str | tuple[str, ...]], int | None]:
    """The text, or texts, of a row → what the first that is not empty says."""
    converters = [number_converter(number, is_signed=True) for number in numbers]
    if len(converters) == 1:
        return converters[0]  # type: ignore[return-value]

    def convert(texts: str | tuple[str, ...]) -> int | None:
        place = next((place for place, text in enumerate(texts) if text), 0)
        try:
            return converters[place](texts[place])
        except BadValue as error:
            raise BadValue(error.code, place) from None

    return convert


def _currency_converter(currency: Currency) -> Callable[[str], str]:
    """What an institution calls a currency → its ISO 4217 code."""
    form = compiled(currency.pattern) if currency.pattern else None
    iso = compiled("[A-Z]{3}")
    known = {**dict.fromkeys(currency.yuan, YUAN), **currency.codes}

    def convert(text: str) -> str:
        name = unicodedata.normalize("NFKC", text)
        if form:
            found = form.search(name)
            name = (found[1] or "") if found else ""
        code = known.get(name) or (name if iso.fullmatch(name) else None)
        if code is None:
            raise BadValue("unknown_code" if name else "missing_value")
        return code

    return convert

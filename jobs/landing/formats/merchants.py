"""Which category of merchants was paid, from what an export says of the merchant; the text itself stays here."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Any

from jobs.landing.encoded import Column, each
from jobs.landing.formats.names import MerchantNames
from jobs.landing.formats.values import EPOCH_ORDINAL, Columns, Memo, RowErrors
from schemas.sources.columns import Merchant
from schemas.spending.merchants import Merchants, code_in_number, name_of

MCC, NUMBER, RULE, DEFAULT = "mcc", "merchant_number", "merchant_rule", "feed_default"
"""What told the code."""


class MerchantCodes:
    """The codes of a feed's merchants. Memory is bounded as that of every memo."""

    def __init__(self, merchant: Merchant, words: Merchants | None) -> None:
        self.merchant = merchant
        self.codes = Memo(lambda text: text if name_of(text) else None)
        self.numbers = Memo(code_in_number)
        self.names = Memo(_names(words))

    def __call__(self, raw: Columns, days: Column, counts: Column) -> tuple[Column, Column]:
        """Code of every row that counts, and what told it: the code, the number, the name, the first that does.

        Where none does it is the feed's default, if it has one.
        """
        told = [counts]
        for source, name, memo in (
            (MCC, self.merchant.code, self.codes),
            (NUMBER, self.merchant.number, self.numbers),
            (RULE, self.merchant.name, self.names),
        ):
            if name is None:
                continue
            texts = raw[name].map(lambda text: text if type(text) is str else "")
            found = memo.column(name, texts, RowErrors())
            if source == RULE:
                found = each([found, days]).map(lambda one: _on(*one))
            told.append(found.map(partial(_from, source)))
        default = self.merchant.default and (self.merchant.default, DEFAULT)
        chosen = each(told).map(lambda one: next(filter(None, one[1:]), default) if one[0] else None)
        return chosen.map(lambda one: one and one[0]), chosen.map(lambda one: one and one[1])


def _from(source: str, code: str | None) -> tuple[str, str] | None:
    return (code, source) if code else None


def _names(words: Merchants | None) -> MerchantNames:
    """The names that words tell: the same for every file of a registry, and what takes longest of one with few rows."""
    digest = words.digest if words else ""
    if digest not in _KNOWN:
        _KNOWN.clear()
        _KNOWN[digest] = MerchantNames(words)
    return _KNOWN[digest]


_KNOWN: dict[str, MerchantNames] = {}


def _on(told: Any, day: int | None) -> str | None:
    """The code that a name tells on a local date (days since 1970-01-01)."""
    if day is None or not told:
        return None
    on = date.fromordinal(day + EPOCH_ORDINAL)
    return next((one.code for one in told if one.first <= on < one.after), None)

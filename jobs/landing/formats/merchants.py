"""Which category of merchants was paid, from what an export says of the merchant; the text itself stays here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

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
        self.names = Memo(MerchantNames(words))

    def __call__(
        self, raw: Columns, days: Sequence[int | None], counts: Sequence[bool]
    ) -> tuple[list[str | None], list[str | None]]:
        """Code of every row that counts, and what told it: the code, the number, the name, the first that does.

        Where none does it is the feed's default, if it has one.
        """
        rows = len(days)
        codes: list[str | None] = [None] * rows
        sources: list[str | None] = [None] * rows
        for source, name, memo in (
            (MCC, self.merchant.code, self.codes),
            (NUMBER, self.merchant.number, self.numbers),
            (RULE, self.merchant.name, self.names),
        ):
            if name is None:
                continue
            texts = [text if type(text) is str else "" for text in raw[name]]
            for row, found in enumerate(memo.column(name, texts, RowErrors(rows))):
                if counts[row] and codes[row] is None:
                    code = _on(found, days[row]) if source == RULE else found
                    if code is not None:
                        codes[row], sources[row] = code, source
        if self.merchant.default is not None:
            for row, does_count in enumerate(counts):
                if does_count and codes[row] is None:
                    codes[row], sources[row] = self.merchant.default, DEFAULT
        return codes, sources


def _on(told: Any, day: int | None) -> str | None:
    """The code that a name tells on a local date (days since 1970-01-01)."""
    if day is None or not told:
        return None
    on = date.fromordinal(day + EPOCH_ORDINAL)
    return next((one.code for one in told if one.first <= on < one.after), None)

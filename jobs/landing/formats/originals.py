"""Keys of what rows name: the purchase that a refund takes back, or its merchant; what an act was done with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jobs.landing.encoded import Column, each
from jobs.landing.formats.patterns import compiled
from jobs.landing.formats.values import Columns, Memo, RowErrors
from jobs.landing.tokens import plain
from schemas.sources.columns import REFUNDS
from schemas.sources.originals import FieldText, Original


class NamedOriginals:
    """Originals that refunds name by their natural key."""

    def __init__(self, original: Original, record_key: Callable[[str], str]) -> None:
        self.column = str(original.column)
        self.pattern = compiled(original.pattern) if original.pattern else None
        self.record_key = record_key

    def __call__(self, meanings: Column, raw: Columns, errors: RowErrors) -> dict[str, Column]:
        """The record key of what each refund takes back."""
        refunds = meanings.rows_where(REFUNDS.__contains__)
        keys = np.zeros(len(meanings), np.int64)
        named = raw[self.column].take(np.array(refunds, np.int64))
        keys[refunds] = named.codes + 1
        found = Column(keys, [None, *map(self._key, named.values)])
        _refunds_have(found, refunds, self.column, raw, errors)
        return {"refers_to_key": found}

    def _key(self, text: Any) -> str | None:
        if type(text) is not str or not text:
            return None
        if self.pattern is None:
            return self.record_key(text)
        found = self.pattern.search(text)
        return self.record_key(str(found[1])) if found else None


class MatchedOriginals:
    """Originals that refunds are matched to: whom every row pays, under one key however it is written."""

    def __init__(
        self, original: Original, customer: str | None, merchant_key: Callable[[str | None, Sequence[str]], str]
    ) -> None:
        self.columns = [one.column for one in original.matched_by]
        self.texts = [Memo(_text_converter(one)) for one in original.matched_by]
        self.customer = customer
        self.merchant_key = merchant_key

    def __call__(self, meanings: Column, raw: Columns, errors: RowErrors) -> dict[str, Column]:
        """The key of every row's customer and merchant; None where no field has a text."""
        ignored = RowErrors()
        whose = Column.same(None, len(meanings)) if self.customer is None else raw[self.customer]
        texts = [memo.column(name, raw[name], ignored) for name, memo in zip(self.columns, self.texts)]
        said = each([meanings.map(bool), whose, *texts])
        keys = Column(said.codes, [self._key(*one) for one in said.values])
        _refunds_have(keys, meanings.rows_where(REFUNDS.__contains__), self.columns[0], raw, errors)
        return {"merchant_key": keys}

    def _key(self, does_count: bool, whose: Any, *told: str | None) -> str | None:
        if does_count and any(told) and (whose is None or type(whose) is str):
            return self.merchant_key(whose, [text or "" for text in told])
        return None


class Objects:
    """What acts were done with, under one key whichever institution names it; none where the field is empty."""

    def __init__(self, field: FieldText, object_key: Callable[[str], str]) -> None:
        text_of = _text_converter(field)

        def key(text: str) -> str | None:
            told = text_of(text)
            return object_key(told) if told else None

        self.column, self.keys = field.column, Memo(key)

    def __call__(self, raw: Columns, errors: RowErrors) -> Column:
        """The key of every row's object."""
        return self.keys.column(self.column, raw[self.column], errors)


def _text_converter(one: FieldText) -> Callable[[str], str]:
    """A field's text → what of it is compared."""
    pattern = compiled(one.pattern) if one.pattern else None

    def convert(text: str) -> str:
        told = plain(text)
        if pattern is None:
            return told
        found = pattern.search(told)
        return str(found[1] or "").strip() if found else ""

    return convert


def _refunds_have(keys: Column, refunds: Sequence[int], column: str, raw: Columns, errors: RowErrors) -> None:
    """A refund without anything to find its original by is an error."""
    for row in refunds:
        if keys[row] is None:
            text = raw[column][row]
            code = "missing_value" if text == "" else "pattern_unmatched" if type(text) is str else "wrong_type"
            errors.note(row, code, column, text)

"""Batches of raw columns → landed rows: typed, tokenised, without any text of the source.

A row whose value cannot be used keeps its other columns and carries its first error; `conform` quarantines
it. "First" is in the order in which the functions below convert: key, customer, then the kind's columns.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from operator import eq
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.landing.columns import SCHEMAS
from jobs.landing.encoded import Column, Lists, bytes_of, each, lengths_of
from jobs.landing.formats.batches import Batch, BillHead
from jobs.landing.formats.clocks import Times
from jobs.landing.formats.kinds import Acts, Consents, Payments, Redemptions, Registrations, Taps
from jobs.landing.formats.originals import Objects
from jobs.landing.formats.patterns import compiled
from jobs.landing.formats.times import Window
from jobs.landing.formats.values import EPOCH_ORDINAL, BadValue, Columns, Memo, RowErrors, sum_converter
from jobs.landing.tokens import Tokens, plain
from schemas.sources import (
    ActFeed,
    ConsentFeed,
    Feed,
    PaymentFeed,
    RedemptionFeed,
    RegistrationFeed,
    Source,
    TapFeed,
)


@dataclass
class Tally:
    """What a file added up to while it was read.

    sum_micro: the controlled column in millionths; unreadable: rows of which it could not be read.
    given, refused: kind of identifier → how many stand in registrations, and how many of these are none.
    latest_unix: the latest moment of an act, in seconds UTC.
    """

    sum_micro: int = 0
    unreadable: int = 0
    act_days: Counter[int] = field(default_factory=Counter)
    given: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    latest_unix: int | None = None


class RowMaker:
    """Turns the batches of one file into landed rows; holds that file's memos and tally."""

    def __init__(
        self,
        source: Source,
        feed_name: str,
        file_id: str,
        business_date: date,
        tokens: Tokens,
        stations: frozenset[str],
        head: BillHead | None = None,
        customer: str | None = None,
    ) -> None:
        self.source = source
        self.file_id = file_id
        self.feed_name = feed_name
        self.feed: Feed = source.feeds[feed_name]
        self.tokens = tokens
        self.zone = ZoneInfo(source.time_zone)
        self.business_date = business_date
        self.customers = Memo(_customer_converter(source, tokens))
        self.customer = customer
        self.customer_key = None if customer is None else tokens.customer_key(source.id, customer)
        self.window = _window(self.feed, business_date, head)
        self.times = Times(self.feed.time, self.zone, self.window)
        self.lists = {self.feed.items.column} if self.feed.items else set()
        if isinstance(self.feed, RegistrationFeed) and self.feed.columns.identifiers.card:
            self.lists.add(self.feed.columns.identifiers.card)
        self.told_by, is_own = _own_rows(source, feed_name)
        self.own = Memo(is_own)
        self.tally = Tally()
        self._sum = Memo(sum_converter(self.feed.control_sum)) if self.feed.control_sum else None
        told = getattr(self.feed.columns, "object", None)
        self.objects = Objects(told, tokens.object_key) if told else None
        self._convert = self._converter(stations)

    def rows(self, batch: Batch) -> pa.RecordBatch:
        """Landed rows of a batch, in its order, in the schema of the feed's kind."""
        rows = len(batch.lines)
        errors = RowErrors()
        raw: Columns = {
            name: values if name in self.lists else Column.of(_scalars(values))
            for name, values in batch.columns.items()
        }
        if self.feed.items:
            raw.update(self._item_columns(raw[self.feed.items.column], errors))
        elif self._sum is not None and self.feed.control_sum:
            self._add_up(raw[self.feed.control_sum.column])
        landed: dict[str, Any] = {"line": batch.lines, "record_key": self._record_keys(raw, errors)}
        if self.feed.columns.customer is not None:
            column = self.feed.columns.customer
            landed["customer_key"] = self.customers.column(column, raw[column], errors)
        for name in self.feed.required:
            for row in _empty(raw[name]):
                errors.note(row, "missing_value", name, "")
        if self.objects is not None:
            landed["object_key"] = self.objects(raw, errors)
        landed.update(self._convert(raw, errors))
        self._leave_others(landed, raw, errors)
        landed.update(errors.columns(rows, "error"))
        self._count(landed)
        home = self.source.region_of(self.feed_name)
        if "region" in landed:
            landed["region"] = landed["region"].map(lambda region: region or home)
        same = {"file_id": self.file_id, "region": home}
        if self.customer_key is not None:
            same["customer_key"] = self.customer_key
        return _record_batch(SCHEMAS[self.feed.kind], landed, same, rows)

    def _count(self, landed: Mapping[str, Any]) -> None:
        """Add a batch's dates, and the latest moment of a bill's, to what the file is told by."""
        days: Column | None = landed.get("act_date")
        if days is not None:
            for day, rows in zip(days.values, np.bincount(days.codes).tolist()):
                if day is not None:
                    self.tally.act_days[day] += rows
        if "exported_at" in self.feed.bill_from("rows"):
            latest = pc.max(landed["occurred_at_unix"]).as_py() if "occurred_at_unix" in landed else None
            self.tally.latest_unix = max(
                (one for one in (latest, self.tally.latest_unix) if one is not None), default=None
            )

    def _converter(self, stations: frozenset[str]) -> Callable[[Columns, RowErrors], dict[str, Any]]:
        feed, zone, window = self.feed, self.zone, self.window
        if isinstance(feed, ActFeed):
            return Acts(feed, zone, window, self.source.lookups)
        if isinstance(feed, TapFeed):
            return Taps(feed, zone, window, stations)
        if isinstance(feed, PaymentFeed):
            return Payments(
                feed,
                zone,
                window,
                self.source,
                self.source.merchants_of(self.feed_name),
                lambda number: self.tokens.record_key(self.source.id, self.feed_name, [plain(number)]),
                self._merchant_key,
            )
        if isinstance(feed, RegistrationFeed):
            return Registrations(feed, zone, window, self.tokens, self.tally.given, self.tally.refused)
        if isinstance(feed, RedemptionFeed):
            return Redemptions(feed, zone, window)
        assert isinstance(feed, ConsentFeed)
        return Consents(feed, zone, window)

    def _leave_others(self, landed: dict[str, Any], raw: Columns, errors: RowErrors) -> None:
        """Rows of another feed in the same file do not count here, whatever they hold.

        One that does not tell whose it is stays with the feed that has the file.
        """
        if not self.feed.only:
            return
        own = self.own.column(self.told_by, each([raw[name] for name in self.told_by]), errors)
        if self.feed.in_files_of is None:
            own = own.map(lambda is_own: is_own is not False)
        rules = landed.get("ignore_rule", Column.same(None, len(own)))
        landed["ignore_rule"] = each([rules, own]).map(lambda one: one[0] if one[1] else OTHER_FEED)
        errors.forgive(own.rows_where(lambda is_own: not is_own))

    def _merchant_key(self, customer: str | None, texts: Sequence[str]) -> str:
        """Of a customer's merchant; None is the customer whose bill it is."""
        whose = self.customer or "" if customer is None else customer
        return self.tokens.merchant_key(self.source.id, self.feed_name, whose, texts)

    def _record_keys(self, raw: Columns, errors: RowErrors) -> pa.StringArray:
        names = self.feed.key_fields
        columns: list[Sequence[str]] = [] if self.feed.is_keyed else [self._dates(raw)]
        bad_rows: set[int] = set()
        for name in names:
            columns.append(self._key_part(name, raw[name], errors, bad_rows))
        keys = self.tokens.record_keys((self.source.id, self.feed_name), columns)
        if not bad_rows:
            return keys
        return pc.if_else(pa.array([row in bad_rows for row in range(len(keys))]), None, keys)

    def _key_part(self, name: str, column: Column, errors: RowErrors, bad_rows: set[int]) -> Sequence[str]:
        """A field of the key as it is hashed. An unkeyed row is known by all its values, and an empty one is a value too."""
        is_keyed = self.feed.is_keyed
        if column.texts is not None and not (is_keyed and _is_odd(column.texts)):
            return column
        bad = column.rows_where(lambda value: type(value) is not str or (is_keyed and not value))
        for row in bad:
            errors.note(row, "missing_value" if column[row] == "" else "wrong_type", name, column[row])
        bad_rows.update(bad)
        values = ["" if row in bad_rows else value for row, value in enumerate(column)]
        if not is_keyed:
            return values
        for row, value in enumerate(values):
            if "+" in value and _ROUNDED.fullmatch(value):
                errors.note(row, "rounded_number", name, value)
        return values if all(map(str.isascii, values)) else list(map(plain, values))

    def _dates(self, raw: Columns) -> Sequence[str]:
        """What keeps equal rows of different days apart where no natural key does; where no date can be read, as sent."""
        business_date = self.business_date.isoformat()
        if self.feed.equal_rows == "business_date":
            return [business_date] * len(raw[self.feed.time.column])
        days = self.times(raw, RowErrors()).act_dates
        return days.map(lambda day: business_date if day is None else date.fromordinal(day + EPOCH_ORDINAL).isoformat())

    def _add_up(self, column: Column) -> None:
        assert self._sum is not None
        ignored = RowErrors()
        micro = self._sum.column("", column, ignored)
        self.tally.unreadable += len(ignored.found)
        rows = np.bincount(micro.codes).tolist()
        self.tally.sum_micro += sum(value * times for value, times in zip(micro.values, rows) if value is not None)

    def _item_columns(self, lists: Sequence[Any], errors: RowErrors) -> Columns:
        """One column for each known item, named `field.CODE`; empty text where a row has no such item."""
        items = self.feed.items
        assert items is not None
        if isinstance(lists, Lists) and (plain_items := self._plain_items(lists)):
            return plain_items
        names = {code: f"{items.column}.{code}" for code in items.known}
        columns: dict[str, list[Any]] = {name: [""] * len(lists) for name in names.values()}
        values = []
        for row, entries in enumerate(lists):
            try:
                if type(entries) is not list:
                    raise TypeError
                for entry in entries:
                    code, value = entry[items.code], entry[items.value]
                    value = value if type(value) is str else type(value)
                    values.append(value)
                    name = names.get(code)
                    if name is None:
                        errors.note(row, "unknown_code", items.column, code)
                    elif columns[name][row] != "":
                        errors.note(row, "repeated_item", name, value)
                    else:
                        columns[name][row] = value
            except (TypeError, KeyError):  # no list, or an entry that is no such object
                errors.note(row, "wrong_type", items.column, entries)
                self.tally.unreadable += 1
        if self._sum is not None:
            self._add_up(Column.of(values))
        return {name: Column.of(column) for name, column in columns.items()}

    def _plain_items(self, lists: Lists) -> Columns | None:
        """The same where every item is known, and none is given twice in a row."""
        items = self.feed.items
        assert items is not None
        codes, values, of_row = lists.entry(items.code), lists.entry(items.value), lists.rows
        if not set(codes.values) <= set(items.known):
            return None
        columns: Columns = {}
        for code in items.known:
            is_one = codes.map(partial(eq, code)).numbers() == 1
            places = np.zeros(len(lists), np.int64)
            given = values.take(np.flatnonzero(is_one))
            if len(np.unique(of_row[is_one])) != len(given):
                return None
            places[of_row[is_one]] = given.codes + 1
            columns[f"{items.column}.{code}"] = Column(places, ["", *given.values])
        if self._sum is not None:
            self._add_up(values)
        return columns


OTHER_FEED = "of_another_feed"
"""The rule by which a row does not count that stands in the same file as another kind of rows."""
LONGEST_CUSTOMER = 64
"""Characters of a customer's name."""
_ROUNDED = re.compile(r"[0-9](?:[.,][0-9]+)?[eE][+][0-9]+")
"""What a spreadsheet makes of a long number."""


def _window(feed: Feed, business_date: date, head: BillHead | None) -> Window:
    """The days that a file's rows may lie on: the period that a bill states, or up to the business date."""
    last = business_date.toordinal() - EPOCH_ORDINAL
    if head is None or head.days is None:
        return Window(last - feed.oldest_days, last, "too_old", "future_time")
    days = [day.toordinal() - EPOCH_ORDINAL for day in head.days]
    return Window(max(days[0], last - feed.oldest_days), days[1], "outside_period", "outside_period")


def _own_rows(source: Source, feed_name: str) -> tuple[list[str], Callable[[tuple[str, ...]], bool]]:
    """The fields that tell whose a row is, and their values → whether it is the feed's.

    What is nobody's is of the feed that has the file, whose rules say what is wrong with it.
    """
    whens = [source.feeds[name].only for name in (feed_name, *source.guests(feed_name))]
    fields = list(dict.fromkeys(name for when in whens for name in when))
    fits = [(when, _all_fit(when)) for when in whens]

    def is_own(texts: tuple[str, ...]) -> bool:
        said = dict(zip(fields, texts))
        own, *others = (matches(tuple(said[name] for name in when)) for when, matches in fits)
        return own or (bool(others) and not any(others))

    return fields, is_own


def _is_odd(texts: pa.StringArray) -> bool:
    """Whether a text may be empty, a rounded number, or one that is written in several ways."""
    sent = bytes_of(texts).tobytes()
    return not lengths_of(texts).all() or b"+" in sent or not sent.isascii()


def _empty(values: Sequence[Any]) -> Sequence[int]:
    """The rows that have no value."""
    if isinstance(values, Column):
        return values.rows_where(lambda value: value == "") if values.count_empty() else []
    return [row for row, value in enumerate(values) if value == ""]


def _scalars(values: Sequence[Any]) -> Sequence[Any]:
    """JSON values where text is due: null is empty text, and what else is no text its (hashable) type."""
    if isinstance(values, Column) or set(map(type, values)) <= {str}:
        return values
    return ["" if value is None else value if type(value) is str else type(value) for value in values]


def _customer_converter(source: Source, tokens: Tokens) -> Callable[[str], str]:
    """A customer's name in the contract's form → its key."""
    # Most names of a day are new to it: Python's own engine takes a tenth of the time, and of so few characters, where
    # no group repeats, it cannot take long.
    form = re.compile(source.customers)
    key_of = tokens.customer_keys(source.id)

    def convert(text: str) -> str:
        name = plain(text)
        if not name:
            raise BadValue("missing_value")
        if len(name) > LONGEST_CUSTOMER or not form.fullmatch(name):
            raise BadValue("bad_customer")
        return key_of(name)

    return convert


def _record_batch(schema: pa.Schema, landed: dict[str, Any], same: dict[str, str], rows: int) -> pa.RecordBatch:
    """Columns in schema order; `same` holds what is equal in every row, what is in neither is null."""
    arrays = []
    for column in schema:
        values = landed.get(column.name)
        if isinstance(values, Column):
            arrays.append(values.array(column.type))
        elif values is not None:
            arrays.append(values if isinstance(values, pa.Array) else pa.array(values, type=column.type))
        elif column.name in same:
            arrays.append(pa.repeat(pa.scalar(same[column.name], type=column.type), rows))
        else:
            arrays.append(pa.nulls(rows, type=column.type))
    return pa.record_batch(arrays, schema=schema)


def _all_fit(when: Mapping[str, str]) -> Callable[[tuple[str, ...]], bool]:
    """The values of some fields, in the order of `when` → whether every one matches its pattern from end to end."""
    forms = [compiled(pattern) for pattern in when.values()]
    return lambda texts: all(
        form.fullmatch(unicodedata.normalize("NFKC", text)) is not None for form, text in zip(forms, texts)
    )

"""Batches of raw columns → landed rows: typed, tokenised, without any text of the source.

A row whose value cannot be used keeps its other columns and carries its first error; `conform` quarantines
it. "First" is in the order in which the functions below convert: key, customer, then the kind's columns.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from jobs.landing.columns import SCHEMAS
from jobs.landing.formats.batches import Batch, BillHead
from jobs.landing.formats.kinds import Acts, Consents, Payments, Redemptions, Registrations, Taps
from jobs.landing.formats.originals import Objects
from jobs.landing.formats.times import Moment, Window, texts_of, time_converter
from jobs.landing.formats.values import EPOCH_ORDINAL, BadValue, Columns, Memo, RowErrors, all_converter, sum_converter
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
        self.times = Memo(time_converter(self.feed.time, self.zone, self.window))
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
        errors = RowErrors(len(batch.lines))
        raw: Columns = {
            name: values if name in self.lists else _scalars(values) for name, values in batch.columns.items()
        }
        if self.feed.items:
            raw.update(self._item_columns(raw[self.feed.items.column], errors))
        elif self._sum is not None and self.feed.control_sum:
            self._add_up(raw[self.feed.control_sum.column])
        landed: dict[str, Sequence[Any] | None] = {
            "line": batch.lines,
            "record_key": self._record_keys(raw, errors),
            "ignore_rule": None,
        }
        if self.feed.columns.customer is not None:
            column = self.feed.columns.customer
            landed["customer_key"] = self.customers.column(column, raw[column], errors)
        for name in self.feed.required:
            if "" in raw[name]:
                for row, value in enumerate(raw[name]):
                    if value == "":
                        errors.note(row, "missing_value", name, value)
        if self.objects is not None:
            landed["object_key"] = self.objects(raw, errors)
        landed.update(self._convert(raw, errors))
        self._leave_others(landed, raw, errors)
        landed.update(error_code=errors.codes, error_column=errors.columns, error_shape=errors.shapes)
        days = landed.get("act_date")
        if days:
            self.tally.act_days.update(day for day in days if day is not None)
        if "exported_at" in self.feed.bill_from("rows"):
            moments = [
                one for one in (*(landed.get("occurred_at_unix") or ()), self.tally.latest_unix) if one is not None
            ]
            self.tally.latest_unix = max(moments, default=None)
        home = self.source.region_of(self.feed_name)
        if "region" in landed:
            landed["region"] = [region or home for region in landed["region"] or ()]
        same = {"file_id": self.file_id, "region": home}
        if self.customer_key is not None:
            same["customer_key"] = self.customer_key
        return _record_batch(SCHEMAS[self.feed.kind], landed, same, len(batch.lines))

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

    def _leave_others(self, landed: dict[str, Sequence[Any] | None], raw: Columns, errors: RowErrors) -> None:
        """Rows of another feed in the same file do not count here, whatever they hold.

        One that does not tell whose it is stays with the feed that has the file.
        """
        if not self.feed.only:
            return
        own = self.own.column(self.told_by, list(zip(*(raw[name] for name in self.told_by))), errors)
        if self.feed.in_files_of is None:
            own = [is_own is not False for is_own in own]
        rules = landed["ignore_rule"] or [None] * len(own)
        landed["ignore_rule"] = [rule if is_own else OTHER_FEED for rule, is_own in zip(rules, own)]
        for row, is_own in enumerate(own):
            if not is_own:
                errors.forgive(row)

    def _merchant_key(self, customer: str | None, texts: Sequence[str]) -> str:
        """Of a customer's merchant; None is the customer whose bill it is."""
        whose = self.customer or "" if customer is None else customer
        return self.tokens.merchant_key(self.source.id, self.feed_name, whose, texts)

    def _record_keys(self, raw: Columns, errors: RowErrors) -> list[str | None]:
        names = self.feed.key_fields
        columns: list[Sequence[str]] = [] if self.feed.is_keyed else [self._dates(raw)]
        bad_rows = set()
        for name in names:
            column = raw[name]
            # An unkeyed row is known by all its values, and an empty one is a value too.
            if not set(map(type, column)) <= {str} or (self.feed.is_keyed and "" in column):
                for row, value in enumerate(column):
                    if type(value) is not str or (self.feed.is_keyed and not value):
                        errors.note(row, "missing_value" if value == "" else "wrong_type", name, value)
                        bad_rows.add(row)
                column = ["" if row in bad_rows else value for row, value in enumerate(column)]
            if self.feed.is_keyed:
                for row, value in enumerate(column):
                    if "+" in value and _ROUNDED.fullmatch(value):
                        errors.note(row, "rounded_number", name, value)
            if self.feed.is_keyed and not all(map(str.isascii, column)):
                column = list(map(plain, column))
            columns.append(column)
        keys: list[str | None] = list(self.tokens.record_keys((self.source.id, self.feed_name), columns))
        for row in bad_rows:
            keys[row] = None
        return keys

    def _dates(self, raw: Columns) -> list[str]:
        """What keeps equal rows of different days apart where no natural key does; where no date can be read, as sent."""
        business_date, values = self.business_date.isoformat(), texts_of(self.feed.time, raw)
        if self.feed.equal_rows == "business_date":
            return [business_date] * len(values)
        moments = map(self.times.__getitem__, values)
        return [
            date.fromordinal(moment.day + EPOCH_ORDINAL).isoformat() if isinstance(moment, Moment) else business_date
            for moment in moments
        ]

    def _add_up(self, values: Sequence[Any]) -> None:
        assert self._sum is not None
        micro = list(map(self._sum.__getitem__, values))
        if self._sum.has_bad:
            readable = [value for value in micro if type(value) is int]
            self.tally.unreadable += len(micro) - len(readable)
            micro = readable
        self.tally.sum_micro += sum(micro)

    def _item_columns(self, lists: Sequence[Any], errors: RowErrors) -> Columns:
        """One column for each known item, named `field.CODE`; empty text where a row has no such item."""
        items = self.feed.items
        assert items is not None
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
            self._add_up(values)
        return dict(columns)


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
    fits = [(when, all_converter(when)) for when in whens]

    def is_own(texts: tuple[str, ...]) -> bool:
        said = dict(zip(fields, texts))
        own, *others = (matches(tuple(said[name] for name in when)) for when, matches in fits)
        return own or (bool(others) and not any(others))

    return fields, is_own


def _scalars(values: Sequence[Any]) -> Sequence[Any]:
    """JSON values where text is due: null is empty text, and what else is no text its (hashable) type."""
    if set(map(type, values)) <= {str}:
        return values
    return ["" if value is None else value if type(value) is str else type(value) for value in values]


def _customer_converter(source: Source, tokens: Tokens) -> Callable[[str], str]:
    """A customer's name in the contract's form → its key."""
    # Most names of a day are new to it: Python's own engine takes a tenth of the time, and of so few characters, where
    # no group repeats, it cannot take long.
    form = re.compile(source.customers)

    def convert(text: str) -> str:
        name = plain(text)
        if not name:
            raise BadValue("missing_value")
        if len(name) > LONGEST_CUSTOMER or not form.fullmatch(name):
            raise BadValue("bad_customer")
        return tokens.customer_key(source.id, name)

    return convert


def _record_batch(
    schema: pa.Schema, landed: dict[str, Sequence[Any] | None], same: dict[str, str], rows: int
) -> pa.RecordBatch:
    """Columns in schema order; `same` holds what is equal in every row, what is in neither is null."""
    arrays = []
    for column in schema:
        values = landed.get(column.name)
        if values is not None:
            arrays.append(pa.array(values, type=column.type))
        elif column.name in same:
            arrays.append(pa.repeat(pa.scalar(same[column.name], type=column.type), rows))
        else:
            arrays.append(pa.nulls(rows, type=column.type))
    return pa.record_batch(arrays, schema=schema)

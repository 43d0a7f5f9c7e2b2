"""Files that no delivery holds, read as their contract says: what the real readers make of each row.

Nothing is kept: keys are made for the reading and forgotten.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from jobs.landing.formats.batches import Batch, BillHead, FileRefused
from jobs.landing.formats.read import open_export
from jobs.landing.formats.rows import RowMaker
from jobs.landing.heads import stated_head
from jobs.landing.tokens import KEY_BYTES, Tokens
from schemas.base import ROOT
from schemas.deliveries import Period, StatedFile
from schemas.errors import Foreseen
from schemas.sources import Feed, Source, load_stations
from schemas.sources.faults import Fault
from schemas.units import MICRO

EVER = date.max.toordinal() - 1
"""So many days before the last one: all."""


class Unclear(Foreseen):
    """What a file is cannot be told from its name; the text says what to name."""


@dataclass(frozen=True)
class Sent:
    """A file as its sender names it, and what it is by the contract.

    form: the contract's form of its name, with `{date}` and `{part}`. customer, period, exported_at: of a bill, what its
        control file says.
    """

    path: Path
    feed: str
    form: str
    named_date: date | None
    customer: str | None
    period: Period | None = None
    exported_at: datetime | None = None

    def name(self, business_date: date, part: int) -> str:
        """How the control file names it."""
        return self.form.format(date=business_date.strftime("%Y%m%d"), part=part)

    def stated(self, rows: int = 0, sha256: str = "0" * 64, **more: Any) -> dict[str, Any]:
        """What a control file states of it, as keys."""
        said = {"name": self.path.name, "feed": self.feed, "part": 1, "parts": 1, "rows": rows, "sha256": sha256}
        return {**said, "period": self.period, "exported_at": self.exported_at, **more}


@dataclass
class Counted:
    """What a file holds, as its control file would state it.

    sum: of the controlled column, as decimal text; none where the contract states none. unreadable: rows of which it could
        not be read. first, last: the dates that its rows tell of.
    """

    rows: int = 0
    sum: str | None = None
    unreadable: int = 0
    head: BillHead | None = None
    first: date | None = None
    last: date | None = None
    faults: list[Fault] = field(default_factory=list)


def sent_as(source: Source, path: Path, feed: str | None = None, customer: str | None = None) -> Sent:
    """What a file is: by its name where that has the contract's form, else by what is named, or the only feed there is.

    Raises:
        Unclear: none of these tells.
    """
    feeds = [name for name, of in source.feeds.items() if of.in_files_of is None]
    found = [(name, form, day) for name in feeds for form, day in _forms_of(source.feeds[name], path.name)]
    if feed is None and len({name for name, *_ in found}) == 1:
        name, form, day = found[0]
        return Sent(path, name, form, day, _whose(source.feeds[name], customer))
    if feed is None and len(feeds) > 1:
        raise Unclear(f"{path.name}: say --feed, one of {', '.join(feeds)}: its name is none of the contract's")
    name = feed or feeds[0]
    if name not in feeds:
        raise Unclear(f"{name}: no feed of {source.id} with files of its own; it has {', '.join(feeds)}")
    dated = {form: day for of, form, day in found if of == name}
    form = next(iter(dated), None) or _form_by_end(source.feeds[name], path.name)
    return Sent(path, name, form, dated.get(form), _whose(source.feeds[name], customer))


def _whose(feed: Feed, customer: str | None) -> str | None:
    return customer if feed.is_bill else None


def _forms_of(feed: Feed, name: str) -> Iterator[tuple[str, date]]:
    """The contract's forms that a name has, each with the date in it."""
    for form in feed.files:
        pattern = re.escape(form).replace(r"\{date\}", "([0-9]{8})").replace(r"\{part\}", "[0-9]{1,6}")
        if told := re.fullmatch(pattern, name):
            try:
                yield form, datetime.strptime(told[1], "%Y%m%d").date()
            except ValueError:
                continue


def _form_by_end(feed: Feed, name: str) -> str:
    """The form whose end a name has; where it has none of them the first: the reader says what it is not."""
    ends = {form: form.split("{part}")[1].lower() for form in feed.files}
    return next((form for form, end in ends.items() if end and name.lower().endswith(end)), feed.files[0])


@contextmanager
def reading(
    source: Source, sent: Sent, path: Path, business_date: date | None, root: Path = ROOT
) -> Iterator[tuple[BillHead | None, Sequence[str], RowMaker, Iterator[tuple[Batch, pa.RecordBatch]]]]:
    """A file at a path that ends as its form does: its head, its new columns, its tally and its rows, raw and landed.

    Args:
        business_date: without one rows of any date are taken, days without a year as the last such day until today.

    Raises:
        FileRefused: as by `open_export`, also while the rows are read.
    """
    feed = source.feeds[sent.feed]
    if business_date is None:
        source = source.model_copy(
            update={"feeds": source.feeds | {sent.feed: feed.model_copy(update={"oldest_days": EVER})}}
        )
    with open_export(path, feed) as export:
        head = stated_head(feed, export.head, StatedFile(**sent.stated()))
        maker = RowMaker(
            source,
            sent.feed,
            "0" * 16,
            business_date or _latest(feed),
            passing(),
            load_stations(source, root),
            head,
            sent.customer,
        )
        yield head, export.new_columns, maker, ((batch, maker.rows(batch)) for batch in export.batches)


def _latest(feed: Feed) -> date:
    """The last date that a row may lie on where nobody says it."""
    return date.max if all("%Y" in form for form in feed.time.formats) else date.today()


@lru_cache(maxsize=1)
def passing() -> Tokens:
    """Keys that nobody keeps."""
    return Tokens(secrets.token_bytes(KEY_BYTES), secrets.token_bytes(KEY_BYTES), algorithm="sha256")


def counted(source: Source, sent: Sent, path: Path, root: Path = ROOT) -> Counted:
    """What the readers count of a file, whatever its dates."""
    found = Counted()
    try:
        with reading(source, sent, path, None, root) as (head, _, maker, batches):
            found.head = head
            for batch, landed in batches:
                found.rows += len(batch.lines) + len(batch.rejects)
                days = [day for day in (found.first, found.last, *_dates(landed, maker.zone)) if day]
                found.first, found.last = min(days, default=None), max(days, default=None)
            if maker.feed.control_sum:
                found.sum = f"{Decimal(maker.tally.sum_micro) / MICRO:f}"
            found.unreadable = maker.tally.unreadable
    except FileRefused as refused:
        found.faults += refused.reasons
    return found


MOMENTS = {"occurred_at_unix", "registered_at_unix", "redeemed_at_unix", "at_unix"}
"""Columns of landed rows that say when that was which they tell."""


def _dates(landed: pa.RecordBatch, zone: ZoneInfo) -> list[date]:
    """The first and the last local date of a batch's rows."""
    moments: list[Any] = [
        moment
        for name in MOMENTS & set(landed.schema.names)
        for moment in landed.column(name).to_pylist()
        if moment is not None
    ]
    ends = (min(moments), max(moments)) if moments else ()
    return [datetime.fromtimestamp(moment, zone).date() for moment in ends]

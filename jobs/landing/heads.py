"""The head of a bill – its days, when it was exported, whether it is whole – from wherever its contract takes it."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from jobs.landing.formats.batches import BillHead, FileRefused
from jobs.landing.formats.rows import RowMaker
from jobs.landing.formats.values import EPOCH_ORDINAL
from jobs.landing.manifests import Bill
from schemas.deliveries import StatedFile
from schemas.sources import Feed
from schemas.sources.faults import fault


def stated_head(feed: Feed, said: BillHead | None, file: StatedFile) -> BillHead | None:
    """What the file and the control file say of a bill, before its rows are read; None of a file that is none.

    Raises:
        FileRefused: together they make no sense.
    """
    if not feed.is_bill:
        return None
    said = said or BillHead()
    stated = (file.period.first, file.period.last) if file.period else None
    head = BillHead(said.days or stated, said.exported_at or file.exported_at, said.is_whole)
    if head.days and head.exported_at and head.exported_at.date() < head.days[1]:
        raise FileRefused(fault("wrong_period"))
    return head


def bill_of(maker: RowMaker, head: BillHead | None) -> Bill | None:
    """What a manifest says of a bill; None of a file that is none, or of which no row read so far tells it."""
    if head is None or maker.customer_key is None:
        return None
    days, at = head.days or _days(maker), head.exported_at or _latest(maker)
    if days is None or at is None:
        return None
    return Bill(
        customer_key=maker.customer_key,
        first_day=days[0],
        last_day=days[1],
        exported_at=at.replace(tzinfo=maker.zone),
        is_whole=head.is_whole,
    )


def _days(maker: RowMaker) -> tuple[date, date] | None:
    """The first and the last date of the rows that were read."""
    days = maker.tally.act_days
    if not days:
        return None
    first, last = (date.fromordinal(day + EPOCH_ORDINAL) for day in (min(days), max(days)))
    return first, last


def _latest(maker: RowMaker) -> datetime | None:
    """The moment of the latest row, in local time; of a day without a clock its midnight."""
    latest = maker.tally.latest_unix
    return None if latest is None else datetime.fromtimestamp(latest, ZoneInfo(maker.source.time_zone))

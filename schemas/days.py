"""When a day ends: the clocks by which files belong to a run, and by which they are late."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from schemas.sources import Source

ZONE = ZoneInfo("Asia/Shanghai")
CUT_OFF = time(6, 0)
"""A run for a date takes what was received before this local time of the day after."""

_OFFSET_SECONDS = 8 * 3600
"""Of ZONE from UTC, since 1992."""


def first_second(day: str) -> str:
    """SQL: the first second of a local date, in seconds since 1970 UTC; `day` is an expression."""
    return f"CAST(datediff({day}, DATE '1970-01-01') AS bigint) * 86400 - {_OFFSET_SECONDS}"


def second_of_day(at: str) -> str:
    """SQL: how many seconds after the local midnight a moment lies; `at` is an expression of seconds since 1970 UTC."""
    return f"({at} + {_OFFSET_SECONDS}) % 86400"


def last_second(day: str) -> str:
    """SQL: the last second of a local date, in seconds since 1970 UTC; `day` is an expression."""
    return f"CAST(datediff({day}, DATE '1970-01-01') + 1 AS bigint) * 86400 - {_OFFSET_SECONDS + 1}"


def cut_off(business_date: date) -> datetime:
    """The moment before which a file must have been received to take part in the date's run."""
    return datetime.combine(business_date + timedelta(days=1), CUT_OFF, ZONE)


def ready_by(source: Source, business_date: date) -> datetime:
    """The moment by which a delivery is expected: on the day after its date, by the institution's clock."""
    clock = time.fromisoformat(source.ready_by)
    return datetime.combine(business_date + timedelta(days=1), clock, ZoneInfo(source.time_zone))

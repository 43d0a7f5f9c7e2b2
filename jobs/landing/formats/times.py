"""Times as contracts write them → moments, in the days that a file's rows may lie on."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import NamedTuple
from zoneinfo import ZoneInfo

from jobs.landing.formats.values import EPOCH_ORDINAL, BadValue
from schemas.sources.columns import Time


class Moment(NamedTuple):
    """A point in time: `unix` in seconds UTC, `day` in days since 1970-01-01 of the local date.

    The `unix` of a day-precise moment is its local midnight.
    """

    unix: int
    precision: str
    day: int


class Window(NamedTuple):
    """Days (since 1970-01-01) in which the rows of a file may lie, and what is wrong with one before or after."""

    first_day: int
    last_day: int
    before: str
    after: str


_DIGITS = {"%Y": "([0-9]{4})", **dict.fromkeys(("%m", "%d", "%H", "%M", "%S"), "([0-9]{2})")}
"""The directives of a time format, in the order of datetime's arguments."""
_BESIDE = {"%f": "[0-9]{1,9}", "%z": "(?P<offset>Z|[+-][0-9]{2}:?[0-9]{2})"}
"""A fraction of a second, which is dropped, and an offset from UTC."""


def _offset(text: str) -> timezone:
    """An offset from UTC as it is written in a value."""
    if text == "Z":
        return timezone.utc
    hours, minutes = int(text[1:3]), int(text[-2:])
    if minutes > 59:
        raise ValueError(text)
    return timezone((1 if text[0] == "+" else -1) * timedelta(hours=hours, minutes=minutes))


def time_converter(time: Time, zone: ZoneInfo, window: Window) -> Callable[[str], Moment]:
    """Local time as declared → Moment in the window. Stricter than strptime: every part has its full width."""
    forms = []
    for form, precision in time.formats.items():
        parts = re.split(r"(%.)", form)
        pattern = "".join(_DIGITS.get(part) or _BESIDE.get(part) or re.escape(part) for part in parts)
        order = [part for part in parts if part in _DIGITS]
        places = [order.index(part) for part in _DIGITS if part in order]
        forms.append((re.compile(pattern), places, precision, "%z" in parts))

    def convert(text: str) -> Moment:
        for pattern, places, precision, has_offset in forms:
            match = pattern.fullmatch(text)
            if match:
                told = match["offset"] if has_offset else None
                numbers = [int(group) for group in match.groups() if group != told]
                try:
                    naive = datetime(*[numbers[place] for place in places])  # type: ignore[arg-type]
                    local = naive.replace(tzinfo=_offset(told)).astimezone(zone) if told else naive.replace(tzinfo=zone)
                    if time.tells == "booking":  # its date counts: the bank's clock is not that of the act
                        local, precision = local.replace(hour=0, minute=0, second=0), "day"
                    moment = Moment(int(local.timestamp()), precision, local.toordinal() - EPOCH_ORDINAL)
                except (ValueError, OverflowError) as error:
                    raise BadValue("bad_time") from error
                if moment.day < window.first_day:
                    raise BadValue(window.before)
                if moment.day > window.last_day:
                    raise BadValue(window.after)
                return moment
        raise BadValue("bad_time" if text else "missing_value")

    return convert

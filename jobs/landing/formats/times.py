"""Times as contracts write them → moments, in the days that a file's rows may lie on."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from jobs.landing.encoded import Column, each
from jobs.landing.formats.values import EPOCH_ORDINAL, BadValue, Columns
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


def texts_of(time: Time, raw: Columns) -> Column:
    """A column of times as they are converted: date and clock of a row with a space between, where they stand apart."""
    if time.clock is None:
        return raw[time.column]  # type: ignore[no-any-return]
    return each([raw[time.column], raw[time.clock]]).map(_joined)


def _joined(both: tuple[Any, Any]) -> Any:
    day, clock = both
    return f"{day} {clock}".strip() if type(day) is str and type(clock) is str else day


def _last_year(month: int, day: int, window: Window) -> int:
    """The year of the last such day that a row may lie on; a day that no year of a leap cycle has is a ValueError."""
    last = date.fromordinal(window.last_day + EPOCH_ORDINAL)
    for year in range(last.year, last.year - 9, -1):
        try:
            if date(year, month, day) <= last:
                return year
        except ValueError:
            continue
    raise ValueError(f"{month}/{day}")


def _parts(form: str) -> list[str]:
    """The directives of a format and what stands between."""
    return re.split(r"(%.)", form)


def time_forms(time: Time) -> dict[str, re.Pattern[str]]:
    """The declared formats, each with its pattern; the first that a text matches is that of the text."""
    return {form: _pattern(form) for form in time.formats}


@cache
def _pattern(form: str) -> re.Pattern[str]:
    return re.compile("".join(_DIGITS.get(part) or _BESIDE.get(part) or re.escape(part) for part in _parts(form)))


def time_converter(time: Time, zone: ZoneInfo, window: Window) -> Callable[[str], Moment]:
    """Local time as declared → Moment in the window. Stricter than strptime: every part has its full width."""
    forms = []
    for form, pattern in time_forms(time).items():
        order = [part for part in _parts(form) if part in _DIGITS]
        places = [order.index(part) for part in _DIGITS if part in order]
        forms.append((pattern, places, time.formats[form], "%Y" in order, "%z" in _parts(form)))

    def convert(text: str) -> Moment:
        for pattern, places, precision, has_year, has_offset in forms:
            match = pattern.fullmatch(text)
            if match:
                told = match["offset"] if has_offset else None
                numbers = [int(group) for group in match.groups() if group != told]
                try:
                    told_parts = [numbers[place] for place in places]
                    if not has_year:
                        told_parts.insert(0, _last_year(told_parts[0], told_parts[1], window))
                    naive = datetime(*told_parts)  # type: ignore[arg-type]
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

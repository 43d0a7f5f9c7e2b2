"""Columns of times: of those that differ in their clock alone, the day is converted once."""

from __future__ import annotations

from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.landing.encoded import Column, Rows, bytes_of, lengths_of
from jobs.landing.formats.times import Moment, Window, texts_of, time_converter, time_forms
from jobs.landing.formats.values import MEMO_LIMIT, Columns, Memo, RowErrors
from schemas.sources.columns import Time

DAY_SECONDS = 86_400
CLOCKS = {"%H:%M:%S": "{:02}:{:02}:{:02}", "%H%M%S": "{:02}{:02}{:02}"}
"""Ends of time formats, and how a clock is written so."""
LAST = 23, 59, 59
MOST_DAYS = 64
"""Of more days in a batch every time is converted by itself."""


class Moments(NamedTuple):
    """A column of moments: seconds UTC, null where there is none; of every row (precision, local date), or None."""

    unix: pa.Int64Array
    days: Column

    def landed(self) -> dict[str, Any]:
        """As `occurred_at_unix`, `time_precision` and `act_date`."""
        return {
            "occurred_at_unix": self.unix,
            "time_precision": self.days.map(lambda day: day and day[0]),
            "act_date": self.act_dates,
        }

    @property
    def act_dates(self) -> Column:
        return self.days.map(lambda day: day and day[1])


class _Day(NamedTuple):
    """What all times of a day are: its midnight, how far each second of the clock moves (not at all in a booking)."""

    unix: int
    step: int
    told: tuple[str, int]


class Times:
    """The times of a feed, by what `time_converter` says of each text, or of the two ends of a day."""

    def __init__(self, time: Time, zone: ZoneInfo, window: Window) -> None:
        self.time = time
        self.memo = Memo(time_converter(time, zone, window))
        self.forms = time_forms(time)
        self.clocks = [clock for clock in CLOCKS if any(form.endswith(clock) for form in time.formats)]
        self.days: dict[bytes, _Day | None] = {}

    def __call__(self, raw: Columns, errors: RowErrors) -> Moments:
        """The moments of a batch; what is none is noted."""
        column = texts_of(self.time, raw)
        unix, codes = np.zeros(len(column), np.int64), np.full(len(column), -1)
        told: list[tuple[str, int] | None] = []
        if column.texts is not None:
            for clock in self.clocks:
                self._by_day(column.texts, clock, unix, codes, told)
        rest = np.flatnonzero(codes < 0)
        if len(rest):
            others = self.memo.column(self.time.column, column.take(rest), _Of(errors, rest))
            unix[rest] = others.map(lambda moment: moment and moment.unix).numbers()
            codes[rest] = others.codes + len(told)
            told += [moment and (moment.precision, moment.day) for moment in others.values]
        days = Column(codes, told)
        is_none = np.fromiter((day is None for day in told), bool, len(told))[codes]
        return Moments(pa.array(unix, mask=is_none), days)

    def _by_day(
        self,
        texts: pa.StringArray,
        clock: str,
        unix: Rows,
        codes: Rows,
        told: list[tuple[str, int] | None],
    ) -> None:
        """Fill in the rows that end in such a clock and lie on days of which both ends are good."""
        for width in np.unique(lengths_of(texts)[codes < 0]).tolist():
            rows = np.flatnonzero((lengths_of(texts) == width) & (codes < 0))
            prefixes, seconds = _split(_matrix(texts, rows, width), clock)
            left = np.flatnonzero(seconds >= 0)
            for _ in range(MOST_DAYS):
                if not len(left):
                    break
                prefix = prefixes[left[0]]
                is_same = (prefixes[left] == prefix).all(axis=1)
                day = self._day(prefix.tobytes(), clock)
                if day:
                    mine = left[is_same]
                    unix[rows[mine]] = day.unix + seconds[mine] * day.step
                    codes[rows[mine]] = len(told)
                    told.append(day.told)
                left = left[~is_same]

    def _day(self, prefix: bytes, clock: str) -> _Day | None:
        """What the times before whose clock stands `prefix` share; None where the clock alone does not tell them apart."""
        if len(self.days) > MEMO_LIMIT:
            self.days.clear()
        if prefix not in self.days:
            midnight, last = (prefix.decode() + CLOCKS[clock].format(*at) for at in ((0, 0, 0), LAST))
            form = next((form for form, pattern in self.forms.items() if pattern.fullmatch(midnight)), "")
            self.days[prefix] = _same_day(self.memo[midnight], self.memo[last]) if form.endswith(clock) else None
        return self.days[prefix]


def _same_day(midnight: Any, last: Any) -> _Day | None:
    """A day of whose two ends both are good and as far apart as their clocks, or not at all."""
    if type(midnight) is not Moment or type(last) is not Moment or midnight[1:] != last[1:]:
        return None
    step, rest = divmod(last.unix - midnight.unix, DAY_SECONDS - 1)
    return _Day(midnight.unix, step, (midnight.precision, midnight.day)) if not rest and step in (0, 1) else None


def _matrix(texts: pa.StringArray, rows: Rows, width: int) -> npt.NDArray[np.uint8]:
    """The bytes of texts of one width, a row each."""
    if len(rows) == len(texts):
        return bytes_of(texts).reshape(len(rows), width)
    return bytes_of(texts.take(pa.array(rows))).reshape(len(rows), width)


def _split(matrix: npt.NDArray[np.uint8], clock: str) -> tuple[npt.NDArray[np.uint8], Rows]:
    """What stands before the clock, and the clock's seconds; -1 where it is none."""
    written = np.frombuffer(CLOCKS[clock].format(0, 0, 0).encode(), np.uint8)
    at = matrix.shape[1] - len(written)
    if at < 0:
        return matrix, np.full(len(matrix), -1)
    ends = matrix[:, at:]
    is_digit = written == ord("0")
    digits = (ends[:, is_digit] - ord("0")).astype(np.int64)
    hours, minutes, seconds = (digits[:, place] * 10 + digits[:, place + 1] for place in (0, 2, 4))
    is_clock = (ends[:, ~is_digit] == written[~is_digit]).all(axis=1) & (digits < 10).all(axis=1)
    is_clock &= (hours <= LAST[0]) & (minutes <= LAST[1]) & (seconds <= LAST[2])
    return matrix[:, :at], np.where(is_clock, (hours * 60 + minutes) * 60 + seconds, -1)


class _Of(RowErrors):
    """Errors of some rows of a batch, noted in the errors of all."""

    def __init__(self, errors: RowErrors, rows: Rows) -> None:
        super().__init__()
        self.all, self.rows = errors, rows

    def note(self, row: int, code: str, column: str, value: object) -> None:
        self.all.note(int(self.rows[row]), code, column, value)

"""How a feed's statement differs from those of the last 30 days: columns, codes and how numbers are spread.

Read from the manifests alone, so it can be looked at before a run. What is flagged is not wrong: it is what to ask
the institution about.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from jobs.landing.manifests import Manifest
from jobs.landing.profile import Profile, median, merged
from jobs.landing.statements import accepted_in_force

DAYS = 30
TIMES = 2.0
"""A number of rows or a median that doubles or halves is flagged."""
POINTS = 0.10
"""A share that moves by more is flagged."""
ENOUGH_ROWS = 100
"""With fewer rows before or now a share says nothing; only a new column does."""


@dataclass(frozen=True)
class Change:
    """One thing about a feed, before and now: a share, a median or a number of rows; None where there was none."""

    institution: str
    feed: str
    what: str
    name: str
    before: float | None
    now: float | None
    is_flagged: bool


def drift(
    home: Path, on: date | None = None, institution: str | None = None, feed: str | None = None
) -> dict[tuple[str, str, date], list[Change]]:
    """Of every feed the statement of a date, or its newest, against those of the 30 days before.

    Returns:
        (institution, feed, business date) → its changes; a feed with a single statement has none.
    """
    by_feed: defaultdict[tuple[str, str], defaultdict[date, list[Manifest]]] = defaultdict(lambda: defaultdict(list))
    for file in accepted_in_force(home):
        if institution in (None, file.institution) and feed in (None, file.feed):
            by_feed[file.institution, file.feed][file.business_date].append(file)
    found = {}
    for (one, name), days in sorted(by_feed.items()):
        day = on or max(days)
        before = [files for other, files in sorted(days.items()) if day - timedelta(days=DAYS) <= other < day]
        if day in days and before:
            found[one, name, day] = list(_changes(one, name, days[day], before))
    return found


def _changes(
    institution: str, feed: str, now: Sequence[Manifest], before: Sequence[Sequence[Manifest]]
) -> Iterable[Change]:
    def change(what: str, name: str, was: float | None, became: float | None, is_flagged: bool) -> Change:
        return Change(institution, feed, what, name, was, became, is_flagged)

    usual = statistics.median(sum(file.own_rows for file in files) for files in before)
    rows = sum(file.own_rows for file in now)
    yield change("rows", "", usual, rows, max(usual, rows) >= ENOUGH_ROWS and _moved(usual, rows))
    says = min(usual, rows) >= ENOUGH_ROWS
    then = merged(file.profile for files in before for file in files)
    today = merged(file.profile for file in now)
    for name, (was, became) in _shares(_filled(then), _filled(today)).items():
        yield change("column", name, was, became, says and _shifted(was, became))
    for shape in sorted(set(today.new_columns) - set(then.new_columns)):
        yield change("new column", shape, None, 1.0, True)
    for column in sorted(then.codes.keys() | today.codes.keys()):
        of = (_share(then.codes.get(column, {})), _share(today.codes.get(column, {})))
        for code, (was, became) in _shares(*of).items():
            yield change(f"code in {column}", code, was, became, says and _shifted(was, became))
    for name in sorted(then.numbers.keys() & today.numbers.keys()):
        was, became = median(then.numbers[name]), median(today.numbers[name])
        yield change("median of", name, was, became, says and _moved(was, became))


def _filled(profile: Profile) -> dict[str, float]:
    """Field → share of the rows in which it is not empty."""
    return {name: count / profile.rows for name, count in profile.filled.items()} if profile.rows else {}


def _share(counts: Mapping[str, int]) -> dict[str, float]:
    total = sum(counts.values())
    return {name: count / total for name, count in counts.items()}


def _shares(then: Mapping[str, float], now: Mapping[str, float]) -> dict[str, tuple[float | None, float | None]]:
    return {name: (then.get(name), now.get(name)) for name in sorted(then.keys() | now.keys())}


def _shifted(was: float | None, became: float | None) -> bool:
    """A share that moved far, or a code that is new or gone."""
    return was is None or became is None or abs(was - became) > POINTS


def _moved(was: float, became: float) -> bool:
    return not was / TIMES <= became <= was * TIMES

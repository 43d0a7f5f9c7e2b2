"""How much of what an institution owes of a month has come: one share for everybody whom it reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from schemas import Registry
    from schemas.records import Grade


Statement = tuple[str, str, date]
"""Institution, feed and business date of a statement in force, whatever its revision and parts."""
Place = tuple[str, str]
"""Institution and month (yyyy-MM)."""


class Share(NamedTuple):
    """Statements in force, of those that are owed."""

    come: int
    owed: int


def owing(registry: Registry) -> list[tuple[str, str]]:
    """(institution, feed) that owe a statement every day; nobody owes a bill."""
    return [
        (source.id, name)
        for source in registry.sources.values()
        for name, feed in source.feeds.items()
        if not feed.is_bill
    ]


def shares(statements: Iterable[Statement], registry: Registry, until: date) -> dict[Place, Share]:
    """What has come of every institution and month in which it owes something.

    An institution owes every feed of every date from the first of which it sent anything, whenever that came, until
    `until`: the order of arrival makes no difference.
    """
    feeds = owing(registry)
    there = {one for one in statements if one[:2] in feeds and one[2] <= until}
    first: dict[str, date] = {}
    for institution, _, day in there:
        first[institution] = min(day, first.get(institution, day))
    feeds_of = Counter(institution for institution, _ in feeds)
    owed: Counter[Place] = Counter()
    for institution, since in first.items():
        for number in range((until - since).days + 1):
            owed[institution, month_of(since + timedelta(days=number))] += feeds_of[institution]
    come = Counter((institution, month_of(day)) for institution, _, day in there)
    return {place: Share(come[place], number) for place, number in owed.items()}


def grades(found: dict[Place, Share], registry: Registry) -> dict[Place, Grade]:
    """The grade of every share."""
    return {place: registry.records.reporting.grade_of(*share) for place, share in found.items()}


def month_of(day: date) -> str:
    """yyyy-MM."""
    return f"{day:%Y-%m}"

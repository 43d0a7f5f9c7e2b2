"""How much of what an institution owes of a month has come: one share for everybody whom it reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from schemas.deployment import Deployment, since_first

if TYPE_CHECKING:
    from schemas import Registry
    from schemas.records import Grade


StatementKey = tuple[str, str, date]
"""Institution, feed and business date of a statement in force, whatever its revision and parts."""
ReportedMonth = tuple[str, str]
"""Institution and month (yyyy-MM)."""


class Share(NamedTuple):
    """Statements in force, of those that are owed."""

    come: int
    owed: int


def shares(
    statements: Iterable[StatementKey], registry: Registry, until: date, deployment: Deployment | None = None
) -> dict[ReportedMonth, Share]:
    """What has come of every institution and month in which it owes something.

    An institution owes every feed of every date of which the deployment expects it, until `until`. Where no deployment
    says so, these are the dates from the first of which it sent anything, whenever that came: the order of arrival makes
    no difference.
    """
    owed_by = {source.id: source.owed for source in registry.sources.values()}
    there = {
        (institution, feed, day)
        for institution, feed, day in statements
        if feed in owed_by.get(institution, ()) and day <= until
    }
    expected = deployment or since_first((institution, day) for institution, _, day in there)
    owed: Counter[ReportedMonth] = Counter()
    for institution in expected.institutions.keys() & owed_by.keys():
        for day in expected.days(institution, until):
            owed[institution, month_of(day)] += len(owed_by[institution])
    come = Counter((institution, month_of(day)) for institution, _, day in there if expected.expects(institution, day))
    return {reported: Share(come[reported], number) for reported, number in owed.items()}


def grades(found: dict[ReportedMonth, Share], registry: Registry) -> dict[ReportedMonth, Grade]:
    """The grade of every share."""
    return {reported: registry.records.reporting.grade_of(*share) for reported, share in found.items()}


def month_of(day: date) -> str:
    """yyyy-MM."""
    return f"{day:%Y-%m}"

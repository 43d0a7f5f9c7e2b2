"""Days, months and years that rules sum up, and meals of a day, in Python and in SQL."""

from __future__ import annotations

from datetime import date, timedelta

from schemas.days import second_of_day
from schemas.scenarios.parts import Period

END_OF_TIME = date(9999, 12, 31)
_MEALS = {"morning": 10, "midday": 16}
"""Meal → the local hour before which it is; what is later is of the evening."""


def start_of(period: str, day: str) -> str:
    """SQL: the first date of a day's period; `period` is a column or a quoted name."""
    text = f"CAST({day} AS string)"
    return f"""CAST(CASE {period} WHEN 'year' THEN concat(substring({text}, 1, 4), '-01-01')
                     WHEN 'month' THEN concat(substring({text}, 1, 7), '-01') ELSE {text} END AS date)"""


def last_day(period: Period, day: date, later: int = 0) -> date:
    """The last date of the period that is so many later than the day's."""
    if period == "day":
        return day + timedelta(days=later)
    if period == "year":
        return date(day.year + later, 12, 31)
    months = day.year * 12 + day.month + later
    return date(months // 12, months % 12 + 1, 1) - timedelta(days=1)


def meal_at(at: str) -> str:
    """SQL: the meal of its day that a moment lies at; `at` is an expression of seconds since 1970 UTC."""
    cases = " ".join(f"WHEN {second_of_day(at)} < {hour * 3600} THEN '{meal}'" for meal, hour in _MEALS.items())
    return f"CASE {cases} ELSE 'evening' END"

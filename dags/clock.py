"""The business date of a DAG run: the one place that decides it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import CronDataIntervalTimetable
from airflow.sdk.exceptions import AirflowFailException

PARAM = "business_date"


def business_date(dag_run: Any, params: Mapping[str, Any], zone: ZoneInfo) -> date:
    """The date that a run is for: its parameter, else the local date on which its data interval begins.

    Never the clock and never the logical date: a run that starts late, or again, is for the same date.

    Raises:
        AirflowFailException: the run has neither, or the parameter is no date.
    """
    if said := params.get(PARAM):
        try:
            return date.fromisoformat(said)
        except ValueError:
            raise AirflowFailException(f"{PARAM} is {said!r}; say a date such as 2026-11-21") from None
    start: datetime | None = dag_run.data_interval_start
    if start is None:
        raise AirflowFailException(f"this run has no data interval; say {PARAM}")
    return start.astimezone(zone).date()


def after_each_day(local_time: str, zone: ZoneInfo) -> CronDataIntervalTimetable:
    """Once a day at a local time, for the date on which the day before began: at 06:00 of the 22nd for the 21st."""
    hour, minute = local_time.split(":")
    return CronDataIntervalTimetable(f"{int(minute)} {int(hour)} * * *", timezone=zone.key)


def macros(zone: ZoneInfo) -> dict[str, Callable[..., str]]:
    """What templates of a DAG may call: `{{ business_date(dag_run, params) }}`."""
    return {"business_date": lambda dag_run, params: business_date(dag_run, params, zone).isoformat()}


DATE = "{{ business_date(dag_run, params) }}"

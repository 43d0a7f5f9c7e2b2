"""Waiting for an institution's delivery: fetch it, take it in, and say when it is late."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from airflow.sdk import BaseSensorOperator, timezone
from airflow.sdk.exceptions import AirflowFailException

from dags.command import run_command
from dags.notice import tell
from dags.settings import home
from dags.transports import fetch
from dags.warm import Command
from schemas.days import cut_off, ready_by
from schemas.deliveries import EXPORTS
from schemas.sources import Source


class Delivery(BaseSensorOperator):
    """Fetches and pulls an institution's deliveries until that of the date is there, or the cut-off has passed.

    Whatever else lies there – late statements, corrections – is taken in as well. Whoever is late is told of once.
    Transport errors are worth another try; a delivery that does not come by the cut-off is not.
    """

    template_fields = ("business_date",)
    ui_color = "#e6ecf5"

    def __init__(self, *, source: Source, business_date: str, **rest: Any) -> None:
        super().__init__(**rest)
        self.source = source.id
        self.business_date = business_date
        self._contract = source

    def poke(self, context: Any) -> bool:
        hook = Command()
        try:
            fetch(self.source, f"tanzhang_{self.source}", home() / EXPORTS)
        finally:  # what else was fetched is taken in all the same
            run_command(hook, ["job", "pull", "--date", self.business_date, "--institution", self.source])
        if arrival(hook, self.source, self.business_date)["state"] != "missing":
            return True
        day, now = date.fromisoformat(self.business_date), timezone.utcnow()
        if now >= cut_off(day):
            tell("missing", institution=self.source, business_date=self.business_date)
            raise AirflowFailException(
                f"{self.source} delivered nothing for {day} by the cut-off; the day goes without"
            )
        if now >= ready_by(self._contract, day) and not context.get("task_reschedule_count"):
            tell("late", institution=self.source, business_date=self.business_date)
        return False


def arrival(hook: Command, institution: str, business_date: str) -> dict[str, Any]:
    """How an institution delivered for a date, from its receipts: institution, state and instants."""
    _, said = run_command(hook, ["late", "--date", business_date, "--institution", institution, "--json"])
    found: dict[str, Any] = json.loads(said)
    return found


def check_arrival(institution: str, business_date: str) -> str:
    """The state of a delivery; tells of one that was refused.

    Raises:
        AirflowFailException: it was refused, or has not come: another try changes nothing before the sender acts.
    """
    state: str = arrival(Command(), institution, business_date)["state"]
    if state == "refused":
        tell("refused", institution=institution, business_date=business_date)
    if state in ("refused", "missing"):
        raise AirflowFailException(f"{institution}: the delivery for {business_date} is {state}")
    return state

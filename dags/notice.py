"""Telling somebody: what is late, missing or failed, to the connection `tanzhang_notice`, or to the log."""

from __future__ import annotations

import logging
from typing import Any

from airflow.providers.http.hooks.http import HttpHook
from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

CONNECTION = "tanzhang_notice"
log = logging.getLogger(__name__)


def tell(event: str, **facts: Any) -> None:
    """Post a JSON object to the connection's address; where none is declared, or it does not answer, it is logged.

    Args:
        event: `late`, `missing`, `refused`, `degraded` or `failed`.
        facts: institutions, dates, tasks; nothing of a person.
    """
    notice = {"event": event, **facts}
    log.warning("notice: %s", notice)
    try:
        Connection.get(CONNECTION)
    except AirflowNotFoundException:
        return
    try:
        HttpHook(method="POST", http_conn_id=CONNECTION).run(json=notice)
    except Exception as error:  # whatever is wrong with the messenger is not wrong with the day
        log.error("the notice could not be posted: %s", type(error).__name__)


def tell_of_failure(context: Any) -> None:
    """Callback of every task."""
    task = context["ti"]
    tell("failed", dag=task.dag_id, task=task.task_id, run=context["run_id"], attempt=task.try_number)

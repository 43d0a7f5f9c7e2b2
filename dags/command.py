"""A task that runs the command in the environment of the jobs, and reads its exit code."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseOperator, timezone
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowRescheduleException

from dags.settings import COMMAND, KEYS, home
from dags.warm import Command

DONE, DEGRADED = "done", "degraded"
_STATES = {0: DONE, 3: DEGRADED}
_FINAL = {2: "wrong usage", 4: "blocked", 5: "nothing of that name"}
"""Exit codes that another try would not change."""
WAIT = timedelta(minutes=1)
MAKE_TOKENS = (("run",), ("job", "land"), ("quarantine", "replay"))
"""What begins the arguments of those that need the keys; no other gets them."""


def run_command(hook: Command, arguments: Sequence[str]) -> tuple[str, str]:
    """Run the command on the deployment's home.

    Returns:
        `done` or `degraded`, and the last line that it printed.

    Raises:
        AirflowFailException: another try would end the same way: a bad call, a blocked publication.
        AirflowException: anything else; worth another try.
    """
    result = hook.run_command([COMMAND, *arguments], env=environment(arguments))
    if result.exit_code in _STATES:
        return _STATES[result.exit_code], result.output
    if result.exit_code in _FINAL:
        raise AirflowFailException(f"{_FINAL[result.exit_code]}: {result.output}")
    raise AirflowException(f"exit code {result.exit_code}: {result.output}")


def environment(arguments: Sequence[str]) -> dict[str, str]:
    """The task's environment with the deployment's home; with the keys only where tokens are made."""
    makes = any(tuple(arguments[: len(one)]) == one for one in MAKE_TOKENS)
    inherited = {name: value for name, value in os.environ.items() if makes or name not in KEYS}
    return {"TANZHANG_LOG": "json", **inherited, "TANZHANG_HOME": str(home())}


class Tanzhang(BaseOperator):
    """Runs `tanzhang ARGUMENTS`.

    Args:
        arguments: of the command.
        waits_for: ids of DAGs during whose runs this task does not start. It asks while it holds its slot of the lake's
            pool, so that none of them can begin to write in between.
        reads, writes: names of Delta tables, told to OpenLineage.

    Returns:
        `done`; `degraded` where the command says that the day is published but flawed, or that files were refused.
    """

    template_fields = ("arguments",)
    ui_color = "#dcefe4"

    def __init__(
        self,
        *,
        arguments: Sequence[str],
        waits_for: Sequence[str] = (),
        reads: Sequence[str] = (),
        writes: Sequence[str] = (),
        **rest: Any,
    ) -> None:
        super().__init__(**rest)
        self.arguments = list(arguments)
        self.waits_for = list(waits_for)
        self.reads = list(reads)
        self.writes = list(writes)
        self._hook = Command()

    def execute(self, context: Any) -> str:
        for dag_id in self.waits_for:
            if context["ti"].get_dr_count(dag_id=dag_id, states=["running"]):
                self.log.info("%s is running; trying again in a minute", dag_id)
                raise AirflowRescheduleException(timezone.utcnow() + WAIT)
        state, _ = run_command(self._hook, self.arguments)
        return state

    def on_kill(self) -> None:
        self._hook.send_sigterm()

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """Inputs and outputs of the task, as OpenLineage's provider asks for them."""
        from airflow.providers.common.compat.openlineage.facet import Dataset
        from airflow.providers.openlineage.extractors import OperatorLineage

        def datasets(tables: Sequence[str]) -> list[Any]:
            return [Dataset(namespace="file", name=f"{home()}/lake/{table.replace('.', '/')}") for table in tables]

        return OperatorLineage(inputs=datasets(self.reads), outputs=datasets(self.writes))

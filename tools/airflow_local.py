#!/usr/bin/env python3
"""Airflow on this machine, on a simulated world: `make airflow`.

Everything lies in home/airflow: Airflow's own files, and the deployment in world/. The dates are the last ones whose
cut-off has passed, so that the scheduler accounts for them at once and then for each day as it ends. Stop it with Ctrl-C;
started again it goes on where it was. `--fresh` begins anew.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

ROOT = Path(__file__).resolve().parents[1]
AIRFLOW, JOBS = ROOT / ".venv-airflow/bin", ROOT / ".venv/bin"
USER = "admin"
AFTER_CUT_OFF = timedelta(hours=31)
"""A date is over, and accounted for, an hour after its cut-off."""


def main() -> None:
    """Simulate, prepare, and become `airflow standalone`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=ROOT / "home/airflow")
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--days", type=int, default=3)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--fresh", action="store_true", help="forget the world and Airflow's past")
    said = parser.parse_args()
    if said.fresh:
        shutil.rmtree(said.home, ignore_errors=True)
    first = simulated(said.home / "world", said.people, said.days)
    environment = {**os.environ, **settings(said.home, said.port, first)}
    for command in (
        ["db", "migrate"],
        ["pools", "set", "lake", "1", "one writer at a time"],
        # One: the dates to catch up with must not keep the first one's account waiting.
        ["pools", "set", "transport", "1", "tasks that take files in at the same time"],
    ):
        subprocess.run([AIRFLOW / "airflow", *command], env=environment, check=True, stdout=subprocess.DEVNULL)
    print(
        f"\nAirflow at http://localhost:{said.port} – user {USER}, password {password(said.home)} – account_daily of "
        f"{first} begins as soon as the scheduler runs. Ctrl-C ends it.\n",
        flush=True,
    )
    os.execve(AIRFLOW / "airflow", ["airflow", "standalone"], environment)


def simulated(world: Path, people: int, days: int) -> str:
    """The first date of the world, made if it is not there."""
    note = world / "first_date"
    if not note.exists():
        shutil.rmtree(world, ignore_errors=True)
        last = (datetime.now(ZoneInfo("Asia/Shanghai")) - AFTER_CUT_OFF).date()
        first = last - timedelta(days=days - 1)
        command = [JOBS / "tanzhang", "simulate", "--people", str(people), "--days", str(days)]
        subprocess.run([*command, "--start", str(first), "--home", world], check=True)
        note.write_text(str(first))
    return note.read_text()


def password(home: Path) -> str:
    """The log-in's password, made once."""
    path = home / "passwords.json"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(json.dumps({USER: secrets.token_urlsafe(9)}))
    found: str = json.loads(path.read_text())[USER]
    return found


def settings(home: Path, port: int, first: str) -> dict[str, str]:
    """What Airflow and the tasks are told by their environment."""
    return {
        "PATH": f"{AIRFLOW}:{os.environ['PATH']}",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://localhost:{port}",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        # The executor forks as many workers as it may ever need, 32 unless told.
        "AIRFLOW__CORE__PARALLELISM": "3",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://localhost:{port}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(
            {"type": "file", "log_file_path": str(home / "lineage.jsonl"), "append": True}
        ),
        "TANZHANG_HOME": str(home / "world"),
        "TANZHANG_BIN": str(JOBS / "tanzhang"),
        "TANZHANG_START": first,
    }


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""account_daily of the demo's world through Airflow's tasks, on the engine in each of its three ways: `make bench-airflow`.

Beside them the peer: the same dates by one `tanzhang run` on the embedded engine. Every way must come to the same
publications. Runs in Airflow's environment; its own files, the worlds and what tasks print lie in a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from datetime import date, datetime, timedelta
from datetime import time as clock
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

ROOT = Path(__file__).resolve().parents[1]
JOBS = ROOT / ".venv/bin"
FIRST = date(2026, 11, 1)
WAYS = ("embedded", "connect", "spark")


def main() -> None:
    """Simulate once, run every way on a copy, print the seconds beside each other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--days", type=int, default=3)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    said = parser.parse_args()
    # The same keys for all: which of two joined persons keeps its id follows from them.
    os.environ |= {f"TANZHANG_{name}_KEY": secrets.token_hex(32) for name in ("TOKEN", "RECORD")}
    with tempfile.TemporaryDirectory(prefix="tanzhang-airflow-") as folder:
        work = Path(folder)
        tanzhang("simulate", "--people", said.people, "--days", said.days, "--start", FIRST, home=work / "world")
        dates = [FIRST + timedelta(days=number) for number in range(said.days)]
        peer = copy(work, "peer")
        started = time.perf_counter()
        tanzhang("run", "--from", dates[0], "--to", dates[-1], home=peer)
        print(f"{said.people:,} people, {said.days} dates")
        print(f"{'one tanzhang run, embedded':32}{time.perf_counter() - started:8.1f} s in all")
        expected = published(peer)
        for way in said.ways:
            measure(way, copy(work, way), dates, work, expected)


def measure(way: str, home: Path, dates: list[date], work: Path, expected: str) -> None:
    """Run the dates one way and print what they took.

    Raises:
        SystemExit: a run was not published, or what was published differs.
    """
    environment = {**os.environ, "TANZHANG_HOME": str(home), "TANZHANG_BIN": str(JOBS / "tanzhang")}
    if way != "embedded":
        environment |= {"TANZHANG_ENGINE": "spark", "TANZHANG_SPARK_CONF": small_data(), "JAVA_HOME": java()}
    server = ["--folder", str(work / "connect"), "--port", "15123"]
    started = time.perf_counter()
    if way == "connect":
        subprocess.run([JOBS / "tanzhang", "spark", "start", *server], env=environment, check=True, stdout=sys.stderr)
        environment["SPARK_REMOTE"] = "sc://127.0.0.1:15123"
        print(f"{'  the Connect server starts in':32}{time.perf_counter() - started:8.1f} s")
    try:
        days = [through_tasks(day, environment, work / f"airflow-{way}", work / f"{way}.log") for day in dates]
    finally:
        if way == "connect":
            subprocess.run([JOBS / "tanzhang", "spark", "stop", *server[:2]], check=True, stdout=sys.stderr)
    each = ", ".join(f"{sum(day.values()):.1f}" for day in days)
    print(f"{'account_daily, ' + way:32}{sum(sum(day.values()) for day in days):8.1f} s in all; by date {each}")
    longest = sorted(days[-1].items(), key=lambda task: -task[1])
    print("  the last date by task: " + ", ".join(f"{name} {seconds:.1f}" for name, seconds in longest))
    if published(home) != expected:
        raise SystemExit(f"{way}: other publications than those of tanzhang run")


def through_tasks(day: date, environment: dict[str, str], airflow_home: Path, log: Path) -> dict[str, float]:
    """Seconds of every task of one date, each run in a process of its own as a worker would."""
    environment = environment | {
        "AIRFLOW_HOME": str(airflow_home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "PYTHONPATH": str(ROOT),
    }
    with log.open("a") as printed:
        done = subprocess.run(
            [sys.executable, __file__, "--date", str(day)],
            env=environment, stdout=subprocess.PIPE, stderr=printed, text=True, check=False,
        )  # fmt: skip
        printed.write(done.stdout)
    if done.returncode:
        raise SystemExit(f"account_daily of {day} failed:\n" + log.read_text()[-3000:])
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def one_date(day: str) -> None:
    """In a process of its own: the date through `dag.test()`, its tasks' seconds as the last line."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.utils.db import initdb

    initdb()
    begins = datetime.combine(date.fromisoformat(day), clock(6), ZoneInfo("Asia/Shanghai"))
    run = DagBag(dag_folder=str(ROOT / "dags")).dags["account_daily"].test(logical_date=begins + timedelta(days=1))
    spent: dict[str, float] = defaultdict(float)
    for task in run.get_task_instances():
        spent[task.task_id] += (task.end_date - task.start_date).total_seconds() if task.end_date else 0.0
    failed = {task.task_id for task in run.get_task_instances() if str(task.state) == "failed"} - {"verdict"}
    if failed:
        raise SystemExit(f"failed: {sorted(failed)}")
    print(json.dumps(spent))


def copy(work: Path, name: str) -> Path:
    return Path(shutil.copytree(work / "world", work / name))


def tanzhang(*arguments: Any, home: Path) -> str:
    """What the command prints; a degraded day is a day."""
    command = [JOBS / "tanzhang", *map(str, arguments), "--home", home]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 3):
        raise SystemExit(done.stdout + done.stderr)
    return done.stdout


def published(home: Path) -> str:
    """Every publication but for the versions of its tables, which another engine counts differently."""
    read = (
        "import sys; import pyarrow as pa; from deltalake import DeltaTable, QueryBuilder;"
        "t = QueryBuilder().register('t', DeltaTable(sys.argv[1])).execute("
        "'SELECT publication_seq, table_name, row_count, checksum, publication_hash FROM t ORDER BY 1, 2').read_all();"
        "print(pa.table(t).to_pylist())"
    )
    command = [JOBS / "python", "-c", read, home / "lake/gold/publications"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def small_data() -> str:
    code = "import json; from jobs.lake.session import SMALL_DATA; print(json.dumps(SMALL_DATA))"
    return subprocess.run([JOBS / "python", "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def java() -> str:
    return subprocess.run([ROOT / "tools/java.sh"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--date"]:
        one_date(sys.argv[2])
    else:
        main()

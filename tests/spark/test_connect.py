"""Clients of a Spark Connect server, each a process of its own, and a cluster of processes behind one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from deltalake import DeltaTable

from tests.support.lakes import contents, differences
from tests.support.runner import ROOT, run_apart
from tests.support.worlds import days, make_world

if TYPE_CHECKING:
    from schemas import Registry

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server in the background, also for the processes that tests start; gone in the end."""
    from jobs.lake.session import SMALL_DATA
    from tanzhang.servers import connect_server, stop_all

    folder = tmp_path_factory.mktemp("connect")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TANZHANG_SPARK_CONF", json.dumps(SMALL_DATA))
        environment.setenv("TANZHANG_SPARK_MEMORY", "2g")
        try:
            address = connect_server(folder)
            assert connect_server(folder) == address, "one that runs is named again"
            environment.setenv("SPARK_REMOTE", address)
            yield address
        finally:
            stop_all(folder)


def test_a_server_undoes_what_a_killed_run_left(tmp_path: Path, registry: Registry, remote: str) -> None:
    """Whole days by way of Connect are in test_parity."""
    home = make_world(tmp_path, 60, 1, seed=3, registry=registry)
    run_apart(home, "lake", "embedded", days(1))
    published = contents(home / "lake", registry)
    DeltaTable(home / "lake/gold/balances").delete()
    with client(home / "lake", "undo") as undoing:
        assert undoing.wait(60) == 0
    assert differences(contents(home / "lake", registry), published) == {}


WRITE = """
import sys
from pathlib import Path
from jobs.lake import open_lake
from schemas import load_registry
lake = open_lake("spark", Path(sys.argv[1]), load_registry())
with lake.writing("a test"):
    print("writing", flush=True)
    if sys.argv[2] == "undo":
        lake.restore("gold.balances", lake.version("gold.balances") - 1)
    if sys.argv[2] == "slowly":
        kinds = {"string": "'x'", "bigint": "1", "int": "1", "date": "DATE '2026-11-01'", "boolean": "true"}
        types = lake.tables["silver.membership"].types
        columns = ", ".join(f"{kinds[kind]} AS {name}" for name, kind in types.items())
        sleep = "reflect('java.lang.Thread', 'sleep', 8000L + id)"
        lake.write("silver.membership", lake.sql(f"SELECT {columns} FROM range(1) WHERE {sleep} IS NULL OR id >= 0"))
"""


@contextmanager
def client(lake: Path, how: str) -> Iterator[subprocess.Popen[str]]:
    """A client of the server in a process of its own, which does not outlive the test."""
    command = [sys.executable, "-c", WRITE, lake, how]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.2)
    return True


@pytest.mark.soak
@pytest.mark.parametrize("is_taken_over", [False, True])
def test_a_dead_clients_write_ends_where_another_begins(tmp_path: Path, remote: str, is_taken_over: bool) -> None:
    """Without a next writer the server carries on and commits: what the next one has to prevent."""
    table = tmp_path / "lake/silver/membership"
    with client(tmp_path / "lake", "slowly") as dying:
        assert dying.stdout is not None and dying.stdout.readline() == "writing\n"
        time.sleep(2)
        dying.kill()
    assert DeltaTable(table).version() == 0
    if is_taken_over:
        with client(tmp_path / "lake", "at once") as following:
            assert following.wait(60) == 0
    assert within(25, lambda: DeltaTable(table).version() == 1) == (not is_taken_over)


# -- a cluster


def cluster(home: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tanzhang.cli", "spark", "cluster", "--home", str(home), "--people", "60"]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)


def left_over(home: Path) -> list[str]:
    """Processes that work in the cluster's folder."""
    found = []
    for process in psutil.process_iter(["cwd", "cmdline"]):
        if str(process.info["cwd"]).startswith(f"{home}-spark"):
            found.append(" ".join(process.info["cmdline"] or []))
    return found


@pytest.mark.soak
def test_a_cluster_of_two_workers_gives_the_same_day(tmp_path: Path, registry: Registry) -> None:
    home = tmp_path / "home"
    with cluster(home) as process:
        output, _ = process.communicate()
    assert process.returncode == 0, output
    assert "every one equal" in output and "tasks by executor: 0: " in output
    assert differences(contents(home / "lake-spark", registry), contents(home / "lake", registry)) == {}
    assert left_over(home) == []


@pytest.mark.soak
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_cluster_leaves_nothing(tmp_path: Path, how: signal.Signals) -> None:
    home = tmp_path / "home"
    with cluster(home) as process:
        assert process.stdout is not None and "SPARK_REMOTE=sc://" in process.stdout.readline()
        assert len(left_over(home)) >= 4
        os.killpg(process.pid, how)  # as a terminal does
    assert process.returncode != 0
    assert within(10, lambda: left_over(home) == [])


ENDS = """
import sys
import pyarrow as pa
from jobs.lake.session import connect
session = connect(sys.argv[1])
session.createDataFrame(pa.table({"a": [1, 2]})).collect()
session.stop()
"""


@pytest.mark.soak
def test_a_client_that_is_done_ends(remote: str) -> None:
    """PySpark's own clean-up waits for ever in one process of some dozen: here it is not left to do any."""
    for _ in range(10):
        subprocess.run([sys.executable, "-c", ENDS, remote], cwd=ROOT, check=True, timeout=60)

"""Airflow at home in a folder of its own, before anything imports it, and worlds for its tasks to work on."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
JOBS = ROOT / ".venv/bin"
"""The environment of the jobs."""

os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="airflow-")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(ROOT / "dags")
os.environ["TANZHANG_WARM_SECONDS"] = "20"
# Lineage as a deployment would have it, beside everything else.
LINEAGE = Path(os.environ["AIRFLOW_HOME"]) / "lineage.jsonl"
os.environ["AIRFLOW__OPENLINEAGE__TRANSPORT"] = json.dumps(
    {"type": "file", "log_file_path": str(LINEAGE), "append": True}
)

READ = """
import json, sys
import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder
table = DeltaTable(sys.argv[1] + "/lake/" + sys.argv[2])
print(json.dumps(pa.table(QueryBuilder().register("t", table).execute(sys.argv[3]).read_all()).to_pylist(), default=str))
"""
"""Not by Arrow's own scan: a process that ends right after one is now and then aborted by its threads."""


def tanzhang(*arguments: str, home: Path) -> str:
    """What the command prints."""
    command = [str(JOBS / "tanzhang"), *arguments, "--home", str(home)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 3), done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def asked(home: Path, table: str, query: str) -> list[dict[str, Any]]:
    """Rows of a query on a table, `t`, of a home's lake."""
    done = subprocess.run([JOBS / "python", "-c", READ, home, table, query], capture_output=True, text=True, check=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def published(home: Path) -> list[dict[str, Any]]:
    """Every pin of every publication, without the versions: rows, checksums, chained hashes."""
    rows = asked(home, "gold/publications", "SELECT * FROM t ORDER BY publication_seq, table_name")
    own = ("table_version", "file_root", "publication_seal")  # of this lake's files alone
    return [{name: value for name, value in row.items() if name not in own} for row in rows]


@pytest.fixture(scope="session")
def airflow() -> Iterator[None]:
    """Airflow's metadata in SQLite."""
    from airflow.utils.db import resetdb

    resetdb()
    yield
    shutil.rmtree(os.environ["AIRFLOW_HOME"], ignore_errors=True)


@pytest.fixture(scope="session")
def dags(airflow: None) -> dict[str, Any]:
    """The DAGs of the folder, as Airflow reads them."""
    from airflow.dag_processing.dagbag import DagBag

    found = DagBag(dag_folder=str(ROOT / "dags"))
    assert found.import_errors == {}
    return dict(found.dags)


@pytest.fixture(scope="session")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A home with exports; the same people for the same arguments, made once."""
    made: dict[tuple[Any, ...], Path] = {}

    def make(people: int, days: int, *options: str) -> Path:
        key = (people, days, *options)
        if key not in made:
            made[key] = tmp_path_factory.mktemp("world")
            tanzhang("simulate", "--people", str(people), "--days", str(days), *options, home=made[key])
        copy = tmp_path_factory.mktemp("home") / "home"
        shutil.copytree(made[key], copy)
        return copy

    return make


@pytest.fixture
def at_home(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Let the tasks work on a home."""

    def choose(home: Path) -> None:
        monkeypatch.setenv("TANZHANG_HOME", str(home))
        monkeypatch.setenv("TANZHANG_BIN", str(JOBS / "tanzhang"))

    return choose


@pytest.fixture(scope="session")
def spark_settings() -> dict[str, str]:
    """Environment of tasks on Spark: settings for small data."""
    code = "import json; from jobs.lake.session import SMALL_DATA; print(json.dumps(SMALL_DATA))"
    done = subprocess.run([JOBS / "python", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return {"TANZHANG_ENGINE": "spark", "TANZHANG_SPARK_CONF": done.stdout.strip(), "TANZHANG_SPARK_MEMORY": "1g"}


@pytest.fixture(scope="session")
def connect(spark_settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """SPARK_REMOTE of a Connect server that runs as long as the tests."""
    folder = ["--folder", str(tmp_path_factory.mktemp("connect"))]
    environment = {**os.environ, **spark_settings}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(JOBS / "tanzhang"), "spark"]
    subprocess.run([*command, "start", "--port", str(port), *folder], env=environment, check=True)
    yield f"sc://127.0.0.1:{port}"
    subprocess.run([*command, "stop", *folder], env=environment, check=True)

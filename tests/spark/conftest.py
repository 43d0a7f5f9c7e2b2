"""One Spark session for the whole process; nothing here imports pyspark before a test asks for it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from jobs.lake import Lake
    from schemas import Registry

SETTINGS = {
    # A few hundred rows: planning again at every stage, compiling each query to bytecode and a second task
    # cost more than half of a run.
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.shuffle.partitions": "1",
    "spark.default.parallelism": "1",
    "spark.databricks.delta.snapshotPartitions": "1",
}
OpenLake = Callable[[Path], "Lake"]


@pytest.fixture(scope="session")
def registry() -> Registry:
    from schemas import load_registry

    return load_registry()


@pytest.fixture(scope="session")
def spark_lake(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenLake]:
    """Opens lakes on one session, started when the first is asked for."""
    from jobs.lake import choose_engine, open_lake

    choose_engine("spark")
    from jobs.lake.spark import start_session

    with pytest.MonkeyPatch.context() as around:
        # For the processes, too, that tests start.
        around.setenv("TANZHANG_SPARK_CONF", os.environ.get("TANZHANG_SPARK_CONF", json.dumps(SETTINGS)))
        with pytest.MonkeyPatch.context() as place:
            place.chdir(tmp_path_factory.mktemp("spark"))  # Spark leaves its warehouse where it starts
            session = start_session()
        yield lambda path: open_lake("spark", path, registry, session=session)
        session.stop()

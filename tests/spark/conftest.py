"""One Spark for the whole process, for its clients too; nothing here imports pyspark before a test asks for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from jobs.lake import Lake
    from schemas import Registry

OpenLake = Callable[..., "Lake"]
"""By its folder, and another registry than the one that ships."""


@pytest.fixture(scope="session")
def registry() -> Registry:
    from schemas import load_registry

    return load_registry()


class Spark(NamedTuple):
    """A session of this process, and the address at which its JVM takes clients as a Connect server does."""

    session: Any
    remote: str


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spark]:
    """Started when the first test asks for it: a second JVM would take a minute to get as warm."""
    from jobs.lake import choose_engine

    choose_engine("spark")
    from jobs.lake.session import SMALL_DATA, start_session
    from tanzhang.servers import LOCAL, free_port

    port = free_port()
    serves = {"spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin"}
    serves |= {"spark.connect.grpc.binding.address": LOCAL, "spark.connect.grpc.binding.port": str(port)}
    with pytest.MonkeyPatch.context() as around:
        with pytest.MonkeyPatch.context() as starting:
            starting.chdir(tmp_path_factory.mktemp("spark"))  # Spark leaves its warehouse where it starts
            starting.setenv("TANZHANG_SPARK_CONF", json.dumps(SMALL_DATA | serves))
            session = start_session()
        # For the processes that tests start.
        around.setenv("TANZHANG_SPARK_CONF", json.dumps(SMALL_DATA))
        yield Spark(session, f"sc://{LOCAL}:{port}")
        session.stop()


@pytest.fixture(scope="session")
def spark_lake(spark: Spark, registry: Registry) -> OpenLake:
    """Opens lakes on the session of this process."""
    from jobs.lake import open_lake

    return lambda path, other=registry: open_lake("spark", path, other, session=spark.session)

"""One Spark session for the whole process; nothing here imports pyspark before a test asks for it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

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


@pytest.fixture(scope="session")
def spark_lake(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenLake]:
    """Opens lakes on one session, started when the first is asked for."""
    from jobs.lake import choose_engine, open_lake

    choose_engine("spark")
    from jobs.lake.session import SMALL_DATA, start_session

    with pytest.MonkeyPatch.context() as around:
        # For the processes, too, that tests start.
        around.setenv("TANZHANG_SPARK_CONF", os.environ.get("TANZHANG_SPARK_CONF", json.dumps(SMALL_DATA)))
        with pytest.MonkeyPatch.context() as place:
            place.chdir(tmp_path_factory.mktemp("spark"))  # Spark leaves its warehouse where it starts
            session = start_session()
        yield lambda path, other=registry: open_lake("spark", path, other, session=session)
        session.stop()

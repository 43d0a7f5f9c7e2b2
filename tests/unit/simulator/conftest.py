"""One busy world for all that looks at what the simulator makes, and changes nothing of it."""

from __future__ import annotations

import pytest

from tests.support.simulated import World, busy_world


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return busy_world(tmp_path_factory.mktemp("world"))

"""On Spark as on the embedded engine: killed at any commit, run again, the same lake as undisturbed."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from schemas.deployment import FILE
from tests.support.lakes import check_chain, check_pin, contents, differences, pins
from tests.support.runner import KILL_POINTS, RunFailed, run_apart
from tests.support.worlds import days, make_world, run_days

if TYPE_CHECKING:
    from jobs.lake import Lake
    from schemas import Registry

pytestmark = [pytest.mark.spark, pytest.mark.soak]
FIRST, SECOND = days(2)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Path:
    """A world with two lakes of the embedded engine: `first_day`, and `undisturbed` with both days."""
    home = make_world(tmp_path_factory.mktemp("kill"), 120, 2, seed=5, registry=registry, late=0.2, corrected=0.2)
    run_apart(home, "first_day", "embedded", [FIRST])
    shutil.copytree(home / "first_day", home / "undisturbed")
    run_apart(home, "undisturbed", "embedded", [SECOND])
    return home


@pytest.mark.parametrize("point", KILL_POINTS)
def test_killed_and_run_again(
    home: Path, registry: Registry, spark_lake: Callable[[Path], Lake], tmp_path: Path, point: str
) -> None:
    lake = shutil.copytree(home / "first_day", tmp_path / "lake")
    (tmp_path / "landed").symlink_to(home / "landed")
    shutil.copy(home / FILE, tmp_path / FILE)
    with pytest.raises(RunFailed) as died:
        run_apart(tmp_path, "lake", "spark", [SECOND], kill=point)
    assert died.value.code == -signal.SIGKILL, died.value
    for pin in pins(lake, registry):  # what readers see meanwhile
        check_pin(lake, registry, pin)

    run_days(spark_lake(lake), tmp_path, [SECOND])
    assert differences(contents(lake, registry), contents(home / "undisturbed", registry)) == {}
    assert check_chain(lake, registry) == check_chain(home / "undisturbed", registry)

"""Points on Spark: the same history in another order gives the same entries, and those that are worked out by hand."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.spark.conftest import OpenLake

pytestmark = pytest.mark.spark


def test_points_are_the_rules_whatever_comes_late(tmp_path: Path, spark_lake: OpenLake) -> None:
    from tests.points_world import RUNS, Account, eventful, expected, trial_registry

    registry = trial_registry(tmp_path / "root")
    first, second, third = eventful()
    # The merge and the last of the acts come before the first ones.
    account = Account(spark_lake(tmp_path / "lake", registry), registry)
    account.run([*second, *third], RUNS[0])
    account.run(first, RUNS[2])
    assert account.entries() == expected([*first, *second, *third], date(2027, 2, 28))
    assert account.run([], RUNS[2], full=True) == 0

"""Points on Spark: the same history in another order gives the same entries, and those that are worked out by hand."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from tests.spark.conftest import OpenLake

pytestmark = pytest.mark.spark


def test_points_are_the_rules_whatever_comes_late(tmp_path: Path, spark_lake: OpenLake) -> None:
    from jobs.reading.points import KINDS, tallies
    from jobs.reading.stock import beyond
    from tests.support.points_world import RUNS, TRIAL_POINTS, Account, eventful, expected, trial_registry

    registry = trial_registry(tmp_path / "root")
    first, second, third = eventful()
    # The merge and the last of the acts come before the first ones.
    account = Account(spark_lake(tmp_path / "lake", registry), registry)
    account.run([*second, *third], RUNS[0])
    account.run(first, RUNS[2])
    assert account.entries() == expected([*first, *second, *third], date(2027, 2, 28))
    assert account.run([], RUNS[2], full=True) == 0
    sums = Counter[str]()
    for (_, measure, kind, *_), amount in account.entries().items():
        if measure == TRIAL_POINTS:
            sums[KINDS[kind]] += amount
    [told] = tallies(account.lake)
    assert {name: getattr(told, name) for name in KINDS.values()} == {name: sums[name] for name in KINDS.values()}
    assert (told.people, told.overdrawn, told.balance) == (2, 1, sums.total()) and told.rewarded_mg > 0
    assert beyond(account.lake, registry) == [], "no benefit of it has a limit"

"""Histories of hostile days come out the same whatever the order of arrival, and nothing is left to post."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.histories import RUN_DATES, History, in_order, shuffled
from tests.support.order import account_for, reduced
from tests.support.worlds import rows, run_days

SEEDS = range(3)
MANY = range(1_000, 2_000)


def check(folder: Path, seed: int) -> None:
    """At once, day by day and in any order; a full recomputation of each posts nothing."""
    history = History(seed)
    expected = None
    for number, runs in enumerate(([list(history.statements)], in_order(history), shuffled(history, seed))):
        home = folder / str(number)
        home.mkdir()
        lake = account_for(home, history.statements, runs, RUN_DATES[-len(runs) :])  # the last run is of one date
        found = reduced(lake.path)
        expected = expected or found
        for part_of_it, value in expected.items():
            assert found[part_of_it] == value, (seed, runs, part_of_it)
        posted = len(rows(lake, "gold.ledger"))
        run_days(lake, home, RUN_DATES[-1:], full=True)
        assert len(rows(lake, "gold.ledger")) == posted, (seed, runs)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_history_in_any_order(tmp_path: Path, seed: int) -> None:
    check(tmp_path, seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", MANY)
def test_a_thousand_histories_in_any_order(tmp_path: Path, seed: int) -> None:
    check(tmp_path, seed)

"""What is hostile is made where it is asked for, and the truth and the oracle still agree on what it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from simulator import simulate
from tests.support.simulated import HOSTILE, World
from tests.unit.simulator.test_simulator_truth import (
    test_few_acts_are_undecidable as few_acts_are_undecidable,
)
from tests.unit.simulator.test_simulator_truth import (
    test_one_record_leads_every_credited_act as one_record_leads_every_credited_act,
)
from tests.unit.simulator.test_simulator_truth import (
    test_the_truth_follows_the_policy as the_truth_follows_the_policy,
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> World:
    out = tmp_path_factory.mktemp("hostile")
    return World(out, simulate(out, 700, 6, 12, late=0.1, corrected=0.1, duplicated=0.1, bills=0.3, **HOSTILE))


@pytest.mark.parametrize(
    "holds", [few_acts_are_undecidable, one_record_leads_every_credited_act, the_truth_follows_the_policy]
)
def test_what_holds_of_any_world_holds(hostile: World, holds: Callable[[World], None]) -> None:
    holds(hostile)


def test_the_share_that_nobody_could_decide_is_told(hostile: World) -> None:
    outcomes = [act["outcome"] for act in hostile.truth("acts")]
    assert hostile.summary.undecidable == outcomes.count("undecidable") / len(outcomes)


def test_shares_are_named_and_between_nought_and_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="coupons"):
        simulate(tmp_path, 10, 1, 1, coupons=1.5)
    with pytest.raises(TypeError, match="kupons"):
        simulate(tmp_path, 10, 1, 1, kupons=0.5)


@pytest.mark.parametrize(("people", "days"), [(1, 1), (2, 2), (30, 3)])
def test_small_worlds_can_be_all_hostile(tmp_path: Path, people: int, days: int) -> None:
    simulate(tmp_path, people, days, 3, bills=1, **dict.fromkeys(HOSTILE, 1.0))

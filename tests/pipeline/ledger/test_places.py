"""Where a programme rewards acts: in its own division, whose neighbours' codes may begin with the same digits."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from jobs.lake import Lake, choose_engine, open_lake
from jobs.ledger.points import MATCHES
from jobs.policy.programmes import Rewards
from schemas import Registry, load_registry
from schemas.programmes import Programme
from tests.support import libraries
from tests.support.points_world import REGION, RUNS, TRIAL_POINTS, WHOLE, Account, Act, trial_registry

DAY = date(2026, 11, 1)
TAIZHOU, JIAOJIANG, LISHUI = "331000", "331002", "331100"
REGIONS = ("000000", "330000", "330100", "330106", TAIZHOU, JIAOJIANG, LISHUI, "500000", "510100", "110000", "540527")
INSIDE = {
    "000000": set(REGIONS),
    "330000": {"330000", "330100", "330106", TAIZHOU, JIAOJIANG, LISHUI},
    "330100": {"330100", "330106"},
    TAIZHOU: {TAIZHOU, JIAOJIANG},
    "500000": {"500000"},
    "110000": {"110000"},
}
"""Region of a programme → regions of the acts that it rewards."""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """The trial programme is Taizhou's; exports come from a district of it and from Lishui."""
    root = tmp_path_factory.mktemp("taizhou") / "root"
    trial_registry(root)
    libraries.edited(root / "programmes/trial.yaml", region=TAIZHOU)
    libraries.edited(root / "sources/hellobike.yaml", region=LISHUI)
    libraries.edited(root / "sources/huge_recycling.yaml", region=JIAOJIANG)
    return load_registry(root)


@pytest.fixture
def lake(registry: Registry, tmp_path: Path) -> Lake:
    choose_engine("embedded")
    return open_lake("embedded", tmp_path, registry)


def test_a_programme_of_taizhou_gives_nothing_in_lishui(
    lake: Lake, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(REGION, "jiaojiang", JIAOJIANG)
    monkeypatch.setitem(REGION, "lishui", LISHUI)
    account = Account(lake, registry)
    account.run(
        [
            *WHOLE,
            Act("here", "a1", DAY, "utility_payment", 1, "jiaojiang"),
            Act("there", "a2", DAY, "utility_payment", 1, "lishui"),
        ],
        RUNS[0],
    )
    points = {key[:3]: amount for key, amount in account.entries().items() if key[1] == TRIAL_POINTS}
    assert points == {("p1", TRIAL_POINTS, "activity"): 7}


@pytest.mark.parametrize("region", INSIDE)
def test_the_engine_tells_levels_apart(lake: Lake, registry: Registry, region: str) -> None:
    programme: Programme = registry.programmes["trial"].model_copy(update={"region": region})
    rewards = Rewards(replace(registry, programmes={"trial": programme}))
    found = lake.to_arrow(
        lake.sql(
            f"SELECT DISTINCT k.region FROM acts AS k JOIN earn AS p ON {MATCHES}",
            acts=lake.sql(
                " UNION ALL ".join(
                    f"SELECT '{one}' AS region, 'metro' AS scenario, DATE '{DAY}' AS act_date" for one in REGIONS
                )
            ),
            earn=lake.from_arrow(rewards.earn),
        )
    )
    assert set(found.column("region").to_pylist()) == INSIDE[region]

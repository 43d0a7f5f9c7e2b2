"""A corrected factor on a published world: what a release foretells is what it posts.

After it nothing tells whether an act came in before or since.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from jobs.errors import RunError
from jobs.lake import Lake
from jobs.reading.unquantified import Wanted, wanted
from jobs.upkeep.release import Release, foretell_release, post_release
from schemas import Registry, load_registry
from schemas.sources import UNPLACED
from tanzhang.cli import app
from tests.pipeline.day.test_order import RUN_DAYS, STATEMENTS
from tests.support import libraries
from tests.support.exports import alipay_acts, deliver
from tests.support.worlds import embedded_lake, land_world, rows, run_days

FIRST = ["wallet 1", "bank 1", "metro 1"]
SECOND = ["wallet 2", "bank 2", "metro 2", "wallet 1 corrected"]
WRONG, RIGHT = "walking_reduction_wuhan_2021", "walking_reduction_wuhan_2021_read_again"


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """The shipped registry, in which nothing quantifies an online government service."""
    root = libraries.copied(tmp_path_factory.mktemp("shipped") / "root")
    libraries.unquantified(root, "online_government")
    return load_registry(root)


@pytest.fixture(scope="module")
def corrected(tmp_path_factory: pytest.TempPathFactory, shipped: Registry) -> Registry:
    """The figure per step is a fifth higher than it was released."""
    root = tmp_path_factory.mktemp("corrected") / "root"
    shutil.copytree(shipped.root, root)
    walking = root / "factors/walking_reduction.yaml"
    released = libraries.content(walking)["series"][0]
    again = {"id": RIGHT, "value": "0.024", "corrects": WRONG, "correction": "a digit was lost when it was read"}
    libraries.added(walking, {**released, **again, "examples": [], "known_from": date(2026, 11, 24)})
    return load_registry(root)


def receive(home: Path, day: date, names: Sequence[str]) -> None:
    """Deliver statements on a day, with a late one of the second: steps of the first of November."""
    for minute, name in enumerate(names):
        institution, business_date, revision, parts = STATEMENTS[name]
        stamp = f"{day:%Y%m%d}T10{minute:02}00Z"
        deliver(home, institution, *parts, stamp=stamp, business_date=business_date, revision=revision)
    if names is SECOND:
        late = alipay_acts((11, 3, "2026-11-01 12:00:00", "xingzou", "9000"))
        deliver(home, "alipay", late, stamp=f"{day:%Y%m%d}T110000Z", business_date="2026-11-03")
    land_world(home)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, shipped: Registry) -> Path:
    """The first statements, published under the figure that was read wrongly."""
    home = tmp_path_factory.mktemp("release")
    receive(home, RUN_DAYS[0], FIRST)
    run_days(embedded_lake(home, shipped), home, RUN_DAYS[:1])
    return home


@pytest.fixture(scope="module")
def foretold(home: Path, corrected: Registry) -> Release:
    lake = embedded_lake(home, corrected)
    before = {name: rows(lake, name) for name in ("gold.ledger", "gold.publications", "silver.activities")}
    told = foretell_release(lake, corrected, home)
    assert {name: rows(lake, name) for name in before} == before
    return told


@pytest.fixture(scope="module")
def posted(home: Path, corrected: Registry, foretold: Release) -> Release:
    lake = embedded_lake(home, corrected)
    outcome, told = post_release(lake, corrected, home)
    assert (outcome.seq, outcome.business_date) == (2, RUN_DAYS[0])
    return told


@pytest.fixture(scope="module")
def lake(home: Path, posted: Release, corrected: Registry) -> Lake:
    """After the release the second statements, some of them for days that were published before it."""
    lake = embedded_lake(home, corrected)
    receive(home, RUN_DAYS[1], SECOND)
    run_days(lake, home, [RUN_DAYS[1]])
    return lake


def test_a_release_foretells_what_it_changes(foretold: Release) -> None:
    """Customer 1 walked 9,000 steps: 180 g under the wrong figure, 216 g under the right one.

    A phone does not tell where, so that no city's or province's programme gives points for them.
    """
    [change] = foretold.restated
    assert (change.scenario, change.before, change.after) == ("walking", WRONG, RIGHT)
    assert change.amounts == {"reduction_mg": 36_000}
    # A reversal and a new entry.
    assert (change.positions, change.people, change.entries) == (1, 1, 2)
    assert (foretold.entries, foretold.people, foretold.amounts) == (2, 1, change.amounts)


def test_it_posts_to_the_milligram_what_it_foretold(foretold: Release, posted: Release, lake: Lake) -> None:
    assert posted == foretold
    written = [row for row in rows(lake, "gold.ledger") if row["publication_seq"] == 2]
    sums: defaultdict[tuple[str, str], int] = defaultdict(int)
    for row in written:
        sums[row["scenario"], row["measure"]] += row["amount"]
    told = {(one.scenario, measure): amount for one in foretold.restated for measure, amount in one.amounts.items()}
    assert sums == told and len(written) == foretold.entries


def test_a_late_act_and_a_punctual_one_get_the_same_figure(lake: Lake) -> None:
    """9,000 steps of one day: known before the release, and reported after it."""
    late = walked(lake)[9_000_000_000]
    assert late == [(RIGHT, 216_000)]
    punctual = [row for row in rows(lake, "gold.ledger") if row["publication_seq"] == 2 and row["entry_kind"] == "post"]
    amounts = {(row["quantity_micro"], row["amount"]) for row in punctual if row["measure"] == "reduction_mg"}
    assert amounts == {(9_000_000_000, 216_000)}


def walked(lake: Lake) -> dict[int, list[tuple[str, int]]]:
    """Steps of the standing entries → factor and milligrams."""
    standing: defaultdict[tuple[Any, ...], int] = defaultdict(int)
    for row in rows(lake, "gold.ledger"):
        if (row["scenario"], row["measure"], row["position_kind"]) == ("walking", "reduction_mg", "activity"):
            standing[row["position"], row["quantity_micro"], row["factor_id"]] += row["amount"]
    found: defaultdict[int, list[tuple[str, int]]] = defaultdict(list)
    for (_, quantity, factor), amount in standing.items():
        if amount:
            found[quantity].append((factor, amount))
    return found


def test_a_world_that_had_the_right_figure_all_along_has_the_same_balances(
    tmp_path: Path, lake: Lake, corrected: Registry
) -> None:
    beside = embedded_lake(tmp_path, corrected)
    for day, names in zip(RUN_DAYS, (FIRST, SECOND)):
        receive(tmp_path, day, names)
        run_days(beside, tmp_path, [day])
    assert balances(beside) == balances(lake) != {}
    assert foretell_release(lake, corrected, lake.path.parent).restated == []


def balances(lake: Lake) -> dict[tuple[str, ...], int]:
    keys = ("person_id", "measure", "scenario", "institution")
    return {tuple(row[key] for key in keys): row["amount"] for row in rows(lake, "gold.balances") if row["amount"]}


def test_acts_without_a_factor_are_counted_with_the_reason(lake: Lake, corrected: Registry) -> None:
    reason = corrected.scenarios["online_government"].no_factor_reason
    day, later = date(2026, 11, 1), date(2026, 11, 2)
    # The wallet does not place its acts: a ride that only it saw may have been where no figure holds.
    missing = f"no factor for metro: metro_reduction does not cover {UNPLACED} on {later}"
    documents = {
        name: [one.text for one in corrected.scenarios[name].unlocked_by] for name in ("metro", "online_government")
    }
    assert any("DB33/T 1312-2023" in one for one in documents["metro"])
    assert wanted(lake) == [
        Wanted("metro", UNPLACED, 1, 1, 1_125_000, 0, "km", later, later, missing, documents["metro"]),
        Wanted(
            "online_government",
            UNPLACED,
            1,
            1,
            1_000_000,
            0,
            "act",
            day,
            day,
            reason or "",
            documents["online_government"],
        ),
    ]


def test_the_state_counts_them(lake: Lake) -> None:
    state = CliRunner().invoke(app, ["status", "--home", str(lake.path.parent)])
    assert "acts that wait for a factor: 2;" in state.output


def test_nothing_published_cannot_be_released(tmp_path: Path, shipped: Registry) -> None:
    with pytest.raises(RunError, match="nothing was published yet"):
        foretell_release(embedded_lake(tmp_path, shipped), shipped, tmp_path)


def test_the_commands_tell_it(lake: Lake, shipped: Registry, corrected: Registry) -> None:
    """By a process of its own, as the registry in force is read when it starts."""
    home = str(lake.path.parent)

    def call(*arguments: str, registry: Registry) -> str:
        code = "from tanzhang.cli import app; app()"
        environment = {**os.environ, "TANZHANG_REGISTRY": str(registry.root)}
        command = [sys.executable, "-c", code, "factors", *arguments, "--home", home]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    assert "the registry changes nothing" in call("release", registry=corrected)
    back = json.loads(call("release", "--json", registry=shipped))
    assert back["publication"] is None and {one["after"] for one in back["restated"]} >= {WRONG}
    shown = call("release", registry=shipped)
    assert "What the release would post" in shown and RIGHT[:20] in shown
    assert "政务" in call("wanted", registry=corrected)
    told = json.loads(call("wanted", "--json", registry=corrected))
    assert [one["scenario"] for one in told["acts"]] == ["metro", "online_government"]
    assert all(one["fen"] > 0 for one in told["spend"])

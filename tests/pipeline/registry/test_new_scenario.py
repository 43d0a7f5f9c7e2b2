"""An act that no code knows: a scenario, its figures, a programme and a contract in files, and riders are credited.

The steps of docs/scenarios.md, in a copy of the registry.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date

import pytest
from typer.testing import CliRunner

from jobs.lake import Lake
from jobs.reading.explain import explain
from schemas.answers.calculator import calculate, quantity_of, scenario_named
from schemas.answers.changes import as_filed, refusals, series_changes
from schemas.base import ROOT
from schemas.scenarios.quantification import load_methods
from tanzhang.cli import app
from tests.support.exports import FIXTURES
from tests.support.newcomers import deliver, with_files
from tests.support.worlds import FIRST_DAY, embedded_lake, land_world, rows, run_days

NEW = FIXTURES / "new_scenario"
FACTOR = "urban_trip_use_zhejiang_2024-water_bus_use_shaoxing_2025"
POINTS = "points.canal_points"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    home = tmp_path_factory.mktemp("new")
    registry = with_files(home / "registry", NEW / "registry")
    deliver(home, "hangzhou_boats", NEW / "export", {"rides": {"fare": "900"}})
    land_world(home, registry)
    lake = embedded_lake(home, registry)
    run_days(lake, home, [FIRST_DAY])
    return lake


def test_every_ride_is_credited_by_the_difference_of_two_figures(lake: Lake) -> None:
    # (200 − 73.5) g a kilometre: 4.2 km 531.3 g, 5 km 632.5 g, 0.7 km 88.55 g. Of one person's 1,163.8 g 163.8 g are
    # above the day's kilogram. Half a point a gram: given rounded down, taken rounded up.
    found: defaultdict[str, list[tuple[int, str, str]]] = defaultdict(list)
    for row in rows(lake, "gold.ledger"):
        found[row["measure"]].append((row["amount"], row["factor_id"], row["match_quality"]))
    assert sorted(found["reduction_mg"]) == [
        (-163_800, "water_bus_day", "rule"),
        (88_550, FACTOR, "proxy"),
        (531_300, FACTOR, "proxy"),
        (632_500, FACTOR, "proxy"),
    ]
    assert sorted(amount for amount, *_ in found[POINTS]) == [-82, 44, 265, 316]
    assert {row["outcome"] for row in rows(lake, "silver.activities")} == {"credited"}


def test_the_calculator_answers_as_the_ledger(lake: Lake) -> None:
    library = lake.registry.library
    scenario = scenario_named(library.scenarios, "坐船", date(2026, 11, 1))
    answer = calculate(
        library, load_methods(), scenario, quantity_of(scenario, {"distance": "4.2km"}), "330100", date(2026, 11, 1)
    )
    assert answer.credited_mg == 531_300 and answer.applied is not None
    assert [term.match_quality for term in answer.applied.terms] == ["parent", "proxy"]


def test_a_figure_leads_back_to_both_clauses(lake: Lake) -> None:
    [entry] = [row["entry_id"] for row in rows(lake, "gold.ledger") if row["amount"] == 531_300]
    [told] = explain(lake, lake.registry, lake.path.parent, [entry])
    assert told.formula == ("4.2 km × (0.2 kgCO2e/passenger_km − 73.5 gCO2e/passenger_km) = 531,300 mg (rounded down)")
    assert (told.factor["source"]["clause"], told.factor["project"]["source"]["clause"]) == ("table 2", "table 3")
    assert [line.line for claim in told.claims for line in claim.lines] == [2]


def test_it_only_adds_to_what_was_released(lake: Lake) -> None:
    base, now = as_filed(ROOT), as_filed(lake.registry.root)
    assert [change.what for change in series_changes(base, now)] == ["added", "added"]
    assert refusals(base, now, lake.registry.regions) == []
    told = CliRunner().invoke(
        app, ["factors", "validate", "--against", str(ROOT), "--registry", str(lake.registry.root)]
    )
    assert told.exit_code == 0, told.output


def test_the_files_are_all_that_was_added(lake: Lake) -> None:
    """Four kinds of files beside the shipped ones, and none of the shipped ones changed."""
    shipped = {path.relative_to(ROOT) for path in ROOT.rglob("*.yaml")}
    root = lake.registry.root
    assert all((root / path).read_bytes() == (ROOT / path).read_bytes() for path in shipped)
    added = {path.relative_to(root) for path in root.rglob("*.yaml")} - shipped
    assert added == {path.relative_to(NEW / "registry") for path in (NEW / "registry").rglob("*.yaml")}
    assert {path.parts[0] for path in added} == {"factors", "programmes", "scenarios", "sources"}

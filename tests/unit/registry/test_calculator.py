"""What `tanzhang calculate` answers: the ledger's figure, what it rests on, and a refusal in words of all that is unclear."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from schemas.answers.calculator import (
    OPTIONS,
    Answer,
    Quantity,
    UnclearScenario,
    UnknownScenario,
    calculate,
    plain,
    quantity_of,
    scenario_named,
)
from schemas.library import LESS, Library, load_library
from schemas.scenarios.quantification import load_methods
from schemas.units import MICRO, UnitError
from tanzhang.cli import app
from tests.support import libraries

ON = date(2026, 11, 21)
SHIPPED = load_library()
GOLDEN = sorted((Path(__file__).parents[2] / "fixtures/golden").glob("*.yaml"))


def asked(library: Library, name: str, region: str = "330100", on: date = ON, **given: str) -> Answer:
    scenario = library.scenarios[name]
    own_baseline = given.pop("own_baseline", None)
    return calculate(library, load_methods(), scenario, quantity_of(scenario, given, own_baseline), region, on)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """One scenario of each sort that the shipped library may lack."""
    root = tmp_path_factory.mktemp("library")
    car = libraries.series("car", "0.2", "kgCO2/vehicle_km", "330000")
    libraries.factor(root, "car_use", "emission", "use", car)
    libraries.factor(
        root, "ev_use", "emission", "use", libraries.series("ev", "66.6667", "gCO2/vehicle_km", valid_to=ON)
    )
    libraries.factor(root, "car_life", "footprint", "full_process", libraries.series("life", "310", "gCO2e/vehicle_km"))
    libraries.factor(root, "grid", "emission", "generation", libraries.series("grid_2023", "0.5306", "kgCO2/kWh"))
    displaced = {"method": "displacement", "baseline": "car_use", "project": "ev_use"}
    whole = {"method": "displacement", "baseline": "car_life", "project_is_none": "the car stays at home"}
    cap = {"id": "drive_day", "period": "day", "limit": "1 kg", "valid_from": ON, "source": libraries.SOURCE}
    cap["source"] = {key: libraries.SOURCE[key] for key in ("document", "clause")}
    libraries.scenario(root, "drive", "vehicle_km", displaced, alternatives=[whole], caps=[cap])
    libraries.scenario(root, "stay", "vehicle_km", None, alternatives=[whole], name="场景drive")
    libraries.scenario(root, "saving", "kWh", {"method": "metered_saving", "factor": "grid"})
    return load_library(root)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_it_answers_as_the_golden_cases(path: Path) -> None:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    scenario = SHIPPED.scenarios[content["scenario"]]
    for case in content["cases"]:
        amount = Quantity(int(Fraction(case["quantity"]) * MICRO), "told")
        answer = calculate(SHIPPED, load_methods(), scenario, amount, case["region"], case["date"])
        assert answer.applied is not None and answer.applied.milligrams == case["milligrams"], case["why"]
        terms = answer.applied.terms
        assert LESS.join(term.factor_id for term in terms) == case["factor"]
        assert case["match"] in [term.match_quality for term in terms]
        assert all(bool(term.proxy_reason) == (term.match_quality == "proxy") for term in terms)
        assert answer.applied.worked.startswith(f"{plain(amount.micro)} {scenario.unit} × ")
    for case in content["refusals"]:
        answer = calculate(SHIPPED, load_methods(), scenario, Quantity(MICRO, "1"), case["region"], case["date"])
        assert answer.reason and answer.credited_mg is None, case["why"]


def test_a_displacement_names_both_figures_and_rounds_once(library: Library) -> None:
    # 7.000001 vehicle-km × (200 − 66.6667) g = 933.3332333333 g; each by itself would be rounded to another figure.
    answer = asked(library, "drive", on=date(2026, 11, 20), quantity="7.000001 vehicle_km")
    assert answer.applied is not None and answer.applied.milligrams == 933_333
    assert answer.applied.worked == (
        "7.000001 vehicle_km × (0.2 kgCO2/vehicle_km − 66.6667 gCO2/vehicle_km) = 933,333 mg (rounded down)"
    )
    assert [(term.role, term.factor_id, term.match_quality) for term in answer.applied.terms] == [
        ("baseline", "car", "parent"),
        ("project", "ev", "parent"),
    ]
    assert answer.reason is None and answer.limits == []


def test_another_boundary_is_told_beside_it_and_not_applied(library: Library) -> None:
    answer = asked(library, "drive", on=date(2026, 11, 20), distance="7 vehicle_km")
    [other] = answer.alternatives
    assert (other.milligrams, other.boundary_kind, other.gas_basis) == (2_170_000, "full_process", "CO2e")
    assert answer.credited_mg == 933_333


def test_a_missing_figure_is_named_and_the_others_still_answer(library: Library) -> None:
    answer = asked(library, "drive", distance="7 vehicle_km")
    assert answer.reason == "ev_use does not cover 330100 on 2026-11-21"
    assert answer.applied is not None and answer.applied.milligrams is answer.credited_mg is None
    assert [one.milligrams for one in answer.alternatives] == [2_170_000]
    assert [(limit.cap, limit.is_exceeded) for limit in answer.limits] == [("drive_day", False)]
    unquantified = asked(library, "stay", distance="7 vehicle_km")
    assert (unquantified.applied, unquantified.reason) == (None, "nobody measured it")
    assert [one.milligrams for one in unquantified.alternatives] == [2_170_000]


def test_the_cap_that_an_act_exceeds_is_named() -> None:
    answer = asked(SHIPPED, "walking", steps="14801")
    assert answer.applied is not None and answer.applied.milligrams == 296_020
    assert [(limit.cap, limit.is_exceeded) for limit in answer.limits] == [("walking_day", True)]
    assert answer.credited_mg == 296_000
    answer = asked(SHIPPED, "walking", steps="14800")
    assert [limit.is_exceeded for limit in answer.limits] == [False] and answer.credited_mg == 296_000


def test_a_metered_saving_is_what_was_used_less_than_before(library: Library) -> None:
    answer = asked(library, "saving", energy="0.25MWh", own_baseline="280 kWh")
    assert answer.quantity == "280 kWh − 250 kWh = 30 kWh saved"
    assert answer.applied is not None and answer.applied.milligrams == 30 * 530_600
    more = asked(library, "saving", energy="281kWh", own_baseline="280kWh")
    assert (more.quantity, more.credited_mg) == ("281 kWh is no less than 280 kWh", 0)


@pytest.mark.parametrize(
    ("name", "given", "complaint"),
    [
        ("metro", {}, "metro is counted in km: say --distance 12km"),
        ("metro", {"distance": "1km", "quantity": "1 km"}, "and nothing beside it"),
        ("metro", {"mass": "3kg"}, "metro is counted in km: say --distance 12km"),
        ("metro", {"distance": "3 kg"}, "'3 kg' is counted in kg, where km is asked for; metro is counted in km"),
        ("metro", {"quantity": "3 step"}, "counted in step, where km is asked for"),
        ("metro", {"distance": "3"}, "is no amount"),
        ("metro", {"distance": "-3km"}, "is no amount"),
        ("metro", {"distance": "3 furlong"}, "'furlong' is not known"),
        ("metro", {"distance": "0.0000001km"}, "to the millionth of its unit"),
        ("metro", {"distance": "3km", "own_baseline": "4km"}, "with no consumption of one's own"),
        ("walking", {"steps": "8000 km"}, "is no amount"),
        ("walking", {"count": "8000"}, "say --steps 8000"),
        ("drive", {"distance": "3km"}, "counted in km, where vehicle_km is asked for"),
        ("saving", {"energy": "30kWh"}, "say --own-baseline"),
        ("saving", {"energy": "30kWh", "own_baseline": "40"}, "is no amount"),
    ],
)
def test_a_wrong_amount_is_refused_in_words(library: Library, name: str, given: dict[str, str], complaint: str) -> None:
    scenario = (library if name in library.scenarios else SHIPPED).scenarios[name]
    own_baseline = given.get("own_baseline")
    with pytest.raises(UnitError, match=complaint):
        quantity_of(scenario, {key: text for key, text in given.items() if key != "own_baseline"}, own_baseline)


def test_every_unit_of_a_scenario_has_its_option() -> None:
    for scenario in SHIPPED.scenarios.values():
        [option] = [name for name, units in OPTIONS.items() if scenario.unit in units]
        text = "2" if option in ("steps", "count") else f"2 {scenario.unit}"
        is_metered = scenario.quantification is not None and scenario.quantification.method == "metered_saving"
        before = f"4 {scenario.unit}" if is_metered else None
        assert quantity_of(scenario, {option: text}, before).micro == 2_000_000
    mass = SHIPPED.scenarios["recycling_paper"]
    assert quantity_of(mass, {"mass": "3jin"}) == Quantity(1_500_000, "1.5 kg")


def test_a_scenario_is_found_by_its_names(library: Library) -> None:
    scenarios = SHIPPED.scenarios
    for name in ("metro", "地铁出行", "Metro", "metro"):
        assert scenario_named(scenarios, name, ON).id == "metro"
    assert scenario_named(scenarios, "地铁购票", date(2025, 12, 31)).id == "metro"
    with pytest.raises(UnknownScenario, match="it means metro from 2018-01-01 until before 2026-01-01"):
        scenario_named(scenarios, "地铁购票", date(2026, 1, 1))
    with pytest.raises(UnknownScenario, match="metor is no scenario; is it metro"):
        scenario_named(scenarios, "metor", ON)
    with pytest.raises(UnknownScenario, match="吃饭睡觉 is no scenario; there are drive, saving, stay"):
        scenario_named(library.scenarios, "吃饭睡觉", ON)
    with pytest.raises(UnclearScenario, match="场景drive is drive and stay"):
        scenario_named(library.scenarios, "场景drive", ON)


def test_the_command_answers_on_one_line_and_with_its_exit_codes(tmp_path: Path) -> None:
    call = CliRunner().invoke
    where = ["--region", "330100", "--date", "2026-11-21"]
    shown = call(app, ["calculate", "metro", "--distance", "12km", *where])
    assert shown.exit_code == 0 and shown.output.startswith("560.4 g")
    told = call(app, ["calculate", "metro", "--distance", "12km", *where, "--json"])
    assert told.output.count("\n") == 1
    assert json.loads(told.output)["applied"]["terms"][0]["source"]["url"] == "citysz.net"
    root = libraries.copied(tmp_path / "root")
    reason = libraries.unquantified(root, "metro")
    refused = call(app, ["calculate", "metro", "--distance", "12km", *where, "--json", "--registry", str(root)])
    assert refused.exit_code == 5 and json.loads(refused.output)["reason"] == reason
    assert call(app, ["calculate", "metor", "--distance", "12km", *where]).exit_code == 5
    assert call(app, ["calculate", "metro", "--mass", "12kg", *where]).exit_code == 2
    assert call(app, ["calculate", "metro", "--distance", "12km", "--region", "HZ", *where[2:]]).exit_code == 2
    assert call(app, ["calculate", "metro", "--distance", "12km", *where[:2]]).exit_code == 2


def test_it_opens_no_engine() -> None:
    """Neither an engine nor Arrow is imported: the answer takes no longer than reading the library."""
    code = """import sys
from tanzhang.cli import app
app("calculate metro --distance 12km --region 330100 --date 2026-11-21".split(), standalone_mode=False)
print(sorted({"duckdb", "sqlframe", "pyspark", "deltalake", "pyarrow", "pandas", "great_expectations"} & set(sys.modules)))"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]" and "560.4 g" in done.stdout

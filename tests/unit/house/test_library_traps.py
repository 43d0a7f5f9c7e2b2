"""Slips that public code and reports of this field really made: a library file that repeats one is refused, readably."""

from __future__ import annotations

import re
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import RegistryError
from schemas.factors import load_factors
from schemas.library import load_library
from tests.support import libraries

GRID = "grid_emission"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A registry of one's own to break."""
    return libraries.copied(tmp_path / "registry")


def changed(root: Path, name: str, series: str, **changes: Any) -> None:
    """Change one series of a factor file; keys with `source_` are its source's."""
    path = root / "factors" / f"{name}.yaml"
    said = libraries.content(path)
    (one,) = (one for one in said["series"] if one["id"] == series)
    for key, value in changes.items():
        if key.startswith("source_"):
            one["source"][key.removeprefix("source_")] = value
        else:
            one[key] = value
    libraries.write(path, said)


def series_of(root: Path, name: str, series: str) -> dict[str, Any]:
    said = libraries.content(root / "factors" / f"{name}.yaml")
    (one,) = (one for one in said["series"] if one["id"] == series)
    return dict(one)


def refused(root: Path, name: str, complaint: str) -> None:
    """The file is named, and what is wrong with it in words."""
    with pytest.raises(RegistryError, match=complaint) as told:
        load_library(root)
    assert re.search(rf"{name}\.yaml: ", str(told.value))


# --- what a figure is of ------------------------------------------------------------------------------------


FOOTPRINT = "2023年全国电力平均碳足迹因子 0.6205 kgCO2e/kWh"


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        pytest.param({"source_seen": FOOTPRINT}, "speaks of a whole life; that is a footprint", id="gas left out"),
        pytest.param(
            {"unit": "kgCO2e/kWh", "gas_basis": "CO2e", "source_seen": FOOTPRINT},
            "speaks of a whole life",
            id="as it is",
        ),
        pytest.param({"unit": "kgCO2e/kWh", "gas_basis": "CO2e"}, "differ in gas", id="name left out"),
        pytest.param({}, "leaps from grid_emission_2022_national by more than 0.1", id="gas and name left out"),
    ],
)
def test_a_life_cycle_factor_among_emission_factors(root: Path, changes: dict[str, Any], complaint: str) -> None:
    """0.6205 of 2023 is the footprint of a kWh; what its plants emit is 0.5306."""
    told = {"value": "0.6205", "source_seen": "全国 0.6205 kWh", **changes}
    changed(root, GRID, "grid_emission_2023_national", **told)
    refused(root, GRID, complaint)


def test_a_footprint_cannot_be_set_against_an_emission(root: Path) -> None:
    displaced = {"method": "displacement", "baseline": "grid_footprint", "project": "grid_emission"}
    libraries.edited(root / "scenarios/household_pv.yaml", quantification=displaced)
    refused(
        root, "household_pv", "grid_footprint .footprint, full_process, CO2e. and grid_emission .emission, generation"
    )


def test_a_saved_kwh_is_not_worth_its_footprint(root: Path) -> None:
    libraries.edited(
        root / "scenarios/electricity_saving.yaml",
        quantification={"method": "metered_saving", "factor": "grid_footprint"},
    )
    refused(root, "electricity_saving", "metered_saving needs a factor of emission, not of footprint")


def test_the_enterprises_figure_among_the_averages(root: Path) -> None:
    """0.5703 serves the reports of 2022; the average of that year is 0.5366. Two answers are none."""
    other = series_of(root, "grid_compliance", "grid_compliance_2023") | {"valid_to": None}
    libraries.added(root / f"factors/{GRID}.yaml", other)
    refused(root, GRID, "grid_emission_2022_national and grid_compliance_2023 overlap in 000000")


# --- years --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        pytest.param({"data_year": 2025}, "data_year 2025 is not over on 2025-12-31", id="notice for data"),
        pytest.param({"data_year": 2026}, "data_year 2026 is not over on 2025-12-31", id="later than the notice"),
        pytest.param(
            {"published_on": "2023-12-31", "valid_from": "2023-12-31"}, "not over on 2023-12-31", id="data for notice"
        ),
        pytest.param(
            {"data_year": 2025, "published_on": "2023-12-31", "valid_from": "2023-12-31"},
            "one is swapped",
            id="swapped",
        ),
        pytest.param(
            {"published_on": "2024-12-31", "valid_from": "2025-12-31"},
            "a notice of 2025 cannot be published",
            id="number",
        ),
        pytest.param(
            {"data_year": 2022}, "data_year is 2022, but the source speaks of 2023", id="another notice's data"
        ),
        pytest.param({"valid_from": "2023-01-01"}, "is before published_on 2025-12-31", id="in force with its data"),
        pytest.param({"known_from": "2025-01-01"}, "known_from 2025-01-01 is before published_on", id="known before"),
    ],
)
def test_the_year_of_the_notice_for_that_of_the_data(root: Path, changes: dict[str, Any], complaint: str) -> None:
    """The factor of 2023 was published on the last day of 2025; public code has 2022 and 2021 the wrong way round."""
    dates = {key: _day(value) for key, value in changes.items()}
    changed(root, GRID, "grid_emission_2023_national", **dates)
    refused(root, GRID, complaint)


def _day(value: Any) -> Any:
    return value if isinstance(value, int) else date.fromisoformat(value)


# --- units and digits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        pytest.param({"value": "0.0007120"}, "outside the plausible 0.1 to 0.8 kgCO2/kWh", id="a thousand too little"),
        pytest.param({"value": "712.0"}, "outside the plausible", id="a thousand too much"),
        pytest.param(
            {"value": "0.0007120", "unit": "tCO2/MWh"}, "outside the plausible", id="as it stands: both labelled t/MWh"
        ),
        pytest.param({"unit": "kgCO2/MWh"}, "outside the plausible", id="kg for tonnes"),
        pytest.param({"unit": "kgCO2"}, "has no denominator", id="per nothing"),
        pytest.param({"unit": "kgCO2/km"}, "differ in gas or denominator", id="per km"),
    ],
)
def test_a_slip_of_a_thousand(root: Path, changes: dict[str, Any], complaint: str) -> None:
    """One public file keeps provinces in t/MWh (0.5422) and regions in t/kWh (0.0007120) under one label."""
    changed(root, GRID, "grid_emission_2021_north", **changes)
    refused(root, GRID, complaint)


def test_the_same_figure_in_tonnes_per_mwh_is_the_same(root: Path) -> None:
    """What is refused above is the slip, not the unit."""
    changed(root, GRID, "grid_emission_2021_north", unit="tCO2/MWh")
    north = {one.id: one for one in load_factors(root)[GRID].series}["grid_emission_2021_north"]
    assert north.micrograms_per_unit == 712_000_000


@pytest.mark.parametrize("value", ["0.67828", "0.678212", "0.6782012"])
def test_a_page_number_glued_to_a_value(root: Path, value: str) -> None:
    """Text of a PDF has the number of the page behind Anhui's figure, the last of its page."""
    anhui = series_of(root, GRID, "grid_emission_2023_east")
    libraries.added(root / f"factors/{GRID}.yaml", {**anhui, "id": "anhui", "region": "340000", "value": value})
    refused(root, GRID, rf"anhui: {value} has \d decimals where the source prints 4; a page number")


@pytest.mark.parametrize("region", ["grid_east", "310000"])
def test_a_region_that_carries_the_figure_around_it(root: Path, region: str) -> None:
    """One public table has the country's 0.5366 for 华东."""
    national = series_of(root, GRID, "grid_emission_2022_national")
    libraries.added(root / f"factors/{GRID}.yaml", {**national, "id": "copied", "region": region, "not_for": []})
    refused(root, GRID, "copied carries the figure of grid_emission_2022_national, the region around it")


def test_a_footnote_that_halves_a_region(root: Path) -> None:
    changed(root, GRID, "grid_emission_2023_north", value="0.5361")
    refused(root, GRID, "grid_emission_2023_north: leaps from grid_emission_2022_north")


# --- figures of reports -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gives", "complaint"),
    [
        ("462万吨", "unit '万吨' is not known; use one of .* g, kg, t,"),
        ("4620000 t", "1100000 kWh × 0.42 kgCO2/kWh is 4.62e.08 g, but the source has 4620000 t"),
        ("462 kg", "but the source has 462 kg"),
        ("462 ton", "unit 'ton' is not known"),
    ],
)
def test_462_tonnes_printed_as_ten_thousands_of_tonnes(root: Path, gives: str, complaint: str) -> None:
    """1 MW in 1,100 hours at 0.42 kg/kWh; the article prints 462万吨."""
    changed(
        root,
        "household_pv_displaced",
        "household_pv_displaced_shanghai_2024",
        examples=[{"of": "1100000 kWh", "gives": gives}],
    )
    refused(root, "household_pv_displaced", complaint)


@pytest.mark.parametrize(
    "seen",
    [
        "walk 1 km: 0.3 公斤能量球",
        "bus, 5 stops: 2.5 kg energy balls",
        "bike 1.5 km: 0.4 kg of green energy",
        "步行 1 km 得 0.3 公斤能量",
        "bus 80 能量",
        "metro ride earns 52 energy",
    ],
)
def test_a_games_energy_taken_for_co2(root: Path, seen: str) -> None:
    """Beijing's MaaS and the wallet's game both give "energy", the first even by the kilogram."""
    changed(root, "bus_reduction", "bus_reduction_beijing_floor", source_seen=seen)
    refused(root, "bus_reduction", "seen speaks of .*energy.*: that is no factor")


@pytest.mark.parametrize("seen", ["new energy car, 7 g CO2 per km", "保存能源: reduction 80 g", "energy 5 g"])
def test_energy_that_is_none_of_a_game(root: Path, seen: str) -> None:
    changed(root, "bus_reduction", "bus_reduction_beijing_floor", source_seen=seen)
    load_library(root)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        pytest.param({"value": "3.55"}, "3.55 is per short ton of 907.18474 kg in the source; convert it", id="as kg"),
        pytest.param({"value": "3.55", "unit": "tCO2e/t"}, "is per short ton", id="as tonnes"),
        pytest.param({"value": "3.55", "unit": "tCO2e/ton"}, "'ton' is not known", id="as a ton"),
        pytest.param({"value": "3550", "unit": "kgCO2e/t"}, "is per short ton", id="as kilograms a tonne"),
    ],
)
def test_a_short_ton_for_a_tonne(root: Path, changes: dict[str, Any], complaint: str) -> None:
    changed(root, "recycling_paper_warm", "recycling_paper_warm_v16", **changes)
    refused(root, "recycling_paper_warm", complaint)


def test_short_tons_are_converted_and_rounded_down() -> None:
    """3.55 t ÷ 907.18474 kg = 3.91320…, never the 3.914 or the 3.92 above it."""
    printed = {"paper": "3.55", "plastic": "0.93", "metal": "4.39", "glass": "0.28", "electrical": "0.90"}
    for material, value in printed.items():
        (one,) = load_factors()[f"recycling_{material}_warm"].series
        exact = Fraction(value) * 10**12 / Fraction("907.18474")
        assert 0 <= exact - one.micrograms_per_unit < 10**6, "less than the third decimal of a kilogram"

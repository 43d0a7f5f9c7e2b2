"""Every figure from the UK conversion factors is the figure of its row, and a difference that of its two rows."""

from __future__ import annotations

import csv
import re
from fractions import Fraction
from functools import cache
from pathlib import Path

import pytest

from schemas.factors import FactorFile, FactorSeries, load_factors, series_by_id
from schemas.units import counted_unit, mass_in_kilograms, whole_micrograms

ROWS = Path(__file__).parents[2] / "fixtures" / "desnz_2025.csv"
COUNTED = {
    "km": "vehicle_km",
    "passenger.km": "passenger_km",
    "tonnes": "t",
    "cubic metres": "m3",
    "Room per night": "room_night",
    "per FTE Working Hour": "hour",
}
# The well-to-tank rows stand in a sheet that the fixture has no copy of, the fuels in the condensed set.
UPSTREAM = {
    "bus_upstream": "0.02649",
    "national_rail_upstream": "0.00897",
    "light_rail_upstream": "0.00749",
    "underground_upstream": "0.00728",
}
FUELS = {"petrol_use": "2.32567", "diesel_use": "2.62818"}
DIFFERENCES = {
    "recycling_paper_reduction": "material_paper_board_mixed",
    "recycling_plastic_reduction": "material_plastic_average",
    "recycling_glass_reduction": "material_glass",
    "recycling_metal_reduction": "material_scrap_metal",
}


@cache
def rows() -> dict[str, dict[str, str]]:
    with ROWS.open(encoding="utf-8", newline="") as file:
        notice = file.readline()
        assert notice.startswith("#") and "Open Government Licence v3.0" in notice
        return {row["ID"]: row for row in csv.DictReader(file)}


@cache
def of_desnz() -> dict[str, tuple[FactorFile, FactorSeries]]:
    found = series_by_id(load_factors()).values()
    return {file.id: (file, one) for file, one in found if one.source and one.source.document.startswith("DESNZ")}


def row_of(one: FactorSeries) -> str | None:
    named = re.fullmatch(r"row (\d\d_\d+_\d+_\d+_1)", (one.source and one.source.clause) or "")
    return named[1] if named else None


def test_every_row_is_used_once_and_every_figure_has_one() -> None:
    with_row = {name: row_of(one) for name, (_, one) in of_desnz().items() if row_of(one)}
    assert sorted(of_desnz().keys() - with_row.keys()) == sorted([*UPSTREAM, *FUELS, *DIFFERENCES])
    blank = {row["ID"] for row in rows().values() if not row["GHG Conversion Factor 2025"]}
    assert sorted(with_row.values()) == sorted(rows().keys() - blank)
    assert len(with_row) == 59 and len(blank) == 4


@pytest.mark.parametrize("name", sorted(name for name, (_, one) in of_desnz().items() if row_of(one)))
def test_a_figure_is_its_rows(name: str) -> None:
    file, one = of_desnz()[name]
    row = rows()[row_of(one) or ""]
    assert row["GHG/Unit"] == "kg CO2e", "the sum of the gases, not one of them"
    unit = COUNTED[row["UOM"]]
    assert one.value == row["GHG Conversion Factor 2025"] and one.unit == f"kgCO2e/{unit}"
    assert one.source is not None and one.value in one.source.seen and row["Level 2"] in one.source.seen
    assert (row["Level 3"] or row["Level 2"]) in one.source.seen
    assert one.region == ("000000" if row["Level 3"] == "China" or "Hotel stay: China" in one.source.seen else "GB")
    per_kilogram = unit == "t"
    assert file.per == ("kg" if per_kilogram else counted_unit(unit))
    micrograms = Fraction(row["GHG Conversion Factor 2025"]) * 10**9
    assert one.micrograms_per_unit == (micrograms / mass_in_kilograms("t") if per_kilogram else micrograms)


@pytest.mark.parametrize(("name", "value"), [*UPSTREAM.items(), *FUELS.items()])
def test_figures_of_other_sheets(name: str, value: str) -> None:
    file, one = of_desnz()[name]
    assert one.value == value
    assert file.boundary_kind == ("upstream" if name in UPSTREAM else "use")
    assert file.gas == ("CO2e" if name in UPSTREAM else "CO2")


@pytest.mark.parametrize(("name", "material"), DIFFERENCES.items())
def test_a_material_difference_is_that_of_its_two_rows(name: str, material: str) -> None:
    primary, recycled = (of_desnz()[f"{material}_{source}"][1] for source in ("primary", "closed_loop"))
    saved = of_desnz()[name][1]
    assert Fraction(saved.value) == Fraction(primary.value) - Fraction(recycled.value)
    assert saved.micrograms_per_unit == primary.micrograms_per_unit - recycled.micrograms_per_unit


def test_a_blank_cell_is_missing_and_no_zero() -> None:
    blank = {row["Level 3"] for row in rows().values() if not row["GHG Conversion Factor 2025"]}
    assert len(blank) == 4 and all(item.startswith("Electrical items") for item in blank)
    assert not [name for name in load_factors() if name.startswith("material_electrical") and "loop" in name]


def test_a_litre_of_petrol() -> None:
    """Counted by the cubic metre, as water is: a litre is its thousandth."""
    _, one = of_desnz()["petrol_use"]
    assert one.micrograms_per_unit == 2_325_670_000_000 == whole_micrograms("2325.67", "kgCO2/m3")

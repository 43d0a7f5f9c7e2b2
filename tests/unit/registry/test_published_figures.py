"""Figures that programmes and papers published, computed again with what this library ships."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from schemas.factors import FactorFile
from schemas.library import Library, NoFactor, load_library
from tests.support import libraries
from tests.support.legs import Leg, emitted_by_legs, saved_by_legs

DAY = date(2026, 11, 25)
GRAM = 10**6
"""Micrograms."""
DB11 = {"document": "a copy of DB11/T 3043-2024 that names no source", "clause": "unverified"}


@pytest.fixture(scope="module")
def shipped() -> Library:
    return load_library()


def grams(library: Library, scenario: str, region: str, quantity: str, match: str = "exact") -> Fraction:
    found = library.rate(scenario, region, DAY)
    assert found.match_quality == match
    return Fraction(quantity) * found.micrograms_per_unit / GRAM


def alternative(library: Library, scenario: str, factor: str, region: str, quantity: str, on: date = DAY) -> Fraction:
    (one,) = [other for other in library.scenarios[scenario].alternatives if factor in other.factors]
    return Fraction(quantity) * library.quantify(one, region, on).micrograms_per_unit / GRAM


# --- programmes' own examples, in their own places ----------------------------------------------------------


@pytest.mark.parametrize(
    ("scenario", "region", "quantity", "published"),
    [
        pytest.param("walking", "420100", "7250", "145", id="Wuhan 碳碳星球: 7,250 steps = 145 points of 1 g"),
        pytest.param("new_energy_car", "420100", "24", "168", id="Wuhan: 24 km by new-energy car"),
        pytest.param("recycling_textile", "510500", "1", "1280", id="Luzhou: a kilogram of clothing"),
        pytest.param("bus", "510500", "1", "80", id="Luzhou: a bus ride"),
        pytest.param("clean_plate", "510500", "1", "144", id="Luzhou: a plate eaten up"),
        pytest.param("no_cutlery", "110000", "1", "23", id="Beijing: a meal without cutlery, at least"),
        pytest.param("household_pv", "310000", "1100000", "462000000", id="Shanghai: 1 MW in 1,100 hours = 462 t"),
        pytest.param("online_transfer", "540527", "1", "173", id="Lhozhag: a transfer"),
        pytest.param("metro", "440300", "10", "467", id="Shenzhen: ten kilometres of metro"),
        pytest.param("shared_bike", "120000", "1", "39.6", id="Tianjin: a kilometre by shared bike"),
        pytest.param("e_bike", "500000", "1", "43", id="Chongqing: a kilometre by e-bike"),
    ],
)
def test_a_published_example(shipped: Library, scenario: str, region: str, quantity: str, published: str) -> None:
    assert grams(shipped, scenario, region, quantity) == Fraction(published)


def test_the_banks_grams(shipped: Library) -> None:
    """CITIC: 89 g an electronic card and a bill paid online, 24 g a statement; one account for the country."""
    for scenario, published in {"e_card": 89, "utility_payment": 89, "e_statement": 24}.items():
        assert grams(shipped, scenario, "000000", "1") == published


@pytest.mark.parametrize(
    ("scenario", "factor", "region", "quantity", "published"),
    [
        ("walking", "walking_reduction_hunan", "430000", "5000", "128"),
        ("walking", "walking_reduction_carbonstop", "000000", "5000", "313.5"),
        ("metro", "metro_reduction_wuhan", "420100", "1", "78.4"),
        ("shared_bike", "shared_bike_reduction", "320100", "1", "63.726"),
        ("utility_payment", "utility_payment_reduction_ant_forest", "000000", "1", "262"),
        ("clean_plate", "clean_plate_reduction_beijing", "110000", "1", "449"),
    ],
)
def test_a_figure_beside(
    shipped: Library, scenario: str, factor: str, region: str, quantity: str, published: str
) -> None:
    assert alternative(shipped, scenario, factor, region, quantity) == Fraction(published)


def test_one_act_has_as_many_figures_as_places_that_count_it(shipped: Library) -> None:
    """What the library is for: one ride in Hangzhou, as each would credit it, and what it does credit."""
    ride = shipped.scenarios["bus"]
    beside = [shipped.quantify(one, "330100", DAY).micrograms_per_unit / GRAM for one in ride.alternatives]
    assert sorted(beside) == [98, 120, 212.5]
    assert grams(shipped, "bus", "330100", "1", "proxy") == 80
    summers = [date(year, 7, 1) for year in (2022, 2023, 2025)]
    drift = [alternative(shipped, "bus", "bus_reduction_wuhan", "420100", "1", day) for day in summers]
    assert drift == [105, 150, Fraction("212.5")], "the same city in four years"


def test_the_walking_cap_is_reached_with_the_steps_that_it_is_for(shipped: Library) -> None:
    """296 g a day are 14,800 steps of 0.02 g; Ant Forest gives "nearly 200 g" for ten thousand."""
    (cap,) = shipped.scenarios["walking"].caps
    assert grams(shipped, "walking", "420100", "14800") == Fraction(cap.limit_mg, 1000) == 296
    assert grams(shipped, "walking", "420100", "10000") == 200


# --- 文登: a quarter of 1 t water, 30 kWh and 4,755 km, published as 104.7 kg ----------------------------------


def test_wendeng_quarter_leaves_a_known_remainder_per_kilometre(shipped: Library) -> None:
    """The bank publishes the sum and no factor, so it is not reproduced; what it must have used per km is bounded.

    Power and water are at most a quarter of it by any figure of the grid, so the rest is the car: about 18 g/km, where
    Wuhan's programme, the only one with a published figure, credits 7. That is the whole difference.
    """
    published, km = Fraction(104_700), 4_755
    water = shipped.factors["water_supply_upstream"].series[0].micrograms_per_unit * Fraction(1, GRAM)
    power = 30 * Fraction(shipped.rate("electricity_saving", "371003", DAY).micrograms_per_unit, GRAM)
    assert (water, power) == (Fraction("191.3"), 18_573), "0.1913 kg/m3; 30 kWh × 0.6191 (山东, data of 2023)"
    car = km * Fraction(shipped.rate("new_energy_car", "420100", DAY).micrograms_per_unit, GRAM)
    assert car == 33_285
    ours = water + power + car
    assert ours == Fraction("52049.3")
    remainder = (published - water - power) / km
    assert Fraction("18.072") < remainder < Fraction("18.073")
    assert published - ours == km * (remainder - 7) == Fraction("52650.7"), "all of it is the car's"
    # Whichever figure of the grid the bank took, of any year and purpose, the car stays between 16 and 19 g/km.
    every = [
        one.micrograms_per_unit
        for name in ("grid_emission", "grid_compliance", "grid_emission_residual", "grid_emission_fossil")
        for one in shipped.factors[name].applied
        if one.region in ("000000", "grid_north")
    ]
    remainders = [(published - water - 30 * Fraction(one, GRAM)) / km for one in every]
    assert min(remainders) > 16 and max(remainders) < 19
    petrol_less_battery = alternative(shipped, "new_energy_car", "car_petrol_use", "330100", "1")
    assert min(remainders) > 7 and max(remainders) < petrol_less_battery == Fraction("122.25")


# --- displacement: baseline - project -----------------------------------------------------------------------


def test_beijing_22_km_by_metro_instead_of_car(tmp_path: Path) -> None:
    """新京报 2019-12-05: car 5.98 kg - metro 1.35 kg = 4.63 kg, the whole trip of 22 km."""
    root = libraries.copied(tmp_path / "registry")
    for name, value in {"car_22_km": "5.98", "metro_22_km": "1.35"}.items():
        series = libraries.series(f"{name}_beijing", value, "kgCO2/act", "110000")
        libraries.factor(root, name, "emission", "use", series)
    displacement = {"method": "displacement", "baseline": "car_22_km", "project": "metro_22_km"}
    libraries.scenario(root, "trip_of_22_km", "act", displacement)
    found = load_library(root).rate("trip_of_22_km", "110000", DAY)
    assert found.micrograms_per_unit == 4_630 * 10**6
    assert found.factor_id == "car_22_km_beijing-metro_22_km_beijing"
    turned = {"method": "displacement", "baseline": "metro_22_km", "project": "car_22_km"}
    libraries.scenario(root, "trip_of_22_km", "act", turned)
    with pytest.raises(NoFactor, match="car_22_km_beijing emits no less than metro_22_km_beijing"):
        load_library(root).rate("trip_of_22_km", "110000", DAY)


def test_a_train_instead_of_a_flight(shipped: Library) -> None:
    """中国环境报: full process 108.3 to 112.9 and 30.48, in use 95.3 and 24.70 to 26.27 g; the careful ends."""
    full = alternative(shipped, "high_speed_rail", "flight_full", "000000", "100")
    use = alternative(shipped, "high_speed_rail", "flight_use", "000000", "100")
    assert (full, use) == (7_782, 6_903)
    with pytest.raises(NoFactor, match="no factor for high_speed_rail"):
        shipped.rate("high_speed_rail", "000000", DAY)


# --- DB11/T 3043: several legs ------------------------------------------------------------------------------


def unverified(name: str, value: str) -> FactorFile:
    """A figure of the standard's annex as a copy without source has it: for arithmetic, never to be shipped."""
    series: dict[str, Any] = libraries.series(
        name, value, "kgCO2/passenger_km", "110000", source=DB11 | {"seen": value}
    )
    return FactorFile.model_validate(
        {
            "id": name,
            "kind": "emission",
            "name": name,
            "boundary_kind": "use",
            "boundary": "As the copy has it.",
            "plausible": {"least": "0.001", "most": "1", "unit": "kgCO2/passenger_km"},
            "series": [{**series, "status": "unverified"}],
        }
    )


ANNEX = {name: unverified(name, value) for name, value in {"all_modes": "0.104", "metro_leg": "0.032"}.items()}


def leg(kilometres: str, name: str) -> Leg:
    return Leg(Fraction(kilometres), ANNEX[name].series[0].micrograms_per_unit)


def walk(kilometres: str) -> Leg:
    return Leg(Fraction(kilometres), 0)


def test_an_officials_trip_of_three_legs() -> None:
    """Walk 0.5 km, metro 33.8, walk 0.6, in all 34.9: an official named 2,517 g.

    BE = 34.9 × 0.104 = 3,629.6 g, PE = 33.8 × 0.032 = 1,081.6 g, ER = 2,548 g, 1.2 % above: the factors of the copy
    are near those of the standard and not the same, which is why they do not ship.
    """
    project = [walk("0.5"), leg("33.8", "metro_leg"), walk("0.6")]
    baseline = [leg("34.9", "all_modes")]
    assert emitted_by_legs(baseline) == Fraction("3629.6") * GRAM
    assert emitted_by_legs(project) == Fraction("1081.6") * GRAM
    saved = saved_by_legs(baseline, project)
    assert saved == 2_548 * GRAM
    assert Fraction(12, 1000) < saved / GRAM / 2_517 - 1 < Fraction(13, 1000)
    assert not any(file.applied for file in ANNEX.values()), "unverified figures answer no look-up"


def test_legs_add_up_exactly_in_any_order() -> None:
    whole = [leg("34.9", "all_modes")]
    parts = [leg("0.1", "all_modes")] * 349
    assert emitted_by_legs(parts) == emitted_by_legs(whole)
    legs = [walk("0.5"), leg("33.8", "metro_leg"), walk("0.6")]
    assert saved_by_legs(parts, legs[::-1]) == saved_by_legs(whole, legs)
    assert saved_by_legs([], []) == 0


def test_a_trip_that_emits_no_less_counts_nothing() -> None:
    assert saved_by_legs([leg("3", "metro_leg")], [leg("3", "all_modes")]) == 0
    assert saved_by_legs([leg("3", "all_modes")], [leg("3", "all_modes")]) == 0


def test_one_leg_is_the_displacement_of_the_library(shipped: Library) -> None:
    """The method of one factor per unit and the sum over legs are one arithmetic."""
    taxi, underground = (
        shipped.factors[name].series[0].micrograms_per_unit for name in ("taxi_use", "underground_use")
    )
    by_legs = saved_by_legs([Leg(Fraction(12), taxi)], [Leg(Fraction(12), underground)])
    assert by_legs / GRAM == alternative(shipped, "metro", "taxi_use", "330100", "12") == Fraction("1449.72")

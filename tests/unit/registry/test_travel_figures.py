"""Figures of travel and of energy at home: what their sources print, computed again, and the slips of others, refused."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import RegistryError
from schemas.library import Library, NoFactor, Rate, load_library
from schemas.scenarios.quantification import Amount, Displacement
from tests.support import libraries

DAY = date(2026, 11, 29)
HANGZHOU = "330100"
GRAM = 10**6
"""Micrograms."""
PROVINCES = {
    "11": "0.5554", "12": "0.6796", "13": "0.6516", "14": "0.6634", "15": "0.6479", "21": "0.4878", "22": "0.4671",
    "23": "0.5229", "31": "0.5737", "32": "0.5827", "33": "0.4974", "34": "0.6553", "35": "0.4211", "36": "0.5836",
    "37": "0.6191", "41": "0.5897", "42": "0.4044", "43": "0.4976", "44": "0.4419", "45": "0.4476", "46": "0.3648",
    "50": "0.5581", "51": "0.1564", "52": "0.5683", "53": "0.1333", "61": "0.6335", "62": "0.4471", "63": "0.1796",
    "64": "0.6187", "65": "0.6021",
}  # fmt: skip
"""The rows of 公告 2025年第47号, table 3, as printed, in kgCO2/kWh: all provinces but Tibet."""


@pytest.fixture(scope="module")
def shipped() -> Library:
    return load_library()


def rate(library: Library, scenario: str, region: str = HANGZHOU, on: date = DAY) -> Rate:
    return library.rate(scenario, region, on)


def grams(library: Library, scenario: str, region: str = HANGZHOU) -> Fraction:
    return Fraction(rate(library, scenario, region).micrograms_per_unit, GRAM)


def beside(library: Library, scenario: str, factor: str, region: str = HANGZHOU) -> Fraction:
    (one,) = [other for other in library.scenarios[scenario].alternatives if factor in other.factors]
    return Fraction(library.quantify(one, region, DAY).micrograms_per_unit, GRAM)


# --- the grid, by province ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("digits", "printed"), PROVINCES.items())
def test_a_province_has_its_own_row(shipped: Library, digits: str, printed: str) -> None:
    for region in (f"{digits}0000", f"{digits}0100"):
        for scenario in ("electricity_saving", "demand_response"):
            found = rate(shipped, scenario, region, date(2025, 12, 31))
            assert (found.micrograms_per_unit, found.grade) == (Fraction(printed) * 10**9, "regional")


def test_there_are_thirty_and_no_more(shipped: Library) -> None:
    of_2023 = [one for one in shipped.factors["grid_emission"].applied if one.data_year == 2023]
    assert {one.region[:2] for one in of_2023 if one.region.isdigit()} == {*PROVINCES, "00"}
    assert grams(shipped, "electricity_saving", "540000") == Fraction("530.6"), "Tibet: the country's"


def test_a_hundred_kwh_of_hangzhou_were_credited_too_much(shipped: Library) -> None:
    """49.74 kg where the region's figure gave 55.00: 10.6 % more."""
    assert 100 * grams(shipped, "electricity_saving") == 49_740
    east = next(one for one in shipped.factors["grid_emission"].series if one.id == "grid_emission_2023_east")
    assert east.micrograms_per_unit * 100 == 55_000 * GRAM
    over = Fraction(55_000, 49_740) - 1
    assert Fraction("0.1055") < over < Fraction("0.1065")


def test_a_province_of_2022_only_where_its_row_was_seen(shipped: Library) -> None:
    before = date(2025, 12, 30)
    for region, printed in {"110000": "0.5580", "230000": "0.5368", "440000": "0.4403", "330000": "0.5366"}.items():
        assert rate(shipped, "electricity_saving", region, before).micrograms_per_unit == Fraction(printed) * 10**9
    with pytest.raises(NoFactor):
        rate(shipped, "electricity_saving", "500000", before)


# --- litres, kilowatt-hours and the kilometres between them -------------------------------------------------


def test_petrol_is_the_countrys_and_less_than_britains(shipped: Library) -> None:
    """69,300 kg/TJ × 44.3 TJ/Gg × 0.74 kg/L = 2.2717926 kg."""
    exact = Fraction(69_300) * Fraction("44.3") / 10**6 * Fraction("0.74")
    assert exact == Fraction("2.2717926")
    british, ours = shipped.factors["petrol_use"].series
    assert (british.region, ours.region, ours.grade) == ("GB", "000000", "derived")
    assert ours.micrograms_per_unit == Fraction("2.271") * 10**12 < british.micrograms_per_unit
    assert rate(shipped, "new_energy_ride").factor_id.startswith(f"{ours.id}-")


def test_a_pass_saves_the_lower_of_the_litres(shipped: Library) -> None:
    """23,100 L a day for 770,000 vehicles are 0.0300 L a pass, and 314 L for 10,000 are 0.0314."""
    assert Fraction(23_100, 770_000) == Fraction("0.03")
    exact = Fraction("2271.7926")
    assert grams(shipped, "etc_payment") == Fraction("68.1") <= Fraction("0.03") * exact < Fraction("68.2")
    national = beside(shipped, "etc_payment", "toll_stop_use_national")
    assert national == Fraction("71.3") <= Fraction("0.0314") * exact < Fraction("71.4")
    assert grams(shipped, "etc_payment") > 23, "a list without a source has less"


def test_the_minister_prints_two_per_cent_too_much(shipped: Library) -> None:
    """1.1亿 passes × 314 L per 10,000 are 345.4万 L, where the text has 353万: no example of the figure."""
    litres = Fraction(110_000_000, 10_000) * 314
    assert litres == 3_454_000 and Fraction("1.02") < Fraction(3_530_000) / litres < Fraction("1.023")


def test_a_toll_has_to_be_looked_at_again(shipped: Library) -> None:
    assert rate(shipped, "etc_payment", on=date(2027, 12, 30)).grade == "derived"
    with pytest.raises(NoFactor):
        rate(shipped, "etc_payment", on=date(2027, 12, 31))


@pytest.mark.parametrize("scenario", ["new_energy_ride", "new_energy_rental"])
def test_a_battery_cars_kilometre_is_the_standards_formula(shipped: Library, scenario: str) -> None:
    """T/CSAE 235: km × litres × petrol − km × kWh × grid; 12.06亿 kWh for 76.3亿 km, 5.5 L per 100 km."""
    kwh = Fraction("12.06") / Fraction("76.3")
    assert Fraction("0.15806") < kwh < Fraction("0.15807"), "of what the act itself emits, rounded up"
    for digits, printed in PROVINCES.items():
        exact = Fraction("0.055") * 2271 - Fraction("0.15807") * Fraction(printed) * 1000
        assert 0 < grams(shipped, scenario, f"{digits}0000") <= exact < grams(shipped, scenario, f"{digits}0000") + 1
    assert grams(shipped, scenario) == Fraction("46.280982")
    assert grams(shipped, scenario, "000000") == Fraction("41.033058")


def test_a_charged_kwh_is_its_kilometres(shipped: Library) -> None:
    """The same way, counted in either, comes to the same but for the rounding; it must never count as both."""
    for digits in PROVINCES:
        by_way = grams(shipped, "new_energy_ride", f"{digits}0000")
        by_charge = grams(shipped, "ev_charging", f"{digits}0000") * Fraction("0.15807")
        assert abs(by_way - by_charge) < Fraction("0.0001")
    assert grams(shipped, "ev_charging") == Fraction("292.787891")


@pytest.mark.parametrize("scenario", ["ev_charging", "new_energy_ride", "new_energy_rental"])
def test_on_fossil_power_alone_nothing_is_saved(shipped: Library, scenario: str) -> None:
    said = shipped.scenarios[scenario].quantification
    assert isinstance(said, Displacement)
    with pytest.raises(NoFactor, match="grid_emission_fossil_2023 emits no less than petrol_use_ipcc_2006"):
        shipped.quantify(said.model_copy(update={"project": "grid_emission_fossil"}), HANGZHOU, DAY)


@pytest.mark.parametrize("scenario", ["ev_charging", "new_energy_ride", "new_energy_rental"])
def test_no_kilometre_of_before_the_litres_were_known(shipped: Library, scenario: str) -> None:
    with pytest.raises(NoFactor, match="it is quantified from 2022-07-27 on"):
        rate(shipped, scenario, "110000", date(2022, 7, 26))


def test_an_operators_claim_is_twice_its_own_standard(shipped: Library) -> None:
    """曹操: 108.35万 t for 76.3亿 km are 142.0 g; by 7.0 L, its own assumption, and the grid it had, 0.5810, 70.9 g."""
    claimed = Fraction(1_083_500 * 10**6, 7_630_000_000)
    assert Fraction("141.9") < claimed < Fraction("142.1")
    by_standard = Fraction("0.07") * Fraction("2325.67") - Fraction("0.15806") * 581
    assert Fraction("70.9") < by_standard < Fraction("71")
    assert grams(shipped, "new_energy_ride") < by_standard < claimed / 2


def test_a_charged_kwh_is_no_saved_kwh(shipped: Library) -> None:
    """贵州 2018: 522.1万 kWh counted as 5,205.8 t, 0.997 kg each: nowhere does one save so much."""
    claimed = Fraction(5_205_800 * 1000, 5_221_000)
    assert Fraction(997) < claimed < Fraction(998)
    dearest = max(grams(shipped, "ev_charging", f"{digits}0000") for digits in PROVINCES)
    assert dearest == grams(shipped, "ev_charging", "530000") < claimed


def test_a_drivers_kilometre_claims_the_least_that_is_published(shipped: Library) -> None:
    """7 g of a programme; 14.6 over the life (279 × 5 / 95), 25.67 by the data base, 46 in use on Zhejiang's grid."""
    ours = grams(shipped, "new_energy_car")
    of_life = Fraction(279) * 5 / 95
    assert beside(shipped, "new_energy_car", "new_energy_car_reduction_life") == Fraction("14.6") <= of_life
    assert beside(shipped, "new_energy_car", "new_energy_car_reduction_cpcd") == Fraction("25.67")
    assert beside(shipped, "new_energy_car", "grid_emission") == grams(shipped, "new_energy_ride")
    assert ours == 7 < min(grams(shipped, "new_energy_ride", f"{digits}0000") for digits in PROVINCES)


def test_a_full_hybrid_against_a_petrol_car(shipped: Library) -> None:
    assert grams(shipped, "low_fuel_car") == 227 - 164
    assert rate(shipped, "low_fuel_car").grade == "derived"


# --- days, gas, rides ---------------------------------------------------------------------------------------


def test_a_day_without_the_car(shipped: Library) -> None:
    """50万 t of 42万 cars in a year: 3.26 kg a day, and by the kilometres of a household in Beijing 4.99."""
    exact = Fraction(500_000 * GRAM, 420_000 * 365)
    assert grams(shipped, "parked_car") == 3_260 <= exact < 3_270
    by_way = Fraction("40.0") * Fraction("5.5") / 100 * Fraction("2271.7926")
    assert beside(shipped, "parked_car", "car_day_use", "110000") == 4_990 <= by_way < 5_000
    assert shipped.scenarios["parked_car"].unit == "day"


def test_gas_as_it_is_billed(shipped: Library) -> None:
    """389.31 × 0.0153 × 0.99 × 44/12 = 21.62188809 t per 10,000 Nm³; × 273.15/293.15 as billed at 20 °C."""
    cold = Fraction("389.31") * Fraction("0.0153") * Fraction("0.99") * 44 / 12
    assert cold == Fraction("21.62188809")
    billed = cold / 10 * Fraction("273.15") / Fraction("293.15")
    assert grams(shipped, "gas_saving") == 2_014 <= billed * 1000 < 2_015
    assert grams(shipped, "gas_saving") < cold * 100


def test_bikes_by_the_lowest_published(shipped: Library) -> None:
    """Tianjin 1.398万 t / 3.53亿 km = 39.6 g; the country 46.6 (2021) and 43.3 (2023); 43 of e-bikes."""
    assert grams(shipped, "shared_bike") == Fraction("39.6") <= Fraction(13_980 * GRAM, 353_000_000)
    assert grams(shipped, "e_bike") == 43
    assert beside(shipped, "e_bike", "shared_ride_reduction") == Fraction("43.3") <= Fraction(2_600_000, 60_000)
    assert beside(shipped, "shared_bike", "shared_bike_reduction") == Fraction("63.726")
    # 31 % of rides replace a car, which emits 16 times as much: 31.7 to 48.4 g by what the car is taken to emit.
    least, most = (Fraction("0.2475") * Fraction(car) for car in ("127.912", "195.67"))
    assert Fraction("0.31") - Fraction(1, 16) == Fraction("0.2475") and least < 43 < most


@pytest.mark.parametrize("scenario", ["bus", "shared_bike", "e_bike", "new_energy_car", "walking", "parked_car"])
def test_what_is_lent_to_the_country_is_the_lowest_of_several(shipped: Library, scenario: str) -> None:
    found = rate(shipped, scenario, "000000")
    [(_, one)] = shipped.series_of(found.factor_id)
    (lent,) = [proxy for proxy in one.proxies if proxy.region == "000000"]
    assert lent.lowest_of and found.grade in ("proxied", "derived")
    for region in ("310000", "540100", "650100"):
        assert grams(shipped, scenario, region) == grams(shipped, scenario, "000000"), region


def test_a_metro_is_lent_to_every_province_and_to_no_ride_without_a_place(shipped: Library) -> None:
    for digits in (*PROVINCES, "54"):
        assert rate(shipped, "metro", f"{digits}0100").factor_id == "metro_reduction_shenzhen_2022"
    with pytest.raises(NoFactor):
        rate(shipped, "metro", "000000")
    assert shipped.lowest("metro") == []


def test_a_ride_by_the_metro_of_guangzhou_is_kept_and_applied_nowhere(shipped: Library) -> None:
    """Per ride, where rides are counted by their kilometres."""
    [one] = shipped.factors["metro_ride_reduction"].series
    assert (one.micrograms_per_unit, one.region) == (Fraction("515.5") * GRAM, "440100")
    assert "metro_ride_reduction" not in shipped.used_by


def test_a_train_has_two_halves_of_two_studies(shipped: Library) -> None:
    baseline = Fraction("10.2") * (Fraction("17999482.8") + Fraction("2898233.62")) / Fraction("2898233.62")
    assert Fraction("73.5") <= baseline < Fraction("73.6")
    found = beside(shipped, "high_speed_rail", "high_speed_rail_displaced_use", "000000")
    assert found == Fraction("73.5") - Fraction("26.27")
    with pytest.raises(NoFactor, match="the library has no factor for high_speed_rail"):
        rate(shipped, "high_speed_rail")


def test_against_car_pools_their_own_totals_speak(shipped: Library) -> None:
    """Didi 49,000 t for 270 million km, 哈啰 1,000万 t for 500亿 km: more than a whole petrol car's 162.72 g."""
    car = Fraction(shipped.factors["car_petrol_use"].series[0].micrograms_per_unit, GRAM)
    for tonnes, km in ((49_000, 270 * 10**6), (10_000_000, 50 * 10**9)):
        assert Fraction(tonnes * GRAM, km) > car == Fraction("162.72")
    assert "181.5" in (shipped.scenarios["car_pool"].no_factor_reason or "")


# --- slips that others made ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("factor", "changes", "complaint"),
    [
        (
            "natural_gas_use",
            {"value": "2.1622", "unit": "kgCO2e/kWh", "gas_basis": "CO2e", "derivation": None},
            "differ in gas or denominator",
        ),
        ("natural_gas_use", {"value": "2.173"}, "derivation comes to 2.014"),
        ("natural_gas_use", {"value": "2.015"}, "derivation comes to 2.014"),
        ("natural_gas_use", {"value": "21.62", "derivation": None}, "outside the plausible"),
        ("petrol_use", {"value": "3.156"}, "outside the plausible"),  # per kilogram, as of ofo in 2017
        ("petrol_use", {"value": "2.7", "unit": "gCO2/L"}, "outside the plausible"),  # taxi apps in 2015
        ("toll_stop_use", {"value": "68.2"}, "derivation comes to 68.15"),
        ("toll_stop_use", {"value": "55", "unit": "kgCO2/act", "derivation": None}, "outside the plausible"),
        ("shared_bike_operator_reduction", {"value": "234", "derivation": None}, "outside the plausible"),  # 常熟, 2015
        ("shared_ride_reduction", {"value": "216", "derivation": None}, "outside the plausible"),  # every ride a car
        ("new_energy_car_reduction", {"value": "222.9", "examples": []}, "outside the plausible"),  # buses inside
        ("parked_car_reduction", {"value": "1190", "derivation": None}, "outside the plausible"),  # a year's
        ("grid_emission", {"value": "0.9971"}, "outside the plausible"),  # 贵州, 2018
    ],
)
def test_a_slip_is_refused(tmp_path: Path, factor: str, changes: dict[str, Any], complaint: str) -> None:
    root = libraries.copied(tmp_path / "registry")
    libraries.edited(root / f"factors/{factor}.yaml", **{f"series_{key}": value for key, value in changes.items()})
    with pytest.raises(RegistryError, match=rf"{factor}\.yaml.*{complaint}"):
        load_library(root)


def test_a_national_row_between_the_lent_ones_is_refused(tmp_path: Path) -> None:
    """Who lends a figure as the lowest must have the lowest."""
    root = libraries.copied(tmp_path / "registry")
    libraries.edited(root / "factors/metro_reduction_wuhan.yaml", series_value="46.6")
    with pytest.raises(RegistryError, match=r"46\.7 gCO2/passenger_km is not the lowest: metro_reduction_wuhan_2025"):
        load_library(root)


def test_an_amount_is_exact() -> None:
    source = {"document": "made up", "clause": "1"}
    said = Amount.model_validate({"of": "5.5/15.807 L", "why": "made up", "source": source})
    assert (said.exact, said.unit) == (Fraction("5.5") / Fraction("15.807") / 1000, "m3")

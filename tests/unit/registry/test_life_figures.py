"""Figures of life, food, goods and waste: what their sources print, computed again, and the slips that must not pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from schemas.base import LOADER, ROOT
from schemas.errors import RegistryError
from schemas.factors import FactorFile, series_by_id
from schemas.grades import BY_DEFAULT
from schemas.library import Library, NoFactor, load_library
from tests.support import libraries
from tests.support.registries import shipped

DAY = date(2026, 11, 28)
GRAM, KILOGRAM, TONNE = 10**6, 10**9, 10**12
"""Micrograms."""
LIBRARY = shipped().library
CREDITED = replace(LIBRARY, credits=BY_DEFAULT)
"""As a deployment credits that says nothing."""


def said(factor: str) -> dict[str, Any]:
    """A factor file as it is written, to be altered."""
    content: dict[str, Any] = yaml.load((ROOT / f"factors/{factor}.yaml").read_text(encoding="utf-8"), Loader=LOADER)
    return content


def worth(scenario: str, quantity: str = "1", region: str = "000000", library: Library = LIBRARY) -> Fraction:
    """Micrograms, exact."""
    return Fraction(quantity) * library.rate(scenario, region, DAY).micrograms_per_unit


def beside(scenario: str, factor: str, region: str = "000000") -> int:
    (one,) = [other for other in LIBRARY.scenarios[scenario].alternatives if other.factors == [factor]]
    return LIBRARY.quantify(one, region, DAY).micrograms_per_unit


# --- what a deployment credits by default -------------------------------------------------------------------

GRADES = {
    "own_cup": "proxied",
    "used_phone": "national",
    "second_hand": "derived",
    "used_garment": "proxied",
    "group_takeaway": "derived",
    "near_expiry_food": "derived",
    "small_portion": "national",
    "waste_sorting": "derived",
    "recycling_fridge": "national",
    "recycling_steel": "national",
    "recycling_pp_box": "derived",
    "avoided_trip": "derived",
    "clean_plate": "proxied",
    "utility_payment": "proxied",
}


@pytest.mark.parametrize(("scenario", "grade"), GRADES.items())
def test_hangzhou_credits_it_by_default(scenario: str, grade: str) -> None:
    assert CREDITED.rate(scenario, "330100", DAY).grade == grade


@pytest.mark.parametrize("scenario", sorted({*GRADES} - {"waste_sorting"}))
def test_so_does_a_place_that_is_not_told(scenario: str) -> None:
    assert worth(scenario, library=CREDITED) == worth(scenario, region="650000", library=CREDITED)


@pytest.mark.parametrize("material", ["paper", "plastic", "glass", "metal"])
def test_britains_materials_are_for_comparison_since_figures_have_grades(material: str) -> None:
    scenario = f"recycling_{material}"
    assert CREDITED.rate(scenario, "330100", date(2026, 11, 27)).grade == "foreign"
    with pytest.raises(NoFactor, match="a foreign figure, which is not credited there"):
        CREDITED.rate(scenario, "330100", DAY)


@pytest.mark.parametrize(
    ("scenario", "region", "insider"),
    [
        ("e_card", "330100", "citic_bank"),
        ("e_statement", "330100", "citic_bank"),
        ("offline_payment", "330100", "alipay"),
        ("online_transfer", "540527", None),
        ("online_banking", "540527", None),
    ],
)
def test_a_programmes_own_amount_is_credited_inside_it(scenario: str, region: str, insider: str | None) -> None:
    assert CREDITED.rate(scenario, region, DAY, insider).grade == "programme"
    outside = ("330100", "icbc") if insider is None else (region, "icbc")
    with pytest.raises(NoFactor):
        CREDITED.rate(scenario, outside[0], DAY, outside[1])


def test_a_bill_paid_online_is_worth_the_lower_of_two_programmes_to_everybody() -> None:
    """CITIC has 89 g and Ant Forest 262: what is lent is the lowest, and inside CITIC it is its own."""
    for reporter, grade in (("citic_bank", "programme"), ("alipay", "proxied"), ("wechat_pay", "proxied")):
        found = CREDITED.rate("utility_payment", "330100", DAY, reporter)
        assert (found.micrograms_per_unit, found.grade) == (89 * GRAM, grade)
    assert beside("utility_payment", "utility_payment_reduction_ant_forest") == 262 * GRAM


# --- sums that sources print --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("micrograms", "count", "printed", "within"),
    [
        pytest.param(worth("recycling_pp_box"), 12_700_000, 19_000 * TONNE, "0.005", id="PP boxes, August 2023"),
        pytest.param(worth("recycling_pp_box"), 22_000_000, 34_000 * TONNE, "0.04", id="PP boxes, August 2024"),
        pytest.param(worth("carton_reuse"), 800_000_000, 30_000 * TONNE, "0.02", id="cartons: nearly 30,000 t"),
        pytest.param(
            beside("group_takeaway", "takeaway_delivery_full_urban"),
            13_070_000_000,
            745_000 * TONNE,
            "0.0001",
            id="trips",
        ),
        pytest.param(
            beside("near_expiry_food", "catering_waste_full"), 11_870_000_000, 23_660_000 * TONNE, "0.002", id="half"
        ),
        pytest.param(
            beside("near_expiry_food", "catering_waste_full"),
            23_730_000_000,
            47_330_000 * TONNE,
            "0.003",
            id="all waste",
        ),
        pytest.param(
            beside("green_hotel", "green_hotel_reduction_huazhu"), 53_279, 39_556 * KILOGRAM, "0.001", id="stays"
        ),
        pytest.param(worth("avoided_trip"), 2_450_000_000, 163_000 * TONNE, "0.001", id="kilometres to file a case"),
        pytest.param(worth("avoided_trip"), 6_300_000_000, 420_000 * TONNE, "0.003", id="kilometres of nine services"),
        pytest.param(
            beside("online_government", "court_filing_reduction"), 10_800_000, 163_000 * TONNE, "0.007", id="filings"
        ),
        pytest.param(worth("near_expiry_food", "0.5"), 1, 470 * GRAM, "0", id="half a kilogram of rice"),
        pytest.param(worth("waste_sorting", region="370200"), 1000, 100_050 * GRAM, "0.001", id="a tonne of waste"),
    ],
)
def test_a_printed_sum_is_met_and_never_exceeded(micrograms: Fraction, count: int, printed: int, within: str) -> None:
    """What is computed from rounded sums is rounded down: it comes close to each, from below."""
    total = micrograms * count
    assert printed * (1 - Fraction(within)) <= total <= printed


def test_a_second_hand_phone_by_the_standards_formula() -> None:
    """T/CACE: production emission × replacement rate; 57.67 kg × 0.9 is the standard's own 51.903 kg, to the gram."""
    assert worth("second_hand", str(Fraction("57.67") * Fraction("0.9"))) == Fraction("51.903") * KILOGRAM
    assert worth("used_phone", "0.9") < worth("second_hand", "51.903"), (
        "a phone whose maker is not known gets the least"
    )


def test_of_n_orders_brought_together_n_less_one_trips_are_saved() -> None:
    """Twice, three times, ten times: never a whole trip an order, and for the n of them n − 1 trips."""
    for n in (2, 3, 10):
        each = worth("group_takeaway", str(Fraction(n - 1, n)))
        assert each < 15 * GRAM and n * each == (n - 1) * 15 * GRAM
    assert 15 < Fraction("111.80") * Fraction("0.14") < beside("group_takeaway", "takeaway_delivery_full_urban") / GRAM


def test_a_cup_a_day_is_a_tree_at_the_most() -> None:
    """Printed beside the 40 g: a tree takes up 4 to 18 kg a year."""
    assert 4 < worth("own_cup", "365") / KILOGRAM < 18


def test_a_plate_eaten_up_is_the_lowest_of_what_is_published() -> None:
    """Luzhou's 144 g are supported by the restaurants of the country: 74.16 g of waste at 1.99 kg/kg."""
    [by_mass] = [one for one in LIBRARY.scenarios["clean_plate"].alternatives if one.factors == ["catering_waste_full"]]
    restaurants = LIBRARY.quantify(by_mass, "000000", DAY)
    assert restaurants.micrograms_per_unit == Fraction("0.07416") * 1_990 * GRAM and restaurants.grade == "derived"
    study = beside("clean_plate", "clean_plate_reduction_catering", "110000")
    floor = beside("clean_plate", "clean_plate_reduction_beijing", "110000")
    assert worth("clean_plate") == 144 * GRAM < restaurants.micrograms_per_unit < study < floor


def test_kilograms_of_coal_are_no_way_from_one_hint_to_the_other() -> None:
    """The same page has 2.611 kg CO2 a kgce for rice and 2.56 for a garment: each figure is cited by itself."""
    rice, garment = Fraction("0.47") / Fraction("0.18"), Fraction("6.4") / Fraction("2.5")
    assert rice != garment
    assert (
        worth("near_expiry_food") == Fraction("0.94") * KILOGRAM and worth("used_garment") == Fraction("6.4") * KILOGRAM
    )


def test_a_fridge_is_counted_by_itself_and_lower_than_by_its_mass() -> None:
    by_mass = 50 * beside("recycling_electrical", "recycling_appliance_reduction")
    assert worth("recycling_fridge") == 30 * KILOGRAM < by_mass == 235 * KILOGRAM
    with pytest.raises(NoFactor):
        LIBRARY.rate("recycling_electrical", "330100", DAY)


def test_scrap_steel_is_at_the_lower_end() -> None:
    """NDRC: 1.3 to 1.6 t; its officials' 260 million tonnes are 416 million tonnes of CO2, the upper end."""
    assert worth("recycling_steel", "260000000000") == 338_000_000 * TONNE < 416_000_000 * TONNE
    assert worth("recycling_steel") < LIBRARY.rate("recycling_metal", "330100", DAY).micrograms_per_unit


# --- slips that must not pass -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("factor", "value", "complaint"),
    [
        pytest.param("takeaway_delivery_full_urban", "570", "outside the plausible", id="a preprint's tenfold total"),
        pytest.param("recycling_steel_reduction", "1300", "outside the plausible", id="kilograms a tonne"),
        pytest.param("recycling_appliance_reduction", "4700", "outside the plausible", id="tonnes for kilograms"),
        pytest.param("own_cup_reduction", "0.04", "outside the plausible", id="kilograms for grams"),
        pytest.param("used_phone_reduction", "9763", "outside the plausible", id="grams for kilograms"),
        pytest.param("recycling_pp_box_reduction", "1.50", "derivation comes to", id="rounded up"),
        pytest.param("waste_sorting_reduction", "101", "derivation comes to", id="rounded up, of a tonne"),
        pytest.param("takeaway_delivery_full", "16", "derivation comes to", id="rounded up, of a share"),
        pytest.param("avoided_trip_reduction", "100.6", "derivation comes to", id="with the trips of the staff"),
        pytest.param("second_hand_reduction", "1.1", "outside the plausible", id="more than was not made"),
    ],
)
def test_a_slip_is_refused(factor: str, value: str, complaint: str) -> None:
    content = said(factor)
    FactorFile.model_validate(content)
    content["series"][0]["value"] = value
    with pytest.raises(ValidationError, match=complaint):
        FactorFile.model_validate(content)


def test_sorting_without_recycling_is_a_loss_and_no_figure() -> None:
    """61.88 kg a tonne where burning all of it has 130.12: 68.24 kg worse. Another place does not borrow the figure."""
    content = said("waste_sorting_reduction")
    content["series"][0]["derivation"]["of"]["sorted"] = "61.88"
    with pytest.raises(ValidationError, match=r"derivation comes to -68\.24"):
        FactorFile.model_validate(content)
    for region in ("000000", "310000", "540000"):
        with pytest.raises(NoFactor):
            LIBRARY.rate("waste_sorting", region, DAY)


def test_a_games_energy_for_a_phone_is_no_factor() -> None:
    content = said("used_phone_reduction")
    content["series"][0]["source"]["seen"] = "最高9763g绿色能量"
    with pytest.raises(ValidationError, match=r"energy.*that is no factor"):
        FactorFile.model_validate(content)


def test_what_is_lent_as_the_lowest_is_the_lowest(tmp_path: Path) -> None:
    root = libraries.copied(tmp_path / "root")
    path = root / "factors/own_cup_reduction_foreign.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace('value: "110"', 'value: "39"'), encoding="utf-8")
    with pytest.raises(RegistryError, match=r"own_cup_reduction_shanghai_2025: .* is not the lowest"):
        load_library(root)


@pytest.mark.parametrize(
    ("scenario", "evidence"),
    [
        ("shared_rental", "Environmental Research Letters, 2021"),
        ("sustainable_clothing", "1,154 against 120 kg CO2"),
        ("green_packaging", "0.8 kg a round"),
        ("recycling_electrical", "4.7 kg per kilogram"),
        ("online_government", "15 kg a filing"),
        ("online_medical", "85.51 kg"),
    ],
)
def test_what_speaks_against_a_figure_is_told(scenario: str, evidence: str) -> None:
    reason = LIBRARY.scenarios[scenario].no_factor_reason
    assert reason and evidence in reason and "none is credited" in reason


def test_every_figure_of_today_says_why_it_is_credited_for_days_gone_by() -> None:
    """Or begins today: nothing reaches behind its release without its reason."""
    methods = [one.quantification for one in LIBRARY.scenarios.values() if one.quantification]
    applied = {name for method in methods if method.correction is None for name in method.factors}
    for file, one in series_by_id(LIBRARY.factors).values():
        if one.known_from == DAY and file.id in applied and one.valid_from < DAY:
            assert one.correction, one.id

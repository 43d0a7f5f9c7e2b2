"""Figures of paper, parcels, cards and errands: one formula for a sheet, what sources print, and the slips of retellings."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest
from pydantic import ValidationError

from schemas.factors import FactorFile, series_by_id
from schemas.library import NoFactor
from tests.unit.registry.test_life_figures import CREDITED, DAY, GRAM, KILOGRAM, LIBRARY, beside, said, worth

BY_SHEET = (
    "e_invoice",
    "e_policy",
    "green_office",
    "hospital_receipt",
    "online_investment",
    "online_loan",
    "online_repayment",
)
SHEET = Fraction("6.17") * GRAM


@pytest.mark.parametrize("scenario", BY_SHEET)
def test_a_sheet_is_a_sheet_whatever_stood_on_it(scenario: str) -> None:
    found = CREDITED.rate(scenario, "330100", DAY)
    assert (found.micrograms_per_unit, found.grade) == (SHEET, "derived")
    assert LIBRARY.scenarios[scenario].unit == "sheet"


def test_nothing_else_is_counted_by_the_sheet() -> None:
    assert {one.id for one in LIBRARY.scenarios.values() if one.unit == "sheet"} == set(BY_SHEET)


def test_the_sheet_of_a_chinese_mill() -> None:
    """1,415.39 kg a tonne × 0.06237 m² × 70 g/m² = 6.179 g, rounded down; by the heavier paper it were 7.06."""
    per_gram, area = Fraction("1415.39") / 10**6, Fraction("0.06237")
    light, heavy = (per_gram * area * density * 1000 for density in (70, 80))
    assert SHEET / GRAM == Fraction(int(light * 100), 100) < light < Fraction("7.06") <= round(heavy, 2)
    britain = LIBRARY.factors["material_paper_primary"].applied[0].micrograms_per_unit
    assert Fraction("0.94") < britain / (per_gram * KILOGRAM * 1000) < 1, "kilograms of paper, another mill"


@pytest.mark.parametrize(
    ("sheets", "kilograms"),
    [
        pytest.param(1_518, "24.28", id="Guangyuan, a meeting"),
        pytest.param(96_350_000, "770780", id="元大, 2020"),
        pytest.param(147_350_000, "1178820", id="元大, 2021"),
        pytest.param(79_650_000, "574000", id="國泰人壽, 2021"),
        pytest.param(4_504_483, "81081", id="a hospital"),
    ],
)
def test_who_counts_by_sheets_counts_more(sheets: int, kilograms: str) -> None:
    assert sheets * SHEET < Fraction(kilograms) * KILOGRAM < 3 * sheets * SHEET


def test_one_office_counts_less() -> None:
    """環保署: 3.10 million sheets, 17.24 t; 5.56 g, a tenth under the mill's. It prints no boundary."""
    assert Fraction("0.9") < Fraction("17240") * KILOGRAM / 3_100_000 / SHEET < 1


def test_guangyuans_meeting_is_an_alternative_that_meets_its_own_sum() -> None:
    total = 1_518 * beside("green_office", "green_office_reduction_guangyuan", "510800")
    assert Fraction("24.27") * KILOGRAM < total < Fraction("24.28") * KILOGRAM
    assert CREDITED.rate("green_office", "510800", DAY).micrograms_per_unit == SHEET, "the lower, there as well"


@pytest.mark.parametrize("value", ["79998", "0.0008"])
def test_a_slip_of_ten_thousand_is_refused(value: str) -> None:
    """A page on 元大 prints 770.78萬噸 for 770.78 tonnes, and its sheets as 1兆4,735萬: 80 kg, or next to nothing, a sheet."""
    content = said("paper_sheet_primary")
    content["series"][0] |= {"value": value, "derivation": None}
    with pytest.raises(ValidationError, match="outside the plausible"):
        FactorFile.model_validate(content)


def test_a_sum_that_was_copied_wrong_does_not_come_out() -> None:
    content = said("green_office_reduction_guangyuan")
    content["series"][0]["derivation"]["of"]["reduced"] = "242.8"
    with pytest.raises(ValidationError, match=r"derivation comes to 159\.947"):
        FactorFile.model_validate(content)


def test_an_application_for_a_loan_is_nine_sheets_at_the_most() -> None:
    assert worth("online_loan", "9") == Fraction("55.53") * GRAM


def test_a_statement_by_its_sheets_is_under_what_the_bank_credits() -> None:
    """玉山銀行: 170 million sheets for 75 million statements, 2.27 each; CITIC's 24 g hold the post as well."""
    sheets = Fraction(170, 75)
    assert sheets * SHEET < worth("e_statement") == 24 * GRAM < sheets * SHEET + 12 * GRAM


# --- parcels ------------------------------------------------------------------------------------------------


def test_a_parcel_by_two_printed_ratios() -> None:
    """32 billion waybills saved 21 billion sheets; 400 billion sheets are a billion kilograms."""
    exact = Fraction(21, 32) * Fraction(10**9, 400 * 10**9) * KILOGRAM
    assert worth("online_parcel") == Fraction("1.64") * GRAM <= exact < Fraction("1.65") * GRAM
    assert worth("online_parcel") < beside("online_parcel", "online_parcel_reduction_zto") == 3 * GRAM


def test_a_carriers_two_years() -> None:
    """中通: 65,959 t over 12.12 and 40,288 t over 17.0 billion parcels: 5.44 and 2.37 g."""
    before, after = Fraction(40_288 + 25_671) / (Fraction(17) / Fraction("1.403")), Fraction(40_288, 17)
    assert (round(before / 1000, 2), round(after / 1000, 2)) == (Fraction("5.44"), Fraction("2.37"))
    assert 3 <= (before - after) / 1000 < Fraction("3.1")


def test_a_parcel_is_looked_at_again() -> None:
    """What it is compared with has gone out of use: from the day of its review on nothing is credited."""
    assert LIBRARY.rate("online_parcel", "330100", date(2027, 12, 30)).grade == "derived"
    with pytest.raises(NoFactor):
        LIBRARY.rate("online_parcel", "330100", date(2027, 12, 31))


# --- cards and banks ----------------------------------------------------------------------------------------


def test_a_card_that_is_not_made() -> None:
    """100,000 cards of another material save 2.6 t, 37 % of a conventional one's; 5.07 g × 4.1 of PVC alone are 21 g."""
    conventional = Fraction("2.6") * 10**6 / 100_000 / Fraction("0.37")
    assert worth("cardless_debit") == 70 * GRAM < conventional * GRAM < worth("e_card") == 89 * GRAM
    assert worth("cardless_debit") > Fraction("5.07") * Fraction("4.1") * GRAM


def test_a_query_of_income_and_expenses_is_no_statement() -> None:
    """農行 洛扎 credits it with 177 g, once taken for a statement: that series has ended, and no statement is beside it."""
    _, ended = series_by_id(LIBRARY.factors)["e_statement_reduction_lhozhag_undated"]
    assert ended.valid_to == DAY
    assert LIBRARY.scenarios["e_statement"].alternatives == []
    assert worth("online_banking", region="540527") == 177 * GRAM
    with pytest.raises(NoFactor):
        LIBRARY.rate("online_banking", "330100", DAY)


@pytest.mark.parametrize("scenario", ["online_banking", "online_transfer"])
def test_a_drive_to_the_branch_is_shown_and_never_credited(scenario: str) -> None:
    """建行: 0.945 kg a drive, a quarter of the business by customers with a car: 236.25 g."""
    drive = beside(scenario, "online_banking_reduction_visit")
    assert drive == 236 * GRAM < Fraction("0.945") / 4 * KILOGRAM
    with pytest.raises(NoFactor):
        CREDITED.rate(scenario, "330100", DAY)


# --- errands ------------------------------------------------------------------------------------------------


def test_an_errand_counts_by_its_kilometres_and_a_filing_never_by_the_piece() -> None:
    filing = beside("online_government", "court_filing_reduction")
    assert filing == 15 * KILOGRAM and worth("avoided_trip", "226") > filing, "227 km a filing, of several parties"
    assert worth("avoided_trip", "24") < 2 * KILOGRAM
    for scenario in ("online_government", "online_medical"):
        with pytest.raises(NoFactor):
            LIBRARY.rate(scenario, "330100", DAY)


def test_a_consultation_from_far_is_shown_where_it_was_held() -> None:
    consultation = beside("online_medical", "online_medical_reduction_consultation", "510100")
    assert consultation == Fraction("85.51") * KILOGRAM

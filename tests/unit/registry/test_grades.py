"""Grades of figures follow from what a file says, and a deployment credits those that it names, by act date."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from schemas.answers.calculator import calculate, quantity_of
from schemas.answers.credited import due_for_review
from schemas.deployment import FILE, credits_of, load_deployment
from schemas.errors import RegistryError
from schemas.factors import FactorFile
from schemas.factors.derivation import Derivation
from schemas.grades import ALL, BY_DEFAULT, EVERYTHING, GRADES, MEANINGS, SINCE, USUAL, Inside, weakest
from schemas.library import Library, NoFactor, find
from schemas.scenarios import Scenario
from schemas.scenarios.quantification import Amount, Displacement, PerUnit, load_methods
from tanzhang.cli import app
from tests.support.registries import changed, shipped

DAY = date(2026, 12, 5)
BEFORE = date(2026, 11, 1)
HERE, ELSEWHERE = "330100", "440300"


def series(name: str, region: str = HERE, value: str = "10", **more: Any) -> dict[str, Any]:
    return {
        **{"id": name, "value": value, "unit": "gCO2/act", "gas_basis": "CO2", "region": region, "data_year": None},
        **{"published_on": None, "valid_from": "2025-01-01", "known_from": "2026-11-28", "licence": "none stated"},
        **{"source": {"document": "a test", "clause": "1", "seen": "10 g"}, "status": "secondary"},
        **{"conservative": "made up", "proxies": [], **more},
    }


def file_of(*rows: dict[str, Any], **more: Any) -> FactorFile:
    plausible = {"least": "1", "most": "1000", "unit": "gCO2/act"}
    content = {"id": "figure", "kind": "reduction", "name": "图", "boundary_kind": "programme", "boundary": "made up"}
    return FactorFile.model_validate({**content, "plausible": plausible, "series": list(rows), **more})


def lent(region: str = HERE, **more: Any) -> list[dict[str, Any]]:
    return [{"region": region, "reason": "nothing of its own", **more}]


# -- what a grade follows from -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "grade"),
    [
        (series("own"), "regional"),
        (series("of_the_province", "330000"), "regional"),
        (series("of_the_grid", "grid_east"), "regional"),
        (series("of_the_country", "000000"), "national"),
        (series("lent", ELSEWHERE, proxies=lent()), "proxied"),
        (series("abroad", "GB", proxies=lent()), "foreign"),
        (series("bank", "000000", programme="bank"), "programme"),
        (series("bank_lent", "000000", programme="bank", proxies=lent("000000")), "programme"),
        (series("sum", derivation={"formula": "a / b", "of": {"a": "20", "b": "2"}, "unit": "gCO2/act"}), "derived"),
        (
            series("s", ELSEWHERE, proxies=lent(), derivation={"formula": "a", "of": {"a": "10"}, "unit": "gCO2/act"}),
            "derived",
        ),
    ],
)
def test_a_grade_follows_from_where_a_figure_was_made_and_how(row: dict[str, Any], grade: str) -> None:
    assert find(file_of(row), HERE, DAY).grade == grade


def test_the_worst_founded_figure_of_a_sum_tells_its_grade() -> None:
    assert weakest(["national", "proxied", "regional"]) == "proxied"
    assert set(MEANINGS) == set(GRADES)


# -- what is credited ----------------------------------------------------------------------------------


def test_without_a_deployment_nothing_is_left_out_and_with_one_foreign_figures_are_from_a_day_on() -> None:
    abroad = file_of(series("abroad", "GB", proxies=lent()))
    assert find(abroad, HERE, DAY, ALL.on(DAY)).grade == "foreign"
    assert find(abroad, HERE, BEFORE, BY_DEFAULT.on(BEFORE)).grade == "foreign"
    with pytest.raises(NoFactor, match=r"only abroad .* a foreign figure, which is not credited"):
        find(abroad, HERE, SINCE, BY_DEFAULT.on(SINCE))


def test_a_figure_that_is_not_credited_makes_room_for_one_that_is() -> None:
    both = file_of(series("bank", "000000", "30", programme="bank"), series("lent", ELSEWHERE, proxies=lent()))
    assert find(both, HERE, DAY, USUAL).series.id == "lent"
    assert find(both, HERE, DAY, USUAL, {"bank"}).series.id == "bank"


def test_an_amount_of_a_programme_is_credited_inside_it_and_outside_where_it_is_lent() -> None:
    own = file_of(series("bank", "000000", programme="bank"))
    assert find(own, HERE, DAY, EVERYTHING).grade == "programme"
    assert find(own, HERE, DAY, USUAL, {"bank"}).grade == "programme"
    with pytest.raises(NoFactor, match="bank's own amount"):
        find(own, HERE, DAY, USUAL, {"another"})
    lent_on = file_of(series("bank", "000000", programme="bank", proxies=lent("000000")))
    assert find(lent_on, HERE, DAY, USUAL).grade == "proxied"
    assert find(lent_on, HERE, DAY, USUAL, {"bank"}).grade == "programme"


def test_everybodys_figure_comes_before_a_programmes_own() -> None:
    both = file_of(series("bank", "000000", "30", programme="bank"), series("everybodys", "000000"))
    assert find(both, HERE, DAY, USUAL, {"bank"}).series.id == "everybodys"


def test_an_act_is_a_programmes_own_by_its_region_and_by_who_reports_it() -> None:
    bank = Inside("", frozenset({"citic_bank"}))
    county = Inside("540527", frozenset())
    assert bank.holds(HERE, "citic_bank") and not bank.holds(HERE, "icbc") and not bank.holds(HERE, None)
    assert county.holds("540527", None) and not county.holds("540500", "anybody")


def test_lines_of_a_deployment_hold_from_their_day_on_and_the_first_before(tmp_path: Path) -> None:
    lines = "\n".join(
        [
            "institutions: {alipay: {from: 2026-11-01}}",
            "credits:",
            "  - {from: 2026-11-01, grades: [regional]}",
            "  - {from: 2026-12-01, grades: [regional, national, programme], programme: everywhere}",
        ]
    )
    (tmp_path / FILE).write_text(lines)
    found = credits_of(load_deployment(tmp_path, ["alipay"]))
    assert found.on(date(2020, 1, 1)).grades == found.on(date(2026, 11, 30)).grades == {"regional"}
    assert found.on(date(2026, 12, 1)).is_open and found.turns == [date(2026, 12, 1)]


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ("  - {from: 2026-11-01, grades: [regional]}\n  - {from: 2026-11-01, grades: [national]}", "put them in order"),
        ("  - {from: 2026-11-01, grades: []}", "grades"),
        ("  - {from: 2026-11-01, grades: [measured]}", "measured|regional"),
        ("  - {grades: [regional]}", "from"),
    ],
)
def test_a_line_that_cannot_be_meant_is_refused(tmp_path: Path, lines: str, complaint: str) -> None:
    (tmp_path / FILE).write_text(f"institutions: {{alipay: {{from: 2026-11-01}}}}\ncredits:\n{lines}\n")
    with pytest.raises(RegistryError, match=complaint):
        load_deployment(tmp_path, ["alipay"])


# -- what ages -----------------------------------------------------------------------------------------


def test_a_figure_is_not_applied_beyond_its_review() -> None:
    aged = file_of(series("aged", review={"by": "2026-12-01", "why": "the lane of 2012 is gone"}))
    assert find(aged, HERE, date(2026, 11, 30)).series.id == "aged"
    with pytest.raises(NoFactor):
        find(aged, HERE, date(2026, 12, 1))
    assert date(2026, 12, 1) in aged.series[0].turns
    whole = library(None, "act", figure=aged)
    assert [one.id for _, one in due_for_review(whole, date(2026, 12, 1))] == ["aged"]
    assert not due_for_review(whole, date(2026, 11, 30))


# -- what is computed ----------------------------------------------------------------------------------


def derived(formula: str = "a / b", rounded: str = "down", **of: str) -> Derivation:
    said = {"formula": formula, "of": of or {"a": "2", "b": "3"}, "unit": "gCO2/act", "rounded": rounded}
    return Derivation.model_validate(said)


def test_a_derivation_is_computed_again_and_rounded_towards_less_credit() -> None:
    assert derived().micrograms_per_unit == Fraction(2_000_000, 3)
    assert derived().problem("0.66", "gCO2/act") is None
    assert derived().problem("0.67", "gCO2/act") == (
        "derivation comes to 0.666666667 gCO2/act; rounded down like 0.67 it is 0.66"
    )
    assert derived(rounded="up").problem("0.67", "gCO2/act") is None
    assert "one gas and one denominator" in (derived().problem("0.66", "gCO2e/act") or "")
    assert derived("(a - b) * c", a="5", b="2", c="1/3").problem("1", "gCO2/act") is None


@pytest.mark.parametrize("formula", ["a ** b", "a / 3", "__import__('os')", "a.real / b", "a, b", "a /", "a / c", "a"])
def test_a_formula_holds_names_and_four_operations(formula: str) -> None:
    with pytest.raises(ValidationError):
        derived(formula)


def test_a_formula_that_divides_by_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="divides by nothing"):
        file_of(series("sum", derivation={"formula": "a / (b - b)", "of": {"a": "1", "b": "2"}, "unit": "gCO2/act"}))


def amount(of: str) -> Amount:
    return Amount.model_validate({"of": of, "why": "made up", "source": {"document": "a test", "clause": "1"}})


def test_an_amount_is_exact_in_its_base_unit() -> None:
    assert (amount("0.055 L").exact, amount("0.055 L").unit) == (Fraction(55, 1_000_000), "m3")
    assert amount("5.5/15.806 L").exact == Fraction("5.5") / Fraction("15.806") / 1000
    for text in ("L", "0 L", "1/0 L", "0.055", "3 litres"):
        with pytest.raises(ValidationError):
            amount(text)


def library(method: Any, unit: str, **files: FactorFile) -> Library:
    scenario = Scenario.model_construct(id="ride", unit=unit, quantification=method)
    return Library(files, {"ride": scenario})


PETROL = file_of(
    series("petrol", "000000", "2.272", unit="kgCO2/L"),
    kind="emission",
    boundary_kind="use",
    plausible={"least": "1", "most": "3", "unit": "kgCO2/L"},
)
GRID = file_of(
    series("grid", "000000", "0.5306", unit="kgCO2/kWh"),
    kind="emission",
    boundary_kind="generation",
    plausible={"least": "0.1", "most": "1", "unit": "kgCO2/kWh"},
)


def test_amounts_lead_from_what_a_figure_is_per_to_what_is_counted() -> None:
    """By hand: 0.055 × 2272 − 0.15806 × 530.6 = 41.093364 g, derived however good its figures are."""
    method = Displacement.model_validate(
        {
            **{"method": "displacement", "baseline": "petrol", "project": "grid"},
            **{"baseline_amount": amount("0.055 L"), "project_amount": amount("0.15806 kWh")},
        }
    )
    found = library(method, "vehicle_km", petrol=PETROL, grid=GRID).rate("ride", HERE, DAY)
    assert (found.factor_id, found.micrograms_per_unit, found.grade) == ("petrol-grid", 41_093_364, "derived")


def test_where_the_act_emits_no_less_nothing_is_credited() -> None:
    method = Displacement.model_validate(
        {
            **{"method": "displacement", "baseline": "petrol", "project": "grid"},
            **{"baseline_amount": amount("0.035 L"), "project_amount": amount("0.15806 kWh")},
        }
    )
    with pytest.raises(NoFactor, match="grid emits no less than petrol"):
        library(method, "vehicle_km", petrol=PETROL, grid=GRID).rate("ride", HERE, DAY)


def test_a_method_begins_on_its_day() -> None:
    method = PerUnit.model_validate({"method": "per_act", "factor": "figure", "since": "2026-12-01"})
    found = library(method, "act", figure=file_of(series("own")))
    assert found.rate("ride", HERE, date(2026, 12, 1)).factor_id == "own"
    with pytest.raises(NoFactor, match="from 2026-12-01 on"):
        found.rate("ride", HERE, date(2026, 11, 30))
    assert [row.valid_from for row in found.rate_table(["ride"], [HERE])] == [date(2026, 12, 1)]


def test_a_correction_of_a_method_says_when_it_was_released() -> None:
    with pytest.raises(ValidationError, match="known_from"):
        PerUnit.model_validate({"method": "per_act", "factor": "figure", "correction": "was not known"})


def test_a_slip_in_a_programmes_institutions_is_refused_and_an_absent_contract_is_not(tmp_path: Path) -> None:
    citic = "programmes/citic_carbon.yaml"
    with pytest.raises(RegistryError, match=r"citic_bnak: no such institution; did you mean citic_bank\?"):
        changed(tmp_path / "slip", {citic: [("institutions: [citic_bank]", "institutions: [citic_bnak]")]})
    found = changed(tmp_path / "absent", {citic: [("institutions: [citic_bank]", "institutions: [a_county_bank]")]})
    assert found.library.insiders == ["a_county_bank", "alipay"]


def test_a_deployment_credits_what_a_bank_states_for_itself_only_at_that_bank() -> None:
    library = shipped().under(None).library
    assert library.rate("e_card", HERE, DAY, "citic_bank").grade == "programme"
    with pytest.raises(NoFactor, match="citic_carbon's own amount"):
        library.rate("e_card", HERE, DAY, "icbc")
    assert library.rate("utility_payment", HERE, DAY, "icbc").grade == "proxied"
    with pytest.raises(NoFactor, match="a foreign figure"):
        library.rate("recycling_paper", HERE, DAY)


def test_what_is_calculated_is_what_is_credited_and_what_stands_beside_it_is_shown() -> None:
    """British paper is no longer credited, nor is charging of before its method; what other figures give is told all the same."""
    under = shipped().under(None).library
    of = under.scenarios["recycling_paper"]
    answer = calculate(under, load_methods(), of, quantity_of(of, {"mass": "1kg"}), HERE, DAY)
    assert answer.applied is not None and answer.applied.milligrams is None
    assert answer.reason is not None and "a foreign figure" in answer.reason
    assert [one.milligrams for one in answer.alternatives] == [3_913_000]
    charging = under.scenarios["ev_charging"]
    asked = quantity_of(charging, {"energy": "10kWh"})
    assert calculate(under, load_methods(), charging, asked, HERE, BEFORE).credited_mg
    early = calculate(under, load_methods(), charging, asked, HERE, date(2022, 7, 26))
    assert early.reason == "it is quantified from 2022-07-27 on"


def test_the_command_says_what_is_credited_by_default() -> None:
    told = ("recycling_paper", "--mass", "1kg", "--region", HERE, "--date")
    before = CliRunner().invoke(app, ["calculate", *told, str(BEFORE)])
    since = CliRunner().invoke(app, ["calculate", *told, str(DAY)])
    assert (before.exit_code, since.exit_code) == (0, 5) and "a foreign figure" in " ".join(since.output.split())
    for slip, code in ((("--region", "3301"), 2), (("--region", HERE, "--institution", "alipya"), 5)):
        shown = CliRunner().invoke(app, ["factors", "show", *slip])
        assert shown.exit_code == code, shown.output

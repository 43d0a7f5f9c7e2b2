"""The golden files: what an act is worth, worked by hand, for every scenario that has a figure."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.base import LOADER
from schemas.factors import load_factors
from schemas.library import Library, NoFactor, load_library
from schemas.scenarios import load_scenarios

GOLDEN = Path(__file__).parents[2] / "fixtures" / "golden"


@cache
def golden() -> dict[str, dict[str, Any]]:
    files = [yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER) for path in sorted(GOLDEN.glob("*.yaml"))]
    return {content["scenario"]: content for content in files}


@pytest.fixture(scope="module")
def shipped() -> Library:
    return load_library()


def test_every_scenario_has_a_golden_file_or_a_reason() -> None:
    scenarios = [one for one in load_scenarios().values() if not one.is_spend]
    reasons = {one.id: one.no_factor_reason for one in scenarios if one.no_factor_reason}
    assert set(golden()) == {one.id for one in scenarios} - set(reasons)
    assert len(golden()) >= 54
    assert {"online_government", "car_pool", "recycling_electrical", "high_speed_rail", "lights_off"} <= set(reasons)
    assert len(set(reasons.values())) == len(reasons), "each says what it misses"
    for name, reason in reasons.items():
        assert "none is credited" in reason and reason.endswith("."), name


def test_a_figure_is_applied_or_compared_or_neither_but_known() -> None:
    """What the library holds beside: what something emits, which nobody saves by an act alone."""
    applied, compared = set(), set()
    for one in load_scenarios().values():
        applied |= set(one.quantification.factors if one.quantification else ())
        compared |= {name for other in one.alternatives for name in other.factors}
    factors = load_factors()
    beside = {name for name in factors if factors[name].kind == "reduction"} - applied - compared
    assert beside == {
        "bus_distance_reduction",  # for rides whose distance is known; none is, yet
        "e_statement_reduction_lhozhag",  # read again, and ended: it is of another act
        "metro_ride_reduction",  # by the ride, which a ride with its kilometres is not counted by
    }


def test_of_several_figures_the_lowest_is_applied() -> None:
    """On the same boundary; another boundary has another figure, and the factor file says which is why applied."""
    library, day = load_library(), date(2026, 11, 28)
    lower = set()
    for one in library.scenarios.values():
        if one.quantification is None or one.id in ("online_transfer", "online_banking"):
            continue
        applied = library.quantify(one.quantification, "330100", day).micrograms_per_unit
        for other in one.alternatives:
            try:
                if library.quantify(other, "330100", day).micrograms_per_unit < applied:
                    lower.add((one.id, *other.factors))
            except NoFactor as missing:
                assert "grid_compliance" in missing.reason, "the figure of enterprises ended with 2025"
    assert lower == {
        ("low_fuel_car", "car_petrol_use", "car_hybrid_use"),
        ("recycling_glass", "recycling_glass_warm"),
        ("recycling_plastic", "recycling_plastic_warm"),
        ("water_saving", "water_treatment_disposal"),
    }


@pytest.mark.parametrize("scenario", sorted(golden()))
def test_golden_arithmetic(shipped: Library, scenario: str) -> None:
    cases = golden()[scenario]["cases"]
    assert cases
    for case in cases:
        found = shipped.rate(scenario, case["region"], case["date"])
        quantity_micro = Fraction(case["quantity"]) * 10**6
        assert quantity_micro.denominator == 1
        milligrams = quantity_micro.numerator * found.micrograms_per_unit // 10**9
        got = (found.factor_id, found.match_quality, milligrams)
        assert got == (case["factor"], case["match"], case["milligrams"]), case["why"]


@pytest.mark.parametrize("scenario", sorted(golden()))
def test_golden_refusals(shipped: Library, scenario: str) -> None:
    refusals = golden()[scenario]["refusals"]
    assert refusals
    for case in refusals:
        with pytest.raises(NoFactor) as refused:
            shipped.rate(scenario, case["region"], case["date"])
        assert scenario in refused.value.reason and case["region"] in refused.value.reason, case["why"]


COVERED_LATER = {
    **dict.fromkeys((f"recycling_{one}" for one in ("paper", "plastic", "glass", "metal")), date(2026, 1, 1)),
    "water_saving": date(2026, 1, 1),
    "own_cup": date(2025, 12, 4),
    **dict.fromkeys(("carton_reuse", "new_energy_car", "offline_payment"), date(2026, 11, 22)),
}
"""Figures that were published within 2025, and those whose source is not dated: they hold from when they were read."""


ENDS = {"etc_payment": date(2027, 12, 31), "online_parcel": date(2027, 12, 31)}
"""Where nothing covers Hangzhou, and what has to be looked at again: until when it is covered."""


def test_acts_of_2025_and_2026_are_covered_in_hangzhou() -> None:
    rows = load_library().rate_table(load_scenarios(), ["330100"])
    for scenario in golden():
        covered: date | None = COVERED_LATER.get(scenario, date(2025, 1, 1))
        for row in (row for row in rows if row.scenario == scenario):
            if covered is not None and row.valid_from <= covered:
                covered = row.valid_to and max(covered, row.valid_to)
        if scenario not in {"online_transfer", "online_banking"}:  # a programme's own, of one county
            assert covered == ENDS.get(scenario), f"{scenario} ends at {covered}"

"""An act whose export does not tell the place counts where the factor is lowest; nowhere, where some place has none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from jobs.policy.tables import Policy
from schemas import RegistryError, load_registry
from schemas.sources import UNPLACED
from tests.support import libraries
from tests.support.exports import FIXTURES
from tests.support.registries import shipped

BUS_COMPANIES = {"shanghai_bus": "310000", "ningbo_bus": "330200", "beijing_bus": "110000"}
NOV = date(2026, 11, 1)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return libraries.copied(tmp_path / "registry")


def report_from(root: Path, companies: Mapping[str, str]) -> None:
    """Bus companies that report from other cities."""
    contract = (FIXTURES / "newcomer/hangzhou_bus.yaml").read_text(encoding="utf-8")
    for name, region in companies.items():
        text = contract.replace("hangzhou_bus", name).replace('"330100"', f'"{region}"')
        (root / f"sources/{name}.yaml").write_text(text, encoding="utf-8")


def lend(root: Path, factor: str, region: str, **changes: Any) -> None:
    """A figure of the wallet's utility payments, of one place."""
    like = libraries.content(root / f"factors/{factor}.yaml")["series"][0]
    made = {"id": f"{factor}_{region}", "region": region, "proxies": [], "examples": [], **changes}
    libraries.added(root / f"factors/{factor}.yaml", {**like, **made})


def place_on(policy: Policy, scenario: str, day: date) -> list[str]:
    rows = policy.places.to_pylist()
    return [row["region"] for row in rows if row["scenario"] == scenario and row["valid_from"] <= day < row["valid_to"]]


def test_where_some_place_has_no_factor_there_is_none() -> None:
    """A wallet is used in Beijing and Shanghai too; what no figure of the country covers counts nowhere."""
    policy = Policy(shipped())
    assert place_on(policy, "metro", NOV) == [], "its distance is not known either"
    for scenario in ("bus", "shared_bike", "walking"):
        assert place_on(policy, scenario, NOV) == ["000000"], f"the lowest {scenario} is lent to the whole country"
    assert place_on(policy, "bus", date(2024, 12, 31)) == [], "before any factor"
    assert place_on(policy, "ev_charging", date(2025, 12, 30)) == [], "no row of 西南 yet, so it may have been there"
    assert place_on(policy, "ev_charging", NOV) == ["120000"], "Tianjin's grid is the highest"
    assert place_on(policy, "walking", date(2021, 8, 24)) == [], "before any factor"
    assert place_on(policy, "utility_payment", NOV) == ["000000"]
    assert place_on(policy, "e_card", NOV) == [], "only a bank that says where reports it"


def test_the_lowest_factor_of_the_date_decides(root: Path) -> None:
    june = {"valid_from": date(2026, 6, 1), "valid_to": date(2026, 7, 1), "published_on": None}
    lend(root, "utility_payment_reduction", "330200", value="50", **june)
    lend(root, "utility_payment_reduction", "110000", value="300", **june)
    policy = Policy(load_registry(root))
    assert place_on(policy, "utility_payment", date(2026, 5, 31)) == ["000000"]
    assert place_on(policy, "utility_payment", date(2026, 6, 15)) == ["330200"]
    assert place_on(policy, "utility_payment", date(2026, 7, 1)) == ["000000"]
    assert {row["micrograms_per_unit"] for row in policy.rates.to_pylist() if row["region"] == "330200"} >= {50_000_000}


def test_a_place_that_a_figure_does_not_speak_for_has_none(root: Path) -> None:
    unfit = [{"region": "540000", "reason": "it would claim too much there"}]
    libraries.edited(root / "factors/e_statement_reduction.yaml", series_not_for=unfit)
    assert place_on(Policy(load_registry(root)), "e_statement", NOV) == []


def test_who_reports_from_where_moves_nothing(root: Path) -> None:
    before = Policy(load_registry(root))
    report_from(root, BUS_COMPANIES)
    policy = Policy(load_registry(root))
    assert policy.registry.regions == {*before.registry.regions, *BUS_COMPANIES.values()}
    assert not before.registry.regions & set(BUS_COMPANIES.values())
    assert policy.places == before.places


def test_the_rule_has_dates(root: Path) -> None:
    ends = {"valid_from": date(2027, 1, 1), "known_from": date(2026, 12, 1), "unplaced": None}
    libraries.edited(root / "scenarios/walking.yaml", changes=[ends])
    policy = Policy(load_registry(root))
    assert place_on(policy, "walking", date(2026, 12, 31)) == ["000000"]
    assert place_on(policy, "walking", date(2027, 1, 1)) == []


def test_a_factor_of_the_country_needs_no_place() -> None:
    rates = [row for row in Policy(shipped()).rates.to_pylist() if row["region"] == UNPLACED]
    by_sheet = {"e_invoice", "e_policy", "green_office", "hospital_receipt", "online_investment", "online_loan"}
    by_kind = {f"recycling_{one}" for one in ("fridge", "pp_box", "steel")}
    food = {"clean_plate", "group_takeaway", "near_expiry_food", "own_cup", "small_portion"}
    others = {"avoided_trip", "cardless_debit", "online_parcel", "online_repayment"}
    used = {"second_hand", "used_garment", "used_phone"}
    assert {row["scenario"] for row in rates} - by_sheet - by_kind - food - others - used == {
        "utility_payment",
        "e_statement",
        "e_card",
        "electricity_saving",
        "green_hotel",
        "carton_reuse",
        "no_cutlery",
        "offline_payment",
        "walking",
        *("bus", "shared_bike", "e_bike", "new_energy_car", "new_energy_ride", "new_energy_rental"),
        *("ev_charging", "etc_payment", "low_fuel_car", "parked_car", "gas_saving", "demand_response"),
    }


def test_a_scenario_that_is_reported_without_a_place_says_where_it_counts(root: Path) -> None:
    scenario = root / "scenarios/walking.yaml"
    scenario.write_text(scenario.read_text(encoding="utf-8").replace("unplaced: lowest_factor\n", ""), encoding="utf-8")
    with pytest.raises(RegistryError, match=r"alipay\.yaml: feeds\.acts: walking: is reported without a region"):
        load_registry(root)


def test_a_contract_names_scenarios_that_are_there(root: Path) -> None:
    (root / "factors/recycling_glass_reduction.yaml").unlink()
    (root / "scenarios/recycling_glass.yaml").unlink()
    for name in ("programmes/zhejiang_tanpuhui.yaml", "scenarios/waste_sorting.yaml"):
        path = root / name
        path.write_text(path.read_text(encoding="utf-8").replace("recycling_glass, ", ""), encoding="utf-8")
    with pytest.raises(RegistryError, match=r"recycling_glass: is no scenario; add scenarios/recycling_glass\.yaml"):
        load_registry(root)

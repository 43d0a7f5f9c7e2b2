"""An act whose export does not tell the place counts where, of the regions reported from, the factor is lowest."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from jobs.policy.tables import Policy
from schemas import RegistryError, load_registry
from schemas.base import ROOT
from schemas.sources import UNPLACED
from tests.support.exports import FIXTURES
from tests.support.registries import shipped

NINGBO = """
  - id: bus_reduction_ningbo
    value: "70"
    unit: gCO2/act
    gas_basis: unstated
    region: "330200"
    data_year: null
    published_on: null
    valid_from: 2026-06-01
    valid_to: 2026-07-01
    known_from: 2026-11-22
    source: {document: made up, clause: "1", seen: 70 g}
    licence: none
    status: secondary
    conservative: made up
    proxies: []
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The registry with a bus company in Ningbo, where a ride was worth less in June."""
    root = tmp_path / "registry"
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    contract = (FIXTURES / "newcomer/hangzhou_bus.yaml").read_text(encoding="utf-8")
    contract = contract.replace("hangzhou_bus", "ningbo_bus").replace('"330100"', '"330200"')
    (root / "sources/ningbo_bus.yaml").write_text(contract, encoding="utf-8")
    with (root / "factors/bus_reduction.yaml").open("a", encoding="utf-8") as file:
        file.write(NINGBO)
    return root


def place_on(policy: Policy, scenario: str, day: date) -> list[str]:
    rows = policy.places.to_pylist()
    return [row["region"] for row in rows if row["scenario"] == scenario and row["valid_from"] <= day < row["valid_to"]]


def test_the_lowest_factor_of_the_date_decides(root: Path) -> None:
    policy = Policy(load_registry(root))
    assert policy.registry.regions == {"330100", "330200"}
    assert place_on(policy, "bus", date(2026, 6, 15)) == ["330200"]
    assert place_on(policy, "bus", date(2026, 11, 1)) == ["330100"], "Ningbo has no factor then"
    assert place_on(policy, "metro", date(2026, 11, 1)) == ["330100"]
    assert place_on(policy, "bus", date(2020, 1, 1)) == [], "before any factor"
    assert place_on(policy, "e_card", date(2026, 11, 1)) == [], "only a bank that says where reports it"


def test_of_equal_factors_the_first_region_decides(root: Path) -> None:
    policy = Policy(load_registry(root))
    assert place_on(policy, "utility_payment", date(2026, 11, 1)) == ["330100"]


def test_a_factor_of_the_country_needs_no_place() -> None:
    rates = [row for row in Policy(shipped()).rates.to_pylist() if row["region"] == UNPLACED]
    assert {row["scenario"] for row in rates} == {
        "utility_payment",
        "e_statement",
        "e_card",
        "electricity_saving",
        "green_hotel",
        "carton_reuse",
        "offline_payment",
    }


def test_a_scenario_that_is_reported_without_a_place_says_where_it_counts(root: Path) -> None:
    scenario = root / "scenarios/walking.yaml"
    scenario.write_text(scenario.read_text(encoding="utf-8").replace("unplaced: lowest_factor\n", ""), encoding="utf-8")
    with pytest.raises(RegistryError, match=r"alipay\.yaml: feeds\.acts: walking: is reported without a region"):
        load_registry(root)


def test_a_contract_names_scenarios_that_are_there(root: Path) -> None:
    (root / "factors/recycling_glass_reduction.yaml").unlink()
    (root / "scenarios/recycling_glass.yaml").unlink()
    programme = root / "programmes/zhejiang_tanpuhui.yaml"
    programme.write_text(programme.read_text(encoding="utf-8").replace("recycling_glass, ", ""), encoding="utf-8")
    with pytest.raises(RegistryError, match=r"recycling_glass: is no scenario; add scenarios/recycling_glass\.yaml"):
        load_registry(root)

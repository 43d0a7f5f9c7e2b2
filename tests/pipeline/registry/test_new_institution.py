"""A bus company that no code knows: a contract and its files, and its riders are credited.

The steps of docs/institutions.md, in a copy of the registry.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.lake import Lake
from jobs.reading.explain import explain
from tests.support.exports import FIXTURES
from tests.support.newcomers import deliver, with_files
from tests.support.worlds import FIRST_DAY, embedded_lake, land_world, rows, run_days

NEWCOMER = FIXTURES / "newcomer"
INSTITUTION = "hangzhou_bus"
SUPPLIER = FIXTURES / "newcomer_power"
POWER = "zhejiang_power"


def first_day(home: Path, fixture: Path, institution: str, sums: dict[str, dict[str, str]]) -> Lake:
    """A lake of the newcomer's first day, under a copy of the registry that its contract was added to."""
    registry = with_files(home / "registry", fixture / f"{institution}.yaml")
    deliver(home, institution, fixture / "export", sums)
    land_world(home, registry)
    lake = embedded_lake(home, registry)
    run_days(lake, home, [FIRST_DAY])
    return lake


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return first_day(tmp_path_factory.mktemp("newcomer"), NEWCOMER, INSTITUTION, {"rides": {"fare": "1000"}})


@pytest.fixture(scope="module")
def power(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return first_day(tmp_path_factory.mktemp("power"), SUPPLIER, POWER, {"bills": {"kwh": "12723.5"}})


def test_every_consented_ride_is_credited(lake: Lake) -> None:
    entries = [row for row in rows(lake, "gold.ledger") if row["measure"] == "reduction_mg"]
    assert [(row["institution"], row["scenario"], row["amount"]) for row in entries] == [
        (INSTITUTION, "bus", 80_000)
    ] * 3
    outcomes = sorted(row["outcome"] for row in rows(lake, "silver.activities"))
    assert outcomes == ["credited", "credited", "credited", "no_consent"]


def test_what_it_got_wrong_is_in_quarantine(lake: Lake) -> None:
    bad = [row for row in rows(lake, "silver.rows") if row["disposition"] == "quarantined"]
    assert [(row["feed"], row["line"], row["code"]) for row in bad] == [("rides", 5, "bad_time")]


def test_a_figure_leads_back_to_its_line(lake: Lake) -> None:
    entry = min(row["entry_id"] for row in rows(lake, "gold.ledger") if row["measure"] == "reduction_mg")
    [told] = explain(lake, lake.registry, lake.path.parent, [entry])
    assert [claim.outcome for claim in told.claims] == ["credited"]
    assert told.claims[0].lines[0].line in (2, 3, 4)


def test_what_a_meter_saved_is_credited_and_more_than_before_is_nothing(power: Lake) -> None:
    [entry] = [row for row in rows(power, "gold.ledger") if row["measure"] == "reduction_mg"]
    # 210 - 182.5 = 27.5 kWh of the eastern grid's 0.55 kg.
    assert (entry["amount"], entry["factor_id"], entry["match_quality"]) == (
        15_125_000, "grid_emission_2023_east", "parent",
    )  # fmt: skip
    outcomes = sorted((row["outcome"], row["quantity_micro"]) for row in rows(power, "silver.activities"))
    assert outcomes == [("credited", 27_500_000), ("no_consent", 150_000_000), ("withheld", 0)]


def test_a_meter_that_cannot_be_read_is_in_quarantine(power: Lake) -> None:
    bad = [row for row in rows(power, "silver.rows") if row["disposition"] == "quarantined"]
    assert sorted((row["line"], row["code"], row["column_name"]) for row in bad) == [
        (5, "too_much", "kwh"), (6, "missing_value", "kwh_year_before"), (7, "wrong_sign", "kwh"),
    ]  # fmt: skip

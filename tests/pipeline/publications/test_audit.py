"""Invariants on a ledger that breaks them: each row that should be found is, and no other."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from jobs.lake import Lake
from jobs.lake.chain import Publication
from jobs.publications.audit import credit_has_factor
from jobs.runs.run import Run
from tests.support.registries import shipped
from tests.support.worlds import embedded_lake

REGISTRY = shipped()
METRO = "metro_reduction_shenzhen_2022"
GOOD = {"position": "aa", "position_kind": "activity", "measure": "reduction_mg", "person_id": "aa" * 16, "entry_kind": "post",
        "amount": 1, "act_date": date(2026, 11, 1), "act_month": "2026-11", "scenario": "metro", "region": "330100",
        "institution": "hangzhou_metro", "factor_id": METRO, "match_quality": "proxy", "quantity_micro": 1,
        "reason": "new", "publication_seq": 1}  # fmt: skip
ROWS: dict[str, dict[str, Any]] = {
    "good": {},
    "good_again": {},
    "good_cap": {"position_kind": "cap", "scenario": "walking", "factor_id": "walking_day", "match_quality": "rule"},
    "good_points": {
        "factor_id": "ant_forest.public_transport",
        "match_quality": "rule",
        "measure": "points.ant_forest",
    },
    "good_reversal": {"factor_id": "of_before", "entry_kind": "reverse"},
    "good_before": {"factor_id": "of_before", "publication_seq": 0},
    "unknown": {"factor_id": "nobodys"},
    "unknown_again": {"factor_id": "nobodys"},
    "unnamed": {"factor_id": None},
    "of_another_scenario": {"scenario": "walking"},
    "before_its_time": {"act_date": date(2019, 1, 1)},
    "a_rule_as_a_figure": {"factor_id": "walking_day"},
    "unknown_rule": {"factor_id": "ant_forest.nothing", "match_quality": "rule"},
    "payment_by_a_figure_of_acts": {"position_kind": "payment"},
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = embedded_lake(tmp_path_factory.mktemp("audit"), REGISTRY)
    rows = [{**GOOD, **change, "entry_id": name} for name, change in ROWS.items()]
    lake.write("gold.ledger", lake.rows("gold.ledger", rows))
    return lake


def test_every_entry_names_a_figure_in_force_or_a_rule(lake: Lake) -> None:
    run = Run(
        lake=lake, registry=REGISTRY, home=Path("/nowhere"), business_date=date(2026, 11, 1),
        last=Publication(0, None, "", "", {}), consumed=[], fresh=[], replaced=[], refused=[], turned_away=[], judged=[],
    )  # fmt: skip
    found = credit_has_factor(run)
    broken = {row["entry_id"] for row in lake.to_arrow(found.broken).to_pylist()}
    assert broken == {name for name in ROWS if not name.startswith("good")}
    assert lake.count(found.checked) == len(ROWS) - 2, "but for the reversal and what was posted before"

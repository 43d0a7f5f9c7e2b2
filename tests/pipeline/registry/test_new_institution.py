"""A bus company that no code knows: a contract and its files, and its riders are credited.

The steps of docs/institutions.md, in a copy of the registry.
"""

from __future__ import annotations

import pytest

from jobs.lake import Lake
from jobs.reading.explain import explain
from tests.support.exports import FIXTURES
from tests.support.newcomers import deliver, with_files
from tests.support.worlds import FIRST_DAY, embedded_lake, land_world, rows, run_days

NEWCOMER = FIXTURES / "newcomer"
INSTITUTION = "hangzhou_bus"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The newcomer's first day, under a copy of the registry that its contract was added to."""
    home = tmp_path_factory.mktemp("newcomer")
    registry = with_files(home / "registry", NEWCOMER / f"{INSTITUTION}.yaml")
    deliver(home, INSTITUTION, NEWCOMER / "export", {"rides": {"fare": "1000"}})
    land_world(home, registry)
    lake = embedded_lake(home, registry)
    run_days(lake, home, [FIRST_DAY])
    return lake


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

"""Running again changes nothing, the ledger only grows, and the past can be computed today."""

from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from schemas.deployment import FILE
from tests.support.lakes import check_chain, contents, differences, pins, rows
from tests.support.registries import shipped
from tests.support.worlds import Ran, accounted, days, embedded_lake, land_world, run_days, usual_world

if TYPE_CHECKING:
    from jobs.lake import Lake
    from jobs.runs.journal import Outcome

REGISTRY = shipped()
DAYS = days(4)
BALANCE = ("person_id", "measure", "scenario", "institution")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return usual_world(tmp_path_factory.mktemp("again"))


@pytest.fixture(scope="module")
def runs(home: Path) -> list[Ran]:
    return accounted(home, len(DAYS))


@pytest.fixture(scope="module")
def outcomes(runs: list[Ran]) -> list[Outcome]:
    return [run.outcome for run in runs]


@pytest.fixture(scope="module")
def lake(home: Path, runs: list[Ran]) -> Lake:
    return embedded_lake(home, REGISTRY)


def test_a_run_commits_each_table_once(runs: list[Ran]) -> None:
    assert [run.outcome.seq for run in runs] == [1, 2, 3, 4]
    for outcome, committed in runs:
        assert 0 < outcome.commits == len(committed) <= 13
        assert len(set(committed)) == len(committed), outcome.seq


@pytest.mark.parametrize("day", DAYS)
def test_a_published_date_again_does_nothing(lake: Lake, home: Path, outcomes: list[Outcome], day: Any) -> None:
    versions = {name: lake.version(name) for name in lake.tables}
    [outcome] = run_days(lake, home, [day])
    assert (outcome.seq, outcome.state, outcome.commits) == (None, "unchanged", 0)
    assert not any(outcome.appended.values())
    assert {name: lake.version(name) for name in lake.tables} == versions


def test_everything_again_from_the_exports_appends_nothing(
    lake: Lake, home: Path, outcomes: list[Outcome], tmp_path: Path
) -> None:
    """Every marker of progress is gone: receipts, landed files, manifests. The lake alone knows."""
    for name in ("exports", FILE):
        (tmp_path / name).symlink_to(home / name)
    land_world(tmp_path, REGISTRY)
    assert len(list(tmp_path.glob("landing/receipts/*/*.json"))) == len(list(home.glob("exports/*/*")))
    shutil.copytree(lake.path, tmp_path / "lake")
    before = contents(tmp_path / "lake", REGISTRY)
    [outcome] = run_days(embedded_lake(tmp_path, REGISTRY), tmp_path, [DAYS[-1]], full=True)

    entries = rows(lake.path, REGISTRY.tables["gold.ledger"]).to_pylist()
    standing: dict[tuple[str, ...], int] = defaultdict(int)
    for entry in entries:
        standing[entry["position"], entry["measure"], entry["person_id"]] += entry["amount"]
    assert outcome.figures["desired_entries"] == sum(amount != 0 for amount in standing.values()) > 0
    assert {table: count for table, count in outcome.appended.items() if count} == {}
    assert (outcome.seq, outcome.commits) == (None, 0)
    assert differences(contents(tmp_path / "lake", REGISTRY), before) == {}


def test_a_full_computation_from_nothing_gives_the_same_accounts(
    lake: Lake, home: Path, outcomes: list[Outcome]
) -> None:
    """Day by day and all days at once: the same persons by their customers, and the same sums."""
    at_once = embedded_lake(home, REGISTRY, "at_once")
    run_days(at_once, home, [DAYS[-1]])
    assert accounts(at_once.path) == accounts(lake.path)


def accounts(path: Path) -> dict[frozenset[str], dict[tuple[str, ...], int]]:
    """Customers of a person → (measure, scenario, institution) → amount, zeros left out."""
    person = {}
    for row in sorted(
        rows(path, REGISTRY.tables["silver.membership"]).to_pylist(), key=lambda row: row["publication_seq"]
    ):
        person[row["customer_key"]] = row["person_id"]
    customers = defaultdict(set)
    for customer, one in person.items():
        customers[one].add(customer)
    found: dict[frozenset[str], dict[tuple[str, ...], int]] = {frozenset(group): {} for group in customers.values()}
    for row in rows(path, REGISTRY.tables["gold.balances"]).to_pylist():
        if row["amount"]:
            holder = found[frozenset(customers[row["person_id"]])]
            holder[row["measure"], row["scenario"], row["institution"]] = row["amount"]
    return found


def test_the_ledger_only_grows(lake: Lake, outcomes: list[Outcome]) -> None:
    ledger = REGISTRY.tables["gold.ledger"]
    pinned = {pin.seq: pin.version for pin in pins(lake.path, REGISTRY) if pin.table == "gold.ledger"}
    earlier: set[str] = set()
    for outcome in outcomes:
        now = {str(entry) for entry in rows(lake.path, ledger, pinned[outcome.seq]).to_pylist()}
        assert earlier <= now
        assert len(now - earlier) == outcome.appended["gold.ledger"]
        earlier = now
    reasons = set(rows(lake.path, ledger).column("entry_kind").to_pylist())
    assert reasons == {"post", "reverse"}, "a world in which nothing was ever taken back proves little"


def test_a_past_balance_is_a_filter(lake: Lake, outcomes: list[Outcome]) -> None:
    balances, ledger = (
        REGISTRY.tables["gold.balances"],
        rows(lake.path, REGISTRY.tables["gold.ledger"]).to_pylist(),
    )
    pinned = {pin.seq: pin.version for pin in pins(lake.path, REGISTRY) if pin.table == "gold.balances"}
    for seq, version in pinned.items():
        published = {
            tuple(row[name] for name in BALANCE): (row["amount"], row["entries"])
            for row in rows(lake.path, balances, version).to_pylist()
        }
        today: dict[tuple[str, ...], tuple[int, int]] = defaultdict(lambda: (0, 0))
        for entry in ledger:
            if entry["publication_seq"] <= seq:
                key = tuple(entry[name] for name in BALANCE)
                today[key] = (today[key][0] + entry["amount"], today[key][1] + 1)
        assert published == today


def test_publications_are_chained(lake: Lake, outcomes: list[Outcome]) -> None:
    assert len(check_chain(lake.path, REGISTRY)) == len(DAYS)

"""A programme that no code knows: one file is dropped into the registry, and its points are kept beside all others'."""

from __future__ import annotations

import shutil
from collections import Counter, defaultdict
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from jobs.lake import Lake
from jobs.reading.points import tallies
from jobs.reading.rankings import rank
from jobs.reading.statement import statement
from schemas import load_registry
from schemas.answers.calculator import quantity_of
from schemas.answers.equivalence import compare
from schemas.base import ROOT
from schemas.books.programmes import programme_book
from tanzhang.cli import app
from tests.support.exports import FIXTURES
from tests.support.worlds import accounted, days, embedded_lake, rows, run_days, usual_world

FILE = FIXTURES / "new_programme/west_lake.yaml"
POINTS = "points.west_lake"
DATES = days(2)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = usual_world(tmp_path_factory.mktemp("programme"))
    shutil.copytree(ROOT, home / "registry", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copy(FILE, home / "registry/programmes")
    return home


@pytest.fixture(scope="module")
def without(home: Path) -> Lake:
    accounted(home, len(DATES))
    return embedded_lake(home)


@pytest.fixture(scope="module")
def lake(home: Path) -> Lake:
    lake = embedded_lake(home, load_registry(home / "registry"), folder="with")
    run_days(lake, home, DATES)
    return lake


def test_nothing_but_one_file_was_added(home: Path) -> None:
    def files(root: Path) -> dict[str, bytes]:
        found = (path for path in root.rglob("*") if path.suffix in (".yaml", ".csv"))
        return {str(path.relative_to(root)): path.read_bytes() for path in found}

    before, after = files(ROOT), files(home / "registry")
    assert {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} == {
        "programmes/west_lake.yaml"
    }
    code = (
        path.read_text(encoding="utf-8")
        for folder in ("jobs", "schemas", "tanzhang")
        for path in (ROOT.parent / folder).rglob("*.py")
    )
    assert not any("west_lake" in text for text in code)


def test_every_other_entry_stays_as_it_was(lake: Lake, without: Lake) -> None:
    def entries(of: Lake) -> Counter[tuple[Any, ...]]:
        names = ("entry_id", "measure", "person_id", "amount", "act_date", "scenario", "publication_seq", "reason")
        return Counter(
            tuple(row[name] for name in names) for row in rows(of, "gold.ledger") if row["measure"] != POINTS
        )

    assert entries(lake) == entries(without) and entries(lake)


def seq_of(row: dict[str, Any]) -> int:
    return int(row["publication_seq"])


def test_its_points_are_its_rules(lake: Lake) -> None:
    """Worked out from the kilograms that stand."""
    acts: defaultdict[tuple[str, date], list[tuple[str, int, int]]] = defaultdict(list)
    standing: Counter[tuple[Any, ...]] = Counter()
    found: Counter[tuple[Any, ...]] = Counter()
    for row in rows(lake, "gold.ledger"):
        if row["measure"] == "reduction_mg" and row["position_kind"] == "activity":
            standing[row["position"], row["person_id"], row["act_date"], row["scenario"], row["quantity_micro"]] += row[
                "amount"
            ]
        if row["measure"] == POINTS:
            found[row["person_id"], row["position_kind"], row["act_date"]] += row["amount"]
    for (_, person, day, scenario, quantity), milligrams in standing.items():
        if milligrams:
            acts[person, day].append((scenario, milligrams, quantity))
    # It is open to residents; somebody joined to another keeps the newest row of each customer.
    newest = {row["customer_key"]: row for row in sorted(rows(lake, "silver.membership"), key=seq_of)}
    firms = {row["person_id"] for row in newest.values() if row["subject_kind"] == "micro_enterprise"}
    assert firms & {person for person, _ in acts}
    due: Counter[tuple[Any, ...]] = Counter()
    for (person, day), done in acts.items():
        if person in firms:
            continue
        rides = 3 * sum(scenario in ("metro", "shared_bike") for scenario, *_ in done)
        waste = sum(
            int(Fraction(milligrams, 4_000)) for scenario, milligrams, _ in done
            if scenario in ("recycling_paper", "recycling_metal")
        )  # fmt: skip
        metres = sum(quantity for scenario, _, quantity in done if scenario == "shared_bike") // 1000
        bonus = 4 if metres >= 7_000 else 1 if metres >= 3_000 else 0
        due[person, "activity", day] = rides + waste
        due[person, "cap", day] = min(6 - rides - bonus, 0)  # the bonus is of rides as well
        due[person, "tier", day] = bonus
        if day <= DATES[-1]:  # nobody could use them: they hold for a day
            due[person, "expiry", day] = -(min(rides + bonus, 6) + waste)
    assert +found == +due and -found == -due
    assert {kind for _, kind, _ in found} == {"activity", "cap", "tier", "expiry"}


def test_it_is_told_wherever_programmes_are(lake: Lake, home: Path) -> None:
    registry = lake.registry
    [own] = [one for one in tallies(lake) if one.programme == "west_lake"]
    assert own.earned > 0 > own.expired and own.balance == 0
    person = max(row["person_id"] for row in rows(lake, "gold.ledger") if row["measure"] == POINTS)
    assert "west_lake" in {one.programme for one in statement(lake, registry, person, DATES[-1]).points}
    metro = registry.scenarios["metro"]
    found = compare(registry, metro, quantity_of(metro, {"distance": "10km"}), "330100", DATES[0] + timedelta(days=20))
    [worth] = [one for one in found.worths if one.programme == "west_lake"]
    assert (worth.points, worth.fen, worth.pays_here) == (3, (150, 150), True)
    assert [one.key for one in rank(lake, registry, DATES[-1], "region", "2026-11", "west_lake").groups] == ["330100"]
    assert "## 西湖积分 · West Lake points · west_lake" in programme_book(registry.root)
    told = CliRunner().invoke(app, ["programmes", "show", "west_lake", "--registry", str(home / "registry")])
    assert told.exit_code == 0 and "游船票 (ticket), 10 points, worth 5 yuan" in told.output

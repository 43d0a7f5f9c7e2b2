"""One world through each engine, and one lake carried on by both in turn: every table is equal.

The embedded engine runs in processes of its own, and so does a client of Spark; here is Spark.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from deltalake import DeltaTable

from tests.spark.conftest import OpenLake, Spark
from tests.support.lakes import check_chain, check_pin, contents, differences, pins
from tests.support.runner import Outcomes, run_apart
from tests.support.worlds import days, make_world, run_days

if TYPE_CHECKING:
    from schemas import Registry

pytestmark = pytest.mark.spark
DAYS = days(3)
PAIRS = {"by_spark": "embedded_a_day", "in_turn": "embedded"}
"""Lake → the embedded engine's lake that it equals."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Path:
    """A world with the embedded engine's lakes of one day and of all."""
    folder = tmp_path_factory.mktemp("parity")
    home = make_world(folder, 100, len(DAYS), seed=11, registry=registry, late=0.3, corrected=0.3)
    run_apart(home, "embedded", "embedded", DAYS[:1])
    shutil.copytree(home / "embedded", home / "embedded_a_day")
    run_apart(home, "embedded", "embedded", DAYS[1:])
    return home


def by_client(spark: Spark, home: Path, folder: str) -> Outcomes:
    """Run the last date on a lake by a process that has no Spark but this one's."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SPARK_REMOTE", spark.remote)
        return run_apart(home, folder, "spark", DAYS[-1:])


@pytest.fixture(scope="module")
def lakes(home: Path, spark: Spark, spark_lake: OpenLake) -> dict[str, Path]:
    """Name → lake: a day on Spark; and from there on the embedded engine, then Spark by way of Connect."""
    run_days(spark_lake(home / "by_spark"), home, DAYS[:1])
    shutil.copytree(home / "by_spark", home / "in_turn")
    run_apart(home, "in_turn", "embedded", DAYS[1:2])
    by_client(spark, home, "in_turn")
    return {name: home / name for name in (*PAIRS, *PAIRS.values())}


@pytest.mark.parametrize("name", PAIRS)
def test_rows_are_equal(lakes: dict[str, Path], registry: Registry, name: str) -> None:
    expected = contents(lakes[PAIRS[name]], registry)
    empty = {table for table in registry.tables if not expected[table].num_rows}
    assert empty <= ({"silver.redemptions"} if name == "by_spark" else set()), "what has no rows is equal anyway"
    assert differences(contents(lakes[name], registry), expected) == {}


@pytest.mark.parametrize("name", PAIRS)
def test_publications_are_equal(lakes: dict[str, Path], registry: Registry, name: str) -> None:
    """To the hash: the same rows, checksums and versions of every table, day after day."""
    assert pins(lakes[name], registry) == pins(lakes[PAIRS[name]], registry)
    assert check_chain(lakes[name], registry) == check_chain(lakes[PAIRS[name]], registry)
    for pin in pins(lakes[name], registry):
        check_pin(lakes[name], registry, pin)


@pytest.mark.soak
def test_days_of_spark_alone_are_equal_too(
    home: Path, lakes: dict[str, Path], registry: Registry, spark_lake: OpenLake
) -> None:
    """Spark goes on with what Spark left, in this process."""
    lake = shutil.copytree(lakes["by_spark"], home / "alone")
    run_days(spark_lake(lake), home, DAYS[1:])
    assert differences(contents(lake, registry), contents(lakes["embedded"], registry)) == {}
    assert check_chain(lake, registry) == check_chain(lakes["embedded"], registry)


@pytest.mark.parametrize("name", PAIRS)
def test_tables_are_declared_equally(lakes: dict[str, Path], registry: Registry, name: str) -> None:
    for table in registry.tables.values():
        one, other = (DeltaTable(lakes[lake] / table.path) for lake in (name, PAIRS[name]))
        assert one.schema().to_json() == other.schema().to_json(), table.name
        assert one.metadata().partition_columns == other.metadata().partition_columns == table.partition_by
        assert listed(one) == listed(other), table.name
        constraints = {f"delta.constraints.{key}": rule for key, rule in table.constraints.items()}
        assert constraints.items() <= listed(one).items(), table.name
        assert one.protocol().min_reader_version == other.protocol().min_reader_version == 1
        assert not one.protocol().reader_features


def listed(table: DeltaTable) -> dict[str, str]:
    """Properties, but for what a writer notes of itself."""
    return {key: value for key, value in table.metadata().configuration.items() if key.startswith("delta.")}


def test_spark_opens_what_it_did_not_write(lakes: dict[str, Path], registry: Registry, spark_lake: OpenLake) -> None:
    """Spark's own reading of the embedded lake, by the formula that every publication pins."""
    from jobs.lake.chain import checksum_sql

    lake = spark_lake(lakes["embedded"])
    for pin in pins(lakes["embedded"], registry)[-len(registry.tables) + 1 :]:
        query = checksum_sql(registry.tables[pin.table].fields, "pinned")
        [found] = lake.to_arrow(lake.sql(query, pinned=lake.read(pin.table, pin.version))).to_pylist()
        assert (found["row_count"], found["checksum"]) == (pin.rows, pin.checksum), pin


def test_reports_are_equal(lakes: dict[str, Path], registry: Registry, spark_lake: OpenLake, tmp_path: Path) -> None:
    """The page of a publication, to the byte: the embedded engine's by the command, Spark's here."""
    from jobs.reading.report import report
    from tanzhang.report.page import page

    (tmp_path / "lake").symlink_to(lakes["embedded"])
    for seq in (2, 3):
        path = tmp_path / f"{seq}.html"
        command = ["report", "--publication", str(seq), "--home", str(tmp_path), "--out", str(path)]
        subprocess.run([sys.executable, "-m", "tanzhang.cli", *command], check=True)
        assert page(report(spark_lake(lakes["in_turn"]), seq), registry) == path.read_text(encoding="utf-8")


def test_nothing_happens_twice_on_the_other_engine(home: Path, lakes: dict[str, Path], spark_lake: OpenLake) -> None:
    [outcome] = run_days(spark_lake(lakes["embedded"]), home, DAYS[-1:])
    assert (outcome.seq, outcome.commits) == (None, 0)


def test_nothing_happens_twice_through_connect(home: Path, lakes: dict[str, Path], spark: Spark) -> None:
    [again] = by_client(spark, home, "in_turn")
    assert (again["seq"], again["commits"]) == (None, 0)


def test_a_commit_through_connect_says_by_which_registry(lakes: dict[str, Path], registry: Registry) -> None:
    [newest, *_] = DeltaTable(lakes["in_turn"] / "gold/ledger").history(1)
    assert json.loads(newest["userMetadata"])["registry_hash"] == registry.digest


def test_what_is_told_is_told_on_spark_too(lakes: dict[str, Path], registry: Registry, spark_lake: OpenLake) -> None:
    """Statement, record and ranking: their sums are those of the tables, as deltalake reads them."""
    from jobs.reading.rankings import rank
    from jobs.reading.statement import statement

    tables = {name: table.to_pylist() for name, table in contents(lakes["in_turn"], registry).items()}
    reduced, of_region, measures = (
        Counter[str](),
        defaultdict[str, Counter[str]](Counter),
        defaultdict[str, set[str]](set),
    )
    for row in tables["gold.ledger"]:
        measures[row["person_id"]].add(row["measure"])
        if row["measure"] == "reduction_mg":
            reduced[row["person_id"]] += row["amount"]
            of_region[row["region"]][row["person_id"]] += row["amount"]
    person, milligrams = reduced.most_common(1)[0]
    lake = spark_lake(lakes["in_turn"])
    told = statement(lake, registry, person, DAYS[-1])
    assert sum(told.reductions.values()) == told.record.reduction_mg == milligrams
    assert {f"points.{one.programme}" for one in told.points} == measures[person] - {"reduction_mg", "emission_mg"}
    regions = rank(lake, registry, DAYS[-1], "region", "2026-11").groups
    assert {one.key: one.reduction_mg for one in regions} == {name: of.total() for name, of in of_region.items()}
    counted = {name: sum(map(bool, of.values())) for name, of in of_region.items()}
    assert all(abs(one.people - counted[one.key]) <= 2 for one in regions), "in fives"
    programmes = rank(lake, registry, DAYS[-1], "programme", "2026").groups
    assert {one.key for one in programmes} == {"zhejiang_tanpuhui", "ant_forest", "unionpay_low_carbon"}

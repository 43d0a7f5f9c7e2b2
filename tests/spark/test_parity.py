"""One world through each engine, and one lake carried on by both in turn: every table is equal.

The embedded engine runs in processes of its own; here is Spark.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from deltalake import DeltaTable

from tests.support.lakes import check_chain, check_pin, contents, differences, pins
from tests.support.runner import run_apart
from tests.support.worlds import days, make_world, run_days

if TYPE_CHECKING:
    from jobs.lake import Lake
    from schemas import Registry

pytestmark = pytest.mark.spark
OpenLake = Callable[[Path], "Lake"]
DAYS = days(3)
PAIRS = {"by_spark": "embedded_two_days", "in_turn": "embedded"}
"""Lake → the embedded engine's lake that it equals."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Path:
    folder = tmp_path_factory.mktemp("parity")
    home = make_world(folder, 150, len(DAYS), seed=11, registry=registry, late=0.3, corrected=0.3)
    run_apart(home, "embedded", "embedded", DAYS[:2])
    shutil.copytree(home / "embedded", home / "embedded_two_days")
    run_apart(home, "embedded", "embedded", DAYS[2:])
    return home


@pytest.fixture(scope="module")
def lakes(home: Path, spark_lake: OpenLake) -> dict[str, Path]:
    """Name → lake: two days on Spark; and Spark, the embedded engine, Spark in turn from the same first day."""
    run_days(spark_lake(home / "by_spark"), home, DAYS[:1])
    shutil.copytree(home / "by_spark", home / "in_turn")
    run_days(spark_lake(home / "by_spark"), home, DAYS[1:2])
    run_apart(home, "in_turn", "embedded", DAYS[1:2])
    run_days(spark_lake(home / "in_turn"), home, DAYS[2:])
    return {name: home / name for name in (*PAIRS, *PAIRS.values())}


@pytest.mark.parametrize("name", PAIRS)
def test_rows_are_equal(lakes: dict[str, Path], registry: Registry, name: str) -> None:
    expected = contents(lakes[PAIRS[name]], registry)
    assert all(expected[table].num_rows for table in registry.tables)
    assert differences(contents(lakes[name], registry), expected) == {}


@pytest.mark.parametrize("name", PAIRS)
def test_publications_are_equal(lakes: dict[str, Path], registry: Registry, name: str) -> None:
    """To the hash: the same rows, checksums and versions of every table, day after day."""
    assert pins(lakes[name], registry) == pins(lakes[PAIRS[name]], registry)
    assert check_chain(lakes[name], registry) == check_chain(lakes[PAIRS[name]], registry)
    for pin in pins(lakes[name], registry):
        check_pin(lakes[name], registry, pin)


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
    for seq in (1, 2):
        path = tmp_path / f"{seq}.html"
        command = ["report", "--publication", str(seq), "--home", str(tmp_path), "--out", str(path)]
        subprocess.run([sys.executable, "-m", "tanzhang.cli", *command], check=True)
        assert page(report(spark_lake(lakes["by_spark"]), seq), registry) == path.read_text(encoding="utf-8")


def test_nothing_happens_twice_on_the_other_engine(home: Path, lakes: dict[str, Path], spark_lake: OpenLake) -> None:
    [outcome] = run_days(spark_lake(lakes["embedded"]), home, DAYS[-1:])
    assert (outcome.seq, outcome.commits) == (None, 0)


def test_what_is_told_is_told_on_spark_too(lakes: dict[str, Path], registry: Registry, spark_lake: OpenLake) -> None:
    """Statement, record and ranking: their sums are those of the tables, as deltalake reads them."""
    from jobs.reading.rankings import rank
    from jobs.reading.statement import statement

    tables = {name: table.to_pylist() for name, table in contents(lakes["by_spark"], registry).items()}
    reduced = Counter[str]()
    for row in tables["gold.ledger"]:
        reduced[row["person_id"]] += row["amount"] if row["measure"] == "reduction_mg" else 0
    person, milligrams = reduced.most_common(1)[0]
    lake = spark_lake(lakes["by_spark"])
    told = statement(lake, registry, person, DAYS[1])
    assert sum(told.reductions.values()) == told.record.reduction_mg == milligrams
    assert {one.programme for one in told.points} >= {"zhejiang_tanpuhui", "ant_forest"} and told.record.tier == "浅绿"
    [region] = rank(lake, registry, DAYS[1], "region", "2026-11").groups
    assert (region.people, region.reduction_mg) == (sum(map(bool, reduced.values())), reduced.total())
    programmes = rank(lake, registry, DAYS[1], "programme", "2026").groups
    assert {one.key for one in programmes} == {"zhejiang_tanpuhui", "ant_forest", "unionpay_low_carbon"}

"""Maintenance and migrations on Spark, of a lake that the embedded engine wrote and goes on with."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from deltalake import DeltaTable

from jobs.lake import FormatError, open_lake
from jobs.upkeep.maintain import maintain
from jobs.upkeep.migrate import migrate
from tests.support.lakes import check_chain, check_pin, partitions, pins, rows
from tests.support.registries import changed
from tests.support.runner import run_apart
from tests.support.worlds import days, make_world

if TYPE_CHECKING:
    from jobs.lake import Lake
    from schemas import Registry

pytestmark = [pytest.mark.spark, pytest.mark.soak]
DAYS = days(3)
EDITS = {
    "fields/files.yaml": [("feed: {", 'note: {type: string, description: "A column more."}\nfeed: {')],
    "tables/gold_coverage.yaml": [("  - feed\n", "  - feed\n  - note\n")],
    "tables/silver_identity_log.yaml": [("name: silver.identity_log", "name: silver.persons")],
    "tables/gold_publications.yaml": [("silver.identity_log", "silver.persons")],
    "tables/gold_quality.yaml": [("silver.identity_log", "silver.persons")],
}
STEPS = [
    {"step": "add_column", "table": "gold.coverage", "column": "note", "value": "concat(institution, '/', feed)"},
    {"step": "rename_table", "table": "silver.identity_log", "to": "silver.persons"},
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Path:
    home = make_world(tmp_path_factory.mktemp("upkeep"), 60, len(DAYS), seed=11, registry=registry, late=0.3)
    run_apart(home, "lake", "embedded", DAYS[:2])
    shutil.copytree(home / "lake", home / "older")
    return home


def test_maintained_on_spark_gone_on_with_embedded(
    home: Path, registry: Registry, spark_lake: Callable[[Path], Lake]
) -> None:
    lake = spark_lake(home / "lake")
    orphan = Path(lake.uri("gold.balances")) / "part-of-a-killed-write.parquet"
    orphan.write_bytes(b"young: may be a write that is under way")
    done = maintain(lake, home, raw_days=1000, at=datetime.now(timezone.utc), trust_clock=True)
    assert done.seq == 3 and orphan.exists()
    parts = partitions(home / "lake", registry.tables["silver.rows"])
    assert done.after["silver.rows"].live_files == parts < (done.before["silver.rows"].live_files or 0)
    [outcome] = run_apart(home, "lake", "embedded", DAYS[2:])
    assert outcome["seq"] == 4
    for pin in pins(home / "lake", registry):
        check_pin(home / "lake", registry, pin)
    assert len(check_chain(home / "lake", registry)) == 4


def test_migrated_on_spark(home: Path, registry: Registry, spark_lake: Callable[[Path], Lake], tmp_path: Path) -> None:
    newer = changed(tmp_path / "root", EDITS, STEPS)
    session = spark_lake(home / "lake").spark_session
    with pytest.raises(FormatError, match="tanzhang migrate"):
        open_lake("spark", home / "older", newer, session=session)
    lake = open_lake("spark", home / "older", newer, session=session, as_it_is=True)
    assert migrate(lake, home).seq == 3
    open_lake("spark", home / "older", newer, session=session)
    for pin in pins(home / "older", newer):
        check_pin(home / "older", newer if pin.seq == 3 else registry, pin)
    told = rows(home / "older", newer.tables["gold.coverage"]).to_pylist()
    assert told and all(row["note"] == f"{row['institution']}/{row['feed']}" for row in told)
    stored = DeltaTable(lake.uri("gold.coverage"))
    assert "delta.constraints.known_state" in stored.metadata().configuration
    assert stored.protocol().min_reader_version == 1
    assert migrate(lake, home).seq is None

"""Maintenance changes where rows lie and nothing else, and keeps every version that is promised."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from typer.testing import CliRunner

from jobs.day import run_job
from jobs.errors import NotAsPublished, RunError
from jobs.lake import Lake, base
from jobs.upkeep.maintain import Maintained, maintain
from jobs.upkeep.verify import verify
from schemas.deployment import FILE
from tanzhang.cli import app
from tests.pipeline.day.test_again import accounts
from tests.support.lakes import PUBLICATIONS, check_chain, check_pin, contents, differences, partitions, pins, rows
from tests.support.registries import shipped
from tests.support.runner import ROOT, command_killed, died
from tests.support.worlds import accounted, days, embedded_lake, run_days, usual_world

REGISTRY = shipped()
DAYS = days(4)
NOW = datetime(2026, 11, 6, tzinfo=timezone.utc)
KEPT = {name for name in REGISTRY.tables if name != PUBLICATIONS}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lakes of two, three and all days, and `kept_up`, maintained after the second day and after the last."""
    home = usual_world(tmp_path_factory.mktemp("maintain"))
    for folder, count in {"plain": 4, "three_days": 3, "two_days": 2, "kept_up": 2}.items():
        accounted(home, count, folder)
    lake = embedded_lake(home, REGISTRY, "kept_up")
    keep_up(lake)
    run_days(lake, home, DAYS[2:])
    keep_up(lake)
    return home


def keep_up(lake: Lake, **options: Any) -> Maintained:
    return maintain(lake, lake.path.parent, **{"raw_days": 1000, "at": NOW, "trust_clock": True, **options})


def live_files(lake: Path) -> dict[str, int]:
    return {name: len(DeltaTable(lake / table.path).file_uris()) for name, table in REGISTRY.tables.items()}


def test_rows_are_those_of_a_lake_that_was_not_maintained(home: Path) -> None:
    assert accounts(home / "kept_up") == accounts(home / "plain")
    for name in ("silver.rows", "silver.claims"):
        one, other = (
            rows(home / lake, REGISTRY.tables[name]).drop_columns(["publication_seq"]) for lake in ("plain", "kept_up")
        )
        assert sorted(map(str, one.to_pylist())) == sorted(map(str, other.to_pylist())), name


def test_a_publication_of_its_own_pins_the_same_rows(home: Path) -> None:
    record = rows(home / "kept_up", REGISTRY.tables[PUBLICATIONS]).to_pylist()
    kinds = {row["publication_seq"]: row["publication_kind"] for row in record}
    assert [kinds[seq] for seq in sorted(kinds)] == ["run", "run", "maintenance", "run", "run", "maintenance"]
    by_seq = {seq: {row["table_name"]: row for row in record if row["publication_seq"] == seq} for seq in kinds}
    for seq in (3, 6):
        for name, row in by_seq[seq].items():
            before = by_seq[seq - 1][name]
            same = ("business_date", "publication_state", "row_count", "checksum", "registry_hash")
            assert [row[key] for key in same] == [before[key] for key in same]
            assert row["table_version"] > before["table_version"] or name == "gold.balances"
    assert len(check_chain(home / "kept_up", REGISTRY)) == 6


def test_every_pinned_version_can_be_read(home: Path) -> None:
    found = pins(home / "kept_up", REGISTRY)
    assert len(found) == 6 * len(KEPT)
    for pin in found:
        check_pin(home / "kept_up", REGISTRY, pin)


def test_few_files_stand_and_the_next_run_leaves_them(home: Path) -> None:
    after = live_files(home / "kept_up")
    assert all(after[name] < count for name, count in live_files(home / "plain").items() if count > 2)
    assert after["silver.rows"] == partitions(home / "kept_up", REGISTRY.tables["silver.rows"])
    lake = embedded_lake(home, REGISTRY, "kept_up")
    versions = {name: lake.version(name) for name in KEPT}
    pinned = {pin.table: pin.version for pin in pins(lake.path, REGISTRY) if pin.seq == 6}
    assert versions == pinned
    [outcome] = run_days(lake, home, [DAYS[-1]], full=True)
    assert (outcome.seq, outcome.commits) == (None, 0)
    assert {name: lake.version(name) for name in KEPT} == versions


def test_twice_is_once(home: Path, tmp_path: Path) -> None:
    lake = embedded_lake(copy(home, tmp_path), REGISTRY)
    assert keep_up(lake).seq == 3
    assert keep_up(lake).seq is None
    assert len(check_chain(lake.path, REGISTRY)) == 3


def test_a_dry_run_changes_nothing(home: Path, tmp_path: Path) -> None:
    lake = embedded_lake(copy(home, tmp_path), REGISTRY)
    before = everything(tmp_path)
    told = keep_up(lake, dry_run=True)
    assert told.seq is None and told.before["silver.rows"].live_files == live_files(lake.path)["silver.rows"]
    assert everything(tmp_path) == before


def copy(home: Path, to: Path) -> Path:
    """A home of its own with the lake of two days; shares what was landed."""
    shutil.copytree(home / "two_days", to / "lake")
    (to / "landed").symlink_to(home / "landed")
    shutil.copy(home / FILE, to / FILE)
    return to


def everything(folder: Path) -> dict[str, int]:
    """Every file below, but for locks, and its size."""
    return {str(path): path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.name[0] != "."}


# -- what goes, and when


def test_what_no_kept_version_needs_goes(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without retention: only the newest pins are left, and what a killed write left is gone."""
    monkeypatch.setattr(base, "RETENTION", "interval 0 days")
    (tmp_path / "landed").symlink_to(home / "landed")
    shutil.copy(home / FILE, tmp_path / FILE)
    lake = embedded_lake(tmp_path, REGISTRY)
    run_days(lake, tmp_path, DAYS[:2])
    orphan = Path(lake.uri("gold.balances")) / "part-of-a-killed-write.parquet"
    orphan.write_bytes(b"half a file")
    before = set(DeltaTable(lake.uri("silver.rows")).file_uris())
    done = keep_up(lake)
    assert done.removable["gold.balances"] >= 2 and not orphan.exists()
    assert done.removable["silver.rows"] == len(before - set(DeltaTable(lake.uri("silver.rows")).file_uris())) >= 2
    for table in KEPT:
        stored = {path.name for path in Path(lake.uri(table)).rglob("*.parquet") if "_delta_log" not in path.parts}
        assert len(stored) == len(DeltaTable(lake.uri(table)).file_uris())
    for pin in pins(lake.path, REGISTRY):
        if pin.seq == done.seq:
            check_pin(lake.path, REGISTRY, pin)
        elif pin.table == "gold.balances":
            with pytest.raises((FileNotFoundError, DeltaError)):
                check_pin(lake.path, REGISTRY, pin)


def test_logs_older_than_the_retention_go_and_no_promised_version_with_them(home: Path, tmp_path: Path) -> None:
    """The lake as it would look had its days been weeks; maintained 45 days ago, so with checkpoints of then."""
    shutil.copytree(home / "kept_up", tmp_path / "lake")
    (tmp_path / "landed").symlink_to(home / "landed")
    shutil.copy(home / FILE, tmp_path / FILE)
    lake = embedded_lake(tmp_path, REGISTRY)
    age = {1: 60, 2: 50, 3: 45, 4: 20, 5: 5, 6: 1}
    for pin in pins(lake.path, REGISTRY):
        log = Path(lake.uri(pin.table)) / "_delta_log"
        for path in log.glob(f"{pin.version:020}.*"):
            moment = time.time() - age[pin.seq] * 86_400
            os.utime(path, (moment, moment))
    old = Path(lake.uri("gold.balances")) / "_delta_log" / f"{0:020}.json"
    os.utime(old, (time.time() - 61 * 86_400,) * 2)
    keep_up(lake)
    assert not old.exists()
    kept = [pin for pin in pins(lake.path, REGISTRY) if pin.seq >= 4]
    assert len(kept) == 3 * len(KEPT)
    for pin in kept:
        check_pin(lake.path, REGISTRY, pin)


def test_a_retired_table_stays_as_long_as_versions(home: Path, tmp_path: Path) -> None:
    lake = embedded_lake(copy(home, tmp_path), REGISTRY)
    retired = lake.path / "gold" / "former"
    DeltaTable.create(str(retired), schema=pa.schema([("one", pa.int64())]))
    assert keep_up(lake).retired == []
    assert keep_up(lake, at=NOW + timedelta(days=30)).retired == []
    assert keep_up(lake, at=NOW + timedelta(days=31), dry_run=True).retired == ["former"]
    assert retired.exists()
    assert keep_up(lake, at=NOW + timedelta(days=31)).retired == ["former"]
    assert not retired.exists()
    assert keep_up(lake).retired == []


# -- killed, and beside a run


def command(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tanzhang.cli", *arguments, "--home", str(home)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "point",
    ["after:compact:gold.balances", "after:compact:silver.rows", f"before:{PUBLICATIONS}", f"after:{PUBLICATIONS}"],
)
def test_killed_it_leaves_nothing_wrong(home: Path, tmp_path: Path, point: str) -> None:
    copy(home, tmp_path)
    died(command_killed, ["maintain", "--trust-clock", "--home", str(tmp_path)], point)
    for pin in pins(tmp_path / "lake", REGISTRY):
        check_pin(tmp_path / "lake", REGISTRY, pin)
    run_days(embedded_lake(tmp_path, REGISTRY), tmp_path, DAYS[2:3])
    assert accounts(tmp_path / "lake") == accounts(home / "three_days")
    assert len(check_chain(tmp_path / "lake", REGISTRY)) == (4 if point == f"after:{PUBLICATIONS}" else 3)
    if point != f"after:{PUBLICATIONS}":
        assert differences(contents(tmp_path / "lake", REGISTRY), contents(home / "three_days", REGISTRY)) == {}
    for pin in pins(tmp_path / "lake", REGISTRY):
        check_pin(tmp_path / "lake", REGISTRY, pin)


def test_an_open_run_is_left_alone_unless_it_is_given_up(home: Path, tmp_path: Path) -> None:
    lake = embedded_lake(copy(home, tmp_path), REGISTRY)
    run_job(lake, REGISTRY, tmp_path, DAYS[2], "conform")
    with pytest.raises(RunError, match=f"the run of {DAYS[2]} is open"):
        keep_up(lake)
    run_job(lake, REGISTRY, tmp_path, DAYS[2], "resolve")
    assert keep_up(lake, give_up_run=True).seq == 3
    with pytest.raises(RunError, match="start it with conform"):
        run_job(lake, REGISTRY, tmp_path, DAYS[2], "match")
    run_days(lake, tmp_path, DAYS[2:3])
    assert accounts(lake.path) == accounts(home / "three_days")


def test_two_writers_are_kept_apart(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While maintenance is at work, a run in another process is refused, with the code that means: try again."""
    lake = embedded_lake(copy(home, tmp_path), REGISTRY)
    refused: list[subprocess.CompletedProcess[str]] = []
    compact: Callable[[str], None] = lake.compact

    def meanwhile(table: str) -> None:
        if not refused:
            refused.append(command(tmp_path, "job", "conform", "--date", str(DAYS[2])))
        compact(table)

    monkeypatch.setattr(lake, "compact", meanwhile)
    assert keep_up(lake).seq == 3
    assert refused[0].returncode == 6
    assert f"maintain (process {os.getpid()})" in " ".join(refused[0].stderr.split())
    again = ["job", "conform", "--date", str(DAYS[2]), "--home", str(tmp_path)]
    assert CliRunner().invoke(app, again).exit_code == 0


def test_a_copy_is_checked_against_what_was_published(home: Path, tmp_path: Path) -> None:
    """A restore drill: the copied lake is what was published; one whose rows or record were touched is not."""
    lake = embedded_lake(copy(home, tmp_path), REGISTRY)
    keep_up(lake)
    assert verify(lake, lake.path.parent).chained == 3
    for name, complaint in (("gold.ledger", "gold.ledger: gold/ledger/"), (PUBLICATIONS, "publication 1 is not what")):
        damaged = shutil.copytree(lake.path, tmp_path / name)
        table = DeltaTable(damaged / REGISTRY.tables[name].path)
        if name == PUBLICATIONS:
            table.update(
                updates={"publication_state": "'published'", "row_count": "row_count + 1"},
                predicate="publication_seq = 1",
            )
        else:
            path, *_ = table.file_uris()
            rewritten = pq.read_table(path)
            amounts = pa.array([amount + 1 for amount in rewritten["amount"].to_pylist()], pa.int64())
            place = rewritten.column_names.index("amount")
            pq.write_table(rewritten.set_column(place, "amount", amounts), path)
        with pytest.raises(NotAsPublished, match=complaint):
            verify(embedded_lake(tmp_path, REGISTRY, name), tmp_path)
    check = ["publications", "--check", "--home", str(tmp_path)]
    assert CliRunner().invoke(app, check).exit_code == 0
    assert CliRunner().invoke(app, [*check, "--lake", "gold.ledger"]).exit_code == 4


def test_what_was_spilled_long_ago_goes(home: Path, tmp_path: Path) -> None:
    lake = embedded_lake(copy(home, tmp_path), REGISTRY)
    for name, hours in (("old", 30), ("new", 1)):
        folder = lake.path / "_spill" / name
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"one": [1]}), folder / "part.parquet")
        os.utime(folder, (NOW.timestamp() - hours * 3600,) * 2)
    keep_up(lake)
    assert [path.name for path in (lake.path / "_spill").iterdir()] == ["new"]

"""Files of ours that were emptied or torn: found, set aside and made again, or passed over; never fatal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from jobs.day import JOBS, run_day, run_job
from jobs.errors import RunError
from jobs.lake import Lake
from jobs.landing.arrivals import arrival
from jobs.landing.hold import load_passes
from jobs.landing.manifests import load_manifests
from jobs.runs.journal import load_all
from jobs.runs.notes import NOTE, load_blocked, load_open_run
from schemas.deployment import since_first
from tests.support.exports import CONSENTED, alipay_acts, alipay_consents, deliver
from tests.support.registries import shipped
from tests.support.worlds import embedded_lake, land_world, rows

DAY, NEXT = date(2026, 11, 1), date(2026, 11, 2)
TEARS: dict[str, Callable[[bytes], bytes]] = {
    "emptied": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "of zeros": lambda content: b"\0" * len(content),
    "no text": lambda content: b"\xff" * 10,
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    acts = alipay_acts((1, 1, "2026-11-01 10:00:00", "shenghuojiaofei", "10"))
    consents = alipay_consents((1, "ALL", "AUTHORIZED", CONSENTED))
    deliver(tmp_path, "alipay", acts, consents, stamp="20261101T200000Z")
    land_world(tmp_path)
    return tmp_path


def tear(paths: list[Path], how: str) -> None:
    assert paths
    for path in paths:
        path.write_bytes(TEARS[how](path.read_bytes()))


def published(lake: Lake) -> dict[str, int]:
    return {row["table_name"]: row["checksum"] for row in rows(lake, "gold.publications")}


@pytest.mark.parametrize("how", TEARS)
@pytest.mark.parametrize("what", ["landing/receipts/alipay", "landed"])
def test_what_ingest_writes_is_made_again(home: Path, what: str, how: str) -> None:
    """But for the check of keys: without it nobody knows whose keys these are, so it is put back by hand."""
    before = {path: path.read_bytes() for path in (home / what).rglob("[!_]*.json")}
    tear(list(before), how)
    assert arrival(shipped().sources["alipay"], home / "landing", DAY, since_first([("alipay", DAY)])).state in (
        "missing",
        "on_time",
    )
    land_world(home)
    assert {path: path.read_bytes() for path in (home / what).rglob("[!._]*.json")} == before
    assert list((home / what).rglob(".*.damaged"))


@pytest.mark.parametrize("how", TEARS)
def test_the_note_on_the_open_run(home: Path, how: str) -> None:
    """Its jobs begin again; what the first ones wrote is given up."""
    lake = embedded_lake(home, shipped())
    run_job(lake, lake.registry, home, DAY, "conform")
    tear([lake.path / NOTE], how)
    assert load_open_run(lake.path) is None
    with pytest.raises(RunError, match="start it with conform"):
        run_job(lake, lake.registry, home, DAY, "resolve")
    for name in (*JOBS, "publish"):
        run_job(lake, lake.registry, home, DAY, name)
    after = published(lake)
    other = embedded_lake(home, shipped(), folder="other")
    run_day(other, other.registry, home, DAY)
    assert published(other) == after


@pytest.mark.parametrize("how", TEARS)
def test_notes_that_inform_are_passed_over(home: Path, how: str) -> None:
    lake = embedded_lake(home, shipped())
    run_day(lake, lake.registry, home, DAY)
    tear(list((home / "runs").glob("*.json")), how)
    assert load_all(home) == []
    for folder, read in (
        (lake.path / "_blocked", lambda: load_blocked(lake.path)),
        (home / "landed/releases", lambda: load_passes(home)),
    ):
        folder.mkdir(exist_ok=True)
        (folder / "2026-11-01.json").write_bytes(TEARS[how](b'{"file_ids": ["0"], "reason": "said so"}'))
        assert not read()


def test_a_manifest_that_is_lost_takes_nothing_back(home: Path) -> None:
    """Without its bytes it cannot be made again: the next day goes on, and to compute all again is refused by name."""
    lake = embedded_lake(home, shipped())
    run_day(lake, lake.registry, home, DAY)
    [acts] = [one for one in load_manifests(home) if one.feed == "acts"]
    tear(list((home / "landed").rglob(f"{acts.file_id}.json")), "emptied")
    ledger = rows(lake, "gold.ledger")
    run_day(lake, lake.registry, home, NEXT)
    assert rows(lake, "gold.ledger") == ledger
    with pytest.raises(RunError, match=acts.file_id):
        run_day(lake, lake.registry, home, NEXT, full=True)

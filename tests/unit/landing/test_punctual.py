"""In time, late, refused or not there: from the receipts alone, and quickly."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from jobs.landing.arrivals import arrival, ready_by
from jobs.landing.manifests import LANDING
from jobs.landing.pull import pull
from schemas.deployment import FILE, since_first, written
from schemas.sources import load_sources
from tests.support.exports import CONSENTED, alipay_acts, alipay_consents, deliver
from tests.support.runner import ROOT

SOURCE = load_sources()["alipay"]
DAY = date(2026, 11, 1)
READY = datetime(2026, 11, 1, 21, 30, tzinfo=timezone.utc)


def send(home: Path, stamp: str, revision: int = 0, **change: object) -> None:
    acts = alipay_acts((1, 1, "2026-11-01 12:00:00", "shenghuojiaofei", "10"))
    consents = alipay_consents((1, "ALL", "AUTHORIZED", CONSENTED))
    deliver(home, "alipay", acts, consents, stamp=stamp, revision=revision, change=change or None)
    pull(SOURCE, home / "exports", home / LANDING)


def test_the_contract_says_when() -> None:
    assert (SOURCE.ready_by, SOURCE.time_zone) == ("05:30", "Asia/Shanghai")
    assert ready_by(SOURCE, DAY) == READY


@pytest.mark.parametrize(
    ("stamps", "state", "arrived"),
    [
        ([], "missing", None),
        (["20261101T200000Z"], "on_time", "2026-11-01T20:00:00+00:00"),
        (["20261101T213000Z"], "on_time", "2026-11-01T21:30:00+00:00"),
        (["20261101T213001Z"], "late", "2026-11-01T21:30:01+00:00"),
        (["20261103T010000Z"], "late", "2026-11-03T01:00:00+00:00"),
        (["20261101T200000Z", "20261104T200000Z"], "on_time", "2026-11-01T20:00:00+00:00"),
    ],
)
def test_the_first_accepted_delivery_counts(tmp_path: Path, stamps: list[str], state: str, arrived: str | None) -> None:
    for revision, stamp in enumerate(stamps):
        send(tmp_path, stamp, revision)
    found = arrival(SOURCE, tmp_path / LANDING, DAY, since_first([("alipay", DAY)]))
    assert (found.state, found.ready_by) == (state, READY)
    assert (found.arrived_at and found.arrived_at.isoformat()) == arrived


def test_a_refused_delivery_is_none_until_a_good_one_comes(tmp_path: Path) -> None:
    send(tmp_path, "20261101T200000Z", institution="citic_bank")
    found = arrival(SOURCE, tmp_path / LANDING, DAY)
    assert found.state == "refused" and found.arrived_at == datetime(2026, 11, 1, 20, tzinfo=timezone.utc)
    send(tmp_path, "20261101T230000Z")
    assert arrival(SOURCE, tmp_path / LANDING, DAY).state == "late"
    assert arrival(SOURCE, tmp_path / LANDING, date(2026, 11, 2)).state == "missing"


def test_who_is_not_expected_is_not_missing(tmp_path: Path) -> None:
    """By the file; without one nobody is before something of an earlier date was accepted."""
    before, after = date(2026, 10, 31), date(2026, 11, 2)
    assert arrival(SOURCE, tmp_path / LANDING, DAY).state == "not_expected"
    send(tmp_path, "20261101T190000Z", institution="citic_bank")
    assert arrival(SOURCE, tmp_path / LANDING, after).state == "not_expected", "that was refused"
    send(tmp_path, "20261101T200000Z")
    assert [arrival(SOURCE, tmp_path / LANDING, day).state for day in (before, after)] == ["not_expected", "missing"]
    later = since_first([("alipay", after)])
    found = arrival(SOURCE, tmp_path / LANDING, DAY, later)
    assert (found.state, found.arrived_at) == ("not_expected", datetime(2026, 11, 1, 20, tzinfo=timezone.utc))
    assert arrival(SOURCE, tmp_path / LANDING, after, later).state == "missing"


def test_it_takes_no_longer_after_a_thousand_days(tmp_path: Path) -> None:
    """Only the receipts of the date are read."""
    send(tmp_path, "20261101T200000Z")
    folder = tmp_path / LANDING / "receipts/alipay"
    [receipt] = folder.glob("*.json")
    for number in range(1000):
        (folder / f"{date.fromordinal(DAY.toordinal() - 1 - number)}-r0-20261101T200000Z.json").write_bytes(b"{")
    assert receipt.name.startswith("2026-11-01-r0-")
    started = time.perf_counter()
    assert arrival(SOURCE, tmp_path / LANDING, DAY).state == "on_time"
    assert time.perf_counter() - started < 0.5


def late(home: Path, *options: str) -> dict[str, dict[str, Any]]:
    """Institution → what the command says of it."""
    command = [sys.executable, "-m", "tanzhang.cli", "late", "--date", "2026-11-01", "--json", "--home", str(home)]
    out = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {one["institution"]: one for one in map(json.loads, out.splitlines())}


def test_the_command_answers_a_scheduler(tmp_path: Path) -> None:
    send(tmp_path, "20261101T220000Z")
    assert {name: one["state"] for name, one in late(tmp_path).items()} == {"alipay": "late"}
    (tmp_path / FILE).write_text(written({"icbc": DAY, "unionpay": date(2026, 11, 2)}), encoding="utf-8")
    told = late(tmp_path)
    assert {name: one["state"] for name, one in told.items()} == {"alipay": "not_expected", "icbc": "missing"}
    assert told["alipay"]["ready_by"] == "2026-11-02T05:30:00+08:00"
    assert late(tmp_path, "--institution", "unionpay")["unionpay"]["state"] == "not_expected"

"""Raw text goes when its days are over; everything that was computed from it stays and can be gone on with."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from jobs.day import ingest
from jobs.errors import RunError
from jobs.files import one_writer
from jobs.lake import Lake
from jobs.landing.land import past_replay, replay
from jobs.landing.manifests import LANDING
from jobs.landing.pull import pull
from jobs.landing.receipts import load_receipts
from jobs.landing.tokens import Tokens
from jobs.reading.explain import explain
from jobs.reading.intake import intakes
from jobs.reading.status import status
from jobs.upkeep.maintain import maintain
from tests.pipeline.reading.test_quarantine import act, mended
from tests.support.exports import CONSENTED, alipay_consents, deliver, lines, part
from tests.support.registries import shipped
from tests.support.worlds import embedded_lake, rows, run_days

REGISTRY = shipped()
ALIPAY = REGISTRY.sources["alipay"]
FIRST, SECOND = date(2026, 11, 1), date(2026, 11, 2)
NOW = datetime(2027, 1, 10, tzinfo=timezone.utc)


def send(home: Path, day: date, *acts: dict[str, Any], stamp: str, revision: int = 0) -> None:
    total = f"{10 * len(acts)}.00"
    sent = part("alipay", "acts", lines(*acts), total)
    consents = alipay_consents((1, "ALL", "AUTHORIZED", CONSENTED))
    deliver(home, "alipay", sent, consents, stamp=stamp, revision=revision, business_date=str(day))


def raw(home: Path) -> set[str]:
    """Deliveries whose bytes are still there, in the drop folder and in landing."""
    return {str(path.parent.relative_to(home)) for path in home.rglob("control.json") if "registry" not in path.parts}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """One day with a good and a quarantined row, one that was refused, and one that is too young to go."""
    send(tmp_path, FIRST, act(1), act(2, "dianfei"), stamp="20261101T200000Z")
    send(tmp_path, FIRST, act(1), act(3), stamp="20261101T203000Z")  # other bytes for the same revision
    send(tmp_path, SECOND, act(5), stamp="20261230T200000Z")
    ingest(REGISTRY, tmp_path, Tokens.from_env())
    run_days(embedded_lake(tmp_path), tmp_path, [FIRST, SECOND])
    yield tmp_path


@pytest.fixture
def lake(home: Path) -> Lake:
    return embedded_lake(home)


def let_go(lake: Lake, **options: Any) -> dict[str, Any]:
    return maintain(lake, lake.path.parent, **{"raw_days": 30, "at": NOW, **options}).expired


def test_what_is_old_goes_from_both_folders(home: Path, lake: Lake) -> None:
    young = {"exports/alipay/20261230T200000Z", "landing/alipay/2026-11-02/r0"}
    old = {
        "exports/alipay/20261101T200000Z",
        "exports/alipay/20261101T203000Z",
        "landing/alipay/2026-11-01/r0",
    }
    assert raw(home) == old | young
    told = let_go(lake, dry_run=True)["alipay"]
    assert (told.deliveries, raw(home)) == (2, old | young)
    done = let_go(lake)["alipay"]
    assert (done.deliveries, done.files, done.bytes) == (told.deliveries, told.files, told.bytes)
    assert raw(home) == young
    assert not list((home / LANDING).rglob("*.expired"))
    assert let_go(lake)["alipay"].deliveries == 0
    assert len(load_receipts(ALIPAY, home / LANDING)) == 3


def test_days_are_counted_from_the_arrival(home: Path, lake: Lake) -> None:
    before = raw(home)
    arrived = datetime(2026, 11, 1, 20, tzinfo=timezone.utc)
    assert let_go(lake, at=arrived + timedelta(days=30))["alipay"].deliveries == 0
    assert raw(home) == before
    assert let_go(lake, at=arrived + timedelta(days=30, seconds=1))["alipay"].deliveries == 1


def test_a_statement_sent_again_is_still_a_repeat_and_another_one_refused(home: Path, lake: Lake) -> None:
    let_go(lake)
    send(home, FIRST, act(1), act(2, "dianfei"), stamp="20270111T200000Z")
    send(home, FIRST, act(1), act(4), stamp="20270111T203000Z")
    written = pull(ALIPAY, home / "exports", home / LANDING)
    assert [receipt.state for receipt in written] == ["duplicate", "refused"]
    assert [error.code for error in written[1].errors] == ["changed_statement"]


def test_the_next_day_goes_on_and_still_adds_up(home: Path, lake: Lake) -> None:
    let_go(lake)
    send(home, date(2027, 1, 11), act(6), stamp="20270111T200000Z")
    ingest(REGISTRY, home, Tokens.from_env())
    [outcome] = run_days(lake, home, [date(2027, 1, 11)])
    assert outcome.seq
    assert not any(run_days(lake, home, [date(2027, 1, 11)], full=True)[0].appended.values())
    assert status(lake, home).adds_up
    found = intakes(lake, load_receipts(ALIPAY, home / LANDING), [], FIRST)
    [one] = [one for one in found if one.institution == "alipay"]
    assert (one.deliveries, one.turned_away, one.consumed) == (2, 1, 3)


def test_a_replay_says_what_it_cannot_bring_back(home: Path, lake: Lake) -> None:
    source = mended(home / "registry", "[ENERGY_XUANJIAO_shenghuojiaofei]", "[ENERGY_XUANJIAO_dianfei]").sources[
        "alipay"
    ]
    assert past_replay(source, home) == 0
    let_go(lake)
    assert [file.business_date for file in replay(source, home, Tokens.from_env())] == []
    assert past_replay(source, home) == 1
    assert past_replay(ALIPAY, home) == 0, "the contract has not changed: nothing to bring back"


def test_explain_says_that_the_source_has_expired(home: Path, lake: Lake) -> None:
    from tanzhang.cli import app

    entry = next(row["entry_id"] for row in rows(lake, "gold.ledger") if row["act_date"] == FIRST)
    lines = [line for claim in explain(lake, REGISTRY, home, [entry])[0].claims for line in claim.lines]
    assert all(line.path for line in lines)
    shown = CliRunner().invoke(app, ["explain", entry, "--source", "--home", str(home)])
    assert shown.exit_code == 0 and "ENERGY_XUANJIAO_shenghuojiaofei" in shown.output
    let_go(lake)
    [told] = explain(lake, REGISTRY, home, [entry])
    assert [line.path for claim in told.claims for line in claim.lines] == [None] * len(lines)
    shown = CliRunner().invoke(app, ["explain", entry, "--source", "--home", str(home)])
    assert shown.exit_code == 0 and "(expired)" in shown.output and "has expired" in shown.output
    assert "ENERGY_XUANJIAO" not in shown.output


def test_what_is_not_landed_stays_however_old(home: Path, lake: Lake) -> None:
    send(home, FIRST, act(1), stamp="20261103T200000Z", revision=1)
    pull(ALIPAY, home / "exports", home / LANDING)
    send(home, FIRST, act(1), stamp="20261104T200000Z", revision=2)
    let_go(lake)
    assert {"landing/alipay/2026-11-01/r1", "exports/alipay/20261103T200000Z"} <= raw(home)
    assert "exports/alipay/20261104T200000Z" in raw(home)
    assert ingest(REGISTRY, home, Tokens.from_env())["alipay"].manifests


def test_killed_half_way_it_is_finished_the_next_time(home: Path, lake: Lake) -> None:
    place = home / LANDING / "alipay/2026-11-01/r0"
    shutil.move(place, place.with_name(".r0.expired"))
    (home / "exports/alipay/20261101T200000Z").rename(home / "exports/alipay/.20261101T200000Z.expired")
    assert pull(ALIPAY, home / "exports", home / LANDING) == []
    assert let_go(lake)["alipay"].deliveries == 2
    assert not list(home.rglob("*.expired"))


def test_who_is_landing_is_left_alone(home: Path, lake: Lake) -> None:
    before = raw(home)
    with one_writer(home / LANDING / "receipts/.alipay.writer", "land of alipay"):
        assert "alipay" not in let_go(lake)
    assert raw(home) == before


def test_a_clock_far_beyond_the_newest_arrival_lets_nothing_go(home: Path, lake: Lake) -> None:
    """400 days ahead, everything would be old: raw text and versions are gone for good."""
    ahead, before = NOW + timedelta(days=400), raw(home)
    with pytest.raises(RunError, match=r"\d+ days before; things are kept for 30\. .* --trust-clock"):
        let_go(lake, at=ahead)
    assert raw(home) == before
    assert let_go(lake, at=ahead, dry_run=True)["alipay"].deliveries == 3
    assert let_go(lake, at=ahead, trust_clock=True)["alipay"].deliveries == 3
    assert raw(home) == set()

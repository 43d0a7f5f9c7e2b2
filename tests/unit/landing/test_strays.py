"""What lies in a drop folder and is no delivery, or changes while it is taken: told by name, and nobody else's day stops."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import timezone
from pathlib import Path
from typing import Any

import pytest

from jobs.landing import lander
from jobs.landing import pull as pulling
from jobs.landing.ingest import Ingested, ingest_one
from jobs.landing.land import replay
from jobs.landing.pull import pull
from jobs.landing.receipts import Receipt
from jobs.landing.tokens import Tokens
from schemas.sources import load_sources
from tests.support.exports import deliver, part
from tests.support.landing import RECORD_KEY, STATIONS, TAP, TOKEN_KEY

SOURCES = load_sources()
METRO = SOURCES["hangzhou_metro"]
TOKENS = Tokens(TOKEN_KEY, RECORD_KEY)


def take(home: Path) -> list[Receipt]:
    return pull(METRO, home / "exports", home / "landing")


def codes(receipts: list[Receipt]) -> list[str]:
    return [error.code for receipt in receipts for error in receipt.errors]


def send(home: Path, **how: Any) -> Path:
    return deliver(home, "hangzhou_metro", part("hangzhou_metro", "taps", TAP), **how)


def ingested(home: Path) -> Ingested:
    return ingest_one(METRO, home, TOKENS, STATIONS)


# -- entries that are no deliveries


STRAYS: dict[str, Callable[[Path], object]] = {
    "a text": lambda drop: (drop / "README.txt").write_text("to be read"),
    "a cache": lambda drop: (drop / "Thumbs.db").write_bytes(b"\xd0\xcf"),
    "of a disk": lambda drop: (drop / "lost+found").mkdir(),
    "a folder of theirs": lambda drop: (drop / "incoming").mkdir(),
    "a day that is none": lambda drop: (drop / "20260230T010000Z").mkdir(),
    "full-width digits": lambda drop: (drop / "２０２６１１０２T010000Z").mkdir(),
    "a digit short": lambda drop: (drop / "2026112T010000Z").mkdir(),
    "a line break": lambda drop: (drop / "a\nb\x1b[31m").mkdir(),
    "no text": lambda drop: (drop / os.fsdecode(b"\xff\xfe")).mkdir(),
    "a file named so": lambda drop: (drop / "20261102T020000Z").write_text("{}"),
    "a link named so": lambda drop: (drop / "20261102T020000Z").symlink_to(drop),
    "a pipe named so": lambda drop: os.mkfifo(drop / "20261102T020000Z"),
}


@pytest.mark.parametrize("stray", STRAYS)
def test_an_entry_that_is_no_delivery_is_told_once(tmp_path: Path, stray: str) -> None:
    drop = send(tmp_path).parent
    STRAYS[stray](drop)
    receipts = take(tmp_path)
    assert sorted(receipt.state for receipt in receipts) == ["accepted", "refused"]
    assert codes(receipts) == ["stray_entry"]
    (told,) = (receipt for receipt in receipts if receipt.state == "refused")
    assert told.business_date is None and told.received_at.tzinfo in (timezone.utc, told.received_at.tzinfo)
    written = [path.name for path in (tmp_path / "landing/receipts").rglob("*.json")]
    assert all(name.isascii() and name.isprintable() for name in written) and len(written) == 2
    assert take(tmp_path) == []


CONTROLS: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a link to nothing": lambda path: path.symlink_to(path.with_name("nothing")),
    "a link": lambda path: path.symlink_to("/etc/hostname"),
}


@pytest.mark.parametrize("control", CONTROLS)
def test_a_control_file_that_is_no_file_is_refused_and_nothing_waits(tmp_path: Path, control: str) -> None:
    folder = send(tmp_path)
    (folder / "control.json").unlink()
    CONTROLS[control](folder / "control.json")
    assert codes(take(tmp_path)) == ["extra_file"]
    assert take(tmp_path) == []


@pytest.mark.parametrize("name", ["control.json", "taps_20261101_1.csv.gz"])
def test_a_file_with_a_second_name_is_refused_like_a_link(tmp_path: Path, name: str) -> None:
    folder = send(tmp_path)
    os.link(folder / name, tmp_path / "another")
    assert codes(take(tmp_path)) == ["extra_file"]
    assert not list((tmp_path / "landing").rglob("*.gz"))


# -- what a control file says


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda text: text.replace('"rows": 1', '"rows": 1.0'), "bad_control"),
        (lambda text: text.replace('"rows": 1', '"rows": true'), "bad_control"),
        (lambda text: text.replace('"2026-11-01"', '"2026-11-01T00:00:00"'), "bad_control"),
        (lambda text: text.replace('"revision": 0', '"revision": 0, "revision": 1'), "repeated_key"),
        (lambda text: text.replace('"revision": 0', '"revision": 101'), "wrong_revision"),
        (lambda text: "\ufeff" + text, "bad_control"),
        (lambda text: "[" * 100_000, "bad_control"),
    ],
)
def test_nothing_of_a_control_file_is_guessed(tmp_path: Path, change: Callable[[str], str], code: str) -> None:
    control = send(tmp_path) / "control.json"
    before = json.dumps(json.loads(control.read_text()))
    assert change(before) != before
    control.write_text(change(before), encoding="utf-8")
    assert codes(take(tmp_path)) == [code]


def test_a_statement_of_long_ago_is_refused(tmp_path: Path) -> None:
    """One of 2014 passed, and a rule on claims then stopped everybody's day."""
    send(tmp_path, stamp="20261102T010000Z", business_date="2014-11-01")
    send(tmp_path, stamp="20261102T020000Z", business_date="2024-11-01")
    assert codes(take(tmp_path)) == ["old_statement"]


def test_after_any_revision_there_is_a_higher_one(tmp_path: Path) -> None:
    for number, revision in enumerate((100, 200, 301, 0)):
        send(tmp_path, stamp=f"2026110{number + 2}T010000Z", revision=revision)
    states = [(receipt.revision, receipt.state) for receipt in take(tmp_path)]
    assert states == [(100, "accepted"), (200, "accepted"), (301, "refused"), (0, "accepted")]


# -- what changes while it is taken


def test_what_was_read_is_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender who goes on writing changes neither the control file that was understood nor what was checked."""
    folder = send(tmp_path)
    said = (folder / "control.json").read_bytes()
    check = pulling._check_folder

    def meanwhile(*arguments: Any) -> None:
        check(*arguments)
        (folder / "control.json").write_text("{}")

    monkeypatch.setattr(pulling, "_check_folder", meanwhile)
    assert [receipt.state for receipt in take(tmp_path)] == ["accepted"]
    assert (tmp_path / "landing/hangzhou_metro/2026-11-01/r0/control.json").read_bytes() == said


@pytest.mark.parametrize("instead", [os.unlink, lambda path: (path.unlink(), path.symlink_to("/etc/hostname"))])
def test_a_file_that_goes_while_it_is_taken_refuses_the_delivery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instead: Callable[[Path], object]
) -> None:
    folder = send(tmp_path)
    check = pulling._check_folder

    def meanwhile(*arguments: Any) -> None:
        check(*arguments)
        instead(folder / "taps_20261101_1.csv.gz")

    monkeypatch.setattr(pulling, "_check_folder", meanwhile)
    (receipt,) = take(tmp_path)
    assert receipt.state == "refused" and codes([receipt])[0] in ("missing_file", "extra_file")


# -- mistakes of ours


def test_a_mistake_of_ours_is_that_deliverys_alone_and_mended_by_the_next_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(tmp_path, stamp="20261102T010000Z")
    send(tmp_path, stamp="20261103T010000Z", business_date="2026-11-02")
    check = pulling._check_control

    def fails(source: Any, control: Any, arrived_at: Any) -> None:
        if control.business_date.day == 1:
            raise ZeroDivisionError("of 110101199003070000")
        check(source, control, arrived_at)

    with monkeypatch.context() as patch:
        patch.setattr(pulling, "_check_control", fails)
        receipts = take(tmp_path)
    assert [receipt.state for receipt in receipts] == ["refused", "accepted"]
    (told,) = receipts[0].errors
    assert told.code == "internal" and told.reference
    assert "110101" not in receipts[0].model_dump_json()
    assert [receipt.state for receipt in take(tmp_path)] == ["accepted"]
    assert take(tmp_path) == [] and len(list((tmp_path / "landing/receipts").rglob("*.json"))) == 2


def test_a_file_that_we_fail_at_is_refused_and_lands_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    send(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(lander, "read_part", lambda **_: 1 // 0)
        done = ingested(tmp_path)
    assert {one.state for one in done.manifests} == {"refused"} and done.is_flawed
    assert [fault.code for fault in done.faults] == ["internal"]
    again = replay(METRO, tmp_path, TOKENS, STATIONS)
    assert {one.state for one in again} == {"accepted"}


def test_an_institution_whose_folder_cannot_be_gone_through_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(tmp_path)
    monkeypatch.setattr(pulling, "_entries", lambda folder: 1 // 0)
    done = ingested(tmp_path)
    assert done.problem and done.problem.code == "internal" and not done.receipts


def test_rows_that_are_mostly_unreadable_refuse_the_file(tmp_path: Path) -> None:
    """A tenth of the rows may be, or a few of a small file."""
    for day, bad in ((1, 5), (2, 6)):
        rows = TAP.replace("11-01", f"11-0{day}") * 10 + "a,b\n" * bad
        deliver(
            tmp_path, "hangzhou_metro", part("hangzhou_metro", "taps", rows),
            stamp=f"2026110{day + 1}T010000Z", business_date=f"2026-11-0{day}",
        )  # fmt: skip
    taps = [one for one in ingested(tmp_path).manifests if one.feed == "taps"]
    assert [(one.state, [error.code for error in one.errors][:1]) for one in taps] == [
        ("accepted", ["wrong_columns"]),
        ("refused", ["too_many_rejects"]),
    ]

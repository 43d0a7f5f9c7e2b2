"""A delivery is taken whole or not at all, once, and its receipt says what to mend."""

from __future__ import annotations

import json
import os
import shutil
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from jobs.landing import pull as module
from jobs.landing.pull import pull
from jobs.landing.receipts import Receipt, file_id, load_receipts
from schemas.sources import load_sources
from schemas.sources.errors import ERRORS
from tests.support.exports import Part, deliver, part

METRO = load_sources()["hangzhou_metro"]
TAP = "2026-11-01 08:00:05,1,S01,D0101,1,HM0000000001,3,0\n"


def send(home: Path, *parts: Part, **how: Any) -> Path:
    return deliver(home, "hangzhou_metro", *(parts or (part("hangzhou_metro", "taps", TAP),)), **how)


def take(home: Path) -> list[Receipt]:
    return pull(METRO, home / "exports", home / "landing")


def landed(home: Path) -> dict[str, bytes]:
    """Every file of landing but the receipts, hidden ones too."""
    root = home / "landing"
    paths = [path for path in root.rglob("*") if path.is_file() and "receipts" not in path.parts]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def state(receipt: Receipt) -> tuple[str, list[str]]:
    return receipt.state, [error.code for error in receipt.errors]


# -- accepted


def test_a_delivery_is_taken_with_a_receipt(tmp_path: Path) -> None:
    folder = send(tmp_path)
    (receipt,) = take(tmp_path)
    assert state(receipt) == ("accepted", [])
    assert receipt.received_at == datetime(2026, 11, 2, 1, tzinfo=timezone.utc)
    assert (receipt.business_date.isoformat() if receipt.business_date else "", receipt.revision) == (
        "2026-11-01",
        0,
    )
    names = ["taps_20261101_1.csv.gz", "registrations_20261101_1.csv.gz", "consents_20261101_1.csv.gz"]
    assert landed(tmp_path) == {
        f"hangzhou_metro/2026-11-01/r0/{name}": (folder / name).read_bytes() for name in [*names, "control.json"]
    }
    assert {file.path for file in receipt.files} == set(landed(tmp_path)) - {
        "hangzhou_metro/2026-11-01/r0/control.json"
    }
    path = tmp_path / "landing/receipts/hangzhou_metro/2026-11-01-r0-20261102T010000Z.json"
    assert Receipt.model_validate_json(path.read_bytes()) == receipt
    assert load_receipts(METRO, tmp_path / "landing") == [receipt]


def test_a_file_has_the_same_id_wherever_it_is_pulled() -> None:
    """SHA-256 of `alipay|acts|2026-11-01|0|1`, its first 16 characters."""
    day = datetime(2026, 11, 1).date()
    assert file_id("alipay", "acts", day, 0, 1) == "0c68bad2f78b2e51"
    ids = {file_id("a", "b", day, revision, number) for revision in range(3) for number in range(1, 4)}
    assert len(ids) == 9


def test_pulling_again_takes_nothing(tmp_path: Path) -> None:
    send(tmp_path)
    assert len(take(tmp_path)) == 1
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "landing").rglob("[!.]*")}
    assert take(tmp_path) == []
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "landing").rglob("[!.]*")} == before


def test_deliveries_are_taken_in_order_of_arrival(tmp_path: Path) -> None:
    send(tmp_path, stamp="20261103T010000Z", revision=1)
    send(tmp_path, stamp="20261102T010000Z")
    send(tmp_path, stamp="20261104T010000Z", business_date="2026-11-02")
    assert [(receipt.revision, receipt.state) for receipt in take(tmp_path)] == [
        (0, "accepted"),
        (1, "accepted"),
        (0, "accepted"),
    ]


def test_without_a_drop_folder_nothing_is_taken(tmp_path: Path) -> None:
    assert take(tmp_path) == []


def test_a_delivery_still_being_written_waits(tmp_path: Path) -> None:
    folder = send(tmp_path)
    control = (folder / "control.json").rename(tmp_path / "control.json")
    (folder.parent / ".20261102T020000Z.part").mkdir()
    assert take(tmp_path) == []
    assert not [path for path in (tmp_path / "landing").rglob("[!.]*") if path.is_file()]
    control.rename(folder / "control.json")
    assert [receipt.state for receipt in take(tmp_path)] == ["accepted"]


def test_the_same_delivery_again_is_a_duplicate(tmp_path: Path) -> None:
    send(tmp_path)
    send(tmp_path, stamp="20261102T020000Z")
    first, second = take(tmp_path)
    assert (first.state, second.state, second.files) == ("accepted", "duplicate", [])
    send(tmp_path, stamp="20261105T020000Z")
    before = landed(tmp_path)
    assert [receipt.state for receipt in take(tmp_path)] == ["duplicate"]
    assert landed(tmp_path) == before


# -- refused


@pytest.mark.parametrize(
    "again",
    [
        part("hangzhou_metro", "taps", TAP.replace("S01", "S02")),
        part("hangzhou_metro", "taps", TAP, rows=2),
        part("hangzhou_metro", "taps", TAP, total="1"),
    ],
)
def test_an_accepted_statement_never_changes(tmp_path: Path, again: Part) -> None:
    send(tmp_path)
    take(tmp_path)
    before = landed(tmp_path)
    send(tmp_path, again, stamp="20261102T020000Z")
    assert [state(receipt) for receipt in take(tmp_path)] == [("refused", ["changed_statement"])]
    assert landed(tmp_path) == before
    send(tmp_path, again, stamp="20261102T030000Z", revision=1)
    assert [receipt.state for receipt in take(tmp_path)] == ["accepted"]


def test_a_refused_statement_may_be_sent_again(tmp_path: Path) -> None:
    (send(tmp_path) / "taps_20261101_1.csv.gz").unlink()
    send(tmp_path, stamp="20261102T020000Z")
    assert [receipt.state for receipt in take(tmp_path)] == ["refused", "accepted"]


def refusal(home: Path) -> list[tuple[str, str | None, str | None]]:
    """Errors of the one refused delivery, none of which was taken."""
    (receipt,) = take(home)
    assert receipt.state == "refused"
    assert receipt.files == []
    assert landed(home) == {}
    assert all((error.rule, error.mend) == ERRORS[error.code] for error in receipt.errors)
    assert take(home) == []
    return [(error.code, error.file, error.column) for error in receipt.errors]


def test_changed_bytes_are_refused(tmp_path: Path) -> None:
    folder = send(tmp_path)
    with (folder / "taps_20261101_1.csv.gz").open("ab") as file:
        file.write(b"x")
    assert refusal(tmp_path) == [("wrong_sha256", "taps_20261101_1.csv.gz", None)]


def test_missing_and_extra_files_are_refused(tmp_path: Path) -> None:
    folder = send(tmp_path)
    (folder / "taps_20261101_1.csv.gz").rename(folder / "王小明_13812345678.csv.gz")
    (folder / "more").mkdir()
    assert refusal(tmp_path) == [
        ("missing_file", "taps_20261101_1.csv.gz", None),
        ("extra_file", None, None),
        ("extra_file", None, None),
    ]
    receipts = "".join(path.read_text() for path in (tmp_path / "landing/receipts").rglob("*.json"))
    assert "13812345678" not in receipts and "字{3}_9{11}.a{3}.a{2}" in receipts


def test_a_link_is_no_file(tmp_path: Path) -> None:
    folder = send(tmp_path)
    name = "taps_20261101_1.csv.gz"
    (folder / name).rename(tmp_path / name)
    (folder / name).symlink_to(tmp_path / name)
    assert refusal(tmp_path) == [("extra_file", name, None)]


@pytest.mark.parametrize(
    "name",
    ["../../../../etc/passwd", "/etc/passwd", "taps_20261101_1.csv.gz/../x", "..", "",
     "taps_20261102_1.csv.gz", "taps_20261101_2.csv.gz", "taps_20261101_1.csv", "taps_20261101_1.csv.gz\0",
     "\ud800"],
)  # fmt: skip
def test_only_the_agreed_name_is_a_name(tmp_path: Path, name: str) -> None:
    folder = send(tmp_path)
    control = json.loads((folder / "control.json").read_text())
    control["files"][0]["name"] = name
    (folder / "control.json").write_text(json.dumps(control))
    code = "bad_control" if name == "\ud800" else "wrong_name"
    assert [found[0] for found in refusal(tmp_path)] == [code]


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("wrong_institution", {"institution": "alipay"}),
        ("bad_control", {"institution": 7}),
        ("bad_control", {"revision": -1}),
        ("bad_control", {"business_date": "2026-02-30"}),
        ("bad_control", {"files": []}),
        ("bad_control", {"note": "hello"}),
        ("wrong_name", {"business_date": "2026-11-02"}),
        ("future_statement", {"business_date": "2026-11-03"}),
        ("future_statement", {"business_date": "9999-12-31"}),
        ("bad_control", {"business_date": "10000-01-01"}),
        ("bad_control", {"revision": 10_000}),
        ("bad_control", {"revision": 10**300}),
        ("bad_control", {"13812345678": "王小明"}),
    ],
)
def test_a_control_file_that_breaks_its_form_is_refused(tmp_path: Path, code: str, change: dict[str, Any]) -> None:
    send(tmp_path, change=change)
    assert {found[0] for found in refusal(tmp_path)} == {code}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"institution": "hangzhou_metro"}'])
def test_a_control_file_that_is_no_control_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (send(tmp_path) / "control.json").write_bytes(content)
    assert {found[0] for found in refusal(tmp_path)} == {"bad_control"}
    (path,) = (tmp_path / "landing/receipts").rglob("*.json")
    assert path.name == "unreadable-20261102T010000Z.json"


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("bad_control", {"sha256": "ABC"}),
        ("bad_control", {"rows": -1}),
        ("bad_control", {"rows": 10**30}),
        ("bad_control", {"part": 10**6}),
        ("bad_control", {"customer": ""}),
        ("wrong_customer", {"customer": "HM0000000001"}),
        ("bad_control", {"sums": {"fare": "1e3"}}),
        ("bad_control", {"sums": {"fare": 3}}),
        ("unknown_feed", {"feed": "taxis"}),
        ("wrong_sums", {"sums": {}}),
        ("wrong_sums", {"sums": {"fare": "0", "tip": "0"}}),
        ("wrong_parts", {"parts": 2}),
        ("wrong_name", {"part": 2}),
    ],
)
def test_a_wrong_entry_of_the_control_file_is_refused(tmp_path: Path, code: str, change: dict[str, Any]) -> None:
    folder = send(tmp_path)
    control = json.loads((folder / "control.json").read_text())
    control["files"][0].update(change)
    (folder / "control.json").write_text(json.dumps(control))
    assert code in [found[0] for found in refusal(tmp_path)]


def test_every_feed_must_be_sent(tmp_path: Path) -> None:
    folder = send(tmp_path)
    control = json.loads((folder / "control.json").read_text())
    (folder / control["files"].pop()["name"]).unlink()
    (folder / "control.json").write_text(json.dumps(control))
    assert refusal(tmp_path) == [("missing_feed", "control.json", "consents")]


def test_a_file_named_twice_is_refused(tmp_path: Path) -> None:
    folder = send(tmp_path)
    control = json.loads((folder / "control.json").read_text())
    control["files"].append(control["files"][0])
    (folder / "control.json").write_text(json.dumps(control))
    assert refusal(tmp_path) == [("wrong_parts", "control.json", "taps")]


def test_a_statement_of_a_day_that_has_begun_is_none_of_the_future(tmp_path: Path) -> None:
    """At 17:00 UTC the next day has begun in Hangzhou."""
    send(tmp_path, stamp="20261101T170000Z", business_date="2026-11-02")
    send(tmp_path, stamp="20261101T155959Z", business_date="2026-11-02", revision=1)
    assert [(receipt.arrival[9:11], state(receipt)) for receipt in take(tmp_path)] == [
        ("15", ("refused", ["future_statement"])),
        ("17", ("accepted", [])),
    ]


def test_of_a_control_file_only_agreed_keys_are_told(tmp_path: Path) -> None:
    send(tmp_path, change={"王小明": 1, "files": [{"name": "x", "13812345678": 2, "sums": {"33010619900101": "x"}}]})
    (receipt,) = take(tmp_path)
    told = {error.column for error in receipt.errors}
    assert {"字{3}", "files[0].9{11}", "files[0].sums.9{14}", "files[0].sha256"} <= told
    written = "".join(path.read_text() for path in (tmp_path / "landing/receipts").rglob("*.json"))
    assert not [secret for secret in ("王小明", "13812345678", "33010619900101") if secret in written]


def test_a_control_file_without_end_is_not_read(tmp_path: Path) -> None:
    with (send(tmp_path) / "control.json").open("ab") as file:
        file.truncate(module.CONTROL_BYTES + 1)
    assert refusal(tmp_path) == [("bad_control", "control.json", None)]


def test_a_control_file_that_is_wrong_everywhere_is_told_a_hundred_times(tmp_path: Path) -> None:
    send(tmp_path, change={"files": [{} for _ in range(500)]})
    assert len(refusal(tmp_path)) == module.MOST_REASONS


# -- after a stop


@pytest.mark.parametrize("stopped_at", ["copy", "replace", "receipt"])
def test_a_killed_pull_is_done_again_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped_at: str) -> None:
    """Stop within the copy, before the folder moves in, and before the receipt is written."""
    send(tmp_path)

    class Killed(BaseException):
        pass

    def killed(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        if stopped_at == "copy":
            patch.setattr(module.hashlib, "sha256", killed)
        elif stopped_at == "replace":
            patch.setattr(os, "replace", killed)
        else:
            patch.setattr("jobs.landing.deliveries.write_whole", killed)
        with pytest.raises(Killed):
            take(tmp_path)
    assert load_receipts(METRO, tmp_path / "landing") == []
    assert [receipt.state for receipt in take(tmp_path)] == ["accepted"]
    assert all(not part.startswith(".") for path in landed(tmp_path) for part in Path(path).parts)
    assert len(landed(tmp_path)) == 4


def test_a_half_written_receipt_is_no_receipt(tmp_path: Path) -> None:
    send(tmp_path)
    take(tmp_path)
    folder = tmp_path / "landing/receipts/hangzhou_metro"
    (path,) = folder.iterdir()
    shutil.move(path, folder / f".{path.name}.tmp")
    assert [receipt.state for receipt in take(tmp_path)] == ["accepted"]
    assert [found.name for found in folder.iterdir()] == [path.name]

"""Damaged exports: a file or a row is refused by name, its neighbours land, and nothing crashes."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from jobs.landing.formats import lines, workbook, xml
from jobs.landing.manifests import load_manifests
from tests.support.exports import as_sent, deliver_fixture, part
from tests.support.landing import EXIT, SOURCES, TAP, land_one, rejects, rows, samples, take

# -- whole files


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("bad_compression", as_sent("hangzhou_metro", "time,lineID\n" + TAP * 99)[:-30]),
        ("bad_compression", b"time,lineID,stationID,deviceID,status,userID,payType,fare\n"),
        ("bad_compression", b""),
        ("wrong_header", as_sent("hangzhou_metro", "")),
        ("wrong_header", as_sent("hangzhou_metro", TAP)),
        ("wrong_header", gzip.compress("时间,线路\n".encode("gb18030"))),
        ("wrong_header", gzip.compress("time,lineID\n".encode("utf-16-le"))),
        ("byte_order_mark", gzip.compress("time,lineID\n".encode("utf-8-sig"))),
        ("byte_order_mark", gzip.compress("time,lineID\n".encode("utf-16"))),
        (
            "wrong_line_ending",
            gzip.compress(b"time,lineID,stationID,deviceID,status,userID,payType,fare\r\n"),
        ),
        ("line_too_long", as_sent("hangzhou_metro", "time," * 300_000)),
    ],
)
def test_an_unreadable_file_is_refused_by_name(tmp_path: Path, code: str, data: bytes) -> None:
    manifest = land_one(tmp_path, "hangzhou_metro", part("hangzhou_metro", "taps", TAP, data=data))[1]
    assert manifest.state == "refused"
    assert [error.code for error in manifest.errors] == [code]
    assert manifest.accepted_rows == 0
    assert not list((tmp_path / "landed").rglob(f"*{manifest.file_id}*.parquet*"))


def test_a_bank_file_with_the_other_line_ending_is_refused(tmp_path: Path) -> None:
    data = "客户号|业务场景|记账日期|笔数|金额|备注\nC1|电子账单|20261101|1||\n".encode("gb18030")
    manifest = land_one(tmp_path, "citic_bank", part("citic_bank", "acts", "", data=data, rows=1))[1]
    assert [error.code for error in manifest.errors] == ["wrong_line_ending"]


@pytest.mark.parametrize(
    ("code", "stated"),
    [
        ("wrong_row_count", {"rows": 3, "total": "400"}),
        ("wrong_row_count", {"rows": 1, "total": "400"}),
        ("wrong_sum", {"rows": 2, "total": "400.01"}),
        ("wrong_sum", {"rows": 2, "total": "-400"}),
    ],
)
def test_a_file_that_breaks_its_control_file_is_refused(tmp_path: Path, code: str, stated: dict[str, Any]) -> None:
    manifest = land_one(tmp_path, "hangzhou_metro", part("hangzhou_metro", "taps", TAP + EXIT, **stated))[1]
    assert (manifest.state, [error.code for error in manifest.errors]) == ("refused", [code])
    assert (manifest.rows, manifest.accepted_rows) == (2, 0)


def test_one_refused_part_holds_back_the_statement_and_no_other_feed(tmp_path: Path) -> None:
    whole = part("hangzhou_metro", "taps", TAP, parts=2)
    short = part("hangzhou_metro", "taps", EXIT, total="401", part=2, parts=2)
    manifests = land_one(tmp_path, "hangzhou_metro", whole, short)
    assert [error.code for error in manifests[1].errors] == ["part_refused"]
    assert [error.code for error in manifests[2].errors] == ["wrong_sum"]
    assert not list((tmp_path / "landed/tap").rglob("*.parquet*"))
    assert {m.feed: m.state for m in load_manifests(tmp_path)} == {
        "taps": "refused",
        "registrations": "accepted",
        "consents": "accepted",
    }


# -- single rows


@pytest.mark.parametrize(
    ("code", "row"),
    [
        ("nul_byte", TAP.replace("D0101", "D\0").encode()),
        ("bad_encoding", TAP.encode().replace(b"D0101", b"D\xff")),
        ("bad_encoding", TAP.encode().replace(b"D0101", "杭".encode("gb18030"))),
        ("bad_quoting", TAP.replace("D0101", '"D0101').encode()),
        ("wrong_columns", b"\n"),
    ],
)
def test_a_broken_row_is_rejected_and_its_neighbours_keep_their_lines(tmp_path: Path, code: str, row: bytes) -> None:
    header = "time,lineID,stationID,deviceID,status,userID,payType,fare\n"
    data = gzip.compress(header.encode() + TAP.encode() + row + EXIT.encode())
    manifest = land_one(tmp_path, "hangzhou_metro", part("hangzhou_metro", "taps", "", data=data, rows=3))[1]
    assert manifest.state == "accepted"
    assert list(rows(tmp_path, manifest)) == [2, 4]
    assert [(line, found[0]) for line, found in rejects(tmp_path, manifest).items()] == [(3, code)]


@pytest.mark.parametrize("bad", [b"\x81", b"\xff\xff", b"\x84\x31"])
def test_a_row_that_is_no_gb18030_is_rejected(tmp_path: Path, bad: bytes) -> None:
    text = [
        "客户号|业务场景|记账日期|笔数|金额|备注",
        "C1|电子账单|20261101|1||X",
        "C2|电子账单|20261101|1||",
    ]
    data = "".join(f"{line}\r\n" for line in text).encode("gb18030").replace(b"X", bad)
    manifest = land_one(tmp_path, "citic_bank", part("citic_bank", "acts", "", data=data, rows=2))[1]
    assert list(rows(tmp_path, manifest)) == [3]
    assert [found[0] for found in rejects(tmp_path, manifest).values()] == ["bad_encoding"]


def test_a_gb18030_letter_whose_second_byte_is_the_separator_stays_whole(tmp_path: Path) -> None:
    """丨 is A9 7C, and 7C alone is the separator."""
    letter = b"\x81\x7c".decode("gb18030")
    row = f"C1|电子账单|20261101|1||{letter}\n"
    manifest = land_one(tmp_path, "citic_bank", part("citic_bank", "acts", row))[1]
    assert (manifest.accepted_rows, manifest.rejected_rows) == (1, 0)


def test_a_last_line_without_ending_counts(tmp_path: Path) -> None:
    text = "time,lineID,stationID,deviceID,status,userID,payType,fare\n" + TAP + EXIT.rstrip("\n")
    sent = part("hangzhou_metro", "taps", TAP + EXIT, data=gzip.compress(text.encode()), total="400")
    assert land_one(tmp_path, "hangzhou_metro", sent)[1].accepted_rows == 2


@pytest.mark.parametrize("block", [7, 64, 1000])
def test_blocks_of_any_size_give_the_same_rows_and_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    homes = tmp_path / "whole", tmp_path / "blocks"
    for home in homes:
        for institution in SOURCES:
            deliver_fixture(home, institution)
            take(home, institution)
        monkeypatch.setattr(lines, "BLOCK_BYTES", block)
        monkeypatch.setattr(lines, "LINES", 3)
        monkeypatch.setattr(xml, "FEED_BYTES", max(block, 200))  # the root must be in the first
        monkeypatch.setattr(xml, "ROWS", 2)
        monkeypatch.setattr(workbook, "ROWS", 2)
    manifests = load_manifests(homes[0])
    assert len(manifests) >= len(list(samples())) > 40
    said = [[one.model_copy(update={"hashes": {}}) for one in load_manifests(home)] for home in homes]
    assert said[0] == said[1], "but for the bytes: row groups are other"
    for manifest in manifests:
        assert rows(homes[1], manifest) == rows(homes[0], manifest)
        assert rejects(homes[1], manifest) == rejects(homes[0], manifest)

"""Odd ways of writing the same, and rows that say two things: read as one would, or refused by name; never guessed."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from jobs.landing import parts
from jobs.landing.formats.rows import _customer_converter
from jobs.landing.formats.times import Window, time_converter
from jobs.landing.formats.values import BadValue, number_converter
from jobs.landing.land import replay
from jobs.landing.manifests import Manifest
from jobs.landing.tokens import Tokens
from schemas.sources import PaymentFeed
from schemas.sources.columns import Time
from schemas.sources.layouts import Selection
from tests.support.exports import CARD, CITIZEN, PHONE, REGISTERED, alipay_acts, alipay_registrations, deliver, part
from tests.support.landing import RECORD_KEY, SOURCES, STATIONS, TAP, TOKEN_KEY, land_one, rejects, rows, take

METRO = "hangzhou_metro"
TOKENS = Tokens(TOKEN_KEY, RECORD_KEY, key_version=3)


def codes(home: Path, manifest: Manifest) -> dict[int, str]:
    found = {line: row["error_code"] for line, row in rows(home, manifest).items() if row["error_code"]}
    return found | {line: code for line, (code, _) in rejects(home, manifest).items()}


# -- identifiers


@pytest.mark.parametrize(
    "written", ["ＨＭ０００００００００１", " HM0000000001 ", "HM00000\u200b00001", "\ufeffHM0000000001"]
)
def test_a_customer_is_the_same_however_the_name_is_written(tmp_path: Path, written: str) -> None:
    """Rows of full-width digits ended as without consent, and nobody was told."""
    text = TAP + TAP.replace("HM0000000001", written).replace("08:00:05", "08:30:05")
    manifest = land_one(tmp_path, METRO, part(METRO, "taps", text))[1]
    first, second = rows(tmp_path, manifest).values()
    assert first["customer_key"] == second["customer_key"] and first["record_key"] != second["record_key"]
    assert not codes(tmp_path, manifest)


@pytest.mark.parametrize("written", ["2026-11-01 08:00:05", "S01", "HM 01", "HM\x1b[31m1", "ｓ", "HM00000000010000000"])
def test_a_customer_in_another_form_is_quarantined(tmp_path: Path, written: str) -> None:
    text = TAP + TAP.replace("HM0000000001", written)
    manifest = land_one(tmp_path, METRO, part(METRO, "taps", text))[1]
    assert codes(tmp_path, manifest) == {3: "bad_customer"}


def test_a_natural_key_is_the_same_however_it_is_written(tmp_path: Path) -> None:
    """Otherwise one act that is sent again in other digits would count twice."""
    row = json.loads(ROW)
    odd = {**row, "acquisition_item_no": "".join(chr(ord(one) + 0xFEE0) for one in row["acquisition_item_no"])}
    text = "".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in (row, odd))
    manifest = land_one(tmp_path, "alipay", part("alipay", "acts", text, total="200"))[1]
    first, second = rows(tmp_path, manifest).values()
    assert row["acquisition_item_no"].isascii() and first["record_key"] == second["record_key"]


def test_a_customers_name_has_an_end_whatever_form_the_contract_gives() -> None:
    convert = _customer_converter(SOURCES[METRO].model_copy(update={"customers": "[a-z]+"}), TOKENS)
    assert convert("x" * 64)
    with pytest.raises(BadValue, match="bad_customer"):
        convert("x" * 65)


def test_files_of_another_normal_form_land_again(tmp_path: Path) -> None:
    manifest = land_one(tmp_path, METRO, part(METRO, "taps", TAP))[1]
    source = SOURCES[METRO]
    assert replay(source, tmp_path, TOKENS, STATIONS) == []
    (path,) = (tmp_path / "landed").rglob(f"{manifest.file_id}.json")
    path.write_text(manifest.model_copy(update={"normal_form": 1}).model_dump_json())
    assert [one.file_id for one in replay(source, tmp_path, TOKENS, STATIONS)] == [manifest.file_id]


def test_identifiers_are_counted_by_kind_and_each_card_by_itself(tmp_path: Path) -> None:
    """Of what is left out nothing is counted; a number is one that is none."""
    people: list[tuple[int, Any, Any, Any, str]] = [
        (1, CITIZEN[0], PHONE[0], [CARD[0], "6217"], REGISTERED),
        (2, PHONE[1], CITIZEN[1], [], REGISTERED),
        (3, "", "", None, REGISTERED),
        (4, None, 13812345678, ["", CARD[1]], REGISTERED),
    ]
    profile = land_one(tmp_path, "alipay", alipay_registrations(*people))[1].profile
    assert profile.identifiers == {"citizen_id": 2, "phone": 3, "card": 3}
    assert profile.bad_identifiers == {"citizen_id": 1, "phone": 2, "card": 1}


# -- rows


ROW = gzip.decompress(alipay_acts((1, 1, "2026-11-01 08:00:00", "xingzou", "100")).data).decode().rstrip("\n")
KEY = '"project_no"'


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda row: row.replace(KEY, f'{KEY}:"other",{KEY}'), "repeated_key"),
        (lambda row: row.replace(KEY, f'{KEY} :"other",{KEY}'), "repeated_key"),
        (lambda row: row.replace(KEY, f'"project\\u005fno":"other",{KEY}'), "repeated_key"),
        (lambda row: row.replace('"item_code"', '"item_code":"COUNT","item_code"'), "repeated_key"),
        (lambda row: row.replace("did:alipay:", "did:alipay:\\u0000", 1), "nul_byte"),
        (lambda row: row.replace("did:alipay:", "x" * 5000, 1), "value_too_long"),
        (lambda row: row.replace('"STEP"', f'"{"x" * 5000}"', 1), "value_too_long"),
    ],
)
def test_a_json_row_that_is_not_plain(tmp_path: Path, change: Callable[[str], str], code: str) -> None:
    assert change(ROW) != ROW
    manifest = land_one(tmp_path, "alipay", part("alipay", "acts", f"{ROW}\n{change(ROW)}\n", total="100"))[1]
    assert rejects(tmp_path, manifest)[2][0] == code


def test_a_value_that_looks_like_a_key_is_one_value(tmp_path: Path) -> None:
    manifest = land_one(tmp_path, "alipay", part("alipay", "acts", ROW.replace('":', '" : ') + "\n", total="100"))[1]
    assert manifest.rejected_rows == 0


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_files_that_were_joined_with_their_headers_say_so(tmp_path: Path, mark: str) -> None:
    header = "time,lineID,stationID,deviceID,status,userID,payType,fare\n"
    manifest = land_one(tmp_path, METRO, part(METRO, "taps", TAP * 2 + mark + header + TAP))[1]
    assert codes(tmp_path, manifest) == {4: "repeated_header"}


def test_a_value_that_is_too_long_is_rejected(tmp_path: Path) -> None:
    manifest = land_one(tmp_path, METRO, part(METRO, "taps", TAP + TAP.replace("D0101", "D" * 4097)))[1]
    assert codes(tmp_path, manifest) == {3: "value_too_long"}


# -- times


WINDOW = Window(0, 40_000, "too_old", "future_time")


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-01T13:15:00+01:00", "12:15"),
        ("2026-11-01T13:15:00+0100", "12:15"),
        ("2026-11-01T13:15:00Z", "13:15"),
        ("2026-11-01T13:15:00+08:00", "05:15"),
        ("2026-11-01T13:15:00.5+08:00", "05:15"),
        ("2026-11-01T13:15:00.123456789-03:30", "16:45"),
    ],
)
def test_an_offset_is_honoured_and_a_fraction_read(text: str, utc: str) -> None:
    forms = {"%Y-%m-%dT%H:%M:%S%z": "second", "%Y-%m-%dT%H:%M:%S.%f%z": "second"}
    read = time_converter(Time.model_validate({"column": "at", "formats": forms}), ZoneInfo("Asia/Shanghai"), WINDOW)
    moment = read(text)
    assert f"{moment.unix % 86400 // 3600:02d}:{moment.unix % 3600 // 60:02d}" == utc


def test_a_booking_is_of_the_day_at_the_institutions_place() -> None:
    time_of = Time.model_validate({"column": "at", "formats": {"%Y-%m-%dT%H:%M:%S%z": "second"}, "tells": "booking"})
    read = time_converter(time_of, ZoneInfo("Asia/Shanghai"), WINDOW)
    assert date.fromordinal(read("2026-11-01T20:00:00Z").day + date(1970, 1, 1).toordinal()) == date(2026, 11, 2)
    with pytest.raises(BadValue, match="bad_time"):
        read("2026-11-01T25:00:00Z")
    with pytest.raises(BadValue, match="bad_time"):
        read("2026-11-01T20:00:00+08:99")


# -- time that a row takes


def test_no_pattern_of_a_contract_is_slow_on_what_is_sent() -> None:
    """One of the bills' took minutes for a cell of 960 KB."""
    bills = SOURCES["wechat_pay"].feeds["bills"]
    assert isinstance(bills, PaymentFeed) and bills.columns.refunded
    read = number_converter(bills.columns.refunded)
    started = time.perf_counter()
    with pytest.raises(BadValue):
        read("已退款(￥" * 160_000 + ")")
    assert time.perf_counter() - started < 5


def test_a_pattern_that_needs_more_than_linear_time_is_refused() -> None:
    with pytest.raises(ValidationError, match="RE2"):
        Selection(pattern=r"(a+)\1", whole=["x"])


def test_a_file_that_takes_too_long_ends_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver(tmp_path, METRO, part(METRO, "taps", TAP))
    with monkeypatch.context() as patch:
        patch.setattr(parts, "_deadline", lambda received: time.monotonic() - 1)
        manifests = {one.feed: one for one in take(tmp_path, METRO)}
    assert [error.code for error in manifests["taps"].errors] == ["too_slow"]
    again = replay(SOURCES[METRO], tmp_path, TOKENS, STATIONS)
    assert {one.state for one in again if one.feed == "taps"} == {"accepted"}

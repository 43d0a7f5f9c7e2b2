"""Exports become exactly the landed rows that the fixtures say, and damaged ones are named, never a crash.

Tokens are computed again here with the standard library's HMAC, times with a fixed offset.
"""

from __future__ import annotations

import gc
import gzip
import hashlib
import hmac
import json
import random
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from jobs.formats import read
from jobs.formats.rows import RowMaker
from jobs.land import Manifest, land, landed_path, load_manifests, rejects_path
from jobs.pull import pull
from jobs.tokens import Tokens
from schemas.sources import Source, load_sources
from schemas.sources.errors import ERRORS
from tests.exports import FIXTURES, as_sent, deliver, deliver_fixture, expected, part

SOURCES = load_sources()
TOKEN_KEY, RECORD_KEY = bytes(range(32)), bytes(range(32, 64))
STATIONS = frozenset(f"S{number:02d}" for number in range(1, 21))
TAP = "2026-11-01 08:00:05,1,S01,D0101,1,HM0000000001,3,0\n"
EXIT = "2026-11-01 08:25:40,1,S05,D0502,0,HM0000000001,3,400\n"


def token(key: bytes, *parts: str) -> str:
    joined = "".join(f"{len(part)}:{part}" for part in parts)
    return hmac.new(key, joined.encode(), "sm3").hexdigest()[:32]


def unix(local: str) -> int:
    moment = datetime.fromisoformat(local).replace(tzinfo=timezone(timedelta(hours=8)))
    return int(moment.timestamp())


def take(home: Path, institution: str) -> list[Manifest]:
    source = SOURCES[institution]
    pull(source, home / "exports", home / "landing")
    return land(source, home, Tokens(TOKEN_KEY, RECORD_KEY, key_version=3), STATIONS)


def land_one(home: Path, institution: str, *parts: Any) -> dict[int, Manifest]:
    """Deliver parts of one feed and land them: manifests by part."""
    deliver(home, institution, *parts)
    return {manifest.part: manifest for manifest in take(home, institution) if manifest.feed == parts[0].feed}


def rows(home: Path, manifest: Manifest) -> dict[int, dict[str, Any]]:
    return {row["line"]: row for row in pq.read_table(landed_path(home, manifest)).to_pylist()}


def rejects(home: Path, manifest: Manifest) -> dict[int, tuple[str, str]]:
    table = pq.read_table(rejects_path(home, manifest)).to_pylist()
    assert all(row["file_id"] == manifest.file_id and row["error_column"] is None for row in table)
    return {row["line"]: (row["error_code"], row["error_shape"]) for row in table}


def as_landed(manifest: Manifest, told: dict[str, Any]) -> dict[str, Any]:
    """The landed values that a line of `expected.yaml` tells of, nulls left out."""
    institution, feed = manifest.institution, manifest.feed
    landed = {"file_id": manifest.file_id}
    if manifest.kind in ("act", "tap", "card"):
        landed["region"] = "330100"
    if manifest.kind == "registration":
        landed["key_version"] = 3
    for name, value in told.items():
        if name == "key":
            landed["record_key"] = token(RECORD_KEY, institution, feed, *value)
        elif name == "refers_to":
            landed["refers_to_key"] = token(RECORD_KEY, institution, feed, *value)
        elif name == "customer":
            landed["customer_key"] = token(TOKEN_KEY, "customer", institution, value)
        elif name in ("citizen_id", "phone", "card", "card2"):
            landed[f"{name}_token"] = token(TOKEN_KEY, name.rstrip("2"), value)
        elif name in ("at", "registered_at", "consent_at"):
            column = {"at": "occurred_at_unix", "registered_at": "registered_at_unix", "consent_at": "at_unix"}
            landed[column[name]] = unix(value)
        elif name == "rule":
            landed["ignore_rule"] = value
        else:
            landed[name] = value
    return landed


# -- the fixtures


@pytest.fixture(scope="module")
def fixture_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    for institution in SOURCES:
        deliver_fixture(home, institution)
        take(home, institution)
    return home


FIXTURE_FILES = [(path.parts[-3], path.name) for path in sorted(FIXTURES.glob("*/*-r*/*"))]


@pytest.mark.parametrize(("institution", "name"), FIXTURE_FILES)
def test_every_line_becomes_what_the_fixture_says(fixture_home: Path, institution: str, name: str) -> None:
    told = expected(institution)[name]
    packed = {"alipay": ".gz", "citic_bank": "", "hangzhou_metro": ".gz"}[institution]
    manifest = next(m for m in load_manifests(fixture_home) if m.path.endswith(f"/{name}{packed}"))
    landed = rows(fixture_home, manifest)

    good = {line: row for line, row in landed.items() if not row["error_code"] and not row["ignore_rule"]}
    ignored = {line: row for line, row in landed.items() if not row["error_code"] and row["ignore_rule"]}
    for found, wanted in ((good, told.get("good", {})), (ignored, told.get("ignored", {}))):
        without_nulls = {
            line: {key: value for key, value in row.items() if value is not None and key != "line"}
            for line, row in found.items()
        }
        assert without_nulls == {line: as_landed(manifest, row) for line, row in wanted.items()}
    quarantined = {
        line: [row["error_code"], row["error_column"], row["error_shape"]]
        for line, row in landed.items()
        if row["error_code"]
    }
    assert quarantined == told.get("quarantined", {})
    assert rejects(fixture_home, manifest) == {
        line: tuple(found) for line, found in told.get("rejected", {}).items()
    }


@pytest.mark.parametrize(("institution", "name"), FIXTURE_FILES)
def test_a_manifest_says_what_the_file_holds(fixture_home: Path, institution: str, name: str) -> None:
    told = expected(institution)[name]
    manifest = next(m for m in load_manifests(fixture_home) if f"/{name}" in m.path)
    counts = {kind: len(told.get(kind, {})) for kind in ("good", "ignored", "quarantined", "rejected")}

    assert manifest.state == "accepted"
    assert manifest.rows == sum(counts.values())
    assert manifest.accepted_rows == manifest.rows - counts["rejected"]
    assert manifest.quarantined_rows == counts["quarantined"]
    assert manifest.rejected_rows == counts["rejected"]
    assert manifest.sha256 and manifest.contract_hash == SOURCES[institution].contract_hash
    if "sum" in told and not told.get("is_sum_unchecked"):
        assert [float(total) for total in manifest.sums.values()] == [float(told["sum"])]
    landed = rows(fixture_home, manifest).values()
    days = [row["act_date"] for row in landed if row.get("act_date")]
    assert manifest.act_dates == {day: days.count(day) for day in days}
    seen = {(error.code, error.column) for error in manifest.errors}
    wrong = {(code, column) for code, column, _ in told.get("quarantined", {}).values()}
    wrong |= {(code, None) for code, _ in told.get("rejected", {}).values()}
    assert {pair for pair in seen if pair[0] != "sum_not_checked"} == wrong
    assert ("sum_not_checked" in {code for code, _ in seen}) == bool(told.get("is_sum_unchecked"))
    assert all((error.rule, error.mend) == ERRORS[error.code] for error in manifest.errors)


def test_no_text_of_the_source_is_written_past_land(fixture_home: Path) -> None:
    """Every identifier, number, merchant and note of the fixtures is looked for in all that land wrote."""
    secrets = set()
    for institution in SOURCES:
        for told in expected(institution).values():
            for row in (*told.get("good", {}).values(), *told.get("ignored", {}).values()):
                secrets |= {row[name] for name in ("customer", "citizen_id", "phone", "card", "card2") if name in row}
                if told.get("sum"):
                    secrets |= {value for value in row["key"] if len(value) > 12}
    secrets |= {secret.removeprefix("+86") for secret in secrets} | {"330106790101123", "33010219780923452x"}
    secrets |= {"王小明", "西湖边小吃店", "赵阿姨", "杭州地铁集团", "第二次缴费", "竖线", "did:alipay"}
    exported = "".join(path.read_text() for path in FIXTURES.glob("*/*-r*/*"))
    assert len(secrets) > 40
    assert not [secret for secret in secrets if secret not in exported and not secret.startswith("+")]

    written = ""
    for path in sorted((fixture_home / "landed").rglob("*")):
        if path.suffix == ".parquet":
            written += json.dumps(pq.read_table(path).to_pylist(), default=str, ensure_ascii=False)
            written += str(pq.read_metadata(path).metadata)
        elif path.is_file():
            written += path.read_text()
    written += "".join(path.read_text() for path in (fixture_home / "landing/receipts").rglob("*.json"))
    assert len(written) > 50_000
    assert not [secret for secret in secrets if secret in written]


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
        ("wrong_line_ending", gzip.compress(b"time,lineID,stationID,deviceID,status,userID,payType,fare\r\n")),
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
def test_a_broken_row_is_rejected_and_its_neighbours_keep_their_lines(
    tmp_path: Path, code: str, row: bytes
) -> None:
    header = "time,lineID,stationID,deviceID,status,userID,payType,fare\n"
    data = gzip.compress(header.encode() + TAP.encode() + row + EXIT.encode())
    manifest = land_one(tmp_path, "hangzhou_metro", part("hangzhou_metro", "taps", "", data=data, rows=3))[1]
    assert manifest.state == "accepted"
    assert list(rows(tmp_path, manifest)) == [2, 4]
    assert [(line, found[0]) for line, found in rejects(tmp_path, manifest).items()] == [(3, code)]


@pytest.mark.parametrize("bad", [b"\x81", b"\xff\xff", b"\x84\x31"])
def test_a_row_that_is_no_gb18030_is_rejected(tmp_path: Path, bad: bytes) -> None:
    lines = ["客户号|业务场景|记账日期|笔数|金额|备注", "C1|电子账单|20261101|1||X", "C2|电子账单|20261101|1||"]
    data = "".join(f"{line}\r\n" for line in lines).encode("gb18030").replace(b"X", bad)
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
    fixture_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(read, "BLOCK_BYTES", block)
    for institution in SOURCES:
        deliver_fixture(tmp_path, institution)
        take(tmp_path, institution)
    manifests = load_manifests(tmp_path)
    assert manifests == load_manifests(fixture_home)
    for manifest in manifests:
        assert rows(tmp_path, manifest) == rows(fixture_home, manifest)
        assert rejects(tmp_path, manifest) == rejects(fixture_home, manifest)


@pytest.mark.parametrize("institution", sorted(SOURCES))
def test_damaged_bytes_never_crash_and_every_row_is_accounted_for(tmp_path: Path, institution: str) -> None:
    """300 copies of a fixture file, each with bytes changed, cut out or put in."""
    feed = {"alipay": "acts", "citic_bank": "card_transactions", "hangzhou_metro": "taps"}[institution]
    name = next((FIXTURES / institution / "2026-11-01-r0").glob(f"{feed}_*_1.*"))
    text = name.read_text()
    plain = text.replace("\n", "\r\n").encode("gb18030") if institution == "citic_bank" else text.encode()
    maker_source = SOURCES[institution]
    path = tmp_path / "file"
    rng = random.Random(5)
    refused = rejected = quarantined = 0
    for _ in range(300):
        data = bytearray(plain)
        for _ in range(rng.randrange(1, 6)):
            place = rng.randrange(len(data))
            data[place : place + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
        path.write_bytes(bytes(data) if institution == "citic_bank" else gzip.compress(bytes(data), 1))
        maker = RowMaker(
            maker_source, feed, "f" * 16, datetime(2026, 11, 1).date(), Tokens(TOKEN_KEY, RECORD_KEY), STATIONS
        )
        lines: list[int] = []
        try:
            for batch in read.read_batches(path, maker.feed):
                landed = maker.rows(batch)
                assert all(code is None or code in ERRORS for code in landed.column("error_code").to_pylist())
                assert all(reject.code in ERRORS for reject in batch.rejects)
                lines += [*batch.lines, *(reject.line for reject in batch.rejects)]
                quarantined += landed.num_rows - landed.column("error_code").null_count
                rejected += len(batch.rejects)
        except read.FileRefused as reason:
            assert reason.reason.code in ERRORS
            refused += 1
            continue
        ending = b"\r\n" if institution == "citic_bank" else b"\n"
        physical = bytes(data).split(ending)
        count = len(physical) - (physical[-1] == b"")
        first = 1 if institution == "alipay" else 2
        assert sorted(lines) == list(range(first, count + 1))
    assert rejected and quarantined
    assert refused or institution == "alipay"


# -- again and after a stop


def test_landing_again_does_nothing(tmp_path: Path) -> None:
    deliver(tmp_path, "hangzhou_metro", part("hangzhou_metro", "taps", TAP))
    assert len(take(tmp_path, "hangzhou_metro")) == 3
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "landed").rglob("*")}
    assert take(tmp_path, "hangzhou_metro") == []
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "landed").rglob("*")} == before


def test_a_statement_whose_manifests_were_not_all_written_is_landed_again(tmp_path: Path) -> None:
    first = part("hangzhou_metro", "taps", TAP, parts=2)
    second = part("hangzhou_metro", "taps", EXIT, total="400", part=2, parts=2)
    manifests = land_one(tmp_path, "hangzhou_metro", first, second)
    lost = landed_path(tmp_path, manifests[2]).with_suffix(".json")
    lost.unlink()
    (lost.parent / f".{lost.stem}.parquet.tmp").write_bytes(b"half a file")
    assert take(tmp_path, "hangzhou_metro") == [manifests[1], manifests[2]]
    assert len(rows(tmp_path, manifests[2])) == 1
    assert not [path for path in lost.parent.iterdir() if path.name.startswith(".")]


def test_a_refused_delivery_is_not_landed(tmp_path: Path) -> None:
    deliver(tmp_path, "hangzhou_metro", part("hangzhou_metro", "taps", TAP), change={"revision": -1})
    assert take(tmp_path, "hangzhou_metro") == []
    assert load_manifests(tmp_path) == []


def test_the_same_bytes_land_as_the_same_bytes_and_other_keys_as_other_tokens(tmp_path: Path) -> None:
    content = []
    for name, key in (("a", TOKEN_KEY), ("b", TOKEN_KEY), ("c", bytes(32))):
        home = tmp_path / name
        deliver(home, "hangzhou_metro", part("hangzhou_metro", "taps", TAP))
        pull(SOURCES["hangzhou_metro"], home / "exports", home / "landing")
        manifest = land(SOURCES["hangzhou_metro"], home, Tokens(key, RECORD_KEY), STATIONS)[0]
        content.append(landed_path(home, manifest).read_bytes())
    assert content[0] == content[1] != content[2]


def test_the_garbage_collector_is_left_as_it_was(tmp_path: Path) -> None:
    deliver(tmp_path, "hangzhou_metro", part("hangzhou_metro", "taps", TAP, data=b"no gzip"))
    assert gc.isenabled()
    assert take(tmp_path, "hangzhou_metro")[0].state == "refused"
    assert gc.isenabled()


def test_a_new_institution_needs_only_a_contract(tmp_path: Path) -> None:
    """A bus company with tabs, quotes, minutes and dated codes: no code of it anywhere."""
    feed = {
        "kind": "act",
        "file": "rides-{date}-{part}.tsv",
        "completeness": "day",
        "fields": ["no", "who", "when", "what", "km"],
        "natural_key": ["no"],
        "columns": {
            "customer": "who",
            "occurred_at": {"column": "when", "formats": {"%d.%m.%Y %H:%M": "minute"}},
            "scenario": {
                "column": "what",
                "cases": [
                    {"scenario": "metro", "codes": ["B"], "valid_to": "2026-06-30", "quantity": {"constant": 2}},
                    {"scenario": "walking", "codes": ["B"], "valid_from": "2026-07-01", "quantity": {"column": "km"}},
                ],
            },
        },
    }
    source = Source.model_validate(
        {
            "id": "bus",
            "name": "公交",
            "kind": "transit",
            "region": "330100",
            "time_zone": "Asia/Shanghai",
            "ready_by": "05:00",
            "format": {
                "layout": "delimited",
                "encoding": "utf-8",
                "compression": "none",
                "line_ending": "lf",
                "delimiter": "\t",
                "quoting": "minimal",
            },
            "feeds": {"rides": feed},
        }
    )
    text = 'no\twho\twhen\twhat\tkm\n1\ta\t30.06.2026 23:59\tB\t1.5\n2\t"a ""b"""\t01.07.2026 00:00\tB\t1.5\n'
    folder = tmp_path / "exports/bus/20260702T000000Z"
    folder.mkdir(parents=True)
    (folder / "rides-20260701-1.tsv").write_text(text)
    file = {
        "name": "rides-20260701-1.tsv",
        "feed": "rides",
        "part": 1,
        "parts": 1,
        "rows": 2,
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }
    control = {"institution": "bus", "business_date": "2026-07-01", "revision": 0, "files": [file]}
    (folder / "control.json").write_text(json.dumps(control))
    pull(source, tmp_path / "exports", tmp_path / "landing")
    (manifest,) = land(source, tmp_path, Tokens(TOKEN_KEY, RECORD_KEY))
    landed = rows(tmp_path, manifest)
    assert [(row["scenario"], row["quantity_micro"]) for row in landed.values()] == [
        ("metro", 2_000_000),
        ("walking", 1_500_000),
    ]
    assert landed[2]["occurred_at_unix"] == unix("2026-06-30 23:59:00")
    assert landed[3]["time_precision"] == "minute"
    assert landed[3]["customer_key"] == token(TOKEN_KEY, "customer", "bus", 'a "b"')

"""Exports become exactly the landed rows that the fixtures say.

Tokens are computed again here with the standard library's HMAC, times with a fixed offset.
"""

from __future__ import annotations

import gc
import hashlib
import hmac
import json
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from jobs.landing.formats.rows import OTHER_FEED
from jobs.landing.land import land
from jobs.landing.manifests import BILLS, Bill, Manifest, landed_path, load_manifests
from jobs.landing.pull import pull
from jobs.landing.tokens import Tokens
from schemas.base import load_yaml
from schemas.sources import Source
from schemas.sources.errors import ERRORS
from tests.support.exports import FIXTURES, OUTCOMES, deliver, deliver_fixture, expected, part
from tests.support.landing import (
    EXIT,
    RECORD_KEY,
    SOURCES,
    STATIONS,
    TAP,
    TOKEN_KEY,
    land_one,
    read_samples,
    rejects,
    rows,
    samples,
    take,
)

IDENTIFIERS = ("citizen_id", "phone")
UNIX_COLUMNS = {
    "at": "occurred_at_unix",
    "ended": "ended_at_unix",
    "registered_at": "registered_at_unix",
    "consent_at": "at_unix",
    "redeemed_at": "redeemed_at_unix",
}


def token(key: bytes, *parts: str) -> str:
    joined = "".join(f"{len(part)}:{part}" for part in parts)
    return hmac.new(key, joined.encode(), "sm3").hexdigest()[:32]


def unix(local: str) -> int:
    moment = datetime.fromisoformat(local).replace(tzinfo=timezone(timedelta(hours=8)))
    return int(moment.timestamp())


def as_landed(manifest: Manifest, told: dict[str, Any], customer: str | None) -> dict[str, Any]:
    """The landed values that a line of `expected.yaml` tells of, nulls left out."""
    institution, feed = manifest.institution, manifest.feed
    landed: dict[str, Any] = {"file_id": manifest.file_id}
    if manifest.kind in ("act", "tap", "payment"):
        landed["region"] = SOURCES[institution].region_of(feed)
    if manifest.kind == "payment" and "at" not in told and "act_date" in told:  # booked on a day
        landed |= {"occurred_at_unix": unix(f"{told['act_date']} 00:00:00"), "time_precision": "day"}
    if manifest.kind == "registration":
        landed["key_version"] = 3
    if customer is not None:
        told = {"customer": customer, **told}
    for name, value in told.items():
        if name == "key":
            landed["record_key"] = token(RECORD_KEY, institution, feed, *value)
        elif name == "refers_to":
            landed["refers_to_key"] = token(RECORD_KEY, institution, feed, *value)
        elif name == "merchant":  # the texts by which a refund is matched
            landed["merchant_key"] = token(RECORD_KEY, "merchant of", institution, feed, str(told["customer"]), *value)
        elif name == "customer":
            landed["customer_key"] = token(TOKEN_KEY, "customer", institution, value)
        elif name in IDENTIFIERS:
            landed[f"{name}_token"] = token(TOKEN_KEY, name, value)
        elif name in ("card", "cards"):
            cards = value if name == "cards" else [value]
            landed["card_tokens"] = " ".join(sorted(token(TOKEN_KEY, "card", card) for card in cards))
        elif name == "refused":
            landed |= dict(zip(("refused_code", "refused_column", "refused_shape"), value))
        elif name in UNIX_COLUMNS:
            landed[UNIX_COLUMNS[name]] = unix(value)
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


FIXTURE_FILES = [(sample.institution, sample.name) for sample in read_samples()]


def manifest_of(home: Path, institution: str, name: str) -> Manifest:
    """The manifest of a readable file: its name as sent may be another."""
    feed, day, part = name.split(".")[0].rsplit("_", 2)
    wanted = (institution, feed, day, int(part))
    return next(
        m for m in load_manifests(home) if (m.institution, m.feed, f"{m.business_date:%Y%m%d}", m.part) == wanted
    )


@pytest.mark.parametrize(("institution", "name"), FIXTURE_FILES)
def test_every_line_becomes_what_the_fixture_says(fixture_home: Path, institution: str, name: str) -> None:
    told = expected(institution)[name]
    manifest = manifest_of(fixture_home, institution, name)
    assert (manifest.state, [error.code for error in manifest.errors if error.line is None]) == (
        "accepted",
        ["sum_not_checked"] if told.get("is_sum_unchecked") else [],
    )
    landed = rows(fixture_home, manifest)
    others = [line for line, row in landed.items() if row["ignore_rule"] == OTHER_FEED and not row["error_code"]]
    assert others == told.get("others", [])
    landed = {line: row for line, row in landed.items() if line not in others}

    good = {line: row for line, row in landed.items() if not row["error_code"] and not row["ignore_rule"]}
    ignored = {line: row for line, row in landed.items() if not row["error_code"] and row["ignore_rule"]}
    for found, wanted in ((good, told.get("good", {})), (ignored, told.get("ignored", {}))):
        without_nulls = {
            line: {key: value for key, value in row.items() if value is not None and key != "line"}
            for line, row in found.items()
        }
        assert without_nulls == {line: as_landed(manifest, row, told.get("customer")) for line, row in wanted.items()}
    quarantined = {
        line: [row["error_code"], row["error_column"], row["error_shape"]]
        for line, row in landed.items()
        if row["error_code"]
    }
    assert quarantined == told.get("quarantined", {})
    assert rejects(fixture_home, manifest) == {line: tuple(found) for line, found in told.get("rejected", {}).items()}


@pytest.mark.parametrize(("institution", "name"), FIXTURE_FILES)
def test_a_manifest_says_what_the_file_holds(fixture_home: Path, institution: str, name: str) -> None:
    told = expected(institution)[name]
    manifest = manifest_of(fixture_home, institution, name)
    counts = {outcome: len(told.get(outcome, ())) for outcome in (*OUTCOMES, "others")}

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
    wrong |= {tuple(row["refused"][:2]) for row in told.get("good", {}).values() if "refused" in row}
    assert {pair for pair in seen if pair[0] != "sum_not_checked"} == wrong
    assert ("sum_not_checked" in {code for code, _ in seen}) == bool(told.get("is_sum_unchecked"))
    assert all((error.rule, error.mend) == ERRORS[error.code] for error in manifest.errors)


def test_a_bill_says_whose_it_is_and_what_it_covers(fixture_home: Path) -> None:
    zone = timezone(timedelta(hours=8))
    first, filtered, until_2022 = (
        manifest_of(fixture_home, "alipay", f"bills_20261108_{part}.csv") for part in (1, 2, 3)
    )
    assert first.bill == Bill(
        customer_key=token(TOKEN_KEY, "customer", "alipay", "did:alipay:2088000000000001"),
        first_day=date(2026, 11, 1),
        last_day=date(2026, 11, 7),
        exported_at=datetime(2026, 11, 8, 10, 12, 1, tzinfo=zone),
        is_whole=True,
    )
    assert filtered.bill and not filtered.bill.is_whole and filtered.bill.customer_key == first.bill.customer_key
    assert until_2022.bill and until_2022.bill.is_whole and until_2022.bill.exported_at.hour == 9
    bills = [m for m in load_manifests(fixture_home) if m.bill]
    brought = [one for one in samples() if one.feed.is_bill]
    assert len(bills) == len(brought) >= 8
    assert {(m.institution, m.feed, m.business_date) for m in bills} == {
        (one.institution, one.part.feed, one.business_date) for one in brought
    }


def test_no_text_of_the_source_is_written_past_land(fixture_home: Path) -> None:
    """Every identifier, number, merchant and note of the fixtures is looked for in all that land wrote."""
    secrets = set()
    for institution in SOURCES:
        for told in expected(institution).values():
            secrets |= {told["customer"]} if "customer" in told else set()
            for row in (*told.get("good", {}).values(), *told.get("ignored", {}).values()):
                secrets |= {row[name] for name in IDENTIFIERS if name in row}
                if told.get("sum"):
                    secrets |= {value for value in row["key"] if len(value) > 12}
    secrets |= {secret.removeprefix("+86") for secret in secrets} | {"330106790101123", "33010219780923452x"}
    secrets |= {"王小明", "西湖边小吃店", "赵阿姨", "杭州地铁集团", "第二次缴费", "竖线", "did:alipay", "西湖的小船"}
    secrets |= {"rim***@qq.com", "居住证", "HYPERLINK", "30.250000", "武林广场", "HOTEL"}
    files = [path for folder in FIXTURES.iterdir() for path in folder.glob("*-r*/*") if folder.name in SOURCES]
    exported = "".join(path.read_text() for path in files) + json.dumps(list(map(expected, SOURCES)), default=str)
    assert len(secrets) > 100
    assert not [secret for secret in secrets if secret not in exported and not secret.startswith("+")]

    written = ""
    for path in sorted((fixture_home / "landed").rglob("*")):
        if path.suffix in (".parquet", BILLS):
            written += json.dumps(pq.read_table(path).to_pylist(), default=str, ensure_ascii=False)
            written += str(pq.read_metadata(path).metadata)
        elif path.is_file():
            written += path.read_text()
    written += "".join(path.read_text() for path in (fixture_home / "landing/receipts").rglob("*.json"))
    assert len(written) > 200_000
    assert not [secret for secret in secrets if secret in written]


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
    """A bus company with tabs, quotes, minutes and a code that changes its meaning."""
    source = load_yaml(FIXTURES / "bus" / "bus.yaml", Source)
    text = "number\twho\twhen\twhat\tkm\n1\ta\t30.06.2026 23:59\tB\t1.5\n"
    text += '2\t"a ""b"""\t01.07.2026 00:00\tB\t1.5\n'
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

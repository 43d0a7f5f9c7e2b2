"""`tanzhang contract new`: what it reads off a file is what the file's contract says, and it names nobody."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from jobs.landing.draft import draft
from jobs.landing.looks import look
from jobs.landing.sniff import Unreadable, sniff
from schemas.sources.layouts import Delimited, Mt940, Workbook, Xml
from tanzhang.cli import app
from tests.support.exports import FIXTURES
from tests.support.landing import Sample, samples

SAMPLES = {
    f"{one.institution}-{one.name}": one
    for one in samples()
    if len(one.told.get("good", {})) > 1 and not any(isinstance(layout, Mt940) for layout in one.feed.formats)
}
"""Fixture files of which enough can be read to draft a contract; MT940 is not drafted."""
NEWCOMER = FIXTURES / "newcomer"


def run(*said: str | Path) -> Result:
    result = CliRunner().invoke(app, list(map(str, said)))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result


def sent(folder: Path, sample: Sample) -> Path:
    path = folder / f"{sample.name.split('.')[0]}{sample.suffix}"
    path.write_bytes(sample.part.data)
    return path


def _has_number(text: str) -> bool:
    """Whether it holds the number of something, and is no time."""
    return sum(one.isdigit() for one in text) > 5 and not text.startswith("20")


def feed_of(text: str) -> dict[str, Any]:
    [feed] = yaml.safe_load(text)["feeds"].values()
    return dict(feed)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_is_read_as_its_contract_says(tmp_path: Path, name: str) -> None:
    """Layout, encoding, delimiter, packing and the names of its columns, of every fixture file."""
    sample = SAMPLES[name]
    found, feed = sniff(sent(tmp_path, sample)), sample.feed
    fitting = [one for one in feed.formats if one.layout == found.layout["layout"]]
    assert fitting, found.layout
    assert found.end == sample.suffix
    headers = [{*(getattr(one, "columns", None) or feed.fields)} - {*getattr(one, "optional", ())} for one in fitting]
    if isinstance(fitting[0], Xml):
        assert found.layout["root"] == fitting[0].root
        assert found.layout["row"] in fitting[0].path
        return
    assert any(set(found.fields) >= header - {""} for header in headers)
    if isinstance(fitting[0], Delimited):
        assert (found.layout["encoding"], found.layout["delimiter"]) == (fitting[0].encoding, fitting[0].delimiter)
        assert found.layout.get("is_padded", False) <= fitting[0].is_padded
    if any(getattr(one, "preamble", None) and one.preamble.gives for one in fitting):
        assert found.above
    if all(getattr(one, "no_value", None) for one in fitting):
        assert found.layout["no_value"] == fitting[0].no_value
    assert not isinstance(fitting[0], Workbook) or "encoding" not in found.layout


@pytest.mark.parametrize("name", SAMPLES)
def test_a_draft_names_nobody(tmp_path: Path, name: str) -> None:
    """No key and no customer of any row, and nothing of what identifiers say."""
    sample = SAMPLES[name]
    text = draft([sent(tmp_path, sample)])
    good = sample.told.get("good", {}).values()
    secrets = {part for row in good for part in row.get("key", []) if _has_number(part)}
    secrets |= {row["customer"] for row in good if len(row.get("customer", "")) > 4}
    secrets |= {
        row[kind].removeprefix("+86") for row in good for kind in ("citizen_id", "phone", "card") if kind in row
    }
    assert not [secret for secret in secrets if secret in text]


@pytest.mark.parametrize(
    "name", ["alipay-bills_20261108_1.csv", "wechat_pay-bills_20261108_2.csv", "icbc-statements_20261101_2.xml"]
)
def test_a_draft_of_a_good_file_loads_and_takes_all_of_it(tmp_path: Path, name: str) -> None:
    path, contract = sent(tmp_path, SAMPLES[name]), tmp_path / "mine.yaml"
    made = run("contract", "new", path, "--id", "mine", "--to", contract)
    assert made.exit_code == 0 and "the draft loads" in made.output
    tried = run("contract", "try", contract, path)
    assert tried.exit_code == 0, tried.output
    assert run("contract", "new", path, "--id", "mine", "--to", contract).exit_code == 2  # it is there


def test_what_a_draft_of_a_bill_says(tmp_path: Path) -> None:
    feed = feed_of(draft([sent(tmp_path, SAMPLES["alipay-bills_20261108_1.csv"])]))
    assert (feed["kind"], feed["completeness"], feed["natural_key"]) == ("payment", "bill", ["交易订单号"])
    assert feed["columns"]["occurred_at"]["formats"] == {"%Y-%m-%d %H:%M:%S": "second", "%Y-%m-%d %H:%M": "minute"}
    assert feed["columns"]["amount"] == {"column": "金额", "unit": "yuan"}
    assert {"when": {"收/支": "支出"}, "means": "purchase"} in feed["columns"]["rows"]
    assert "customer" not in feed["columns"]
    assert feed["format"]["preamble"]["time_form"] == "%Y-%m-%d %H:%M:%S"
    older = feed_of(draft([sent(tmp_path, SAMPLES["alipay-bills_20261108_3.csv"])]))
    assert older["format"]["footer"] == "^[-=*_]{5,}"


def test_what_a_draft_of_a_statement_says(tmp_path: Path) -> None:
    feed = feed_of(draft([sent(tmp_path, SAMPLES["icbc-statements_20261101_1.xml"])]))
    assert feed["format"]["namespace"] == r"urn:iso:std:iso:20022:tech:xsd:camt\.053\.001\.\d\d"
    assert feed["format"]["path"] == ["Stmt", "Ntry"]
    values = feed["format"]["values"]
    assert values[feed["columns"]["customer"]] == ["Stmt/Acct/Id/Othr/Id"]
    assert values[feed["columns"]["occurred_at"]["column"]] == ["Ntry/BookgDt/Dt"]


def test_what_keeps_a_draft_from_loading_is_said() -> None:
    result = run("contract", "new", *sorted((NEWCOMER / "export").iterdir()), "--id", "hangzhou_bus")
    assert result.exit_code == 0
    assert "to be decided before it loads" in result.output and "no such field: ['?']" in result.output
    said = yaml.safe_load(result.stdout)
    assert {name: feed["kind"] for name, feed in said["feeds"].items()} == {
        "consents": "consent", "registrations": "registration", "rides": "act",
    }  # fmt: skip
    assert said["feeds"]["rides"]["format"]["delimiter"] == ";"
    assert result.stdout.count("# ?") > 10


# -- packing, encodings, documents


def table(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in ("时间,金额,对方", *lines)).encode()


def test_packing_is_told_by_the_bytes(tmp_path: Path) -> None:
    rows = table("2026-11-01 08:00:00,1.50,店", "2026-11-01 09:00:00,2.50,店")
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("流水.csv", rows)
    two = io.BytesIO()
    with zipfile.ZipFile(two, "w") as archive:
        archive.writestr("a.csv", rows)
        archive.writestr("b.csv", rows)
    ends = {}
    for name, data in {"plain": rows, "gz": gzip.compress(rows), "zip": zipped.getvalue(), "mark": b"\xef\xbb\xbf" + rows,
                       "gbk": rows.decode().encode("gb18030")}.items():  # fmt: skip
        path = tmp_path / name
        path.write_bytes(data)
        found = sniff(path)
        ends[name] = (found.end, found.layout["encoding"], found.layout.get("may_have_mark", False))
        assert found.fields == ["时间", "金额", "对方"] and found.layout["line_ending"] == "crlf"
    assert ends == {
        "plain": (".csv", "utf-8", False), "gz": (".csv.gz", "utf-8", False), "zip": (".zip", "utf-8", False),
        "mark": (".csv", "utf-8", True), "gbk": (".csv", "gb18030", False),
    }  # fmt: skip
    for name, data, said in [
        ("two", two.getvalue(), "an archive of 2 files"),
        ("wide", rows.decode().encode("utf-16"), "UTF-16"),
        ("binary", b"\x00\x81\xff\xfe\x00" * 40, "neither UTF-8 nor GB18030"),
        ("none", b"", "no row names the columns"),
        ("numbers", b"1,2\n3,4\n", "no row names the columns"),
        ("json", b"[1, 2]", "neither objects line by line"),
        ("xml", b"<a><b", "begins as XML"),
        ("flat", b"<a>1</a>", "without elements"),
    ]:
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(Unreadable, match=said):
            sniff(path)


def test_a_document_says_where_its_rows_stand(tmp_path: Path) -> None:
    path = tmp_path / "meters.json"
    path.write_text(
        json.dumps({"data": {"bills": [{"meter": "1", "kwh": "2.5"}, {"meter": "2", "kwh": "3"}]}}), "utf-8"
    )
    found = sniff(path)
    assert (found.layout, found.fields) == ({"layout": "json", "rows": "data.bills"}, ["meter", "kwh"])
    assert "data.bills" in found.notes[0]


# -- columns


@pytest.mark.parametrize(
    ("values", "kind", "more"),
    [
        (["2026-11-01 08:00:00", "2026-11-01 09:00:00"], "time", {"forms": {"%Y-%m-%d %H:%M:%S": "second"}}),
        (["2026-11-01T08:00:00+08:00", "2026-11-01T08:00:00Z"], "time", {"forms": {"%Y-%m-%dT%H:%M:%S%z": "second"}}),
        (["20261101", "20261102"], "time", {"forms": {"%Y%m%d": "day"}}),
        (["2026年11月01日", "2026年11月02日"], "time", {"forms": {"%Y年%m月%d日": "day"}}),
        (["08:00:00", "23:59:59"], "clock", {}),
        (["1,234.50", "-3.00", "0.10"], "number", {"thousands": ",", "has_minus": True, "has_decimals": True}),
        (["¥12.30", "¥4.00", ""] * 3, "number", {"prefix": "¥"}),
        (["+5.00", "-3.00"], "number", {"has_plus": True, "has_minus": True}),
        (["400", "200", "300", "0"], "number", {"most": 401}),
        (["330106199003072837", "33010219780923452X"], "citizen_id", {}),
        (["13812345678", "+86-137-0571-0003"], "phone", {}),
        (["6217001234567890122"], "card", {}),
        (["支出", "收入", "支出", "支出", "收入", "支出"], "code", {"is_unique": False}),
        (["1", "0", "1", "0", "1", "1"], "code", {}),
        (["202611010000000000000001", "202611010000000000000002"], "text", {"is_unique": True}),
        (["00012", "00013"], "text", {"is_unique": True}),
        (["", None], "empty", {}),
        ([[{"code": "a"}]], "list", {}),
    ],
)
def test_what_a_column_looks_like(values: list[Any], kind: str, more: dict[str, Any]) -> None:
    found = look(values)
    assert found.kind == kind
    assert {name: getattr(found, name) for name in more} == more


def test_a_date_and_a_clock_and_two_columns_of_money_are_put_together(tmp_path: Path) -> None:
    path = tmp_path / "mingxi.csv"
    lines = ["日期,时间,收入金额,支出金额,对方户名,流水号"]
    lines += [f"2026-11-0{day},08:0{day}:00,{'' if day % 2 else '5.00'},{'4.00' if day % 2 else ''},店{day},L{day}"
              for day in range(1, 8)]  # fmt: skip
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    columns = feed_of(draft([path]))["columns"]
    assert columns["occurred_at"] == {"column": "日期", "clock": "时间", "formats": {"%Y-%m-%d %H:%M:%S": "second"}}
    assert [one["column"] for one in columns["amount"]] == ["支出金额", "收入金额"]
    assert {"when": {"支出金额": ".+"}, "means": "purchase"} in columns["rows"]


def test_a_draft_gives_period_and_export_a_form_each_where_they_differ(tmp_path: Path) -> None:
    name = next(one for one in SAMPLES if one.startswith("meituan-bills"))
    preamble = feed_of(draft([sent(tmp_path, SAMPLES[name])]))["format"]["preamble"]
    assert (preamble["period_form"], preamble["exported_form"]) == ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S")
    assert "time_form" not in preamble

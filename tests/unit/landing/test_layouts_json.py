"""Rows in an array of a JSON document, values by path, and keys that may be absent or are new."""

from __future__ import annotations

import gzip
import json
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from jobs.landing.formats import json_document
from jobs.landing.formats.batches import FileRefused
from jobs.landing.formats.read import open_export
from tests.support.contracts import codes, columns_of, sent, source
from tests.support.landing import rejects, rows

BILL = {"period": "rows", "exported_at": "rows"}
ROW = {"no": "1", "paid": "2026-10-03 08:12:33", "who": "某店", "yuan": "4.00"}
DOCUMENT = {"layout": "json", "rows": "data.list"}
LINES = {"layout": "json_lines", "encoding": "utf-8", "line_ending": "lf"}


def row(number: int, **changes: Any) -> dict[str, Any]:
    return {**ROW, "no": str(number), **changes}


def read(
    tmp_path: Path, data: str | bytes, layout: dict[str, Any], *, suffix: str = ".json", **feed: Any
) -> tuple[dict[str, list[Any]], dict[int, str], list[str]]:
    """Columns, codes of rejected rows and shapes of new names."""
    path = tmp_path / f"bills_20261101_1{suffix}"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    contract = source(layout, file=f"bills_{{date}}_{{part}}{suffix}", **{"bill": BILL, **feed})
    with open_export(path, contract.feeds["bills"]) as export:
        batches = list(export.batches)
        lines = [line for batch in batches for line in batch.lines]
        rejected = {one.line: one.code for batch in batches for one in batch.rejects}
        assert sorted([*lines, *rejected]) == list(range(1, len(lines) + len(rejected) + 1))
        return columns_of(batches), rejected, list(export.new_columns)


def refused(tmp_path: Path, data: str | bytes, **layout: Any) -> list[str]:
    with pytest.raises(FileRefused) as raised:
        read(tmp_path, data, {**DOCUMENT, **layout})
    return [reason.code for reason in raised.value.reasons]


# -- where the rows are


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_rows_stand_in_the_array_that_the_contract_names(tmp_path: Path, indent: int | None, ending: str) -> None:
    document = {
        "code": 0,
        "list": [{"no": "x"}],
        "data": {"total": "2", "page": {"list": [1]}, "list": [row(1, who='a[b]{c},"d":\\e'), row(2)], "more": []},
        "after": [[{"data": {"list": [row(9)]}}]],
    }
    text = json.dumps(document, ensure_ascii=False, indent=indent).replace("\n", ending)
    columns, rejected, _ = read(tmp_path, text, DOCUMENT)
    assert (columns["no"], columns["who"], rejected) == (["1", "2"], ['a[b]{c},"d":\\e', "某店"], {})


def test_the_document_may_be_the_array(tmp_path: Path) -> None:
    columns, _, _ = read(tmp_path, json.dumps([row(1), row(2)]), {"layout": "json"})
    assert columns["no"] == ["1", "2"]


@pytest.mark.parametrize("text", ['{"data":{"list":[]}}', '{"data":{"list":[ \n ]}}'])
def test_an_array_without_rows(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text, DOCUMENT) == ({name: [] for name in ROW}, {}, [])


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_wherever_a_block_ends_the_rows_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    text = json.dumps({"data": {"k": ']\\"[', "list": [row(1, who='"\\'), row(2, who="店,{")]}, "z": "\\"})
    whole = read(tmp_path, text, DOCUMENT)
    monkeypatch.setattr(json_document, "BLOCK_BYTES", size)
    monkeypatch.setattr(json_document, "ROWS", 1)
    assert read(tmp_path, text, DOCUMENT) == whole and whole[0]["who"] == ['"\\', "店,{"]


def test_a_document_may_be_packed(tmp_path: Path) -> None:
    text = json.dumps({"data": {"list": [row(number) for number in range(30_000)]}})
    columns, _, _ = read(tmp_path, gzip.compress(text.encode()), DOCUMENT, suffix=".json.gz")
    assert columns["no"] == [str(number) for number in range(30_000)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "bad_document"),
        ("{}", "missing_rows"),
        ('{"data":{"list":null}}', "missing_rows"),
        ('{"data":{"list":{}}}', "missing_rows"),
        ('{"data":[{"list":[]}]}', "missing_rows"),
        ("[]", "missing_rows"),
        ('{"data":{"list":[]}', "bad_document"),
        ('{"data":{"list":[]}}}', "bad_document"),
        ('{"data":{"list":[]}} x', "bad_document"),
        ('{"data":{"list":[}}', "bad_document"),
        ('{"data":{"list":[{"no":"1"', "bad_document"),
        ('{"data":{"list":[{"no":"1', "bad_document"),
        ('{"data":{"list":[],"list":[]}}', "bad_document"),
        ('{"data":{"list":[]},"a":1,"a":2}', "bad_document"),
        ('{"data":{"list":[]},"a":NaN}', "bad_document"),
        ('{"data":{"list":[]},"a":"\n"}', "bad_document"),
        ('{"data":{"list":[]},"a":' + "[" * 100 + "]" * 100 + "}", "bad_document"),
        ('{"a":' * 100, "bad_document"),
        ("\ufeff{}", "byte_order_mark"),
    ],
)
def test_what_is_no_such_document_is_refused(tmp_path: Path, text: str, code: str) -> None:
    assert refused(tmp_path, text) == [code]


def test_other_encodings_are_refused(tmp_path: Path) -> None:
    text = json.dumps({"名": "某", "data": {"list": []}}, ensure_ascii=False)
    assert refused(tmp_path, text.encode("gb18030")) == ["bad_document"]
    assert refused(tmp_path, text.encode("utf-16")) == ["byte_order_mark"]
    read(tmp_path, text.encode("utf-8-sig"), {**DOCUMENT, "may_have_mark": True})


@pytest.mark.parametrize(
    ("element", "code"),
    [
        ("", "bad_json"),
        ("null", "bad_json"),
        ("[1, [2, 3]]", "bad_json"),
        ('"a" "b"', "bad_json"),
        ('{"no": "1", }', "bad_json"),
        ('{"no":[1}]', "bad_json"),
        (json.dumps(ROW) + " " + json.dumps(ROW), "bad_json"),
        ('{"no":"1","no":"2","paid":"","who":"","yuan":""}', "repeated_key"),
        ('{"no" : "1","no":"2","paid":"","who":"","yuan":""}', "repeated_key"),
        (json.dumps(row(1, who="a\0")), "nul_byte"),
        (json.dumps(row(1, who="x" * 5000)), "value_too_long"),
        (json.dumps({**ROW, "new": "1"}), "wrong_columns"),
        ('{"no":"1"}', "wrong_columns"),
        ('{"no":"\\ud800","paid":"","who":"","yuan":""}', "bad_json"),
        ('{"no":"a\rb","paid":"","who":"","yuan":""}', "bad_json"),
    ],
)
def test_a_bad_element_costs_itself_alone(tmp_path: Path, element: str, code: str) -> None:
    text = f'{{"data":{{"list":[{json.dumps(row(1))},{element}\r\n ,{json.dumps(row(3))}]}}}}'
    columns, rejected, _ = read(tmp_path, text, DOCUMENT)
    assert (columns["no"], rejected) == (["1", "3"], {2: code})


def test_a_comma_too_many_is_a_row_that_is_none(tmp_path: Path) -> None:
    columns, rejected, _ = read(tmp_path, f'{{"data":{{"list":[{json.dumps(ROW)},]}}}}', DOCUMENT)
    assert (columns["no"], rejected) == (["1"], {2: "bad_json"})


def test_rows_of_other_keys_refuse_the_file_by_name(tmp_path: Path) -> None:
    with pytest.raises(FileRefused) as raised:
        read(tmp_path, '{"data":{"list":[{"no":"1","paid":"","who":"","fen":""}]}}', DOCUMENT)
    assert [(one.code, one.column, one.shape) for one in raised.value.reasons] == [
        ("missing_column", "yuan", None),
        ("new_column", None, "a{3}"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        '{"data":{"list":[{"no":"' + "x" * (2 << 20) + '"}]}}',
        '{"data":{"list":[' + "{" * (2 << 20),
        '{"data":{"list":["' + "\\" * (2 << 20),
        '{"a":"' + "x" * (5 << 20) + '","data":{"list":[]}}',
        "x" * (5 << 20),
    ],
    ids=["value", "deep", "backslashes", "around", "no token"],
)
def test_what_has_no_end_is_refused(tmp_path: Path, text: str) -> None:
    assert refused(tmp_path, text) == ["line_too_long"]


# -- a bill's head in the document


HEAD = {
    "first": "data.query.from",
    "last": "data.query.to",
    "exported_at": "time",
    "period_form": "%Y%m%d",
    "exported_form": "%Y-%m-%dT%H:%M:%S+08:00",
}


@pytest.mark.parametrize("is_before", [True, False])
def test_a_document_says_what_a_bill_covers(tmp_path: Path, is_before: bool) -> None:
    query = {"query": {"from": "20261001", "to": "20261031"}}
    data = {**query, "list": [ROW]} if is_before else {"list": [ROW], **query}
    document = {"data": data, "time": "2026-11-01T08:00:00+08:00"}
    contract = source({**DOCUMENT, "head": HEAD}, file="bills_{date}_{part}.json")
    _, (manifest,) = sent(tmp_path, contract, json.dumps(document).encode(), 1, suffix=".json")
    assert manifest.bill and manifest.quarantined_rows == 0
    assert (manifest.bill.first_day, manifest.bill.last_day) == (date(2026, 10, 1), date(2026, 10, 31))
    assert manifest.bill.exported_at == datetime(2026, 11, 1, 8, tzinfo=ZoneInfo("Asia/Shanghai"))


@pytest.mark.parametrize(
    ("query", "time"),
    [
        ({"from": "20261001"}, "2026-11-01T08:00:00+08:00"),
        ({"from": "20261001", "to": 20261031}, "2026-11-01T08:00:00+08:00"),
        ("20261001", "2026-11-01T08:00:00+08:00"),
        ({"from": "20261101", "to": "20261031"}, "2026-11-01T08:00:00+08:00"),
        ({"from": "20261001", "to": "20261031"}, None),
        ({"from": "20261001", "to": "20261031"}, "2026-11-01T08:00:00+09:00"),
    ],
)
def test_a_document_that_does_not_say_it_is_refused(tmp_path: Path, query: Any, time: Any) -> None:
    document = {"data": {"query": query, "list": [ROW]}, "time": time}
    contract = source({**DOCUMENT, "head": HEAD}, file="bills_{date}_{part}.json")
    _, (manifest,) = sent(tmp_path, contract, json.dumps(document).encode(), 1, suffix=".json")
    assert codes(manifest) == ["bad_preamble"]


# -- values by path, keys that may be absent, keys that are new


VALUES = {"no": "id", "paid": "times.paid", "who": "shop.name", "yuan": "money.cny.yuan"}
NESTED = {"id": "1", "times": {"paid": "2026-10-03"}, "shop": {"name": "某店"}, "money": {"cny": {"yuan": "4.00"}}}


def write(layout: str, *objects: Any) -> str:
    if layout == "json":
        return json.dumps({"data": {"list": objects}})
    return "".join(f"{json.dumps(one)}\n" for one in objects)


def layout_of(name: str, **more: Any) -> dict[str, Any]:
    return {**(DOCUMENT if name == "json" else LINES), **more}


BOTH = pytest.mark.parametrize("layout", ["json", "json_lines"])


@BOTH
def test_values_stand_where_the_contract_says(tmp_path: Path, layout: str) -> None:
    columns, rejected, _ = read(tmp_path, write(layout, NESTED, NESTED), layout_of(layout, values=VALUES))
    assert (columns["yuan"], columns["paid"], rejected) == (["4.00"] * 2, ["2026-10-03"] * 2, {})


@BOTH
@pytest.mark.parametrize(
    "change",
    [
        {"shop": {}},
        {"shop": None},
        {"shop": "某店"},
        {"shop": [{"name": "某店"}]},
        {"shop": {"name": "某店", "city": "x"}},
        {"money": {"cny": {"yuan": "1"}, "usd": {}}},
        {"extra": "1"},
    ],
)
def test_an_object_that_has_other_keys_is_no_row(tmp_path: Path, layout: str, change: dict[str, Any]) -> None:
    text = write(layout, NESTED, {**NESTED, **change})
    _, rejected, _ = read(tmp_path, text, layout_of(layout, values=VALUES))
    assert rejected == {2: "wrong_columns"}


@BOTH
def test_optional_fields_may_be_absent(tmp_path: Path, layout: str) -> None:
    objects = [ROW, {name: value for name, value in ROW.items() if name != "who"}, row(3, who=None)]
    columns, rejected, _ = read(tmp_path, write(layout, *objects), layout_of(layout, optional=["who"]))
    assert (columns["who"], rejected) == (["某店", "", None], {})
    assert read(tmp_path, write(layout, *objects), layout_of(layout))[1] == {2: "wrong_columns"}


@BOTH
@pytest.mark.parametrize("shop", [{}, None, "absent"])
def test_optional_fields_may_stand_in_an_object_that_is_absent(tmp_path: Path, layout: str, shop: Any) -> None:
    other = {**NESTED, "shop": shop} if shop != "absent" else {k: v for k, v in NESTED.items() if k != "shop"}
    text = write(layout, NESTED, other)
    columns, rejected, _ = read(tmp_path, text, layout_of(layout, values=VALUES, optional=["who"]))
    assert (columns["who"], rejected) == (["某店", ""], {})


@BOTH
def test_new_keys_are_ignored_where_the_contract_says_so_and_told_by_their_shape(tmp_path: Path, layout: str) -> None:
    objects = [ROW, {**ROW, "loyalty42": "x", "备注": {"y": 1}}, {**ROW, "loyalty43": "x" * 9999}]
    columns, rejected, new = read(tmp_path, write(layout, *objects), layout_of(layout, new_keys="ignore"))
    assert (len(columns["no"]), rejected, new) == (3, {}, ["a{7}9{2}", "字{2}"])
    nested = [NESTED, {**NESTED, "shop": {"name": "某店", "city": "x"}}]
    _, rejected, new = read(tmp_path, write(layout, *nested), layout_of(layout, values=VALUES, new_keys="ignore"))
    assert (rejected, new) == ({}, ["a{4}"])


@BOTH
def test_what_is_needed_is_still_missed_by_name(tmp_path: Path, layout: str) -> None:
    with pytest.raises(FileRefused) as raised:
        read(tmp_path, write(layout, {"no": "1", "new": "2"}), layout_of(layout, optional=["who"], new_keys="ignore"))
    assert [(one.code, one.column) for one in raised.value.reasons] == [
        ("missing_column", "paid"),
        ("missing_column", "yuan"),
    ]


@BOTH
def test_new_keys_reach_the_manifest(tmp_path: Path, layout: str) -> None:
    suffix = ".json" if layout == "json" else ".jsonl"
    contract = source(layout_of(layout, new_keys="ignore"), file=f"bills_{{date}}_{{part}}{suffix}", bill=BILL)
    _, (manifest,) = sent(tmp_path, contract, write(layout, {**ROW, "vip": "1"}, {}).encode(), 2, suffix=suffix)
    assert manifest.state == "accepted" and manifest.profile.new_columns == ["a{3}"]
    assert rows(tmp_path, manifest)[1]["amount_fen"] == 400
    assert {code for code, _ in rejects(tmp_path, manifest).values()} == {"wrong_columns"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"values": {**VALUES, "who": "times"}}, "times is a value, and times.paid stands inside"),
        ({"values": {**VALUES, "who": "shop."}}, "name a key on each side of a dot"),
        ({"values": {**VALUES, "colour": "c"}}, "no such field"),
        ({"optional": ["colour"]}, "no such field"),
        ({"optional": ["no"]}, "required, and optional in the layout: .'no'"),
        ({"new_keys": "keep"}, "new_keys"),
    ],
)
@BOTH
def test_a_layout_that_cannot_work_is_refused(layout: str, change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        source(layout_of(layout, **change), file="bills_{date}_{part}.json", bill=BILL)


@BOTH
@pytest.mark.parametrize(
    ("number", "read_as"),
    [
        (4, "4"),
        (-4.25, "-4.25"),
        (123456789012.25, "123456789012.25"),
        (0.1, "0.1"),
        (1e-7, 1e-7),
        (1234567890123.456, 1234567890123.456),
        (10**15, 10**15),
        (True, True),
        ("4.00", "4.00"),
    ],
)
def test_numbers_are_read_as_they_are_written_where_the_contract_has_them(
    tmp_path: Path, layout: str, number: Any, read_as: Any
) -> None:
    text = write(layout, row(1, yuan=number))
    columns, _, _ = read(tmp_path, text, layout_of(layout, has_numbers=True))
    assert columns["yuan"] == [read_as]
    assert type(columns["yuan"][0]) is type(read_as)
    assert read(tmp_path, text, layout_of(layout))[0]["yuan"] == [number]

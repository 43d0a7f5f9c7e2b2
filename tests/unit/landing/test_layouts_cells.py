"""Rows wider than their header, and quotes between spaces and tabs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobs.landing.formats.batches import FileRefused
from jobs.landing.formats.read import open_export
from tests.support.contracts import CSV, columns_of, source
from tests.support.exports import Part, deliver, workbook
from tests.support.landing import rejects, rows, take

HEADER = "no,paid,who,yuan"
ROW = "1,2026-10-03,某店,4.00"
BILL = {"period": "rows", "exported_at": "rows"}


def read(
    tmp_path: Path, text: str | bytes, *, suffix: str = ".csv", **layout: Any
) -> tuple[dict[str, list[Any]], dict[int, str]]:
    """The columns of a file, and the codes of its rejected lines."""
    path = tmp_path / f"bills_20261101_1{suffix}"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    name = f"bills_{{date}}_{{part}}{suffix}"
    base = {"layout": "workbook"} if suffix == ".xlsx" else CSV
    with open_export(path, source({**base, **layout}, file=name, bill=BILL).feeds["bills"]) as export:
        batches = list(export.batches)
    return columns_of(batches), {one.line: one.code for batch in batches for one in batch.rejects}


# -- trailing empties


@pytest.mark.parametrize("header", [HEADER, HEADER + ",", HEADER + ",,"])
@pytest.mark.parametrize("row", [ROW, ROW + ",", ROW + ",,"])
@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_so_many_empty_cells_may_follow_the_last_column(tmp_path: Path, header: str, row: str, suffix: str) -> None:
    text = f"{header}\n{row}\n{row}\n"
    data = workbook(text) if suffix == ".xlsx" else text.encode()
    declared = {} if suffix == ".xlsx" else {"trailing_empty": 2}  # a sheet is as wide as its widest row
    columns, rejected = read(tmp_path, data, suffix=suffix, **declared)
    assert (columns["no"], columns["yuan"], rejected) == (["1", "1"], ["4.00", "4.00"], {})


def test_rows_of_one_file_may_differ_in_them(tmp_path: Path) -> None:
    columns, rejected = read(tmp_path, f"{HEADER},\n{ROW}\n{ROW},\n{ROW},,\n", trailing_empty=1)
    assert (columns["yuan"], rejected) == (["4.00", "4.00"], {4: "wrong_columns"})


@pytest.mark.parametrize("row", [ROW + ",x", ROW + ",,x", ROW + ", ", "1,2026-10-03,某店", ROW + ",,,"])
@pytest.mark.parametrize("beside", [ROW, '1,2026-10-03,"某店",4.00'])
def test_nothing_but_empty_cells_may_follow(tmp_path: Path, row: str, beside: str) -> None:
    columns, rejected = read(tmp_path, f"{HEADER}\n{beside}\n{row}\n", trailing_empty=2)
    assert (columns["no"], rejected) == (["1"], {3: "wrong_columns"})


@pytest.mark.parametrize("beyond", [",,x", ",x,"])
def test_rows_as_wide_as_each_other_are_held_against_it_as_well(tmp_path: Path, beyond: str) -> None:
    """They are split all at once."""
    columns, rejected = read(tmp_path, f"{HEADER}\n{ROW},,\n{ROW}{beyond}\n", trailing_empty=2)
    assert (columns["no"], rejected) == (["1"], {3: "wrong_columns"})


def test_a_padded_cell_is_empty_when_it_holds_spaces(tmp_path: Path) -> None:
    columns, rejected = read(tmp_path, f"{HEADER} ,\t\n{ROW}, \n", trailing_empty=1, is_padded=True)
    assert (columns["yuan"], rejected) == (["4.00"], {})


def test_what_is_not_declared_is_refused(tmp_path: Path) -> None:
    assert read(tmp_path, f"{HEADER}\n{ROW}\n{ROW},\n")[1] == {3: "wrong_columns"}
    with pytest.raises(FileRefused, match="new_column"):
        read(tmp_path, f"{HEADER},x\n{ROW},\n", trailing_empty=1)


def test_a_header_may_be_narrower_than_its_rows_of_new_columns(tmp_path: Path) -> None:
    """An empty name between names is a column; one at the end is none."""
    text = "no,,paid,who,yuan,\n1,?,2026-10-03,某店,4.00\n"
    columns, rejected = read(tmp_path, text, trailing_empty=1)
    assert (columns["paid"], rejected) == (["2026-10-03"], {})


# -- quotes


PADDED = [
    ('"1"\t,"2026-10-03","某店","4.00"', ["1", "2026-10-03", "某店", "4.00"]),
    ('"1" , "2026-10-03"\t ,\t"某店" , "4.00" ', ["1", "2026-10-03", "某店", "4.00"]),
    ('1\t,2026-10-03,"某店, 二楼"\t,4.00', ["1", "2026-10-03", "某店, 二楼", "4.00"]),
    ('1,2026-10-03,"说""好"", 真的"\t,4.00', ["1", "2026-10-03", '说"好", 真的', "4.00"]),
    ('1,2026-10-03,"""",4.00', ["1", "2026-10-03", '"', "4.00"]),
    ('1,2026-10-03,"a""\t,b",4.00', ["1", "2026-10-03", 'a"\t,b', "4.00"]),
    ('1,2026-10-03,某"店",4.00', ["1", "2026-10-03", '某"店"', "4.00"]),
    ('"1",2026-10-03,"",4.00', ["1", "2026-10-03", "", "4.00"]),
    ('1,2026-10-03,"店",""', ["1", "2026-10-03", "店", ""]),
]


@pytest.mark.parametrize(("line", "cells"), PADDED)
def test_quotes_may_stand_between_spaces_and_tabs_where_values_are_padded(
    tmp_path: Path, line: str, cells: list[str]
) -> None:
    columns, rejected = read(tmp_path, f"{HEADER}\n{ROW}\n{line}\n", is_padded=True)
    assert ([column[-1] for column in columns.values()], rejected) == (cells, {})


@pytest.mark.parametrize(
    "line",
    [
        '"1"x,2026-10-03,某店,4.00',
        '"1"\tx,2026-10-03,某店,4.00',
        '"1""\t,2026-10-03,某店,4.00',
        '"1,2026-10-03,某店,4.00',
        '1,2026-10-03,某店,"4.00',
        '1,2026-10-03,"某"店",4.00',
        '"1" "2",2026-10-03,某店,4.00',
    ],
)
@pytest.mark.parametrize("is_padded", [True, False])
def test_what_else_stands_beside_a_quote_is_refused(tmp_path: Path, line: str, is_padded: bool) -> None:
    columns, rejected = read(tmp_path, f"{HEADER}\n{ROW}\n{line}\n", is_padded=is_padded)
    assert (columns["no"], rejected) == (["1"], {3: "bad_quoting"})


def test_where_values_are_not_padded_nothing_stands_beside_a_quote(tmp_path: Path) -> None:
    assert read(tmp_path, f'{HEADER}\n"1"\t,2026-10-03,某店,4.00\n')[1] == {2: "bad_quoting"}


@pytest.mark.parametrize("delimiter", ["\t", " "])
def test_the_delimiter_is_never_padding(tmp_path: Path, delimiter: str) -> None:
    text = "\n".join(line.replace(",", delimiter) for line in (HEADER, '"1","2026-10-03","","4.00"', ""))
    columns, rejected = read(tmp_path, text, is_padded=True, delimiter=delimiter)
    assert ([column[0] for column in columns.values()], rejected) == (["1", "2026-10-03", "", "4.00"], {})


def test_the_header_may_be_quoted_and_padded(tmp_path: Path) -> None:
    columns, _ = read(tmp_path, f'"no"\t,"paid","who" ,yuan\n{ROW}\n', is_padded=True)
    assert columns["no"] == ["1"]


def test_a_tab_after_a_quoted_number_costs_no_purchase(tmp_path: Path) -> None:
    """A bill of the second wallet whose numbers stand in quotes and end in a tab, as its Excel twin has them."""
    above = (
        "微信支付账单明细\n起始时间：[2026-10-25 00:00:00] 终止时间：[2026-10-31 23:59:59]\n"
        "导出类型：[全部]\n导出时间：[2026-11-01 10:12:01]\n"
    )
    head = "交易时间,交易类型,交易对方,商品,收/支,金额(元),支付方式,当前状态,交易单号,商户单号,备注\n"
    row = '2026-10-27 08:12:33,商户消费,某店,"茶, 两杯",支出,¥12.30,零钱,支付成功,"4200001"\t,"10001"\t,"/"\n'
    book = workbook((above + head + row).replace("\t", ""))
    bills = [
        Part("bills", data, 1, "12.30", part=number, parts=2, customer="oWx1", suffix=suffix)
        for number, (data, suffix) in enumerate([((above + head + row).encode(), ".csv"), (book, ".xlsx")], 1)
    ]
    deliver(tmp_path, "wechat_pay", *bills)
    landed = [one for one in take(tmp_path, "wechat_pay") if one.feed == "bills"]
    assert [rejects(tmp_path, one) for one in landed] == [{}, {}]
    purchases = [{**row, "file_id": "", "line": 0} for one in landed for row in rows(tmp_path, one).values()]
    assert len(purchases) == 2 and purchases[0] == purchases[1]

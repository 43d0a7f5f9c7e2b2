"""Statements as SWIFT MT940 messages: lines, details, balances, and what is wrong with them."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from jobs.landing.formats.batches import FileRefused
from jobs.landing.formats.read import open_export
from schemas.sources.errors import ERRORS
from tests.support.contracts import CSV, columns_of, sent, source
from tests.support.landing import rejects, rows

BILL = {"period": "rows", "exported_at": "rows"}
VALUES = {
    "no": ["bank_reference", "customer_reference"],
    "paid": ["entry_date", "value_date"],
    "who": ["details/NAME", "details?32-33", "details"],
    "yuan": ["amount"],
}
LAYOUT = {"layout": "mt940", "encoding": "utf-8", "line_ending": "any", "values": VALUES}
HEAD = ":20:STMT1\n:25:ICBKCNBJ/6222021202000000011\n:28C:00012/001\n:60F:C261031CNY1000,00\n"
LINES = (
    ":61:2611011101D7,00NTRFNONREF//B0001\nPOS 1\n:86:106?00POS?20TEE ZWEI?21 TASSEN?32MOU DIAN?33 ER LOU\n"
    ":61:261101D12,5NMSCC0002//B0002\n:86:/TRTP/IDEAL/IBAN/NL00TEST0123456789/NAME/Mou Pu/REMI/two\n cups/EREF/E1\n"
    ":61:2611011101C100,NSALC0003//B0003\n:86:SALARY\n NOVEMBER\n"
)
FOOT = ":62F:C261101CNY1080,50\n:64:C261101CNY1080,50\n:86:END OF STATEMENT\n-\n"
WHOLE = HEAD + LINES + FOOT


def read(tmp_path: Path, text: str | bytes, **values: list[str]) -> tuple[dict[str, list[Any]], dict[int, str]]:
    path = tmp_path / "bills_20261101_1.sta"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    contract = source({**LAYOUT, "values": {**VALUES, **values}}, file="bills_{date}_{part}.sta", bill=BILL)
    with open_export(path, contract.feeds["bills"]) as export:
        batches = list(export.batches)
    for batch in batches:
        assert all(len(column) == len(batch.lines) for column in batch.columns.values())
    found = {"line": [line for batch in batches for line in batch.lines], **columns_of(batches)}
    return found, {one.line: one.code for batch in batches for one in batch.rejects}


def refused(tmp_path: Path, text: str | bytes) -> tuple[str, int | None]:
    with pytest.raises(FileRefused) as raised:
        read(tmp_path, text)
    (reason,) = raised.value.reasons
    return reason.code, reason.line


@pytest.mark.parametrize(
    "text",
    [
        WHOLE,
        WHOLE.replace("\n", "\r\n"),
        "{1:F01ICBKCNBJAXXX0000000000}{2:O9401200}{4:\n" + WHOLE.replace("\n-\n", "\n-}{5:{CHK:00}}\n"),
    ],
    ids=["bare", "crlf", "envelope"],
)
def test_each_line_of_a_statement_is_a_row(tmp_path: Path, text: str) -> None:
    columns, rejected = read(tmp_path, text)
    shift = text.startswith("{")
    assert (
        columns
        == {
            "line": [5 + shift, 8 + shift, 11 + shift],
            "no": ["B0001", "B0002", "B0003"],
            "paid": ["2026-11-01", "2026-11-01", "2026-11-01"],
            "who": ["MOU DIAN ER LOU", "Mou Pu", "SALARY NOVEMBER"],
            "yuan": ["7.00", "12.5", "100"],
        }
        and not rejected
    )


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("account", ["ICBKCNBJ/6222021202000000011"] * 3),
        ("statement", ["00012/001"] * 3),
        ("reference", ["STMT1"] * 3),
        ("value_date", ["2026-11-01"] * 3),
        ("entry_date", ["2026-11-01", "", "2026-11-01"]),
        ("mark", ["D", "D", "C"]),
        ("currency", ["CNY"] * 3),
        ("funds_code", ["", "", ""]),
        ("type", ["NTRF", "NMSC", "NSAL"]),
        ("customer_reference", ["NONREF", "C0002", "C0003"]),
        ("supplementary", ["POS 1", "", ""]),
        ("details?20-29", ["TEE ZWEI TASSEN", "", ""]),
        ("details?00", ["POS", "", ""]),
        ("details?33", ["ER LOU", "", ""]),
        ("details/REMI", ["", "two cups", ""]),
        ("details/EREF", ["", "E1", ""]),
    ],
)
def test_what_a_line_says_by_name(tmp_path: Path, name: str, values: list[str]) -> None:
    assert read(tmp_path, WHOLE, who=[name])[0]["who"] == values


def statement(*lines: str, opening: str = "C261231CNY100,00", closing: str) -> str:
    return f":20:R\n:25:A1\n:28:1\n:60F:{opening}\n" + "".join(f"{one}\n" for one in lines) + f":62F:{closing}\n-\n"


@pytest.mark.parametrize(
    ("line", "entry_date"),
    [
        (":61:2612310102D1,00NTRFX", "2027-01-02"),
        (":61:2701021231D1,00NTRFX", "2026-12-31"),
        (":61:2701020103D1,00NTRFX", "2027-01-03"),
        (":61:2606151201D1,00NTRFX", "2026-12-01"),
    ],
)
def test_the_year_of_an_entry(tmp_path: Path, line: str, entry_date: str) -> None:
    text = statement(line, closing="C270102CNY99,00")
    assert read(tmp_path, text, who=["entry_date"])[0]["who"] == [entry_date]


@pytest.mark.parametrize(
    ("mark", "closing"),
    [
        ("C", "C261101CNY103,00"),
        ("D", "C261101CNY97,00"),
        ("RC", "C261101CNY97,00"),
        ("RD", "C261101CNY103,00"),
        ("EC", "C261101CNY100,00"),
        ("ED", "C261101CNY100,00"),
    ],
)
def test_marks_and_what_they_do_to_the_balance(tmp_path: Path, mark: str, closing: str) -> None:
    line = f":61:261101{mark}3,00NTRFX"
    assert read(tmp_path, statement(line, closing=closing), who=["mark"])[0]["who"] == [mark]
    assert refused(tmp_path, statement(line, closing="C261101CNY100,01")) == ("wrong_balance", 6)


def test_an_account_may_be_overdrawn(tmp_path: Path) -> None:
    text = statement(":61:261101D30,NTRFX", opening="D261031CNY10,00", closing="D261101CNY40,")
    assert read(tmp_path, text)[0]["yuan"] == ["30"]


def test_a_statement_on_several_pages(tmp_path: Path) -> None:
    first = statement(":61:261101D1,NTRFX1", closing="C261101CNY99,").replace(":62F:", ":62M:")
    second = statement(":61:261101D1,NTRFX2", opening="C261101CNY99,", closing="C261101CNY98,").replace(
        ":60F:", ":60M:"
    )
    assert read(tmp_path, first + second)[0]["no"] == ["X1", "X2"]
    assert refused(tmp_path, first + second.replace("CNY98", "CNY97"))[0] == "wrong_balance"


def test_the_pages_of_a_statement_may_be_one_message(tmp_path: Path) -> None:
    """A balance between the days, as banks write it for their own customers: each page adds up by itself."""
    turn = ":62M:C261101CNY99,\n:60M:C261101CNY99,"
    pages = (":61:261101D1,NTRFX1", turn, ":61:261102D?,NTRFX2", turn, ":61:261103D1,NTRFX3")
    assert read(tmp_path, statement(*pages, closing="C261103CNY98,")) == ({
        "line": [5, 11], "no": ["X1", "X3"], "paid": ["2026-11-01", "2026-11-03"], "who": ["", ""], "yuan": ["1", "1"],
    }, {8: "bad_statement_line"})  # fmt: skip
    whole = (pages[0], turn, pages[-1])
    assert refused(tmp_path, statement(*whole, closing="C261103CNY97,")) == ("wrong_balance", 9)
    gap = statement(*whole, closing="C261103CNY97,").replace(":60M:C261101CNY99,", ":60M:C261101CNY98,")
    assert refused(tmp_path, gap) == ("wrong_balance", 7), "nothing is missing between the pages"
    for turned in (turn.replace("62M", "62F"), turn.replace("60M", "60F"), turn.split("\n")[1]):
        assert refused(tmp_path, statement(pages[0], turned, pages[-1], closing="C261103CNY98,"))[0] == "bad_message"


def test_messages_of_several_accounts_need_nothing_between(tmp_path: Path) -> None:
    one = statement(":61:261101D1,NTRFX1", closing="C261101CNY99,").replace("-\n", "")
    columns, _ = read(tmp_path, one + one.replace(":25:A1", ":25:A2"), who=["account"])
    assert columns["who"] == ["A1", "A2"]


def test_a_statement_without_lines(tmp_path: Path) -> None:
    assert read(tmp_path, statement(closing="C261101CNY100,00"))[0]["no"] == []


def test_long_references_stay_whole(tmp_path: Path) -> None:
    line = ":61:261101D1,00NTRFBIPI-dvT1FzfMqvzF5HaU4oetlH7SGRkonU//2026070616391534000"
    text = statement(line, closing="C261101CNY99,")
    columns, _ = read(tmp_path, text, who=["customer_reference"])
    assert (columns["no"], columns["who"]) == (["2026070616391534000"], ["BIPI-dvT1FzfMqvzF5HaU4oetlH7SGRkonU"])


@pytest.mark.parametrize(
    ("line", "customer", "bank", "more"),
    [
        (":61:261101D1,00NTRF", "", "", ""),
        (":61:261101D1,00NTRF//B1", "", "B1", ""),
        (":61:261101D1,00NTRFNONREF\n//B1", "NONREF", "B1", ""),
        (":61:261101D1,00NTRFNONREF//B1\n//X", "NONREF", "B1", "//X"),
    ],
)
def test_references_that_are_not_there_or_stand_below(
    tmp_path: Path, line: str, customer: str, bank: str, more: str
) -> None:
    names = {"no": ["customer_reference"], "paid": ["bank_reference"], "who": ["supplementary"]}
    columns, rejected = read(tmp_path, statement(line, closing="C261101CNY99,"), **names)
    assert (columns["no"], columns["paid"], columns["who"]) == ([customer], [bank], [more]) and not rejected


@pytest.mark.parametrize(
    "line",
    [
        ":61:261301D1,00NTRFX",
        ":61:260230D1,00NTRFX",
        ":61:2611010230D1,00NTRFX",
        ":61:261101X1,00NTRFX",
        ":61:261101d1,00NTRFX",
        ":61:261101D1,0,0NTRFX",
        ":61:261101D,NTRFX",
        ":61:261101DNTRFX",
        ":61:261101D1.00NTRFX",
        ":61:261101D1,00",
        ":61:261101D1,00ntrfX",
        ":61:２６1101D1,00NTRFX",
        ":61:261101D1,00NTRFX\na\nb",
        ":61:261101D1,00NTRFX" + "x" * 600,
        ":61:",
    ],
)
def test_a_line_that_cannot_be_read_costs_itself_alone(
    tmp_path: Path, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    text = statement(line, ":86:SECRET", ":61:261101D1,00NTRFY", closing="C261101CNY98,00")
    with caplog.at_level(logging.DEBUG):
        columns, rejected = read(tmp_path, text)
    assert (columns["no"], rejected) == (["Y"], {5: "bad_statement_line"})
    assert not caplog.records, "the library would quote it"


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    text = statement(":61:261101D1,NTRFX", ":86:?32MOU", ":61:261101D1,NTRFY", closing="C261101CNY98,").encode()
    assert read(tmp_path, text.replace(b"MOU", b"M\xff"))[1] == {5: "bad_encoding"}
    assert read(tmp_path, text.replace(b"MOU", b"M\0"))[1] == {5: "nul_byte"}
    assert refused(tmp_path, text.replace(b"A1", b"A\xff")) == ("wrong_encoding", 2)


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("", "wrong_header", None),
        ("no,paid\n1,2\n", "wrong_header", None),
        (":61:261101D1,00NTRFX\n", "bad_message", 1),
        (HEAD + LINES, "bad_message", 1),
        (HEAD + LINES[:100], "bad_message", 1),
        (WHOLE.replace(":25:ICBKCNBJ/6222021202000000011\n", ""), "bad_message", 4),
        (WHOLE.replace(":60F:C261031CNY1000,00\n", ""), "bad_message", 4),
        (WHOLE.replace(":60F:C261031CNY", ":60F:C261031CN"), "bad_message", 4),
        (WHOLE.replace(":60F:C261031", ":60F:C261331"), "bad_message", 4),
        (WHOLE.replace(":62F:C261101CNY1080,50", ":62F:C261101CNY1080,50X"), "bad_message", 14),
        (WHOLE.replace(":62F:C261101CNY1080,50", ":62F:C261101USD1080,50"), "wrong_balance", 14),
        (WHOLE.replace("D7,00", "D7,01"), "wrong_balance", 14),
        (WHOLE.replace(LINES[: LINES.index(":61:261101D")], ""), "wrong_balance", None),
        (HEAD + FOOT.replace("1080,50", "1000,00").replace("-\n", ":61:261101D1,00NTRFX\n-\n"), "bad_message", 8),
        (HEAD + ":60F:C261031CNY1000,00\n" + FOOT, "bad_message", 5),
    ],
)
def test_a_message_that_is_not_whole_or_does_not_add_up_is_refused(
    tmp_path: Path, text: str, code: str, line: int | None
) -> None:
    found = refused(tmp_path, text)
    assert found[0] == code and line in (None, found[1])
    assert ERRORS[code].mend


def test_a_balance_beside_a_line_that_cannot_be_read_is_not_checked(tmp_path: Path) -> None:
    text = statement(":61:261101D?,NTRFX", ":61:261101D1,NTRFY", closing="C261101CNY50,")
    assert read(tmp_path, text)[0]["no"] == ["Y"]


def test_a_statement_lands(tmp_path: Path) -> None:
    contract = source(LAYOUT, file="bills_{date}_{part}.sta", bill=BILL)
    text = WHOLE.replace("12,5N", "?N")
    _, (manifest,) = sent(tmp_path, contract, text.encode(), 3, suffix=".sta")
    assert manifest.state == "accepted", manifest.errors
    assert {line: row["amount_fen"] for line, row in rows(tmp_path, manifest).items()} == {5: 700, 11: 10000}
    assert {line: code for line, (code, _) in rejects(tmp_path, manifest).items()} == {8: "bad_statement_line"}


@pytest.mark.parametrize(
    "block",
    [
        ":86:" + "?20x" * 16_000 + "\n",
        "/A" * 30_000 + "\n",
        ":61:261101D1,00NTRFX//" + "x" * 60_000 + "\n",
        "\n" * 70_000,
    ],
    ids=["numbers", "words", "reference", "lines"],
)
def test_what_is_long_is_read_or_refused_soon(tmp_path: Path, block: str) -> None:
    text = HEAD + ":61:261101D1,00NTRFX\n:86:/\n" + block + ":62F:C261101CNY999,00\n"
    begun = time.process_time()
    try:
        read(tmp_path, text)
    except FileRefused as refusal:
        assert {one.code for one in refusal.reasons} <= {"line_too_long"}
    assert time.process_time() - begun < 5


def test_a_long_file_is_read_in_order(tmp_path: Path) -> None:
    lines = [f":61:261101C1,NTRFR{number}" for number in range(45_000)]
    columns, _ = read(tmp_path, statement(*lines, closing="C261101CNY45100,"))
    assert columns["no"] == [f"R{number}" for number in range(45_000)] and columns["line"][-1] == 45_004


@pytest.mark.parametrize("name", ["acount", "details?2", "details?", "details/name", "details?20-"])
def test_names_that_mean_nothing_are_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="details/NAME"):
        source({**LAYOUT, "values": {**VALUES, "who": [name]}}, file="bills_{date}_{part}.sta", bill=BILL)


def test_mt940_stands_beside_no_other_layout() -> None:
    with pytest.raises(ValidationError, match="only delimited layouts may stand beside each other"):
        source([LAYOUT, CSV], file="bills_{date}_{part}.sta", bill=BILL)

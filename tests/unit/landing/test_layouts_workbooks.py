"""Excel files of before 2007, and sheets that are not the first."""

from __future__ import annotations

import io
import struct
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from pydantic import ValidationError

from jobs.landing.formats.batches import Batch, FileRefused
from jobs.landing.formats.read import open_export
from jobs.landing.formats.xls import _cell
from tests.support.contracts import CSV, columns_of, sent, source
from tests.support.exports import FIXTURES
from tests.support.landing import rejects, rows

OLD = (FIXTURES / "layouts/bill.xls").read_bytes()
"""Made with xlwt: a sheet 说明, and 明细 with dates, a number, a truth value, an empty row and a cell too many."""
BILL = {"period": "rows", "exported_at": "rows"}


def batches(path: Path, data: bytes, **layout: Any) -> list[Batch]:
    path.write_bytes(data)
    name = f"bills_{{date}}_{{part}}{path.suffix}"
    contract = source({"layout": "workbook", "preamble": {}, **layout}, file=name, bill=BILL)
    with open_export(path, contract.feeds["bills"]) as export:
        return list(export.batches)


def twin(*, sheets: tuple[str, ...] = ("说明", "明细")) -> bytes:
    """The same as a newer workbook."""
    packed = io.BytesIO()
    with xlsxwriter.Workbook(packed, {"in_memory": True}) as book:
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        cells: list[list[object]] = [
            ["账期 2026-10-01 至 2026-10-31"], [], ["no", "paid", "who", "yuan"],
            ["20261003000000000000000001", datetime(2026, 10, 3, 8, 12, 33), "某店，二楼", 12.3], [],
            ["20261003000000000000000002", datetime(2026, 10, 4), " 某摊\t", 7],
            ["20261003000000000000000003", "2026-10-05", True, "0.50"],
            ["4", "2026-10-05", "某铺", "1.00", "", "x"],
        ]  # fmt: skip
        for name in sheets:
            sheet = book.add_worksheet(name)
            for place, row in enumerate(cells if name == "明细" else []):
                for column, cell in enumerate(row):
                    sheet.write(place, column, cell, moment if isinstance(cell, datetime) else None)
    return packed.getvalue()


@pytest.mark.parametrize("sheet", ["明细", 2])
def test_an_old_workbook_is_read_as_its_newer_twin(tmp_path: Path, sheet: str | int) -> None:
    old = batches(tmp_path / "a.xls", OLD, sheet=sheet)
    new = batches(tmp_path / "a.xlsx", twin(), sheet=sheet)
    assert old == new and [one.code for batch in old for one in batch.rejects] == ["wrong_columns"]
    assert columns_of(old) == {
        "no": [f"2026100300000000000000000{number}" for number in (1, 2, 3)],
        "paid": ["2026-10-03 08:12:33", "2026-10-04", "2026-10-05"],
        "who": ["某店，二楼", " 某摊\t", "True"],
        "yuan": ["12.3", "7", "0.50"],
    }


def test_an_old_workbook_lands(tmp_path: Path) -> None:
    contract = source(
        {"layout": "workbook", "preamble": {}, "sheet": "明细", "is_padded": True},
        file="bills_{date}_{part}.xls",
        bill=BILL,
    )
    _, (manifest,) = sent(tmp_path, contract, OLD, 4, suffix=".xls")
    assert manifest.state == "accepted", manifest.errors
    assert {line: row["amount_fen"] for line, row in rows(tmp_path, manifest).items()} == {4: 1230, 6: 700, 7: 50}
    assert {line: code for line, (code, _) in rejects(tmp_path, manifest).items()} == {8: "wrong_columns"}


@pytest.mark.parametrize("suffix", [".xls", ".xlsx"])
@pytest.mark.parametrize("sheet", ["流水", 3])
def test_a_workbook_without_the_agreed_sheet(tmp_path: Path, suffix: str, sheet: str | int) -> None:
    with pytest.raises(FileRefused, match="missing_sheet"):
        batches(tmp_path / f"a{suffix}", OLD if suffix == ".xls" else twin(), sheet=sheet)


@pytest.mark.parametrize("suffix", [".xls", ".xlsx"])
def test_without_a_name_the_first_sheet_counts(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(FileRefused, match="wrong_header"):
        batches(tmp_path / f"a{suffix}", OLD if suffix == ".xls" else twin())
    assert batches(tmp_path / "b.xlsx", twin(sheets=("明细", "说明")))[0].lines == [4, 6, 7]


def test_workbooks_of_one_feed_have_one_sheet() -> None:
    layouts = [{"layout": "workbook", "sheet": sheet} for sheet in (None, "明细")]
    with pytest.raises(ValidationError, match="all workbooks of a feed have their rows in one sheet"):
        source(layouts, file="bills_{date}_{part}.xls", bill=BILL)
    with pytest.raises(ValidationError, match=r"files that end in \.xlsx or \.xls are workbooks"):
        source(CSV, file="bills_{date}_{part}.xls", bill=BILL)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no,paid,who,yuan\n",
        b"<html><table><tr><td>no</td></tr></table></html>",
        OLD[:3000],
        OLD[:512] + b"\xff" * 5120,
        OLD[:512] + bytes(5120),
        twin(),
    ],
    ids=["empty", "text", "html", "cut", "ones", "zeros", "newer"],
)
def test_what_is_no_old_workbook_is_refused(tmp_path: Path, data: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(FileRefused, match="bad_workbook"):
        batches(tmp_path / "a.xls", data, sheet="明细")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("at", range(512, len(OLD), 97))
def test_a_byte_that_is_another_refuses_or_is_read(tmp_path: Path, at: int) -> None:
    data = OLD[:at] + bytes([OLD[at] ^ 0xFF]) + OLD[at + 1 :]
    try:
        batches(tmp_path / "a.xls", data, sheet="明细")
    except FileRefused:
        return


# -- bounds


def biff(*records: tuple[int, bytes], sheets: int = 1) -> bytes:
    """A bare workbook of one sheet with these records, in the container that Excel wrote."""

    def said(*of: tuple[int, bytes]) -> bytes:
        return b"".join(struct.pack("<HH", kind, len(data)) + data for kind, data in of)

    start = (0x809, struct.pack("<HHHHII", 0x600, 5, 0, 1997, 0, 0))
    xf = (0xE0, bytes(20))
    head = [start, (0x42, struct.pack("<H", 1200)), xf, *[one for one in records if one[0] == 0xFC]]
    name = b"\x02\x00" + b"S1"
    length = len(said(*head, (0x85, bytes(6) + name), (0x0A, b"")))
    globals_ = said(*head, (0x85, struct.pack("<IH", length, 0) + name), (0x0A, b""))
    sheet = said((0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 1997, 0, 0)))
    stream = globals_ + sheet + said(*[one for one in records if one[0] != 0xFC], (0x0A, b""))
    return container(stream)


def container(stream: bytes) -> bytes:
    """A compound file that holds one stream, `Workbook`."""
    stream += bytes(max(0, 4096 - len(stream)))
    sectors = -(-len(stream) // 512)
    tables = -(-(sectors + 2) // 127)
    chain = [*range(1, sectors), 0xFFFFFFFE, 0xFFFFFFFE, *[0xFFFFFFFD] * tables]
    fat = struct.pack(f"<{len(chain)}I", *chain)
    fat += b"\xff" * (tables * 512 - len(fat))

    def entry(name: str, kind: int, child: int, first: int, size: int) -> bytes:
        text = name.encode("utf-16-le") + b"\0\0"
        body = text.ljust(64, b"\0") + struct.pack("<HBBIII", len(text), kind, 1, 0xFFFFFFFF, 0xFFFFFFFF, child)
        return body + bytes(36) + struct.pack("<III", first, size, 0)

    folder = entry("Root Entry", 5, 1, 0xFFFFFFFE, 0) + entry("Workbook", 2, 0xFFFFFFFF, 0, len(stream)) + bytes(256)
    places = [sectors + 1 + number for number in range(tables)]
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    head += struct.pack("<IIIIIIIII", 0, tables, sectors, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    head += struct.pack(f"<{len(places)}I", *places) + b"\xff" * 4 * (109 - len(places))
    return head + stream.ljust(sectors * 512, b"\0") + folder + fat


def number(row: int, column: int, value: float = 1.0) -> tuple[int, bytes]:
    return 0x203, struct.pack("<HHHd", row, column, 0, value)


def shared(text: bytes, cells: int) -> list[tuple[int, bytes]]:
    """One shared text that many cells name."""
    table = (0xFC, struct.pack("<II", cells, 1) + struct.pack("<HB", len(text), 0) + text)
    return [table, *((0xFD, struct.pack("<HHHI", row % 65536, row // 65536, 0, 0)) for row in range(cells))]


@pytest.mark.parametrize(
    "records",
    [
        [number(0, 0), number(65535, 255)],
        [number(row, 255) for row in range(65536)],
        shared(b"x" * 8000, 60_000),
    ],
    ids=["far cell", "wide rows", "shared text"],
)
def test_an_old_workbook_that_asks_for_too_much(tmp_path: Path, records: list[tuple[int, bytes]]) -> None:
    with pytest.raises(FileRefused, match="unpacks_to_too_much"):
        batches(tmp_path / "a.xls", biff(*records))


def test_an_old_workbook_of_too_many_bytes(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="unpacks_to_too_much"):
        batches(tmp_path / "a.xls", OLD + bytes(8 << 20))


def test_the_bare_workbook_of_these_tests_is_one(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="wrong_header"):
        batches(tmp_path / "a.xls", biff(number(0, 0), number(1, 1, 2.5)))


def test_cells_that_are_no_text() -> None:
    kinds = {"date": 3, "bool": 4, "error": 5, "number": 2}
    cases: list[tuple[str, float, object]] = [
        ("date", 46327.0, date(2026, 11, 1)),
        ("date", 46327.5, datetime(2026, 11, 1, 12)),
        ("date", 0.25, time(6)),
        ("date", 1e9, 1e9),
        ("bool", 1, True),
        ("error", 7, ""),
        ("number", 2.5, 2.5),
    ]
    assert [_cell(kinds[kind], value, 0) for kind, value, _ in cases] == [wanted for *_, wanted in cases]

"""Excel files before 2007: a sheet as the other reader gives it. Macros, links and formulas are not looked at.

What the file holds bounds what it asks for: the reader keeps a shared text once however many cells name it, and a row
only as far as its last cell.
"""

from __future__ import annotations

import io
from datetime import time
from pathlib import Path
from typing import Any

import xlrd
from xlrd.xldate import XLDateError, xldate_as_datetime

from jobs.landing.formats.batches import FileRefused
from jobs.landing.formats.sheets import CELLS, LETTERS, place_of
from jobs.landing.formats.unpack import ARCHIVE_BYTES
from schemas.sources.faults import fault


def old_sheet(path: Path, wanted: str | int | None) -> list[list[Any]]:
    """The cells of a sheet, row by row.

    Raises:
        FileRefused: damaged, no such file, without the sheet, or larger when opened than a bill can be.
    """
    if path.stat().st_size > ARCHIVE_BYTES:
        raise FileRefused(fault("unpacks_to_too_much"))
    try:
        book = xlrd.open_workbook(
            file_contents=path.read_bytes(), logfile=io.StringIO(), on_demand=True, ragged_rows=True
        )
        sheet = book.sheet_by_index(place_of(book.sheet_names(), wanted))
    except (FileRefused, MemoryError, OSError):
        raise
    except Exception as error:  # of whatever kind: it takes the file at its word
        raise FileRefused(fault("bad_workbook")) from error
    _check(sheet)
    return [
        [_cell(kind, value, book.datemode) for kind, value in zip(sheet.row_types(row), sheet.row_values(row))]
        for row in range(sheet.nrows)
    ]


def _check(sheet: Any) -> None:
    """Refuse a sheet of too many cells, or of too much text.

    Raises:
        FileRefused: it is.
    """
    letters = 0
    if sheet.nrows * max(map(sheet.row_len, range(sheet.nrows)), default=0) > CELLS:
        raise FileRefused(fault("unpacks_to_too_much"))
    for row in range(sheet.nrows):
        letters += sum(len(value) for value in sheet.row_values(row) if isinstance(value, str))
    if letters > LETTERS:
        raise FileRefused(fault("unpacks_to_too_much"))


def _cell(kind: int, value: Any, datemode: int) -> object:
    """A cell as the reader of newer files gives it: a midnight is a date, an error is empty."""
    if kind == xlrd.XL_CELL_BOOLEAN:
        return bool(value)
    if kind == xlrd.XL_CELL_ERROR:
        return ""
    if kind != xlrd.XL_CELL_DATE:
        return value
    try:
        moment = xldate_as_datetime(value, datemode)
    except (XLDateError, ValueError, OverflowError):
        return value
    if 0 <= value < 1:
        return moment.time()
    return moment.date() if moment.time() == time() else moment

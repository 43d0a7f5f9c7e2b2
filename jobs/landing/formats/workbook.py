"""Excel files: one sheet, its cells as the text that they show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO

from python_calamine import CalamineWorkbook

from jobs.landing.formats.batches import Batch, Export, FileRefused, Reject
from jobs.landing.formats.headers import Header, complaint, find, rows_above
from jobs.landing.formats.sheets import checked_copy, place_of
from jobs.landing.formats.xls import old_sheet
from schemas.sources import Feed
from schemas.sources.faults import fault, shape
from schemas.sources.layouts import Workbook

ROWS = 20_000
"""Rows of a batch."""


def read_workbook(path: Path, feed: Feed, layouts: Sequence[Workbook]) -> Export:
    """A file that has one of the layouts.

    The reader holds a sheet in memory: what it may unpack to is bounded before it is opened.

    Raises:
        FileRefused: damaged, not a workbook, or without the agreed sheet or header.
    """
    wanted = layouts[0].sheet
    rows = old_sheet(path, wanted) if path.suffix == ".xls" else sheet_of(checked_copy(path), wanted)
    above = [_cut([text(cell) for cell in row]) for row in rows[: rows_above(layouts)]]
    found = find(above, [" ".join(filter(None, row)) for row in above], layouts, feed.fields)
    if found is None:
        raise FileRefused(*complaint(list(enumerate(above, 1)), layouts, feed.fields))
    header, at, head = found
    return Export(head, _batches(rows, at, header, feed), header.new)


def sheet_of(checked: BinaryIO, wanted: str | int | None) -> list[list[Any]]:
    try:
        book = CalamineWorkbook.from_filelike(checked)
        place = place_of(book.sheet_names, wanted)
        rows: list[list[Any]] = book.get_sheet_by_index(place).to_python(skip_empty_area=False)
    except (KeyboardInterrupt, SystemExit, MemoryError, FileRefused):
        raise
    except BaseException as error:  # a panic of the reader is no Exception
        raise FileRefused(fault("bad_workbook")) from error
    return rows


def _cut(row: Sequence[str]) -> Sequence[str]:
    """The row without the empty cells at its end: a sheet is as wide as its widest row."""
    width = max((place for place, cell in enumerate(row, 1) if cell), default=0)
    return row[:width]


def _batches(rows: list[list[Any]], at: int, header: Header, feed: Feed) -> Iterator[Batch]:
    for start in range(at, len(rows), ROWS):
        yield _batch(rows[start : start + ROWS], start + 1, header, feed)


def _batch(rows: list[list[Any]], first: int, header: Header, feed: Feed) -> Batch:
    lines: list[int] = []
    kept: list[list[str]] = []
    rejects: list[Reject] = []
    for line, row in enumerate(rows, first):
        cells = [text(cell) for cell in row]
        if header.layout.is_padded:
            cells = [cell.strip() for cell in cells]
        if not any(cells):
            continue
        if any(cells[header.width :]):
            rejects.append(Reject(line, "wrong_columns", None, shape("|".join(cells)[:400])))
            continue
        if max(map(len, cells)) > feed.longest_value:
            rejects.append(Reject(line, "value_too_long", None, shape(max(cells, key=len))))
            continue
        lines.append(line)
        kept.append(["" if cell == header.layout.no_value else cell for cell in cells])
    columns: dict[str, Sequence[Any]] = {
        field: [""] * len(kept) if place is None else [row[place] if place < len(row) else "" for row in kept]
        for field, place in zip(feed.fields, header.positions)
    }
    return Batch(lines, columns, rejects)


def text(cell: object) -> str:
    """A cell as text: whole numbers without decimals, moments as in ISO 8601 with a space."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(cell)
    if isinstance(cell, datetime):
        return cell.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(cell, date):
        return cell.isoformat()
    return "" if cell is None else str(cell)

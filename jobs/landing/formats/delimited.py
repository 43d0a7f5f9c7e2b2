"""Delimited text: the header by its names, the rows split all at once where they are plain."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.csv as csv_reader

from jobs.landing.encoded import Column
from jobs.landing.formats.batches import Batch, BillHead, Export, FileRefused, Reject
from jobs.landing.formats.headers import Header, complaint, find, match, rows_above
from jobs.landing.formats.lines import MARKS, line_blocks
from jobs.landing.formats.patterns import compiled
from jobs.landing.formats.unpack import Unpacked
from schemas.sources import Feed
from schemas.sources.faults import Fault, fault
from schemas.sources.layouts import Delimited

OTHER_ENCODINGS = ("utf-8", "gb18030", "utf-16")
TAB = "\t"
BYTE_ORDER_MARK = "\ufeff"
HEADER_BYTES = 1 << 12
"""A longer line is no header, nor does it say anything of a bill."""


def read_delimited(stream: Unpacked, feed: Feed, layouts: Sequence[Delimited]) -> Export:
    """A file that has one of the layouts; they differ in their header and what stands around it alone.

    Raises:
        FileRefused: damaged, or without an agreed header.
    """
    blocks = line_blocks(stream, layouts[0])
    text = _Text(next((layout for layout in layouts if layout.is_padded), layouts[0]))
    most = rows_above(layouts)
    above: list[bytes] = []
    for block in blocks:
        above += block
        if len(above) >= most:
            break
    header, at, head = _find(above[:most], text, feed, layouts)
    rows = _Rows(header, above[at - 1], feed)
    return Export(head, rows.batches(above[at:], blocks, at + 1), header.new)


def _find(
    above: Sequence[bytes], text: _Text, feed: Feed, layouts: Sequence[Delimited]
) -> tuple[Header, int, BillHead | None]:
    """The header, how many lines end with it, and what stands above it."""
    said = [(text.decoded(raw) if len(raw) <= HEADER_BYTES else None) or "" for raw in above]
    cells = [text.cells(line) or [] for line in said]
    found = find(cells, said, layouts, feed.fields)
    if found is None:
        raise FileRefused(*_why(above, list(enumerate(cells, 1)), text, feed, layouts))
    return found


def _why(
    above: Sequence[bytes],
    rows: Sequence[tuple[int, Sequence[str]]],
    text: _Text,
    feed: Feed,
    layouts: Sequence[Delimited],
) -> list[Fault]:
    """What keeps every line from being the header: the line ending, the encoding, the columns."""
    if above and (b"\r" in above[0] or b"\n" in above[0]):
        return [fault("wrong_line_ending", line=1)]
    for encoding in OTHER_ENCODINGS:
        other = _Text(layouts[0], encoding)
        if encoding != text.encoding and any(
            match(other.cells(other.decoded(raw) or "") or [], layout, feed.fields)
            for raw in above
            if len(raw) <= HEADER_BYTES
            for layout in layouts
        ):
            return [fault("wrong_encoding")]
    return complaint(rows, layouts, feed.fields)


class _Text:
    """How a line becomes values."""

    def __init__(self, layout: Delimited, encoding: str | None = None) -> None:
        self.encoding = encoding or layout.encoding
        self.delimiter = layout.delimiter
        self.is_quoted = layout.quoting == "minimal"
        self.padded = _padded_cell(layout.delimiter) if layout.is_padded else None

    def decoded(self, line: bytes) -> str | None:
        """The line, or None when it is no text of the encoding."""
        try:
            return line.decode(self.encoding)
        except UnicodeDecodeError:
            return None

    def cells(self, line: str) -> list[str] | None:
        """The values of a line; None when its quotes do not close."""
        if not self.is_quoted or '"' not in line:
            return line.split(self.delimiter)
        if self.padded is not None:
            return _padded_cells(line, self.padded)
        try:
            return next(csv.reader([line], delimiter=self.delimiter, strict=True))
        except (csv.Error, StopIteration):
            return None


def _padded_cell(delimiter: str) -> re.Pattern[str]:
    """A value and the delimiter after it: in quotes, which may stand between spaces and tabs, or without any in front."""
    end, pad = f"({re.escape(delimiter)}|$)", f"[{' '.replace(delimiter, '')}{TAB.replace(delimiter, '')}]*"
    return re.compile(f'{pad}"((?:[^"]|"")*)"{pad}{end}|(?!{pad}")([^{re.escape(delimiter)}]*){end}')


def _padded_cells(line: str, cell: re.Pattern[str]) -> list[str] | None:
    """The values of a line; None when a quote does not close, or something stands beside it."""
    cells: list[str] = []
    at, is_last = 0, False
    while not is_last:
        found = cell.match(line, at)
        if found is None:
            return None
        quoted, quoted_end, plain, plain_end = found.groups()
        cells.append(plain if quoted is None else quoted.replace('""', '"'))
        at, is_last = found.end(), not (quoted_end or plain_end)
    return cells


class _Rows:
    """The lines below the header."""

    def __init__(self, header: Header, head: bytes, feed: Feed) -> None:
        assert isinstance(header.layout, Delimited)
        self.header, self.layout, self.feed = header, header.layout, feed
        self.text = _Text(header.layout)
        self.heads = (head, MARKS[0] + head)  # of a file that was joined to another
        self.footer = compiled(self.layout.footer) if self.layout.footer else None

    def batches(self, first: list[bytes], rest: Iterator[list[bytes]], line: int) -> Iterator[Batch]:
        """All rows; what follows a footer is read to its end, so that damage shows, but is none."""
        for raw in _chain(first, rest):
            end = self._footer_in(raw)
            yield self._batch(raw[:end], line)
            if end < len(raw):
                for _ in rest:
                    pass
                return
            line += len(raw)

    def _footer_in(self, raw: Sequence[bytes]) -> int:
        if self.footer is None:
            return len(raw)
        marks = (number for number, one in enumerate(raw) if self.footer.match(self.text.decoded(one) or ""))
        return next(marks, len(raw))

    def _batch(self, raw: list[bytes], line: int) -> Batch:
        columns = self._fast_columns(raw)
        if columns is not None:
            return Batch(list(range(line, line + len(raw))), self._fields(columns, len(raw)), [])
        lines: list[int] = []
        rows: list[list[str]] = []
        rejects: list[Reject] = []
        for number, content in enumerate(raw, line):
            if self.layout.is_padded and not content.strip():
                continue
            row = self._row(content)
            if isinstance(row, str):
                rejects.append(Reject.of_bytes(number, row, content, self.text.encoding))
            else:
                lines.append(number)
                rows.append(row)
        split = [list(column) for column in zip(*rows)] if rows else [[] for _ in range(self.header.width)]
        return Batch(lines, self._fields(split, len(lines)), rejects)

    def _row(self, content: bytes) -> list[str] | str:
        """The values of a line, or the code of what is wrong with it."""
        if content in self.heads:
            return "repeated_header"
        line = self.text.decoded(content)
        if line is None:
            return "bad_encoding"
        if "\0" in line:
            return "nul_byte"
        if "\r" in line or "\n" in line:
            return "wrong_line_ending"
        cells = self.text.cells(line)
        if cells is None:
            return "bad_quoting"
        cells, beyond = cells[: self.header.width], cells[self.header.width :]
        if len(cells) < self.header.width or len(beyond) > self.layout.trailing_empty or any(self._plain(beyond)):
            return "wrong_columns"
        return "value_too_long" if max(map(len, cells)) > self.feed.longest_value else cells

    def _fast_columns(self, raw: list[bytes]) -> list[Sequence[str]] | None:
        """The columns of lines that are plain and whole, split all at once; None if any is not."""
        if max(map(len, raw), default=0) > self.feed.longest_value or any(head in raw for head in self.heads):
            return None  # a line may hold a value that is too long, or be another header
        text = self.text.decoded(b"\n".join(raw))
        if text is None or "\0" in text or "\r" in text or (self.text.is_quoted and '"' in text):
            return None
        if not all(raw) or text.count("\n") != len(raw) - 1:
            return None  # an empty line, which Arrow takes for empty values, or one that has another line ending within
        found = text.partition("\n")[0].count(self.text.delimiter) + 1
        if not self.header.width <= found <= self.header.width + self.layout.trailing_empty:
            return None
        split = split_few if len(raw) < FEW_LINES else split_many
        columns = split(text, self.text.delimiter, found)
        if columns is None or len(columns[0]) != len(raw) or any(map(any, columns[self.header.width :])):
            return None
        return columns[: self.header.width]

    def _fields(self, columns: Sequence[Sequence[str]], rows: int) -> dict[str, Sequence[Any]]:
        """The feed's fields; one that the layout does not have is empty."""
        return {
            field: Column.same("", rows) if place is None else self._plain(columns[place])
            for field, place in zip(self.feed.fields, self.header.positions)
        }

    def _plain(self, values: Sequence[str]) -> Sequence[str]:
        if self.layout.is_padded:
            values = [value.strip() for value in values]
        if self.layout.no_value is not None:
            values = ["" if value == self.layout.no_value else value for value in values]
        return values


FEW_LINES = 500
"""Of fewer, getting ready takes Arrow's reader longer than splitting takes Python."""


def split_few(text: str, delimiter: str, width: int) -> list[Sequence[str]] | None:
    """The columns of lines without quotes; None where one has another number of values."""
    lines = text.split("\n")
    if any(line.count(delimiter) + 1 != width for line in lines):
        return None
    cells = delimiter.join(lines).split(delimiter)
    return [cells[place::width] for place in range(width)]


def split_many(text: str, delimiter: str, width: int) -> list[Sequence[str]] | None:
    """The same by Arrow's reader, told to take nothing for a quote, a null or another type than text."""
    names = list(map(str, range(width)))
    sent = pa.py_buffer(text.encode())
    if not delimiter.isascii() or text.startswith(BYTE_ORDER_MARK):  # it would drop the mark
        return split_few(text, delimiter, width)
    try:
        table = csv_reader.read_csv(
            sent,
            csv_reader.ReadOptions(use_threads=False, block_size=sent.size + 1, column_names=names),
            csv_reader.ParseOptions(delimiter=delimiter, quote_char=False, ignore_empty_lines=False),
            csv_reader.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        return None
    return [Column.of_texts(column.combine_chunks()) for column in table.columns]


def _chain(first: list[bytes], rest: Iterator[list[bytes]]) -> Iterator[list[bytes]]:
    if first:
        yield first
    yield from rest

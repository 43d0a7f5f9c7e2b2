"""The bytes of an export file as batches of raw columns: the layouts that a contract may name.

Streams in blocks of about 4 MiB, so memory does not grow with the file. Rows that cannot be split into
their columns are rejected one by one; what makes the whole file unreadable refuses it.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import orjson

from schemas.sources import Delimited, Feed, JsonLines
from schemas.sources.errors import Fault, fault, shape

BLOCK_BYTES = 4 << 20
LINE_BYTES = 1 << 20
BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x84\x31\x95\x33")
"""UTF-8, UTF-16 (both orders) and GB18030."""
LINE_ENDINGS = {"lf": b"\n", "crlf": b"\r\n"}


class FileRefused(Exception):
    """A file cannot be read as a whole."""

    def __init__(self, reason: Fault) -> None:
        super().__init__(reason.code)
        self.reason = reason


@dataclass(frozen=True)
class Reject:
    """A row that could not be split into columns: its line, error code, column and shape."""

    line: int
    code: str
    column: str | None
    shape: str


@dataclass(frozen=True)
class Batch:
    """Rows in columns: `lines` are 1-based physical lines, each column is as long as `lines`.

    A column of a delimited file holds text, one of a JSON file whatever JSON allows.
    """

    lines: list[int]
    columns: dict[str, Sequence[Any]]
    rejects: list[Reject]


def read_batches(path: Path, feed: Feed) -> Iterator[Batch]:
    """The data rows of a file, in file order.

    Raises:
        FileRefused: the file is damaged, or does not begin as the contract says.
    """
    blocks = _line_blocks(path, feed.format)
    if isinstance(feed.format, JsonLines):
        split: _Split = _JsonSplit(feed, feed.format)
        line = 1
    else:
        split = _DelimitedSplit(feed, feed.format)
        line = 2
        first = next(blocks, [b""])
        split.check_header(first[0])
        blocks = _chain(first[1:], blocks)
    for raw in blocks:
        yield split.batch(raw, line)
        line += len(raw)


def _chain(first: list[bytes], rest: Iterator[list[bytes]]) -> Iterator[list[bytes]]:
    if first:
        yield first
    yield from rest


def _line_blocks(path: Path, form: JsonLines | Delimited) -> Iterator[list[bytes]]:
    """The lines of the unpacked file without their endings, in lists. Never an empty list."""
    if form.compression == "gzip" and not path.stat().st_size:  # gzip reads nothing as nothing
        raise FileRefused(fault("bad_compression"))
    ending = LINE_ENDINGS[form.line_ending]
    with path.open("rb") as packed:
        stream = cast(BinaryIO, gzip.GzipFile(fileobj=packed)) if form.compression == "gzip" else packed
        rest = b""
        line = 1
        while True:
            try:
                block = stream.read(BLOCK_BYTES)
            except (EOFError, OSError, zlib.error) as error:
                raise FileRefused(fault("bad_compression")) from error
            if line == 1 and not rest and block.startswith(BYTE_ORDER_MARKS):
                raise FileRefused(fault("byte_order_mark", line=1))
            lines = (rest + block).split(ending)
            rest = lines.pop()
            for number, content in enumerate((*lines, rest), line):
                if len(content) > LINE_BYTES:
                    raise FileRefused(fault("line_too_long", line=number))
            if lines:
                yield lines
                line += len(lines)
            if not block:
                break
        if rest:
            yield [rest]


class _Split:
    """Raw lines → columns and rejects, for one layout."""

    def __init__(self, feed: Feed, form: JsonLines | Delimited) -> None:
        self.fields = feed.fields
        self.encoding = form.encoding

    def batch(self, raw: list[bytes], first_line: int) -> Batch:
        """The columns of the rows that could be split, and the rejects."""
        raise NotImplementedError

    def put_together(
        self, columns: Sequence[Sequence[Any]], first_line: int, rows: int, rejects: list[Reject]
    ) -> Batch:
        """A batch of `rows` lines, less the rejected ones."""
        lines = list(range(first_line, first_line + rows))
        if rejects:
            gone = {reject.line for reject in rejects}
            lines = [line for line in lines if line not in gone]
        return Batch(lines, dict(zip(self.fields, columns)), rejects)

    def text(self, line: bytes) -> str | None:
        """The decoded line, or None when it is no text of the encoding."""
        try:
            return line.decode(self.encoding)
        except UnicodeDecodeError:
            return None

    def reject(self, line: int, code: str, raw: bytes) -> Reject:
        return Reject(line, code, None, shape(raw[:400].decode(self.encoding, errors="replace")))


class _JsonSplit(_Split):
    def batch(self, raw: list[bytes], first_line: int) -> Batch:
        rows: list[dict[str, Any]] = []
        rejects = []
        loads, names = orjson.loads, set(self.fields)
        is_utf8 = self.encoding == "utf-8"
        for line, content in enumerate(raw, first_line):
            try:
                row = loads(content if is_utf8 else content.decode(self.encoding))
            except ValueError:  # both errors, of JSON and of decoding, are of this type
                code = "bad_json" if self.text(content) is not None else "bad_encoding"
                rejects.append(self.reject(line, code, content))
                continue
            if type(row) is not dict:
                rejects.append(self.reject(line, "bad_json", content))
            elif row.keys() != names:
                rejects.append(self.reject(line, "wrong_columns", content))
            else:
                rows.append(row)
        columns = [[row[field] for row in rows] for field in self.fields]
        return self.put_together(columns, first_line, len(raw), rejects)


class _DelimitedSplit(_Split):
    def __init__(self, feed: Feed, form: Delimited) -> None:
        super().__init__(feed, form)
        self.delimiter = form.delimiter
        self.is_quoted = form.quoting == "minimal"

    def check_header(self, raw: bytes) -> None:
        """Refuse a file whose first line is not the agreed header."""
        text = self.text(raw)
        cells = None if text is None else self.cells(text)
        if cells != self.fields:
            # A header that fits but for stray line breaks tells of the other line ending.
            is_ending = raw.endswith(b"\r") or b"\n" in raw
            raise FileRefused(fault("wrong_line_ending" if is_ending else "wrong_header", line=1))

    def batch(self, raw: list[bytes], first_line: int) -> Batch:
        columns = self.fast_columns(raw)
        if columns is not None:
            return self.put_together(columns, first_line, len(raw), [])
        rows: list[list[str]] = []
        rejects = []
        for line, content in enumerate(raw, first_line):
            text = self.text(content)
            cells = None if text is None else self.cells(text)
            if text is None:
                rejects.append(self.reject(line, "bad_encoding", content))
            elif "\0" in text:
                rejects.append(self.reject(line, "nul_byte", content))
            elif cells is None:
                rejects.append(self.reject(line, "bad_quoting", content))
            elif len(cells) != len(self.fields):
                rejects.append(self.reject(line, "wrong_columns", content))
            else:
                rows.append(cells)
        split = list(zip(*rows)) if rows else [()] * len(self.fields)
        return self.put_together(split, first_line, len(raw), rejects)

    def fast_columns(self, raw: list[bytes]) -> list[list[str]] | None:
        """The columns of lines that are plain and whole, split all at once; None if any is not."""
        text = self.text(b"\n".join(raw))
        if text is None or "\0" in text or (self.is_quoted and '"' in text):
            return None
        lines = text.split("\n")
        width = len(self.fields)
        if len(lines) != len(raw) or {line.count(self.delimiter) for line in lines} != {width - 1}:
            return None
        cells = self.delimiter.join(lines).split(self.delimiter)
        return [cells[position::width] for position in range(width)]

    def cells(self, text: str) -> list[str] | None:
        """The values of a line; None when its quotes do not close."""
        if not self.is_quoted or '"' not in text:
            return text.split(self.delimiter)
        try:
            return next(csv.reader([text], delimiter=self.delimiter, strict=True))
        except csv.Error:
            return None

"""Streams of bytes as numbered lines."""

from __future__ import annotations

from collections.abc import Iterator

from jobs.landing.formats.batches import FileRefused
from jobs.landing.formats.unpack import BLOCK_BYTES, Unpacked
from schemas.sources.faults import fault
from schemas.sources.layouts import Delimited, JsonLines, Mt940

LINE_BYTES = 1 << 20
LINES = 50_000
"""Lines of a batch, at most: a block of empty lines holds millions."""
MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x84\x31\x95\x33")
"""Byte order marks of UTF-8, UTF-16 (both orders) and GB18030."""
ENDINGS = {"lf": b"\n", "crlf": b"\r\n", "any": b"\n"}


def line_blocks(stream: Unpacked, layout: JsonLines | Delimited | Mt940) -> Iterator[list[bytes]]:
    """The lines without their endings, in lists of at most a block each. Never an empty list.

    Raises:
        FileRefused: damaged, a byte order mark where none may be, or a line that has no end.
    """
    ending, rest, line = ENDINGS[layout.line_ending], b"", 1
    is_first = True
    while True:
        block = stream.read(BLOCK_BYTES)
        if is_first:
            block, is_first = _without_mark(block, layout), False
        lines = (rest + block).split(ending)
        rest = lines.pop()
        sizes = [*map(len, lines), len(rest)]
        if max(sizes) > LINE_BYTES:
            long = next(place for place, size in enumerate(sizes) if size > LINE_BYTES)
            raise FileRefused(fault("line_too_long", line=line + long))
        for start in range(0, len(lines), LINES):
            some = lines[start : start + LINES]
            yield [one.rstrip(b"\r") for one in some] if layout.line_ending == "any" else some
        line += len(lines)
        if not block:
            break
    if rest:
        yield [rest]


def _without_mark(block: bytes, layout: JsonLines | Delimited | Mt940) -> bytes:
    if not block.startswith(MARKS):
        return block
    mark = MARKS[0]
    if layout.may_have_mark and layout.encoding == "utf-8" and block.startswith(mark):
        return block[len(mark) :]
    raise FileRefused(fault("byte_order_mark", line=1))

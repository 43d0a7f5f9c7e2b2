"""A JSON document of which one array holds the rows, in bounded memory: each element is read by itself.

Brackets and quotes tell where elements end; what an element holds is read as a line of JSON lines is, and what stands
around the array as one small document.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from jobs.landing.formats.batches import Batch, BillHead, Export, FileRefused
from jobs.landing.formats.headers import told_head
from jobs.landing.formats.lines import LINE_BYTES, MARKS
from jobs.landing.formats.objects import Objects
from jobs.landing.formats.unpack import Unpacked, unpacked
from schemas.deliveries import each_once
from schemas.sources import Feed
from schemas.sources.faults import fault
from schemas.sources.layouts import DocumentHead, Json

BLOCK_BYTES = 1 << 18
AROUND_BYTES = 4 << 20
"""What may stand around the rows."""
DEEPEST = 64
"""Objects and arrays around the rows, one in another."""
ROWS, BATCH_BYTES = 20_000, 4 << 20
"""Elements of a batch, at most."""
QUOTE_OR_COLON, OPENING, CLOSING = b'":', b"[{", b"]}"
SPACE = b" \t\r\n"
TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},:"]', re.DOTALL)
"""A text, what stands between values, or the beginning of a text that has not ended yet."""


def read_json(stream: Unpacked, path: Path, feed: Feed, layout: Json) -> Export:
    """The rows of a file; of a bill that says of itself what it covers, it is looked through once before.

    Raises:
        FileRefused: damaged, no JSON, or without what a bill says.
    """
    head = None
    if layout.head is not None:
        with unpacked(path) as first:
            document = _Document(first, layout)
            for _ in document.elements():
                pass
        head = _head(document.around(), layout.head)
    objects = Objects(feed, layout, "utf-8")
    return Export(head, _batches(_Document(stream, layout), objects), objects.new)


def _batches(document: _Document, objects: Objects) -> Iterator[Batch]:
    raw: list[bytes] = []
    first = size = 1
    for element in document.elements():
        raw.append(element)
        size += len(element)
        if len(raw) == ROWS or size > BATCH_BYTES:
            yield objects.batch(raw, first)
            first, raw, size = first + len(raw), [], 0
    document.around()
    batch = objects.batch(raw, first)
    if first == 1 and raw and not batch.lines:
        objects.refuse_strange(raw[0])
    yield batch


def _head(document: Any, head: DocumentHead) -> BillHead:
    period = [_text(document, head.first), _text(document, head.last)] if head.first and head.last else None
    return told_head(head.forms, period, _text(document, head.exported_at) if head.exported_at else None, True)


def _text(document: Any, place: str) -> str:
    for key in place.split("."):
        document = document.get(key) if type(document) is dict else None
    if type(document) is not str:
        raise FileRefused(fault("bad_preamble"))
    return document


class _Document:
    """A document as it is read: its elements, and what stands around them."""

    def __init__(self, stream: Unpacked, layout: Json) -> None:
        self.stream, self.layout = stream, layout
        self.wanted: list[str | None] = [*layout.rows.split(".")] if layout.rows else []
        self.keys: list[str | None] = []  # of each object or array that is open, the key that was named last
        self.name = b""
        self.outside = bytearray()
        self.is_found = self.is_inside = False

    def elements(self) -> Iterator[bytes]:
        """The elements of the array, in order, whatever stands between their commas.

        Raises:
            FileRefused: something is too long, or too deep.
        """
        data, start, scan, depth, is_first = b"", 0, 0, 0, True
        while block := self.stream.read(BLOCK_BYTES):
            data = data[start:] + (self._without_mark(block) if is_first else block)
            scan, start, is_first = scan - start, 0, False
            for token in TOKEN.finditer(data, scan):
                text, kind = token[0], token[0][0]
                if text == b'"':  # goes on in the next block
                    scan = token.start()
                    break
                if not self.is_inside:
                    if self._opens_rows(text):
                        self.outside += data[start : token.end()]
                        start, depth, self.is_found, self.is_inside = token.end(), 0, True, True
                        is_alone = True
                elif kind in QUOTE_OR_COLON:
                    continue
                elif kind in OPENING:
                    depth += 1
                elif depth:
                    depth -= kind in CLOSING
                else:
                    element = data[start : token.start()].strip(SPACE).replace(b"\r", b"\n")
                    start, self.is_inside = token.end(), kind not in CLOSING
                    if element or self.is_inside or not is_alone:
                        yield element
                    is_alone = False
                    if not self.is_inside:
                        start = token.start()
            else:
                scan = len(data)
            if not self.is_inside:
                self.outside += data[start:scan]
                start = scan
            if len(data) - start > LINE_BYTES or len(self.outside) > AROUND_BYTES:
                raise FileRefused(fault("line_too_long"))
        self.outside += data[start:]

    def around(self) -> Any:
        """What stands around the array, which is empty here.

        Raises:
            FileRefused: it is no JSON, or has no such array.
        """
        try:
            if self.is_inside:
                raise ValueError("the array has no end")
            document = json.loads(self.outside.decode(), object_pairs_hook=each_once, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:  # also of a repeated key, and of what is no text
            raise FileRefused(fault("bad_document")) from error
        if not self.is_found:
            raise FileRefused(fault("missing_rows"))
        return document

    def _opens_rows(self, text: bytes) -> bool:
        """Whether a token before or after the array is its beginning; the way to where it stands is kept."""
        if text == b"[" and self.keys == self.wanted:
            return True
        if text in (b"[", b"{"):
            self.keys.append(None)
            if len(self.keys) > DEEPEST:
                raise FileRefused(fault("bad_document"))
        elif text in (b"]", b"}"):
            self.keys = self.keys[:-1]
        elif text == b":" and self.keys:
            self.keys[-1] = _key(self.name)
        elif text != b",":
            self.name = text
        return False

    def _without_mark(self, block: bytes) -> bytes:
        if not block.startswith(MARKS):
            return block
        if self.layout.may_have_mark and block.startswith(MARKS[0]):
            return block[len(MARKS[0]) :]
        raise FileRefused(fault("byte_order_mark", line=1))


def _key(text: bytes) -> str | None:
    try:
        key = orjson.loads(text)
    except ValueError:
        return None
    return key if type(key) is str else None


def _no_number(text: str) -> None:
    raise ValueError(f"no JSON: {text}")

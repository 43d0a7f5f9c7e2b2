"""JSON lines: one object a line, with exactly the feed's fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from jobs.landing.formats.batches import Batch, Export, FileRefused, Reject
from jobs.landing.formats.headers import strange
from jobs.landing.formats.lines import line_blocks
from jobs.landing.formats.unpack import Unpacked
from schemas.sources import Feed
from schemas.sources.layouts import JsonLines


def read_json_lines(stream: Unpacked, feed: Feed, layout: JsonLines) -> Export:
    """The rows of a file; there is no header to be wrong."""
    return Export(None, _batches(stream, feed, layout))


def _batches(stream: Unpacked, feed: Feed, layout: JsonLines) -> Iterator[Batch]:
    first = 1
    for raw in line_blocks(stream, layout):
        batch = _batch(raw, first, feed.fields, layout.encoding)
        if first == 1 and not batch.lines:
            _refuse_strange(raw[0], feed.fields, layout.encoding)
        yield batch
        first += len(raw)


def _refuse_strange(first: bytes, fields: list[str], encoding: str) -> None:
    """Where no row has the agreed keys and the first is an object, the whole file has others."""
    try:
        row = orjson.loads(first.decode(encoding))
    except ValueError:
        return
    if type(row) is dict and (faults := strange(row, fields, 1)):
        raise FileRefused(*faults)


def _batch(raw: list[bytes], first: int, fields: list[str], encoding: str) -> Batch:
    lines: list[int] = []
    rows: list[dict[str, Any]] = []
    rejects = []
    loads, names, is_utf8 = orjson.loads, set(fields), encoding == "utf-8"
    for line, content in enumerate(raw, first):
        try:
            row = loads(content if is_utf8 else content.decode(encoding))
        except ValueError:  # both errors, of JSON and of decoding, are of this type
            rejects.append(Reject.of_bytes(line, _code(content, encoding), content, encoding))
            continue
        if content.endswith(b"\r"):
            rejects.append(Reject.of_bytes(line, "wrong_line_ending", content, encoding))
        elif type(row) is not dict:
            rejects.append(Reject.of_bytes(line, "bad_json", content, encoding))
        elif row.keys() != names:
            rejects.append(Reject.of_bytes(line, "wrong_columns", content, encoding))
        else:
            lines.append(line)
            rows.append(row)
    return Batch(lines, {field: [row[field] for row in rows] for field in fields}, rejects)


def _code(content: bytes, encoding: str) -> str:
    """What is wrong with a line that cannot be read."""
    if b"\r" in content:
        return "wrong_line_ending"
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return "bad_encoding"
    return "nul_byte" if b"\0" in content else "bad_json"

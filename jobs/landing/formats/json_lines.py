"""JSON lines: one object a line, with exactly the feed's fields."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from jobs.landing.formats.batches import Batch, Export, FileRefused, Reject
from jobs.landing.formats.headers import strange
from jobs.landing.formats.lines import line_blocks
from jobs.landing.formats.unpack import Unpacked
from jobs.landing.formats.values import longest
from schemas.deliveries import RepeatedKey, each_once
from schemas.sources import Feed
from schemas.sources.layouts import JsonLines


def read_json_lines(stream: Unpacked, feed: Feed, layout: JsonLines) -> Export:
    """The rows of a file; there is no header to be wrong."""
    return Export(None, _batches(stream, feed, layout))


def _batches(stream: Unpacked, feed: Feed, layout: JsonLines) -> Iterator[Batch]:
    first = 1
    for raw in line_blocks(stream, layout):
        batch = _batch(raw, first, feed, layout.encoding)
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


def _batch(raw: list[bytes], first: int, feed: Feed, encoding: str) -> Batch:
    plain = _plain_rows(raw, feed) if encoding == "utf-8" else None
    if plain is not None:
        return Batch(list(range(first, first + len(raw))), _columns(plain, feed), [])
    lines: list[int] = []
    rows: list[dict[str, Any]] = []
    rejects = []
    loads, is_utf8 = orjson.loads, encoding == "utf-8"
    names, most = set(feed.fields), feed.longest_value
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
        elif not _is_plain(content, row) and _has_repeated_key(content, encoding):
            rejects.append(Reject.of_bytes(line, "repeated_key", content, encoding))
        elif b"\\u0000" in content:
            rejects.append(Reject.of_bytes(line, "nul_byte", content, encoding))
        elif row.keys() != names:
            rejects.append(Reject.of_bytes(line, "wrong_columns", content, encoding))
        elif len(content) > most and longest(row) > most:
            rejects.append(Reject.of_bytes(line, "value_too_long", content, encoding))
        else:
            lines.append(line)
            rows.append(row)
    return Batch(lines, _columns(rows, feed), rejects)


def _columns(rows: Sequence[dict[str, Any]], feed: Feed) -> dict[str, Sequence[Any]]:
    return {field: [row[field] for row in rows] for field in feed.fields}


def _plain_rows(raw: list[bytes], feed: Feed) -> list[dict[str, Any]] | None:
    """Lines that are plain and whole, read all at once; None if any is not, and each is to be told what it is."""
    text = b"\n".join(raw)
    if max(map(len, raw)) > feed.longest_value or any(odd in text for odd in _ODD):
        return None
    try:
        rows = list(map(orjson.loads, raw))
    except ValueError:
        return None
    names = set(feed.fields)
    if set(map(type, rows)) != {dict} or not all(row.keys() == names for row in rows):
        return None
    keys = len(rows) * len(names)
    if feed.items:
        keys += sum(_keys_within(row[feed.items.column]) for row in rows)
    # A key is followed at once by its colon here: where there are as many as were read, none stands twice.
    return rows if text.count(b'":') == keys else None


_ODD = (b"\r", b"\\u0000", b'" ', b'"\t')
"""What keeps a block of lines from being read at once: another line ending, a NUL, space between a key and its colon."""


def _keys_within(value: object) -> int:
    """The keys of the objects in a list."""
    return sum(len(one) for one in value if type(one) is dict) if type(value) is list else 0


def _is_plain(content: bytes, row: dict[str, Any]) -> bool:
    """Whether a line has as many keys as were read of it, told without reading it again.

    A key ends in `":`, of which a value may hold more and a key with space before its colon fewer.
    """
    keys = len(row) + sum(map(_keys_within, row.values()))
    return content.count(b'":') == keys and b'" ' not in content and b'"\t' not in content and b'"\r' not in content


def _has_repeated_key(content: bytes, encoding: str) -> bool:
    """Whether a key stands twice in an object of a line, of which only the last value was read."""
    try:
        json.loads(content.decode(encoding), object_pairs_hook=each_once)
    except RepeatedKey:
        return True
    except RecursionError:  # deeper than any row
        return False
    return False


def _code(content: bytes, encoding: str) -> str:
    """What is wrong with a line that cannot be read."""
    if b"\r" in content:
        return "wrong_line_ending"
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return "bad_encoding"
    return "nul_byte" if b"\0" in content else "bad_json"

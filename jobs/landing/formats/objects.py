"""JSON objects → rows, one as another: of a file of lines, or of an array in a document."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.json as json_reader

from jobs.landing.encoded import Column, Lists
from jobs.landing.formats.batches import Batch, FileRefused, Reject
from jobs.landing.formats.headers import MOST_NAMED, strange
from jobs.landing.formats.values import longest
from schemas.deliveries import RepeatedKey, each_once
from schemas.sources import Feed
from schemas.sources.faults import shape
from schemas.sources.layouts import Json, JsonLines

Places = dict[str, Any]
"""Key → the fields that its value is, or what is agreed inside of it."""


class Objects:
    """What is agreed of the objects of one file, and the shapes of other keys that were ignored."""

    def __init__(self, feed: Feed, layout: JsonLines | Json, encoding: str) -> None:
        self.feed, self.layout, self.encoding = feed, layout, encoding
        self.names = set(feed.fields)
        self.is_plain = layout.values is None and not layout.optional and layout.new_keys == "refuse"
        self.places = _places(layout.values if layout.values is not None else dict.fromkeys(feed.fields, ""))
        self.needed = self.names - set(layout.optional)
        if layout.values is not None:
            self.needed &= layout.values.keys()
        self.empty: dict[str, Any] = dict.fromkeys(feed.fields, "")
        if feed.items:
            self.empty[feed.items.column] = []
        self.schema = _schema(feed)
        # A feed that has other values than texts as a rule is not tried for long.
        self.tries = 3 if self.is_plain and not layout.has_numbers and encoding == "utf-8" else 0
        self.new: list[str] = []

    def batch(self, raw: Sequence[bytes], first: int) -> Batch:
        """The rows of these objects, numbered from `first`."""
        plain = self._plain_columns(raw)
        if plain is not None:
            return Batch(list(range(first, first + len(raw))), plain, [])
        lines: list[int] = []
        rows: list[dict[str, Any]] = []
        rejects = []
        loads, is_utf8, encoding = orjson.loads, self.encoding == "utf-8", self.encoding
        names, most, is_plain = self.names, self.feed.longest_value, self.is_plain
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
            elif row.keys() != names if is_plain else (row := self._spread(row)) is None:
                rejects.append(Reject.of_bytes(line, "wrong_columns", content, encoding))
            elif len(content) > most and longest(row) > most:
                rejects.append(Reject.of_bytes(line, "value_too_long", content, encoding))
            else:
                lines.append(line)
                rows.append(row)
        return Batch(lines, self._columns(rows), rejects)

    def _columns(self, rows: Sequence[dict[str, Any]]) -> dict[str, Sequence[Any]]:
        columns: dict[str, Sequence[Any]] = {field: [row[field] for row in rows] for field in self.feed.fields}
        if not self.layout.has_numbers:
            return columns
        return {field: [_digits(value) for value in values] for field, values in columns.items()}

    def _plain_columns(self, raw: Sequence[bytes]) -> dict[str, Sequence[Any]] | None:
        """Objects of texts that are plain and whole, read all at once; None if any is not, and each is to be told what it is."""
        if not self.tries or len(raw) < FEW_LINES:
            return None
        sent = b"\n".join(raw)
        if (
            max(map(len, raw)) > self.feed.longest_value
            or any(odd in sent for odd in _ODD)
            or not _are_objects(sent, raw)
        ):
            return None
        try:
            sent.decode()
            table = json_reader.read_json(
                pa.py_buffer(sent),
                json_reader.ReadOptions(use_threads=False, block_size=len(sent) + 1),
                json_reader.ParseOptions(explicit_schema=self.schema, unexpected_field_behavior="error"),
            )
        except (UnicodeDecodeError, pa.ArrowInvalid):
            self.tries -= 1
            return None
        # A null is a key that is not there, or is there and null.
        if len(table) != len(raw) or any(column.null_count for column in table.columns):
            return None
        columns: dict[str, Sequence[Any]] = {
            name: Column.of_texts(column.combine_chunks())
            for name, column in zip(table.column_names, table.columns)
            if column.type == pa.string()
        }
        if self.feed.items:
            lists = Lists(table[self.feed.items.column].combine_chunks())
            if lists.entries.null_count or any(values.null_count for values in lists.entries.flatten()):
                return None
            columns[self.feed.items.column] = lists
        return columns

    def refuse_strange(self, first: bytes) -> None:
        """Where no row has the agreed keys and the first is an object, the whole file has others.

        Raises:
            FileRefused: it has.
        """
        try:
            row = orjson.loads(first.decode(self.encoding))
        except ValueError:
            return
        if type(row) is not dict:
            return
        needed = [key for key, inside in self.places.items() if self.needed & _fields(inside)]
        agreed = row.keys() if self.layout.new_keys == "ignore" else self.places.keys()
        if faults := strange(row, needed, 1, agreed):
            raise FileRefused(*faults)

    def _spread(self, row: dict[str, Any]) -> dict[str, Any] | None:
        """The fields of an object; None where it has other keys than agreed."""
        found: dict[str, Any] = {}
        if not self._walk(row, self.places, found) or not self.needed <= found.keys():
            return None
        return {**self.empty, **found}

    def _walk(self, value: dict[str, Any], places: Places, found: dict[str, Any]) -> bool:
        for key, inner in value.items():
            inside = places.get(key)
            if inside is None:
                if self.layout.new_keys == "refuse":
                    return False
                self._note(key)
            elif type(inside) is list:
                found.update(dict.fromkeys(inside, inner))
            elif inner is not None and (type(inner) is not dict or not self._walk(inner, inside, found)):
                return False
        return True

    def _note(self, key: str) -> None:
        if len(self.new) < MOST_NAMED and (form := shape(key)) not in self.new:
            self.new.append(form)


def _places(values: dict[str, str]) -> Places:
    """Where fields stand (one without a place under its own name), key by key."""
    places: Places = {}
    for field, place in values.items():
        *path, last = place.split(".") if place else [field]
        at = places
        for key in path:
            at = at.setdefault(key, {})
        at.setdefault(last, []).append(field)
    return places


def _fields(inside: Any) -> set[str]:
    """The fields that stand in a place, however deep."""
    return set(inside) if type(inside) is list else {field for one in inside.values() for field in _fields(one)}


def _digits(value: Any) -> Any:
    """A JSON number as text; what a binary number may have changed stays a number, which is no text."""
    if type(value) is int and abs(value) < 10**15:
        return str(value)
    if type(value) is float and "e" not in (text := repr(value)) and len(text.strip("-").replace(".", "")) <= 15:
        return text
    return value


FEW_LINES = 200
"""Of fewer, getting ready takes Arrow's reader longer than reading takes the other."""
_ODD = (b"\r", b"\0", b"\\")
"""What keeps objects from being read at once: another line ending, a NUL, a character that is written as another."""


def _schema(feed: Feed) -> pa.Schema:
    """The fields of plain objects, as they are read all at once."""
    fields: dict[str, pa.DataType] = dict.fromkeys(feed.fields, pa.string())
    if feed.items:
        entry = pa.struct({feed.items.code: pa.string(), feed.items.value: pa.string()})
        fields[feed.items.column] = pa.list_(entry)
    return pa.schema(fields)


def _are_objects(sent: bytes, raw: Sequence[bytes]) -> bool:
    """Whether every line begins and ends as an object does: so none begins on one line and ends on another."""
    return sent.startswith(b"{") and sent.endswith(b"}") and sent.count(b"}\n{") == len(raw) - 1


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

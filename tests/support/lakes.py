"""Lakes as readers find them, by deltalake alone, which asks for no engine: rows, pins, sums.

The checksum and the chain of publications are computed here a second time, from their description.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
from deltalake import DeltaTable

from schemas import Registry
from schemas.tables import Table

PUBLICATIONS = "gold.publications"
OWN_TO_A_LAKE = ("table_version", "file_root", "publication_seal")
"""Of a publication's row: what differs where a run was undone, since undoing is a commit too, and between engines."""


class Pin(NamedTuple):
    """A table as a publication pinned it."""

    seq: int
    table: str
    version: int
    rows: int
    checksum: int


def rows(lake: Path, table: Table, version: int | None = None) -> pa.Table:
    """The rows of a table, sorted, its declared columns in their order and as text or declared type."""
    opened = DeltaTable(str(lake / table.path), version=version)  # of a bucket by what the environment says of it
    found = opened.to_pyarrow_table(columns=table.fields)
    plain = found.cast(pa.schema([field.with_type(_plain(field.type)) for field in found.schema]))
    return plain.sort_by([(name, "ascending") for name in plain.column_names])


def _plain(kind: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_large_string(kind) or pa.types.is_string_view(kind) else kind


def contents(lake: Path, registry: Registry) -> dict[str, pa.Table]:
    """Every table's rows, the publications without what is a lake's own."""
    found = {name: rows(lake, table) for name, table in registry.tables.items()}
    found[PUBLICATIONS] = found[PUBLICATIONS].drop_columns(list(OWN_TO_A_LAKE))
    return found


def differences(one: dict[str, pa.Table], other: dict[str, pa.Table]) -> dict[str, str]:
    """Table → how two lakes differ in it; empty where they are equal row by row."""
    said = {}
    for name in one.keys() | other.keys():
        here, there = (_lines(side[name]) for side in (one, other))
        if one[name].schema.names != other[name].schema.names or here != there:
            first, second = (sorted(set(a) - set(b))[:3] for a, b in ((here, there), (there, here)))
            said[name] = f"{len(here)} and {len(there)} rows; only in one {first}, only in the other {second}"
    return said


def _lines(table: pa.Table) -> list[str]:
    return sorted(map(str, table.to_pylist()))


def text_of(value: Any) -> str:
    """A value's text as the checksum takes it."""
    if value is None:
        return "~"
    return str(value).lower() if isinstance(value, bool) else str(value)


def checksum(records: Iterable[Iterable[Any]]) -> int:
    """Sum over rows of the first 8 hexadecimal digits of the MD5 of their values' text, joined by `|`."""
    texts = ("|".join(map(text_of, record)) for record in records)
    return sum(int(hashlib.md5(text.encode()).hexdigest()[:8], 16) for text in texts)


def pins(lake: Path, registry: Registry) -> list[Pin]:
    """Every pin of every publication."""
    found = rows(lake, registry.tables[PUBLICATIONS]).to_pylist()
    return [
        Pin(row["publication_seq"], row["table_name"], row["table_version"], row["row_count"], row["checksum"])
        for row in found
    ]


def partitions(lake: Path, table: Table) -> int:
    """Into how many a table is parted: as few files as that it can have."""
    return len({tuple(row[one] for one in table.partition_by) for row in rows(lake, table).to_pylist()})


def check_pin(lake: Path, registry: Registry, pin: Pin) -> None:
    """The pinned version still reads as it was published."""
    found = rows(lake, registry.tables[pin.table], pin.version)
    records = zip(*(column.to_pylist() for column in found.columns))
    assert (found.num_rows, checksum(records)) == (pin.rows, pin.checksum), pin


def check_chain(lake: Path, registry: Registry) -> list[str]:
    """Every publication's hash is that of its record and of the one before; returns the hashes in order."""
    by_seq: dict[int, list[dict[str, Any]]] = {}
    for row in rows(lake, registry.tables[PUBLICATIONS]).to_pylist():
        by_seq.setdefault(row["publication_seq"], []).append(row)
    assert sorted(by_seq) == list(range(1, len(by_seq) + 1))
    hashes = [""]
    for seq in sorted(by_seq):
        records = by_seq[seq]
        seen = records[0]["schema_version"]
        later = {step.table for one in registry.migrations[seen:] for step in one.steps if step.step == "add_table"}
        assert {row["table_name"] for row in records} == registry.tables.keys() - {PUBLICATIONS} - later
        content = {
            "publication_seq": seq,
            "business_date": records[0]["business_date"].isoformat(),
            "publication_state": records[0]["publication_state"],
            "pins": {row["table_name"]: [row["row_count"], row["checksum"]] for row in records},
            "registry_hash": records[0]["registry_hash"],
            "previous_hash": hashes[-1],
        }
        if records[0]["schema_version"]:  # what is older than migration 1 did not have them
            content |= {name: records[0][name] for name in ("publication_kind", "schema_version")}
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(text.encode()).hexdigest()
        assert {row["previous_hash"] for row in records} == {hashes[-1]}
        assert {row["publication_hash"] for row in records} == {digest}
        hashes.append(digest)
    return hashes[1:]

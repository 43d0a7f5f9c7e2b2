"""Landed files as frames: the rows of every kind of feed, with the statement that they came in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from jobs.lake.frames import hashed, listed
from jobs.landing.columns import REJECTS, SCHEMAS
from jobs.landing.manifests import Manifest, as_landed, landed_path, rejects_path

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.runs.run import Run


_STATEMENT = (
    pa.field("institution", pa.string()),
    pa.field("feed", pa.string()),
    pa.field("business_date", pa.date32()),
    pa.field("revision", pa.int32()),
    pa.field("part", pa.int32()),
)

KINDS = ("act", "tap", "payment", "registration", "consent", "redemption")
VALID = "error_code IS NULL AND ignore_rule IS NULL"
"""Of a landed row: it may count."""


def rows(run: Run, kind: str, files: Sequence[Manifest]) -> Frame:
    """All rows of a kind in the files, with the columns of their statement and final record keys.

    Rows without a natural key are told apart by an ordinal among equal rows over all parts of their
    statement, so `files` must hold whole statements of such feeds.
    """
    chosen = [file for file in files if file.kind == kind]
    if not chosen:
        return run.lake.from_arrow(_schema(kind).empty_table())
    columns = [name for name in SCHEMAS[kind].names if name not in ("file_id", "record_key")]
    key = "r.record_key"
    if not all(run.feed(file).is_keyed for file in chosen):
        ordinal = """row_number() OVER (
            PARTITION BY f.institution, f.feed, f.business_date, f.revision, r.record_key ORDER BY f.part, r.line)"""
        told_apart = hashed("r.record_key", f"CAST({ordinal} AS string)")
        key = f"CASE WHEN f.is_keyed OR r.record_key IS NULL THEN r.record_key ELSE {told_apart} END"
    return run.lake.sql(
        f"""
        SELECT r.file_id, {listed(columns, "r.")}, {key} AS record_key, f.institution, f.feed, f.business_date,
            f.revision, f.part
        FROM landed AS r
        JOIN files AS f ON r.file_id = f.file_id
        """,
        landed=run.lake.parquet(_as_landed(run, chosen, landed_path), SCHEMAS[kind]),
        files=_statements(run, chosen),
    )


def _schema(kind: str) -> pa.Schema:
    """The columns of `rows`."""
    schema = SCHEMAS[kind]
    landed = [schema.field(name) for name in schema.names if name not in ("file_id", "record_key")]
    return pa.schema([schema.field("file_id"), *landed, schema.field("record_key"), *_STATEMENT])


def rejects(run: Run, files: Sequence[Manifest]) -> Frame:
    """Rows that could not be split into columns, as dispositions."""
    chosen = [file for file in files if file.rejected_rows]
    return run.lake.sql(
        """
        SELECT r.file_id, r.line, f.institution, f.feed, f.business_date, f.kind AS row_kind,
            CAST(NULL AS string) AS record_key, 'rejected' AS disposition, r.error_code AS code,
            r.error_column AS column_name, r.error_shape AS value_shape
        FROM landed AS r
        JOIN files AS f ON r.file_id = f.file_id
        """,
        landed=run.lake.parquet(_as_landed(run, chosen, rejects_path), REJECTS),
        files=_statements(run, chosen),
    )


def _as_landed(run: Run, files: Sequence[Manifest], where: Callable[[Path, Manifest], Path]) -> list[Path]:
    """The landed files, each once: bills share theirs, and others' rows in them find no file to be joined with."""
    held = {where(run.home, file): file for file in files}
    return [as_landed(path, file) for path, file in held.items()]


def _statements(run: Run, files: Sequence[Manifest]) -> Frame:
    return run.lake.from_arrow(
        pa.table(
            {
                "file_id": pa.array([file.file_id for file in files], pa.string()),
                "institution": pa.array([file.institution for file in files], pa.string()),
                "feed": pa.array([file.feed for file in files], pa.string()),
                "kind": pa.array([file.kind for file in files], pa.string()),
                "business_date": pa.array([file.business_date for file in files], pa.date32()),
                "revision": pa.array([file.revision for file in files], pa.int32()),
                "part": pa.array([file.part for file in files], pa.int32()),
                "is_keyed": pa.array([run.feed(file).is_keyed for file in files], pa.bool_()),
            }
        )
    )

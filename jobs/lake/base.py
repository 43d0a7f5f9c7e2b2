"""What a job may ask of a lake, whatever the engine."""

from __future__ import annotations

import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
from deltalake import DeltaTable

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from schemas import Registry
    from schemas.tables import Table

ENGINES = ("embedded", "spark")

RETENTION = "interval 30 days"
"""How long a pinned version stays readable; both of Delta's retention properties get it."""

ARROW_TYPES = {
    "string": pa.string(),
    "bigint": pa.int64(),
    "int": pa.int32(),
    "date": pa.date32(),
    "boolean": pa.bool_(),
}


class Frame(Protocol):
    """Rows on an engine. Opaque to jobs: they name it in a query, and may ask for its columns."""

    @property
    def columns(self) -> list[str]: ...


class Lake(ABC):
    """Delta tables under one folder, and frames on one engine.

    Every write is one commit and is cast to the table's declared types. Kill points for the
    recovery tests sit before and after each commit (`TANZHANG_KILL=before:gold.ledger`).
    """

    engine: str
    spark_session: SparkSession | None = None
    """Of the Spark engine only."""

    def __init__(self, path: Path, registry: Registry) -> None:
        self.path = path.resolve()
        self.registry = registry
        self.tables: dict[str, Table] = registry.tables
        self.commits: list[str] = []
        """Tables committed by this process, in order."""

    # -- what the engines differ in --------------------------------------------------------------

    @abstractmethod
    def create_tables(self) -> None:
        """Create every declared table that does not stand yet, empty, as version 0."""

    def take_over(self) -> None:  # noqa: B027
        """Become the tables' one writer: end what an earlier one, whose process died, may still be writing."""

    @abstractmethod
    def read(self, table: str, version: int | None = None) -> Frame:
        """The rows of a table, of its newest version unless told."""

    @abstractmethod
    def restore(self, table: str, version: int) -> None:
        """Make a table's content again what it was at `version` (a commit of its own)."""

    @abstractmethod
    def sql(self, query: str, **frames: Frame) -> Frame:
        """The rows of a Spark SQL query, in which `{name}` stands for a frame; computed when asked for."""

    @abstractmethod
    def keep(self, query: str, **frames: Frame) -> Frame:
        """As `sql`, computed now and once; plans do not grow beyond it."""

    @abstractmethod
    def from_arrow(self, table: pa.Table) -> Frame:
        """Rows that the driver holds."""

    @abstractmethod
    def to_arrow(self, frame: Frame) -> pa.Table:
        """Rows to the driver: only what does not grow with people, or a union-find's edges."""

    @abstractmethod
    def parquet(self, paths: Sequence[Path], schema: pa.Schema) -> Frame:
        """Rows of landed Parquet files; no files give no rows."""

    @abstractmethod
    def release(self) -> None:
        """Forget every frame."""

    @abstractmethod
    def close(self) -> None:
        """End the engine."""

    @abstractmethod
    def _write(self, table: Table, rows: Frame, metadata: dict[str, str]) -> None: ...

    # -- the same on every engine ----------------------------------------------------------------

    def write(self, table: str, rows: Frame, **metadata: str) -> None:
        """Append to a log or overwrite a snapshot, as the table declares: one commit."""
        declared = self.tables[table]
        columns = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in declared.types.items())
        shaped = self.sql(f"SELECT {columns} FROM {{rows}}", rows=rows)
        _kill_point(f"before:{table}")
        self._write(declared, shaped, metadata)
        self.commits.append(table)
        _kill_point(f"after:{table}")

    def version(self, table: str) -> int:
        """Newest version of a table, on either engine read from its log by delta-rs: a number, no rows.

        A query of Spark for it would be a job of its own, two dozen times a run.
        """
        return DeltaTable(self.uri(table)).version()

    def uri(self, table: str) -> str:
        """Where a table stands."""
        return str(self.path / self.tables[table].path)

    def count(self, frame: Frame) -> int:
        """Rows of a frame."""
        return int(self.to_arrow(self.sql("SELECT count(1) AS n FROM {frame}", frame=frame)).column("n")[0].as_py())

    def has_rows(self, frame: Frame) -> bool:
        """Whether a frame has any row."""
        return self.to_arrow(self.sql("SELECT 1 AS one FROM {frame} LIMIT 1", frame=frame)).num_rows > 0

    def rows(self, table: str, rows: Sequence[dict[str, Any]]) -> Frame:
        """Rows that the driver made, in the shape of a table."""
        return self.from_arrow(pa.Table.from_pylist(list(rows), schema=self.arrow_schema(table)))

    def arrow_schema(self, table: str) -> pa.Schema:
        """The declared columns as an Arrow schema."""
        return pa.schema([(name, ARROW_TYPES[kind]) for name, kind in self.tables[table].types.items()])

    def exists(self, table: str) -> bool:
        """Whether the table stands."""
        return Path(self.uri(table), "_delta_log").is_dir()

    def properties(self, table: Table) -> dict[str, str]:
        """Delta table properties, CHECK constraints among them, the same on both engines."""
        return {
            "delta.logRetentionDuration": RETENTION,
            "delta.deletedFileRetentionDuration": RETENTION,
            # The change feed also raises the writer version to one at which delta-rs, too, enforces constraints.
            **({"delta.enableChangeDataFeed": "true"} if table.published or table.constraints else {}),
            **{f"delta.constraints.{name}": rule for name, rule in table.constraints.items()},
        }


def _kill_point(point: str) -> None:
    """Die as a power cut would, where the recovery tests ask for it."""
    if os.environ.get("TANZHANG_KILL") == point:
        os.kill(os.getpid(), signal.SIGKILL)

"""The Spark engine: PySpark with Delta Lake, in process, on a cluster, or through Spark Connect."""

from __future__ import annotations

import itertools
import json
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa

from jobs.bucket import BucketPath
from jobs.errors import SetupError
from jobs.lake.base import Frame, Lake
from jobs.lake.queries import placed
from jobs.lake.session import end_session, spark_remote, start_session

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, DataFrameWriter, SparkSession
    from pyspark.sql.types import StructType

    from schemas import Registry
    from schemas.tables import Table

WRITER = "_spark_session"
"""Note beside the tables: the session on a Connect server that wrote them last, maybe until its client died."""


class SparkLake(Lake):
    """What production runs on and what grows."""

    engine = "spark"

    def __init__(self, path: Path, registry: Registry, session: SparkSession | None = None) -> None:
        if isinstance(path, BucketPath):
            raise SetupError(f"Spark reads no tables in a bucket yet ({path}): --engine embedded, or a folder's --lake")
        super().__init__(path, registry)
        self.owns_session = session is None
        self.session = self.spark_session = session or start_session()
        self.remote = spark_remote()
        self.spill = self.spill_folder / uuid.uuid4().hex
        self.numbers = itertools.count()

    def take_over(self) -> None:
        if self.remote is not None:
            note, own = self.path / WRITER, str(cast("Any", self.session).session_id)
            if note.exists() and (former := note.read_text()) != own:
                end_session(self.remote, former)
            note.write_text(own)

    def read(self, table: str, version: int | None = None) -> DataFrame:
        reader = self.session.read.format("delta")
        if version is not None:
            reader = reader.option("versionAsOf", version)
        return reader.load(self.uri(table))

    def _restore(self, table: str, version: int) -> None:
        self.session.sql(f"RESTORE TABLE {self._name(table)} TO VERSION AS OF {version}")

    def _sql(self, query: str, frames: dict[str, Frame]) -> DataFrame:
        if not frames:
            return self.session.sql(query)
        # PySpark's own placeholders; whatever braces the query has are no such.
        escaped = query.replace("{", "{{").replace("}", "}}")
        return self.session.sql(placed(escaped, frames, "{{{}}}".format), **cast("dict[str, Any]", frames))

    def _keep(self, query: str, frames: dict[str, Frame]) -> DataFrame:
        # Files rather than a checkpoint in memory: they outlive an executor, work through Spark Connect, and
        # each use is a relation of its own, which a self-join of a checkpointed frame is not.
        computed = self._sql(query, frames)
        path = self.spill / str(next(self.numbers))
        computed.write.parquet(str(path))
        return self.session.read.schema(computed.schema).parquet(str(path))

    def from_arrow(self, table: pa.Table) -> DataFrame:
        # Spark ends at the first batch without rows and loses what comes after it.
        full = pa.Table.from_batches([batch for batch in table.to_batches() if batch.num_rows], table.schema)
        # Told the schema, for Spark Connect infers none from a table without rows.
        return self.session.createDataFrame(full, schema=_spark_schema(table.schema))

    def to_arrow(self, frame: Frame) -> pa.Table:
        return _dataframe(frame).toArrow()

    def parquet(self, paths: Sequence[Path], schema: pa.Schema) -> DataFrame:
        if not paths:
            return self.from_arrow(schema.empty_table())
        return self.session.read.schema(_spark_schema(schema)).parquet(*(str(path) for path in paths))

    def _compact(self, table: str) -> None:
        self.session.sql(f"OPTIMIZE {self._name(table)}")

    def _vacuum(self, table: str, *, dry_run: bool) -> int:
        # No RETAIN: Delta ignores it unless it is 0, and the table's own property says how long.
        found = self.session.sql(f"VACUUM {self._name(table)} DRY RUN").count()
        if found and not dry_run:
            self.session.sql(f"VACUUM {self._name(table)}")
        return found

    def forget(self) -> None:
        shutil.rmtree(self.spill, ignore_errors=True)

    def close(self) -> None:
        self.forget()
        if self.owns_session:
            self.session.stop()

    def _create(self, table: Table) -> None:
        columns = ", ".join(f"{field} {kind}" for field, kind in table.types.items())
        partitions = f"PARTITIONED BY ({', '.join(table.partition_by)})" if table.partition_by else ""
        properties = ", ".join(f"'{key}' = '{_quoted(value)}'" for key, value in self.properties(table).items())
        self.session.sql(
            f"CREATE TABLE {self._name(table.name)} ({columns}) USING DELTA {partitions} TBLPROPERTIES ({properties})"
        )

    def _write(self, table: Table, rows: Frame, metadata: dict[str, str]) -> None:
        self._writer(rows, metadata).mode(table.writes).save(self.uri(table.name))

    def _rewrite(self, table: Table, rows: Frame, metadata: dict[str, str]) -> None:
        writer = self._writer(rows, metadata).mode("overwrite").option("overwriteSchema", "true")
        writer.save(self.uri(table.name))

    def _writer(self, rows: Frame, metadata: dict[str, str]) -> DataFrameWriter:
        return _dataframe(rows).write.format("delta").option("userMetadata", json.dumps(metadata))

    def _name(self, table: str) -> str:
        return f"delta.`{self.uri(table).replace('`', '``')}`"


def _dataframe(frame: Frame) -> DataFrame:
    return cast("DataFrame", frame)


def _spark_schema(schema: pa.Schema) -> StructType:
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(schema)


def _quoted(text: str) -> str:
    return text.replace("'", "\\'")

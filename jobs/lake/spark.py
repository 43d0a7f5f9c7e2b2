"""The Spark engine: PySpark with Delta Lake, in process, on a cluster, or through Spark Connect."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa

from jobs.lake.base import Frame, Lake

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, DataFrameWriter, SparkSession

    from schemas import Registry
    from schemas.tables import Table

SETTINGS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # Delta reads every table's state with 50 tasks and lists files with 10,000 unless told.
    "spark.databricks.delta.snapshotPartitions": "2",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
}

SMALL_DATA = {
    # Planning again at every stage, compiling each query to bytecode and a second task cost a run over some
    # thousand rows a third of its time.
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.shuffle.partitions": "1",
    "spark.default.parallelism": "1",
    "spark.databricks.delta.snapshotPartitions": "1",
}
"""For demonstrations and tests, through `TANZHANG_SPARK_CONF`."""


def start_session() -> SparkSession:
    """A session: through `SPARK_REMOTE` where it is set, else in process with Delta's JARs.

    `TANZHANG_SPARK_CONF` (JSON object) overrides any setting, `TANZHANG_SPARK_MASTER` the master.
    """
    from pyspark.sql import SparkSession

    builder: Any = SparkSession.builder.appName("tanzhang")
    if not os.environ.get("SPARK_REMOTE"):
        from jobs.jars import delta_jars, java_home

        os.environ["JAVA_HOME"] = str(java_home())
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        cores = os.cpu_count() or 2
        builder = builder.master(os.environ.get("TANZHANG_SPARK_MASTER", f"local[{cores}]"))
        builder = builder.config("spark.jars", ",".join(str(path) for path in delta_jars()))
        builder = builder.config("spark.sql.shuffle.partitions", str(max(2, cores)))
        builder = builder.config("spark.driver.memory", os.environ.get("TANZHANG_SPARK_MEMORY", "4g"))
        for key, value in SETTINGS.items():
            builder = builder.config(key, value)
    for key, value in json.loads(os.environ.get("TANZHANG_SPARK_CONF", "{}")).items():
        builder = builder.config(key, value)
    session: SparkSession = builder.getOrCreate()
    if not os.environ.get("SPARK_REMOTE"):
        session.sparkContext.setLogLevel("ERROR")  # the engine's own module: nothing of a job passes here
    return session


class SparkLake(Lake):
    """What production runs on and what grows."""

    engine = "spark"

    def __init__(self, path: Path, registry: Registry, session: SparkSession | None = None) -> None:
        super().__init__(path, registry)
        self.owns_session = session is None
        self.session = self.spark_session = session or start_session()
        self.spill = self.path / "_spill" / uuid.uuid4().hex
        self.numbers = itertools.count()

    def read(self, table: str, version: int | None = None) -> DataFrame:
        reader = self.session.read.format("delta")
        if version is not None:
            reader = reader.option("versionAsOf", version)
        return reader.load(self.uri(table))

    def restore(self, table: str, version: int) -> None:
        self.session.sql(f"RESTORE TABLE {self._name(table)} TO VERSION AS OF {version}")

    def sql(self, query: str, **frames: Frame) -> DataFrame:
        return self.session.sql(query, **cast("dict[str, Any]", frames))

    def keep(self, query: str, **frames: Frame) -> DataFrame:
        # Files rather than a checkpoint in memory: they outlive an executor, work through Spark Connect, and
        # each use is a relation of its own, which a self-join of a checkpointed frame is not.
        computed = self.sql(query, **frames)
        path = self.spill / str(next(self.numbers))
        computed.write.parquet(str(path))
        return self.session.read.schema(computed.schema).parquet(str(path))

    def from_arrow(self, table: pa.Table) -> DataFrame:
        return self.session.createDataFrame(table)

    def to_arrow(self, frame: Frame) -> pa.Table:
        return _dataframe(frame).toArrow()

    def parquet(self, paths: Sequence[Path], schema: pa.Schema) -> DataFrame:
        if not paths:
            return self.from_arrow(schema.empty_table())
        from pyspark.sql.pandas.types import from_arrow_schema

        return self.session.read.schema(from_arrow_schema(schema)).parquet(*(str(path) for path in paths))

    def _compact(self, table: str) -> None:
        self.session.sql(f"OPTIMIZE {self._name(table)}")

    def vacuum(self, table: str, *, dry_run: bool = False) -> int:
        # No RETAIN: Delta ignores it unless it is 0, and the table's own property says how long.
        found = self.session.sql(f"VACUUM {self._name(table)} DRY RUN").count()
        if found and not dry_run:
            self.session.sql(f"VACUUM {self._name(table)}")
        return found

    def release(self) -> None:
        shutil.rmtree(self.spill, ignore_errors=True)

    def close(self) -> None:
        self.release()
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
        return f"delta.`{self.uri(table)}`"


def _dataframe(frame: Frame) -> DataFrame:
    return cast("DataFrame", frame)


def _quoted(text: str) -> str:
    return text.replace("'", "\\'")

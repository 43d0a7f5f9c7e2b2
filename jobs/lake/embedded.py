"""The embedded engine: Spark SQL on DuckDB, tables written by delta-rs.

SQLFrame stands in PySpark's place, and queries pass through its compiler, SQLGlot. They are compiled as text: a
DataFrame of SQLFrame copies its whole tree in every step, which took 40 s a run where this takes one.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import duckdb_extension_delta
import pyarrow as pa
import sqlglot
from deltalake import CommitProperties, write_deltalake

from jobs.bucket import BucketPath, endpoint, options
from jobs.errors import SettingError
from jobs.lake.base import Frame, Lake, size_of
from jobs.lake.queries import placed
from jobs.settings import settings

if TYPE_CHECKING:
    from schemas import Registry
    from schemas.tables import Table

_connection: duckdb.DuckDBPyConnection | None = None
_names = (f"t{number}" for number in itertools.count())
"""Names of kept frames; lakes of one process share the connection."""


def activate() -> None:
    """Let `pyspark.sql` mean SQLFrame on one in-memory DuckDB, for the rest of the process."""
    global _connection
    import sqlframe

    _connection = duckdb.connect()
    _load(_connection, duckdb_extension_delta.__file__, "delta")
    _connection.execute("SET preserve_insertion_order = false")
    _connection.execute("SET enable_progress_bar = false")
    _connection.execute(
        "CREATE MACRO conv(digits, base, other) AS CAST('0x' || digits AS BIGINT)"
    )  # from base 16 alone
    sqlframe.activate("duckdb", conn=_connection)


def _load(connection: duckdb.DuckDBPyConnection, package: str, extension: str) -> None:
    """Load an extension that came as a package."""
    found = next(Path(package).parent.rglob(f"{extension}.duckdb_extension"))
    connection.execute(f"LOAD {quoted(found)}")


def let_in(connection: duckdb.DuckDBPyConnection, bucket: str) -> None:
    """Let DuckDB read a bucket as the environment says: a secret of the connection, for this bucket alone.

    Raises:
        SettingError: it takes none of it.
    """
    import duckdb_extension_httpfs  # no other lake needs it

    said, (scheme, host) = options(bucket), endpoint()
    secret = {
        "KEY_ID": said["aws_access_key_id"],
        "SECRET": said["aws_secret_access_key"],
        "SESSION_TOKEN": said.get("aws_session_token"),
        "REGION": said["aws_region"],
        "ENDPOINT": host,
        "URL_STYLE": "vhost" if said["aws_virtual_hosted_style_request"] == "true" else "path",
        "USE_SSL": "false" if scheme == "http" else "true",
        "SCOPE": f"s3://{bucket}/",
    }
    listed = ", ".join(f"{name} {quoted(value)}" for name, value in secret.items() if value)
    _load(connection, duckdb_extension_httpfs.__file__, "httpfs")
    try:
        connection.execute(f"CREATE OR REPLACE SECRET {quoted_name(bucket)} (TYPE s3, {listed})")
    except duckdb.Error:  # its text would hold the secret
        raise SettingError("DuckDB does not take what AWS_… say of the object store") from None


SMALL = 4 << 20
"""Bytes of a table that is read once and held."""


@dataclass(frozen=True)
class Relation:
    """What stands after FROM: a table of the engine's database, a table function or a query in brackets."""

    source: str
    connection: duckdb.DuckDBPyConnection

    @cached_property
    def columns(self) -> list[str]:
        return [column[0] for column in self.connection.execute(f"SELECT * FROM {self.source} LIMIT 0").description]


@cache
def compiled(query: str) -> str:
    """A Spark SQL query as DuckDB SQL."""
    return sqlglot.transpile(query, read="spark", write="duckdb")[0]


class EmbeddedLake(Lake):
    """DuckDB computes, delta-rs commits. Starts in a second, needs no Java.

    `TANZHANG_MEMORY` (such as `8GB`) limits what DuckDB holds in memory; beyond it spills to disk, beside the tables or,
    where they are in a bucket, in the folder that is given.
    """

    engine = "embedded"

    def __init__(self, path: Path, registry: Registry, spill: Path | None = None) -> None:
        super().__init__(path, registry, spill)
        if _connection is None:
            raise RuntimeError("choose_engine('embedded') comes first")
        self.connection = _connection
        self.held: list[str] = []
        self.small: dict[tuple[str, int], Relation] = {}
        """Table and version → its rows, where they are few; the newest versions outlive the jobs of a run."""
        self.connection.execute(f"SET temp_directory = {quoted(self.spill_folder)}")
        if isinstance(self.path, BucketPath):
            let_in(self.connection, self.path.bucket)
        if limit := settings().memory:
            self.connection.execute(f"SET memory_limit = {quoted(limit)}")

    def read(self, table: str, version: int | None = None) -> Relation:
        if version is not None:
            return self._relation(self._scan(table, version))
        opened = self.opened(table)
        key = (table, opened.version())
        if key not in self.small and size_of(opened)[1] > SMALL:
            return self._relation(self._scan(*key))
        # Every use in a query would open the log and its files anew, which costs more than all rows of a small table.
        if key not in self.small:
            self.small[key] = self._table(f"SELECT * FROM {self._scan(*key)}")
        return self.small[key]

    def _scan(self, table: str, version: int) -> str:
        return f"delta_scan({quoted(self.uri(table))}, version={version})"

    def _restore(self, table: str, version: int) -> None:
        self.opened(table).restore(version, commit_properties=_once({}))

    def _sql(self, query: str, frames: dict[str, Frame]) -> Relation:
        # Not a view: making one would open every Delta table below it once more.
        return self._relation(f"({self._compiled(query, frames)})")

    def _keep(self, query: str, frames: dict[str, Frame]) -> Relation:
        return self._hold(self._compiled(query, frames))

    def from_arrow(self, table: pa.Table) -> Relation:
        self.connection.register("arriving", table)
        held = self._hold("SELECT * FROM arriving")
        self.connection.unregister("arriving")
        return held

    def to_arrow(self, frame: Frame) -> pa.Table:
        return self.connection.execute(f"SELECT * FROM {_source(frame)}").to_arrow_table()

    def parquet(self, paths: Sequence[Path], schema: pa.Schema) -> Relation:
        if not paths:
            return self.from_arrow(schema.empty_table())
        listed = ", ".join(map(quoted, paths))
        # Files that older code landed lack newer columns: these are null.
        none = _source(self.from_arrow(schema.empty_table()))
        found = f"read_parquet([{listed}], hive_partitioning=false, union_by_name=true)"
        return self._relation(f"(SELECT * FROM {none} UNION ALL BY NAME SELECT * FROM {found})")

    def _compact(self, table: str) -> None:
        self.opened(table).optimize.compact(commit_properties=_once({}))

    def _vacuum(self, table: str, *, dry_run: bool) -> int:
        # Not lite: that misses what killed writes left. It commits even where it removes nothing.
        opened = self.opened(table)
        found = len(opened.vacuum(dry_run=True, full=True))
        if found and not dry_run:
            opened.vacuum(dry_run=False, full=True)
        return found

    def forget(self) -> None:
        newest = dict(sorted(self.small))
        stale = [key for key in self.small if key[1] < newest[key[0]]]
        for name in [*self.held, *(self.small.pop(key).source for key in stale)]:
            self.connection.execute(f"DROP TABLE {name}")
        self.held.clear()

    def close(self) -> None:
        self.held += [held.source for held in self.small.values()]
        self.small.clear()
        self.forget()

    def _create(self, table: Table) -> None:
        self._lay_out(table, "error")

    def _write(self, table: Table, rows: Frame, metadata: dict[str, str]) -> None:
        write_deltalake(self.opened(table.name), _stream(rows), mode=table.writes, commit_properties=_once(metadata))

    def _rewrite(self, table: Table, rows: Frame, metadata: dict[str, str]) -> None:
        write_deltalake(
            self.opened(table.name),
            _stream(rows),
            mode="overwrite",
            schema_mode="overwrite",
            commit_properties=_once(metadata),
        )

    def _compiled(self, query: str, frames: dict[str, Frame]) -> str:
        # Compiled with the frames' names of the query, so that the next run finds it in the cache.
        text = compiled(placed(query, frames, _mark))
        for name, frame in frames.items():
            text = text.replace(_mark(name), _source(frame))
        return text

    def _hold(self, query: str) -> Relation:
        held = self._table(query)
        self.held.append(held.source)
        return held

    def _table(self, query: str) -> Relation:
        name = next(_names)
        self.connection.execute(f"CREATE TABLE {name} AS {query}")
        return self._relation(name)

    def _relation(self, source: str) -> Relation:
        return Relation(source, self.connection)


def _once(metadata: dict[str, str]) -> CommitProperties:
    """A commit that fails where another came since the table was opened, and is not put after it."""
    return CommitProperties(metadata, max_commit_retries=0)


def quoted(text: object) -> str:
    """A literal of DuckDB's SQL."""
    return "'" + str(text).replace("'", "''") + "'"


def quoted_name(text: str) -> str:
    """A name of DuckDB's SQL."""
    return '"' + text.replace('"', '""') + '"'


def _stream(rows: Frame) -> pa.RecordBatchReader:
    assert isinstance(rows, Relation)
    return rows.connection.execute(f"SELECT * FROM {rows.source}").to_arrow_reader(200_000)


def _mark(name: str) -> str:
    return f"frame_{name}_"


def _source(frame: Frame) -> str:
    assert isinstance(frame, Relation)
    return frame.source

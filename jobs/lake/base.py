"""What a job may ask of a lake, whatever the engine."""

from __future__ import annotations

import os
import signal
import tempfile
import textwrap
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from jobs.bucket import BucketPath, options
from jobs.files import one_writer
from jobs.lake.failures import told
from jobs.lake.frames import listed
from jobs.lake.logs import LOG, RETENTION_DAYS, log_files
from jobs.settings import settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from schemas import Registry
    from schemas.tables import Table

ENGINES = ("embedded", "spark")

RETENTION = f"interval {RETENTION_DAYS} days"
"""Both of Delta's retention properties get it."""

ARROW_TYPES = {
    "string": pa.string(),
    "bigint": pa.int64(),
    "int": pa.int32(),
    "date": pa.date32(),
    "boolean": pa.bool_(),
}


Row = TypeVar("Row")


class Frame(Protocol):
    """Rows on an engine. Opaque to jobs: they name it in a query, and may ask for its columns."""

    @property
    def columns(self) -> list[str]: ...


class Lake(ABC):
    """Delta tables under one folder, on a disk or in a bucket, and frames on one engine.

    Every write is one commit and is cast to the table's declared types. Kill points for the
    recovery tests sit before and after each commit (`TANZHANG_KILL=before:gold.ledger`).
    """

    engine: str
    spark_session: SparkSession | None = None
    """Of the Spark engine only."""

    def __init__(self, path: Path, registry: Registry, spill: Path | None = None) -> None:
        self.path = path.resolve()
        is_local = not isinstance(path, BucketPath)
        self.spill_folder = spill or (self.path / "_spill" if is_local else Path(tempfile.gettempdir(), "_spill"))
        """On a disk: what an engine does not hold in memory."""
        self.hold: Callable[[], None] = lambda: None
        """Raises Busy where this process is the tables' one writer no more."""
        self._newest: dict[str, int] | None = None
        """While this process writes: table → the newest version, as far as it knows."""
        self.registry = registry
        self.tables: dict[str, Table] = registry.tables
        self.commits: list[str] = []
        """Tables committed by this process, in order."""
        self.watch: Callable[[str], None] | None = None
        """Is told every query before it is asked, with the names of its frames."""

    # -- what the engines differ in --------------------------------------------------------------

    @abstractmethod
    def read(self, table: str, version: int | None = None) -> Frame:
        """The rows of a table, of its newest version unless told."""

    @abstractmethod
    def _restore(self, table: str, version: int) -> None: ...

    @abstractmethod
    def _sql(self, query: str, frames: dict[str, Frame]) -> Frame: ...

    @abstractmethod
    def _keep(self, query: str, frames: dict[str, Frame]) -> Frame: ...

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
    def forget(self) -> None:
        """Forget every frame."""

    @abstractmethod
    def close(self) -> None:
        """End the engine."""

    @abstractmethod
    def _compact(self, table: str) -> None: ...

    @abstractmethod
    def _vacuum(self, table: str, *, dry_run: bool) -> int: ...

    @abstractmethod
    def _create(self, table: Table) -> None:
        """The table, empty, as it is declared, where none stands."""

    @abstractmethod
    def _write(self, table: Table, rows: Frame, metadata: dict[str, str]) -> None: ...

    @abstractmethod
    def _rewrite(self, table: Table, rows: Frame, metadata: dict[str, str]) -> None:
        """Other rows with other columns in one commit; properties stay as they are."""

    # -- the same on every engine ----------------------------------------------------------------

    def sql(self, query: str, **frames: Frame) -> Frame:
        """The rows of a Spark SQL query, in which frames are tables by their names; computed when asked for."""
        self._say(query, frames)
        return self._sql(query, frames)

    def keep(self, query: str, **frames: Frame) -> Frame:
        """As `sql`, computed now and once; plans do not grow beyond it."""
        self._say(query, frames)
        return self._keep(query, frames)

    def _say(self, query: str, frames: Collection[str]) -> None:
        if self.watch is not None:
            self.watch(f"{textwrap.dedent(query).strip()}\n-- of {', '.join(frames) or 'nothing'}\n")

    def create_tables(self) -> None:
        """Create every declared table that does not stand yet, empty, as version 0."""
        for name, table in self.tables.items():
            if not self.exists(name):
                for begun in self._begun(name):
                    begun.unlink()
                self._create(table)

    def _begun(self, table: str) -> list[Path]:
        """Files of a first commit that failed, which has no rows; a bucket has a commit whole or not at all."""
        log = self.folder(table) / LOG
        return [] if isinstance(log, BucketPath) else list(log.glob("*"))

    @contextmanager
    def _committing(self, table: str, point: str | None = None) -> Iterator[None]:
        """Commit within: by the tables' one writer, on what it knows of the table."""
        _kill_point(f"before:{point or table}")
        self.hold()
        yield
        self._forget_newest(table)
        _kill_point(f"after:{point or table}")

    def _forget_newest(self, table: str) -> None:
        """After a commit, on which no other writer's can follow that began before."""
        if self._newest is not None:
            self._newest.pop(table, None)

    def write(self, table: str, rows: Frame, **metadata: str) -> None:
        """Append to a log or overwrite a snapshot, as the table declares: one commit."""
        shaped = self._shaped(table, rows)
        with self._committing(table):
            self._write(self.tables[table], shaped, metadata)
            self.commits.append(table)

    def rebuild(self, table: str, rows: Frame, **metadata: str) -> None:
        """Write a table anew as it is declared, whatever stood there: two commits, between which it is empty."""
        with self._committing(table):
            self._lay_out(self.tables[table], "overwrite")
            _kill_point(f"created:{table}")
            self._forget_newest(table)
            self._write(self.tables[table], self._shaped(table, rows), metadata)
            self.commits += [table, table]

    def _lay_out(self, table: Table, mode: Literal["error", "overwrite"]) -> None:
        """The table, empty, as it is declared; its versions stay where it stood already.

        By delta-rs, to replace a table on either engine: Spark's CREATE OR REPLACE will not give other columns to a
        table that is known by its path.
        """
        self.folder(table.name).mkdir(parents=True, exist_ok=True)
        DeltaTable.create(
            self.uri(table.name),
            schema=self.arrow_schema(table.name),
            mode=mode,
            partition_by=table.partition_by or None,
            configuration=self.properties(table),
            storage_options=self._options,
            raise_if_key_not_exists=False,
        )

    def rewrite(self, table: str, rows: Frame, **metadata: str) -> None:
        """Write a table's rows and columns anew in one commit, for what readers watch; its properties stay."""
        shaped = self._shaped(table, rows)
        with self._committing(table):
            self._rewrite(self.tables[table], shaped, metadata)
            self.commits.append(table)

    def compact(self, table: str) -> None:
        """Large files for many small ones: a commit that changes no row, and none where nothing is small."""
        version = self.version(table)
        with self._committing(table, f"compact:{table}"):
            self._compact(table)
            self._forget_newest(table)
            self.commits += [table] * (self.version(table) != version)

    def restore(self, table: str, version: int) -> None:
        """Make a table's content again what it was at `version` (a commit of its own)."""
        self.hold()
        self._restore(table, version)
        self._forget_newest(table)

    def vacuum(self, table: str, *, dry_run: bool = False) -> int:
        """Remove the files that no version within RETENTION needs, those of killed writes among them.

        Returns:
            How many there were; Spark counts a thousand at most.
        """
        self.hold()
        found = self._vacuum(table, dry_run=dry_run)
        self._forget_newest(table)
        return found

    def _shaped(self, table: str, rows: Frame) -> Frame:
        """Rows cast to the table's declared types."""
        columns = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in self.tables[table].types.items())
        return self.sql(f"SELECT {columns} FROM rows", rows=rows)

    def checkpoint(self, table: str) -> bool:
        """Sum up a table's log. By delta-rs on either engine: Delta has no SQL for it.

        Returns:
            Whether a checkpoint was written: one that stands is never written anew.
        """
        self.hold()
        opened = self.opened(table)
        stands = any((self.folder(table) / LOG).glob(f"{opened.version():020}.checkpoint.*"))
        if not stands:
            opened.create_checkpoint()
        return not stands

    def clean_log(self, table: str) -> None:
        """Drop log entries that no version within RETENTION needs, as a checkpoint sums them up."""
        self.hold()
        self.opened(table).cleanup_metadata()

    def live_files(self, table: str) -> tuple[int, int]:
        """Files and bytes of a table's newest version."""
        return size_of(self.opened(table))

    def row_count(self, table: str) -> int:
        """Rows of a table's newest version, as its log tells of every file: exact, and no file is opened."""
        files = pa.table(self.opened(table).get_add_actions(flatten=True))
        rows = files.column("num_records") if files.num_rows else pa.chunked_array([], pa.int64())
        return self.count(self.read(table)) if rows.null_count else pc.sum(rows).as_py() or 0

    def version(self, table: str) -> int:
        """Newest version of a table."""
        return self.opened(table).version()

    def opened(self, table: str, version: int | None = None) -> DeltaTable:
        """A version of a table, unless told the newest; for the one who writes the newest that it knows.

        So a commit of a former writer that came through late is neither read nor built upon: it makes the next commit to
        that table fail, and the next run takes it back. By delta-rs on either engine: it reads a log's entries since the last
        checkpoint and no rows, where a query of Spark would be a job of its own, two dozen times a run.
        """
        if version is None and self._newest is not None:
            version = self._newest.get(table)
        found = DeltaTable(self.uri(table), version=version, storage_options=self._options)
        if version is None and self._newest is not None:
            self._newest[table] = found.version()
        return found

    @property
    def _options(self) -> dict[str, str] | None:
        """What delta-rs is told of the bucket."""
        return options(self.path.bucket) if isinstance(self.path, BucketPath) else None

    @contextmanager
    def writing(self, task: str) -> Iterator[None]:
        """Be the tables' one writer; the task is what others are told who want to be it meanwhile.

        Raises:
            Busy: somebody writes to the lake.
            StorageError: the disk does not take what is written.
            NotAsPublished: what is read is damaged.
        """
        with told(f"{task} in {self.path}"), one_writer(self.lock, task) as hold:
            self.hold, self._newest = hold, {}
            try:
                self.take_over()
                yield
            finally:
                self.hold, self._newest = (lambda: None), None

    def take_over(self) -> None:  # noqa: B027
        """End what a former writer, whose process died, may still be writing: its server knows nothing of locks."""

    @property
    def lock(self) -> Path:
        """What a writer holds."""
        return self.path / ".writer"

    @property
    def name(self) -> str:
        """What `--lake` says for it: a folder below home, or a URI."""
        return str(self.path) if isinstance(self.path, BucketPath) else self.path.name

    def folder(self, table: str) -> Path:
        """Where a table stands, or stood before it was renamed or retired."""
        return self.path / table.replace(".", "/")

    def uri(self, table: str) -> str:
        """The folder of a table, as engines are told."""
        return str(self.folder(table))

    def count(self, frame: Frame) -> int:
        """Rows of a frame."""
        return int(self.to_arrow(self.sql("SELECT count(1) AS n FROM frame", frame=frame)).column("n")[0].as_py())

    def ask(self, row: type[Row], query: str, **frames: Frame) -> list[Row]:
        """The answer of a query, which does not grow with people, as rows of a type.

        Args:
            row: takes the query's columns by their names: a dataclass, or dict.
        """
        return [row(**told) for told in self.to_arrow(self.sql(query, **frames)).to_pylist()]

    def union(self, *frames: Frame) -> Frame:
        """The rows of several frames with the same columns, in whatever order each has them."""
        columns = listed(frames[0].columns)
        parts = " UNION ALL ".join(f"SELECT {columns} FROM part_{place}" for place in range(len(frames)))
        return self.sql(parts, **{f"part_{place}": frame for place, frame in enumerate(frames)})

    def has_rows(self, frame: Frame) -> bool:
        """Whether a frame has any row."""
        return self.to_arrow(self.sql("SELECT 1 AS one FROM frame LIMIT 1", frame=frame)).num_rows > 0

    def rows(self, table: str, rows: Sequence[dict[str, Any]]) -> Frame:
        """Rows that the driver made, in the shape of a table."""
        return self.from_arrow(pa.Table.from_pylist(list(rows), schema=self.arrow_schema(table)))

    def arrow_schema(self, table: str) -> pa.Schema:
        """The declared columns as an Arrow schema."""
        return pa.schema([(name, ARROW_TYPES[kind]) for name, kind in self.tables[table].types.items()])

    def exists(self, table: str) -> bool:
        """Whether the table stands: a commit of it was made whole, not only begun."""
        log = self.folder(table) / LOG
        return any(path.stat().st_size for _, path in log_files(log)) if log.is_dir() else False

    def properties(self, table: Table) -> dict[str, str]:
        """Delta table properties, CHECK constraints among them, the same on both engines."""
        return {
            "delta.logRetentionDuration": RETENTION,
            "delta.deletedFileRetentionDuration": RETENTION,
            # The change feed also raises the writer version to one at which delta-rs, too, enforces constraints.
            **({"delta.enableChangeDataFeed": "true"} if table.published or table.constraints else {}),
            **{f"delta.constraints.{name}": rule for name, rule in table.constraints.items()},
        }


def size_of(opened: DeltaTable) -> tuple[int, int]:
    """Files and bytes of a version of a table, as its log tells: a line for each live file, which maintenance keeps few."""
    files = pa.table(opened.get_add_actions(flatten=True))
    return files.num_rows, pc.sum(files.column("size_bytes")).as_py() or 0


def _kill_point(point: str) -> None:
    """Die as a power cut would, where the recovery tests ask for it."""
    if settings().kill == point:
        os.kill(os.getpid(), signal.SIGKILL)

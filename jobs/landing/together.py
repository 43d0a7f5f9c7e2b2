"""Rows of several files – the bills of a delivery – in one Parquet file, told apart by their `file_id`.

What is refused in the end is taken out again: mostly before it was written, as bills are short; of a long one, by writing the
file once more without it. So memory does not grow with a bill, nor with how many there are.
"""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

MOST_ROWS = 1 << 17
"""So many rows wait to be written."""


class Together:
    """A Parquet file in the making, for one file after the other: its rows, then `keep` or `drop`."""

    def __init__(self, path: Path, schema: pa.Schema, repeating: list[str]) -> None:
        self.path, self.schema, self.repeating = path, schema, repeating
        self.writer = self._writer(path)
        self.kept: list[pa.RecordBatch] = []
        self.own: list[pa.RecordBatch] = []
        """Waiting rows: of files that are kept, and of the one that is read."""
        self.waiting = 0
        self.has_spilled = False
        """Whether rows of the file that is read were written already."""
        self.gone: set[str] = set()

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Rows of the file that is read."""
        self.own.append(batch)
        self.waiting += batch.num_rows
        if self.waiting > MOST_ROWS:
            self.has_spilled = True
            self._flush([*self.kept, *self.own])
            self.kept, self.own = [], []

    def keep(self) -> None:
        """The file that was read counts."""
        self.kept += self.own
        self.own, self.has_spilled = [], False

    def drop(self, file_id: str) -> None:
        """The file that was read is refused."""
        self.gone |= {file_id} if self.has_spilled else set()
        self.waiting -= sum(batch.num_rows for batch in self.own)
        self.own, self.has_spilled = [], False

    def close(self) -> None:
        """Write what waits, without what was dropped."""
        self._flush(self.kept)
        self.writer.close()
        if self.gone:
            self._write_again()

    def _flush(self, batches: list[pa.RecordBatch]) -> None:
        if batches:
            self.writer.write_table(pa.Table.from_batches(batches, self.schema))
        self.waiting = 0

    def _write_again(self) -> None:
        beside = self.path.with_name(f"{self.path.name}.again")
        gone = pa.array(sorted(self.gone), pa.string())
        with self._writer(beside) as writer, pq.ParquetFile(self.path) as written:
            for batch in written.iter_batches():
                writer.write_batch(batch.filter(pc.invert(pc.is_in(batch.column("file_id"), gone))))
        os.replace(beside, self.path)

    def _writer(self, path: Path) -> pq.ParquetWriter:
        return pq.ParquetWriter(path, self.schema, compression="zstd", use_dictionary=self.repeating)

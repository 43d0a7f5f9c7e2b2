"""A file of a statement, read: its rows and rejects as Parquet, and what it held against the control file."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jobs.files import digest_of, temporary_of
from jobs.landing.columns import REJECTS, SCHEMAS
from jobs.landing.formats.batches import BillHead, FileRefused, Reject
from jobs.landing.formats.read import open_export
from jobs.landing.formats.rows import OTHER_FEED, RowMaker, Tally
from jobs.landing.heads import bill_of, stated_head
from jobs.landing.manifests import Bill
from jobs.landing.mistakes import TOO_SLOW
from jobs.landing.profile import Profiler
from jobs.landing.receipts import ReceivedFile
from jobs.landing.together import Together
from schemas.sources import Feed
from schemas.sources.faults import Fault, fault
from schemas.units import MICRO

MOST_REJECTS = 100_000
"""More rows that cannot be split, and more than can, are no slips but another kind of file: it is not read to its end."""
FEW_REJECTS = 5
"""So few are slips, whatever their share."""


def settled(path: Path, *, keep: bool) -> dict[Path, Path]:
    """What was read of a file and where it belongs, beside the manifest; or nothing, and it is dropped."""
    kept = [path.with_suffix(suffix) for suffix in (".parquet", ".rejects.parquet")]
    read = {temporary_of(one): one for one in kept}
    if keep:
        return read
    for temporary in read:
        temporary.unlink(missing_ok=True)
    return {}


def hashes_of(kept: Mapping[Path, Path], manifest: Path) -> dict[str, str]:
    """What a name ends with beyond the manifest's → SHA-256 of the file that gets it."""
    return {path.name.removeprefix(manifest.stem): digest_of(temporary) for temporary, path in kept.items()}


@dataclass
class Read:
    """One part, read: what it held and why it cannot count, if so."""

    tally: Tally = field(default_factory=Tally)
    accepted: int = 0
    quarantined: int = 0
    rejected: int = 0
    others: int = 0
    reasons: list[Fault] = field(default_factory=list)
    row_errors: dict[tuple[str, str | None], Fault] = field(default_factory=dict)
    bill: Bill | None = None
    profiler: Profiler = field(default_factory=Profiler)

    def note_rows(self, batch: pa.RecordBatch, rejects: Iterable[Reject]) -> None:
        """Count a batch and keep the first row error of each code and column."""
        self.profiler.add(batch)
        self.accepted += batch.num_rows
        self.quarantined += batch.num_rows - batch.column("error_code").null_count
        self.others += pc.sum(pc.equal(batch.column("ignore_rule"), OTHER_FEED)).as_py() or 0
        for what in ("error", "refused"):
            if f"{what}_code" in batch.schema.names:
                self._note_first(batch, what)
        for reject in rejects:
            self.rejected += 1
            self._note(reject.code, reject.column, reject.line, reject.shape)

    def _note_first(self, batch: pa.RecordBatch, what: str) -> None:
        """Of rows with an error, or with an identifier that was refused."""
        codes = batch.column(f"{what}_code")
        if codes.null_count < batch.num_rows:
            bad = batch.filter(codes.is_valid()).select(
                ["line", *(f"{what}_{said}" for said in ("code", "column", "shape"))]
            )
            for line, code, column, found in zip(*(of.to_pylist() for of in bad.columns)):
                self._note(code, column, line, found)

    def _note(self, code: str, column: str | None, line: int, found: str) -> None:
        if (code, column) not in self.row_errors:
            first = fault(code, line=line, column=column).model_copy(update={"shape": found})
            self.row_errors[code, column] = first


Make = Callable[["BillHead | None"], RowMaker]
"""What makes rows of a file, when it is known what its head says."""


class Sink(Protocol):
    """What rows are written to."""

    def write_batch(self, batch: pa.RecordBatch) -> None: ...


def read_part(make: Make, feed: Feed, received: Path, manifest: Path, file: ReceivedFile) -> Read:
    """Read one file into temporary Parquet files beside its manifest, and hold it against the control file."""
    with (
        _writer(temporary_of(manifest.with_suffix(".parquet")), SCHEMAS[feed.kind]) as landed,
        _writer(temporary_of(manifest.with_suffix(".rejects.parquet")), REJECTS) as rejected,
    ):
        return read_into(landed, rejected, make, feed, received, file)


@contextmanager
def together(feed: Feed, manifest: Path) -> Iterator[tuple[Together, Together]]:
    """Temporary Parquet files beside the manifests of several files, for their rows and their rejects."""
    rows, rejects = manifest.with_suffix(".parquet"), manifest.with_suffix(".rejects.parquet")
    schema = SCHEMAS[feed.kind]
    landed = Together(temporary_of(rows), schema, repeating(schema))
    with closing(landed), closing(Together(temporary_of(rejects), REJECTS, repeating(REJECTS))) as rejected:
        yield landed, rejected


def read_into(landed: Sink, rejected: Sink, make: Make, feed: Feed, received: Path, file: ReceivedFile) -> Read:
    """Read one file and hold it against the control file."""
    read = Read()
    with _collector_paused():
        try:
            with open_export(received, feed) as export:
                head = stated_head(feed, export.head, file)
                maker = make(head)
                read.tally, read.bill = maker.tally, bill_of(maker, head)
                read.profiler.new_columns = export.new_columns
                read.profiler.identifiers, read.profiler.bad_identifiers = maker.tally.given, maker.tally.refused
                slowest = _deadline(received)
                for batch in export.batches:
                    if time.monotonic() > slowest:
                        raise FileRefused(fault(TOO_SLOW))
                    read.profiler.add_raw(batch.columns, len(batch.lines))
                    rows = maker.rows(batch)
                    landed.write_batch(rows)
                    if batch.rejects:
                        rejected.write_batch(_reject_rows(file.file_id, batch.rejects))
                    read.note_rows(rows, batch.rejects)
                    if read.accepted + read.rejected > file.rows:  # refused already: the rest may be without end
                        break
                    if read.rejected > max(MOST_REJECTS, read.accepted):
                        raise FileRefused(fault("too_many_rejects"))
        except FileRefused as refused:
            read.reasons += refused.reasons
            return read
    _check(file, read)
    if not read.reasons and read.rejected > max(
        FEW_REJECTS, feed.volume.most_unusable * (read.accepted + read.rejected)
    ):
        read.reasons.append(fault("too_many_rejects"))
    if head and not read.bill:
        read.bill = bill_of(maker, head)
        if not read.bill and not read.reasons:
            read.reasons.append(fault("no_dated_row"))
    return read


def _deadline(received: Path) -> float:
    """When a file has had its time. Hundreds of times what any takes: by then something is wrong with it, or with us."""
    return time.monotonic() + SLOWEST_SECONDS + received.stat().st_size / SLOWEST_BYTES


SLOWEST_SECONDS, SLOWEST_BYTES = 120, 20_000
"""The time that every file has, and the bytes that take one second more, as they are sent."""


def useless(reads: Sequence[Read]) -> str | None:
    """What is wrong with a statement that has rows and none that can be used: it would replace one that has."""
    others = sum(read.others for read in reads)
    rejected = 0 if others else sum(read.rejected for read in reads)  # beside rows of others nobody can tell whose
    rows = sum(read.accepted for read in reads) - others + rejected
    unusable = sum(read.quarantined for read in reads) + rejected
    return "no_usable_row" if rows and rows == unusable else None


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=repeating(schema))


def repeating(schema: pa.Schema) -> list[str]:
    """The columns whose values repeat."""
    return [name for name in schema.names if name not in ("line", "record_key")]


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Without cyclic garbage collection: rows hold no cycles, and looking for them doubles the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _reject_rows(file_id: str, rejects: list[Reject]) -> pa.RecordBatch:
    rows = [(file_id, reject.line, reject.code, reject.column, reject.shape) for reject in rejects]
    arrays = [pa.array(values, type=column.type) for values, column in zip(zip(*rows), REJECTS)]
    return pa.record_batch(arrays, schema=REJECTS)


def _check(file: ReceivedFile, read: Read) -> None:
    """Rows and sums against the control file.

    A sum can only be checked when every row of it could be read; otherwise the manifest says that it was
    not, so that one broken row does not hold back a day.
    """
    if read.accepted + read.rejected != file.rows:
        read.reasons.append(fault("wrong_row_count"))
        return
    for column, stated in file.sums.items():
        if read.rejected or read.tally.unreadable:
            read.row_errors["sum_not_checked", column] = fault("sum_not_checked", column=column)
        elif Decimal(stated) * MICRO != read.tally.sum_micro:  # exact; one number of a control file
            read.reasons.append(fault("wrong_sum", column=column))

"""land: accepted files → immutable landed Parquet, rejects and a manifest; identifiers become tokens here.

Per file, in `<home>/landed/<kind>/<institution>/<feed>/<business date>/`: `<file_id>.parquet` (rows),
`<file_id>.rejects.parquet` (rows that could not be split) and, last, `<file_id>.json` (the manifest): a file
is landed when its manifest is there. Streams: memory does not grow with the file.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.formats.read import FileRefused, Reject, read_batches
from jobs.formats.rows import RowMaker, Tally
from jobs.formats.schemas import REJECTS, SCHEMAS
from jobs.formats.values import EPOCH_ORDINAL
from jobs.pull import Receipt, ReceivedFile, load_receipts, write_whole
from jobs.tokens import Tokens
from schemas.base import Strict
from schemas.sources import Source
from schemas.sources.errors import Fault, fault
from schemas.units import MICRO

LANDING = "landing"
LANDED = "landed"


class Manifest(Strict):
    """What a landed file holds.

    path: relative to the landing folder. rows: data rows of the file; accepted_rows are in the Parquet file,
    of which quarantined_rows carry an error. sums: the controlled column as read. act_dates: rows by act
    date, of feeds that have one. errors: why the file was refused, and the first of each kind of row error.
    """

    file_id: str
    institution: str
    feed: str
    kind: str
    business_date: date
    revision: int
    part: int
    parts: int
    received_at: datetime
    sha256: str
    path: str
    rows: int
    accepted_rows: int
    quarantined_rows: int
    rejected_rows: int
    sums: dict[str, str]
    act_dates: dict[date, int]
    state: Literal["accepted", "refused"]
    errors: list[Fault]
    contract_hash: str


def land(source: Source, home: Path, tokens: Tokens, stations: frozenset[str] = frozenset()) -> list[Manifest]:
    """Land every accepted file of an institution that has no manifest yet, in order of arrival.

    A statement (the parts of one feed in one delivery) counts whole: when one part is refused, all are.

    Args:
        source: the institution's contract.
        home: the home folder of the run.
        tokens: the keyed hash functions.
        stations: the station codes that taps may name (`schemas.sources.load_stations`).

    Returns:
        The manifests written by this call.
    """
    written = []
    for receipt in load_receipts(source, home / LANDING):
        if receipt.state != "accepted":
            continue
        for feed in source.feeds:
            parts = [file for file in receipt.files if file.feed == feed]
            if not all(_manifest_path(source, home, receipt, file).exists() for file in parts):
                written += _land_statement(source, home, tokens, stations, receipt, parts)
    return written


def load_manifests(home: Path) -> list[Manifest]:
    """Every manifest under a home folder, in order of arrival, then institution, feed and part."""
    paths = (home / LANDED).glob("*/*/*/*/*.json")
    manifests = [Manifest.model_validate_json(path.read_bytes()) for path in paths]
    return sorted(manifests, key=lambda m: (m.received_at, m.institution, m.business_date, m.revision, m.feed, m.part))


def landed_path(home: Path, manifest: Manifest) -> Path:
    """The Parquet file of an accepted manifest."""
    folder = _folder(home, manifest.kind, manifest.institution, manifest.feed, manifest.business_date)
    return folder / f"{manifest.file_id}.parquet"


def rejects_path(home: Path, manifest: Manifest) -> Path:
    """The rows of an accepted manifest that could not be split into columns."""
    return landed_path(home, manifest).with_suffix(".rejects.parquet")


@dataclass
class _Read:
    """One part, read: what it held and why it cannot count, if so."""

    tally: Tally = field(default_factory=Tally)
    accepted: int = 0
    quarantined: int = 0
    rejected: int = 0
    reasons: list[Fault] = field(default_factory=list)
    row_errors: dict[tuple[str, str | None], Fault] = field(default_factory=dict)

    def note_rows(self, batch: pa.RecordBatch, rejects: Iterable[Reject]) -> None:
        """Count a batch and keep the first row error of each code and column."""
        self.accepted += batch.num_rows
        codes = batch.column("error_code")
        self.quarantined += batch.num_rows - codes.null_count
        if codes.null_count < batch.num_rows:
            bad = batch.filter(codes.is_valid())
            for row in bad.select(["line", "error_code", "error_column", "error_shape"]).to_pylist():
                self._note(row["error_code"], row["error_column"], row["line"], row["error_shape"])
        for reject in rejects:
            self.rejected += 1
            self._note(reject.code, reject.column, reject.line, reject.shape)

    def _note(self, code: str, column: str | None, line: int, found: str) -> None:
        if (code, column) not in self.row_errors:
            first = fault(code, line=line, column=column).model_copy(update={"shape": found})
            self.row_errors[code, column] = first


def _folder(home: Path, kind: str, institution: str, feed: str, business_date: date) -> Path:
    return home / LANDED / kind / institution / feed / business_date.isoformat()


def _manifest_path(source: Source, home: Path, receipt: Receipt, file: ReceivedFile) -> Path:
    assert receipt.business_date is not None
    kind = source.feeds[file.feed].kind
    return _folder(home, kind, source.id, file.feed, receipt.business_date) / f"{file.file_id}.json"


def _land_statement(
    source: Source,
    home: Path,
    tokens: Tokens,
    stations: frozenset[str],
    receipt: Receipt,
    parts: list[ReceivedFile],
) -> list[Manifest]:
    assert receipt.business_date is not None and receipt.revision is not None
    reads = []
    for file in parts:
        maker = RowMaker(source, file.feed, file.file_id, receipt.business_date, tokens, stations)
        place = _manifest_path(source, home, receipt, file)
        place.parent.mkdir(parents=True, exist_ok=True)
        reads.append(_read_part(maker, home / LANDING / file.path, place, file))
    is_refused = any(read.reasons for read in reads)
    manifests = []
    for file, read in zip(parts, reads):
        place = _manifest_path(source, home, receipt, file)
        reasons = read.reasons or ([fault("part_refused")] if is_refused else [])
        for suffix in (".parquet", ".rejects.parquet"):
            temporary = _temporary(place, suffix)
            if is_refused:
                temporary.unlink(missing_ok=True)
            else:
                os.replace(temporary, place.with_suffix(suffix))
        manifests.append(_manifest(source, receipt, file, read, reasons))
    for manifest, file in zip(manifests, parts):
        place = _manifest_path(source, home, receipt, file)
        write_whole(place, manifest.model_dump_json(indent=1).encode())
    return manifests


def _temporary(place: Path, suffix: str) -> Path:
    return place.with_name(f".{place.stem}{suffix}.tmp")


def _read_part(maker: RowMaker, path: Path, place: Path, file: ReceivedFile) -> _Read:
    """Read one file into temporary Parquet files beside its place, and hold it against the control file."""
    read = _Read(tally=maker.tally)
    with (
        _writer(_temporary(place, ".parquet"), SCHEMAS[maker.feed.kind]) as landed,
        _writer(_temporary(place, ".rejects.parquet"), REJECTS) as rejected,
        _collector_paused(),
    ):
        try:
            for batch in read_batches(path, maker.feed):
                rows = maker.rows(batch)
                landed.write_batch(rows)
                if batch.rejects:
                    rejected.write_batch(_reject_rows(file.file_id, batch.rejects))
                read.note_rows(rows, batch.rejects)
        except FileRefused as refused:
            read.reasons.append(refused.reason)
            return read
    _check(maker, file, read)
    return read


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    repeating = [name for name in schema.names if name not in ("line", "record_key")]
    return pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=repeating)


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


def _check(maker: RowMaker, file: ReceivedFile, read: _Read) -> None:
    """Rows and sums against the control file.

    A sum can only be checked when every row of it could be read; otherwise the manifest says that it was
    not, so that one broken row does not hold back a day.
    """
    if read.accepted + read.rejected != file.rows:
        read.reasons.append(fault("wrong_row_count"))
    for column, stated in file.sums.items():
        if read.rejected or read.tally.unreadable:
            read.row_errors["sum_not_checked", column] = fault("sum_not_checked", column=column)
        elif Decimal(stated) * MICRO != read.tally.sum_micro:
            read.reasons.append(fault("wrong_sum", column=column))


def _manifest(source: Source, receipt: Receipt, file: ReceivedFile, read: _Read, reasons: list[Fault]) -> Manifest:
    assert receipt.business_date is not None and receipt.revision is not None
    days = read.tally.act_days
    return Manifest(
        file_id=file.file_id,
        institution=source.id,
        feed=file.feed,
        kind=source.feeds[file.feed].kind,
        business_date=receipt.business_date,
        revision=receipt.revision,
        part=file.part,
        parts=file.parts,
        received_at=receipt.received_at,
        sha256=file.sha256,
        path=file.path,
        rows=read.accepted + read.rejected,
        accepted_rows=0 if reasons else read.accepted,
        quarantined_rows=0 if reasons else read.quarantined,
        rejected_rows=read.rejected,
        sums={column: _decimal(read.tally.sum_micro) for column in file.sums},
        act_dates={date.fromordinal(day + EPOCH_ORDINAL): days[day] for day in sorted(days)},
        state="refused" if reasons else "accepted",
        errors=reasons + sorted(read.row_errors.values(), key=lambda error: error.line or file.rows),
        contract_hash=source.contract_hash,
    )


def _decimal(micro: int) -> str:
    """Millionths as decimal text with six decimals."""
    sign, magnitude = "-" if micro < 0 else "", abs(micro)
    return f"{sign}{magnitude // MICRO}.{magnitude % MICRO:06d}"

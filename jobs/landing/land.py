"""land: accepted files → immutable landed Parquet, rejects and a manifest; identifiers become tokens here.

Per file, in `<home>/landed/<kind>/<institution>/<feed>/<business date>/`: `<file_id>.parquet` (rows),
`<file_id>.rejects.parquet` (rows that could not be split) and, last, `<file_id>.json` (the manifest): a file
is landed when its manifest is there. Streams: memory does not grow with the file.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.files import write_whole
from jobs.landing.columns import REJECTS, SCHEMAS
from jobs.landing.formats.batches import BillHead, FileRefused, Reject
from jobs.landing.formats.read import open_export
from jobs.landing.formats.rows import RowMaker, Tally
from jobs.landing.formats.values import EPOCH_ORDINAL
from jobs.landing.manifests import LANDING, Bill, Manifest, load_manifests, manifest_path, newest_landings, stem_of
from jobs.landing.profile import Profiler
from jobs.landing.receipts import Receipt, ReceivedFile, customers_of, load_receipts, one_ingest
from jobs.landing.tokens import Tokens
from jobs.logs import log
from schemas.sources import Feed, Source
from schemas.sources.errors import Fault, fault
from schemas.units import MICRO

MOST_REJECTS = 100_000
"""More rows that cannot be split, and more than can, are no slips but another kind of file."""


def land(source: Source, home: Path, tokens: Tokens, stations: frozenset[str] = frozenset()) -> list[Manifest]:
    """Land every accepted file of an institution that has no manifest yet, in order of arrival.

    A statement (the parts of one feed in one delivery) counts whole: when one part is refused, or no row can be used,
    all are. Bills are each a statement of its own.

    Args:
        source: the institution's contract.
        home: the home folder of the run.
        tokens: the keyed hash functions.
        stations: the station codes that taps may name (`schemas.sources.load_stations`).

    Returns:
        The manifests written by this call.
    """
    written = []
    lander = _Lander(source, home, tokens, stations)
    with one_ingest(source, home / LANDING, "land"):
        for receipt in load_receipts(source, home / LANDING):
            if receipt.state != "accepted":
                continue
            for feed in source.feeds:
                waiting = [
                    (parts, 0)
                    for parts in _wholes(source, feed, receipt.files)
                    if not all(lander.path(receipt, file).exists() for file in parts)
                ]
                written += lander.land(receipt, feed, waiting)
    return written


def replay(source: Source, home: Path, tokens: Tokens, stations: frozenset[str] = frozenset()) -> list[Manifest]:
    """Land again what another contract, or other rules on merchants' names, could make more of.

    What was landed before stays; the new landing takes its place in the next run. A file that landing no longer
    has stays as it was.

    Returns:
        The manifests written by this call.
    """
    written = []
    lander = _Lander(source, home, tokens, stations)
    with one_ingest(source, home / LANDING, "replay"):
        newest = _newest(source, home)
        for receipt in load_receipts(source, home / LANDING):
            for feed in source.feeds:
                landed = [file for file in receipt.files if file.file_id in newest]
                again = [
                    (parts, max(newest[file.file_id].landing for file in parts) + 1)
                    for parts in _wholes(source, feed, landed)
                    if _may_mend(parts, newest, source) and _is_there(parts, home)
                ]
                written += lander.land(receipt, feed, again)
    return written


def past_replay(source: Source, home: Path) -> int:
    """Files of which another contract could make more, and which landing no longer has: no replay brings them back."""
    newest = _newest(source, home)
    return sum(
        len(parts)
        for receipt in load_receipts(source, home / LANDING)
        for feed in source.feeds
        for parts in _wholes(source, feed, receipt.files)
        if all(file.file_id in newest for file in parts)
        and _may_mend(parts, newest, source)
        and not _is_there(parts, home)
    )


def _newest(source: Source, home: Path) -> dict[str, Manifest]:
    """file_id → the institution's manifest of its last landing."""
    return {file.file_id: file for file in newest_landings(load_manifests(home)) if file.institution == source.id}


def _may_mend(parts: list[ReceivedFile], newest: dict[str, Manifest], source: Source) -> bool:
    """Whether another contract could make more of a statement, or its merchants were held against other rules."""
    before = [newest[file.file_id] for file in parts]
    return any(
        (
            file.contract_hash != source.contract_hash
            and (file.state == "refused" or file.quarantined_rows or file.rejected_rows)
        )
        or (file.state == "accepted" and file.merchants_hash != _merchants_hash(source, file.feed))
        for file in before
    )


def _merchants_hash(source: Source, feed: str) -> str | None:
    """What names the rules that a feed's merchants are held against."""
    rules = source.merchants_of(feed)
    return rules.digest if rules else None


def _is_there(parts: list[ReceivedFile], home: Path) -> bool:
    """Whether landing still has the bytes."""
    return all((home / LANDING / file.path).is_file() for file in parts)


def _wholes(source: Source, feed: str, files: Sequence[ReceivedFile]) -> list[list[ReceivedFile]]:
    """The files of a feed in one delivery that count together."""
    of_feed = [file for file in files if file.feed == feed]
    return [[file] for file in of_feed] if source.feeds[feed].is_bill else [of_feed] if of_feed else []


@dataclass(frozen=True)
class _Lander:
    """What every file of an institution is landed with."""

    source: Source
    home: Path
    tokens: Tokens
    stations: frozenset[str]

    def land(self, receipt: Receipt, feed: str, statements: Sequence[tuple[list[ReceivedFile], int]]) -> list[Manifest]:
        """Land statements of one feed of one delivery, each with the number of its landing."""
        if not statements:
            return []
        # Read once a delivery, which may hold thousands of bills.
        customers = customers_of(receipt, self.home / LANDING) if self.source.feeds[feed].is_bill else {}
        written = []
        for parts, landing in statements:
            written += self._statement(receipt, parts, customers, landing)
        log.info(
            "feed_landed",
            feed=feed,
            arrival=receipt.arrival,
            files=len(written),
            rows=sum(file.rows for file in written),
            quarantined=sum(file.quarantined_rows for file in written),
            rejected=sum(file.rejected_rows for file in written),
            refused=sum(file.state == "refused" for file in written),
            codes=sorted({error.code for file in written for error in file.errors}),
        )
        return written

    def path(self, receipt: Receipt, file: ReceivedFile, landing: int = 0) -> Path:
        """Where a file's manifest is, or will be."""
        assert receipt.business_date is not None
        kind = self.source.feeds[file.feed].kind
        stem = stem_of(file.file_id, landing)
        return manifest_path(self.home, kind, self.source.id, file.feed, receipt.business_date, stem)

    def _statement(
        self, receipt: Receipt, parts: list[ReceivedFile], customers: Mapping[str, str | None], landing: int
    ) -> list[Manifest]:
        """Land a statement whole: when one part is refused, or no row of all can be used, none is kept."""
        paths = [self.path(receipt, file, landing) for file in parts]
        reads = []
        for file, path in zip(parts, paths):
            path.parent.mkdir(parents=True, exist_ok=True)
            make = partial(self._rows_of, receipt, file, customers.get(file.name))
            reads.append(_read_part(make, self.source.feeds[file.feed], self.home / LANDING / file.path, path, file))
        code = "part_refused" if any(read.reasons for read in reads) else _useless(reads)
        manifests = []
        for file, path, read in zip(parts, paths, reads):
            reasons = read.reasons or ([fault(code)] if code else [])
            _settle(path, keep=code is None)
            whose = self._customer_key(customers.get(file.name))
            manifests.append(_manifest(self.source, receipt, file, read, reasons, landing, whose))
        for manifest, path in zip(manifests, paths):
            write_whole(path, manifest.model_dump_json(indent=1).encode())
        return manifests

    def _customer_key(self, customer: str | None) -> str | None:
        return None if customer is None else self.tokens.customer_key(self.source.id, customer)

    def _rows_of(self, receipt: Receipt, file: ReceivedFile, customer: str | None, head: BillHead | None) -> RowMaker:
        """What makes rows of a file.

        Raises:
            FileRefused: it is a bill of the future, or nobody knows whose: the control file is gone from landing.
        """
        assert receipt.business_date is not None
        if head and head.exported_at.date() > receipt.business_date:
            raise FileRefused(fault("future_time"))
        if head and customer is None:
            raise FileRefused(fault("wrong_customer"))
        return RowMaker(
            self.source, file.feed, file.file_id, receipt.business_date, self.tokens, self.stations, head, customer
        )


def _settle(path: Path, *, keep: bool) -> None:
    """Move what was read of a file to its place beside the manifest, or drop it."""
    for suffix in (".parquet", ".rejects.parquet"):
        temporary = _temporary(path, suffix)
        if keep:
            os.replace(temporary, path.with_suffix(suffix))
        else:
            temporary.unlink(missing_ok=True)


@dataclass
class _Read:
    """One part, read: what it held and why it cannot count, if so."""

    tally: Tally = field(default_factory=Tally)
    accepted: int = 0
    quarantined: int = 0
    rejected: int = 0
    reasons: list[Fault] = field(default_factory=list)
    row_errors: dict[tuple[str, str | None], Fault] = field(default_factory=dict)
    bill: Bill | None = None
    profiler: Profiler = field(default_factory=Profiler)

    def note_rows(self, batch: pa.RecordBatch, rejects: Iterable[Reject]) -> None:
        """Count a batch and keep the first row error of each code and column."""
        self.profiler.add(batch)
        self.accepted += batch.num_rows
        self.quarantined += batch.num_rows - batch.column("error_code").null_count
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


def _temporary(path: Path, suffix: str) -> Path:
    return path.with_name(f".{path.stem}{suffix}.tmp")


def _read_part(
    make: Callable[[BillHead | None], RowMaker], feed: Feed, received: Path, manifest: Path, file: ReceivedFile
) -> _Read:
    """Read one file into temporary Parquet files beside its manifest, and hold it against the control file."""
    read = _Read()
    with (
        _writer(_temporary(manifest, ".parquet"), SCHEMAS[feed.kind]) as landed,
        _writer(_temporary(manifest, ".rejects.parquet"), REJECTS) as rejected,
        _collector_paused(),
    ):
        try:
            with open_export(received, feed) as export:
                maker = make(export.head)
                read.tally, read.bill = maker.tally, _bill(maker, export.head)
                read.profiler.new_columns += export.new_columns
                for batch in export.batches:
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
    return read


def _useless(reads: Sequence[_Read]) -> str | None:
    """What is wrong with a statement that has rows and none that can be used: it would replace one that has."""
    rows = sum(read.accepted + read.rejected for read in reads)
    unusable = sum(read.quarantined + read.rejected for read in reads)
    return "no_usable_row" if rows and rows == unusable else None


def _bill(maker: RowMaker, head: BillHead | None) -> Bill | None:
    if head is None or maker.customer_key is None:
        return None
    return Bill(
        customer_key=maker.customer_key,
        first_day=head.first_day,
        last_day=head.last_day,
        exported_at=head.exported_at.replace(tzinfo=maker.zone),
        is_whole=head.is_whole,
    )


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


def _check(file: ReceivedFile, read: _Read) -> None:
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
        elif Decimal(stated) * MICRO != read.tally.sum_micro:
            read.reasons.append(fault("wrong_sum", column=column))


def _manifest(
    source: Source,
    receipt: Receipt,
    file: ReceivedFile,
    read: _Read,
    reasons: list[Fault],
    landing: int,
    customer_key: str | None,
) -> Manifest:
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
        landing=landing,
        merchants_hash=_merchants_hash(source, file.feed),
        bill=read.bill,
        customer_key=customer_key,
        profile=read.profiler.profile(),
    )


def _decimal(micro: int) -> str:
    """Millionths as decimal text with six decimals."""
    sign, magnitude = "-" if micro < 0 else "", abs(micro)
    return f"{sign}{magnitude // MICRO}.{magnitude % MICRO:06d}"

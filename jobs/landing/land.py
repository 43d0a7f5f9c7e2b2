"""land: accepted files → immutable landed Parquet, rejects and a manifest; identifiers become tokens here.

Per file, in `<home>/landed/<kind>/<institution>/<feed>/<business date>/`: `<file_id>.parquet` (rows),
`<file_id>.rejects.parquet` (rows that could not be split) and, last, `<file_id>.json` (the manifest): a file
is landed when its manifest is there. Streams: memory does not grow with the file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial
from pathlib import Path

from jobs.files import put_in_place, temporary_of
from jobs.landing import key_check
from jobs.landing.formats.batches import BillHead, FileRefused
from jobs.landing.formats.rows import RowMaker
from jobs.landing.formats.values import EPOCH_ORDINAL
from jobs.landing.manifests import LANDING, Manifest, is_landed, load_manifests, manifest_path, newest_landings, stem_of
from jobs.landing.mistakes import internal
from jobs.landing.parts import Read, hashes_of, read_part, settled, useless
from jobs.landing.receipts import Receipt, ReceivedFile, customers_of, load_receipts, one_ingest
from jobs.landing.tokens import NORMAL_FORM, Tokens
from jobs.logs import log
from schemas.sources import Source
from schemas.sources.faults import Fault, fault
from schemas.units import MICRO

TOGETHER = 200
"""Statements that are put in place at once, at most: a delivery may hold thousands of bills."""


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

    Raises:
        SettingError: the keys are not those that made what was landed before.
    """
    written = []
    lander = _Lander(source, home, tokens, stations)
    with one_ingest(source, home / LANDING, "land"):
        key_check.hold(home, tokens.check)
        for receipt in load_receipts(source, home / LANDING):
            if receipt.state != "accepted":
                continue
            for feed in source.feeds:
                waiting = [
                    (parts, 0)
                    for parts in _wholes(source, feed, receipt.files)
                    if not all(is_landed(lander.path(receipt, file)) for file in parts)
                ]
                written += lander.land(receipt, feed, waiting)
    return written


def replay(source: Source, home: Path, tokens: Tokens, stations: frozenset[str] = frozenset()) -> list[Manifest]:
    """Land again what another contract, or other rules on merchants' names, could make more of.

    What was landed before stays; the new landing takes its place in the next run. A file that landing no longer
    has stays as it was.

    Returns:
        The manifests written by this call.

    Raises:
        SettingError: the keys are not those that made what was landed before.
    """
    written = []
    lander = _Lander(source, home, tokens, stations)
    with one_ingest(source, home / LANDING, "replay"):
        key_check.hold(home, tokens.check)
        newest = _newest(source, home)
        for receipt in load_receipts(source, home / LANDING):
            landed = [file for file in receipt.files if file.file_id in newest]
            for feed in source.feeds:
                again = [
                    (parts, max(newest[file.file_id].landing for file in parts) + 1)
                    for parts in _wholes(source, feed, landed)
                    if _may_mend(_read_of(parts, landed), newest, source) and _is_there(parts, home)
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
        and _may_mend(_read_of(parts, [file for file in receipt.files if file.file_id in newest]), newest, source)
        and not _is_there(parts, home)
    )


def _newest(source: Source, home: Path) -> dict[str, Manifest]:
    """file_id → the institution's manifest of its last landing."""
    return {file.file_id: file for file in newest_landings(load_manifests(home)) if file.institution == source.id}


def _read_of(parts: Sequence[ReceivedFile], files: Sequence[ReceivedFile]) -> list[ReceivedFile]:
    """All that feeds read of the files of a statement: what one feed leaves to another, that one must take up."""
    paths = {file.path for file in parts}
    return [file for file in files if file.path in paths]


def _may_mend(parts: list[ReceivedFile], newest: dict[str, Manifest], source: Source) -> bool:
    """Whether another contract, or a mended mistake of ours, could make more of a statement.

    Or its merchants were held against other rules.
    """
    before = [newest[file.file_id] for file in parts]
    return any(
        file.is_internal
        or file.normal_form != NORMAL_FORM
        or (
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

    @cached_property
    def contract_hash(self) -> str:
        """Under which contract all of these are landed."""
        return self.source.contract_hash

    def land(self, receipt: Receipt, feed: str, statements: Sequence[tuple[list[ReceivedFile], int]]) -> list[Manifest]:
        """Land statements of one feed of one delivery, each with the number of its landing."""
        if not statements:
            return []
        key_check.note(self.home, self.tokens.check)
        # Read once a delivery, which may hold thousands of bills.
        customers = customers_of(receipt, self.home / LANDING) if self.source.feeds[feed].is_bill else {}
        written = []
        for start in range(0, len(statements), TOGETHER):
            read: dict[Path, Path] = {}
            for parts, landing in statements[start : start + TOGETHER]:
                manifests, of_statement = self._statement(receipt, parts, customers, landing)
                written += manifests
                read |= of_statement
            put_in_place(read)
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
    ) -> tuple[list[Manifest], dict[Path, Path]]:
        """Read a statement whole: when one part is refused, or no row of all can be used, none is kept.

        Returns:
            Its manifests; what was written, and the names that it is to get, in order.
        """
        paths = [self.path(receipt, file, landing) for file in parts]
        reads = [self._read(receipt, file, customers.get(file.name), path) for file, path in zip(parts, paths)]
        code = "part_refused" if any(read.reasons for read in reads) else useless(reads)
        manifests: list[Manifest] = []
        written: dict[Path, Path] = {}
        for file, path, read in zip(parts, paths, reads):
            reasons = read.reasons or ([fault(code)] if code else [])
            kept = settled(path, keep=code is None)
            written |= kept
            whose = self._customer_key(customers.get(file.name))
            manifest = _manifest(self.source, self.contract_hash, receipt, file, read, reasons, landing, whose)
            manifests.append(manifest.model_copy(update={"hashes": hashes_of(kept, path)}))
        for manifest, path in zip(manifests, paths):  # last: a file is landed when its manifest is there
            temporary = temporary_of(path)
            temporary.write_bytes(manifest.model_dump_json(indent=1).encode())
            written[temporary] = path
        return manifests, written

    def _read(self, receipt: Receipt, file: ReceivedFile, customer: str | None, path: Path) -> Read:
        """A part, read; where we fail at it, one that holds nothing and says so.

        Raises:
            OSError: the machine cannot read or write; nothing is landed, and a later call begins again.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        make = partial(self._rows_of, receipt, file, customer)
        try:
            return read_part(make, self.source.feeds[file.feed], self.home / LANDING / file.path, path, file)
        except OSError:
            raise
        except Exception as problem:
            return Read(reasons=[internal(problem, "file_failed", feed=file.feed, arrival=receipt.arrival)])

    def _customer_key(self, customer: str | None) -> str | None:
        return None if customer is None else self.tokens.customer_key(self.source.id, customer)

    def _rows_of(self, receipt: Receipt, file: ReceivedFile, customer: str | None, head: BillHead | None) -> RowMaker:
        """What makes rows of a file.

        Raises:
            FileRefused: it is a bill of the future, or nobody knows whose: the control file is gone from landing.
        """
        assert receipt.business_date is not None
        if head and any(
            day > receipt.business_date
            for day in (head.days and head.days[1], head.exported_at and head.exported_at.date())
            if day
        ):
            raise FileRefused(fault("future_time"))
        if head and customer is None:
            raise FileRefused(fault("wrong_customer"))
        return RowMaker(
            self.source, file.feed, file.file_id, receipt.business_date, self.tokens, self.stations, head, customer
        )


def _manifest(
    source: Source,
    contract_hash: str,
    receipt: Receipt,
    file: ReceivedFile,
    read: Read,
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
        other_rows=0 if reasons else read.others,
        sums={column: _decimal(read.tally.sum_micro) for column in file.sums},
        act_dates={date.fromordinal(day + EPOCH_ORDINAL): days[day] for day in sorted(days)},
        state="refused" if reasons else "accepted",
        errors=reasons + sorted(read.row_errors.values(), key=lambda error: error.line or file.rows),
        contract_hash=contract_hash,
        landing=landing,
        normal_form=NORMAL_FORM,
        merchants_hash=_merchants_hash(source, file.feed),
        bill=read.bill,
        customer_key=customer_key,
        profile=read.profiler.profile(),
    )


def _decimal(micro: int) -> str:
    """Millionths as decimal text with six decimals."""
    sign, magnitude = "-" if micro < 0 else "", abs(micro)
    return f"{sign}{magnitude // MICRO}.{magnitude % MICRO:06d}"

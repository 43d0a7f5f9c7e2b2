"""Statements of a delivery, landed: read, counted and written with their manifests, once the journal names these."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial
from pathlib import Path

import pyarrow.parquet as pq

from jobs.files import put_in_place, temporary_of
from jobs.landing import journal, key_check
from jobs.landing.formats.batches import BillHead, FileRefused
from jobs.landing.formats.rows import RowMaker
from jobs.landing.formats.values import EPOCH_ORDINAL
from jobs.landing.manifests import (
    BILLS,
    LANDED,
    LANDING,
    Manifest,
    bills_together,
    manifest_path,
    stem_of,
)
from jobs.landing.mistakes import internal
from jobs.landing.parts import Make, Read, hashes_of, read_into, read_part, settled, together, useless
from jobs.landing.receipts import Receipt, ReceivedFile, customers_of, receipt_path
from jobs.landing.tokens import NORMAL_FORM, Tokens
from jobs.logs import log
from schemas.sources import Source
from schemas.sources.faults import Fault, fault
from schemas.units import MICRO

Statements = Sequence[tuple[list[ReceivedFile], int]]
"""The parts of each, and the number of its landing."""


@dataclass(frozen=True)
class Lander:
    """What every file of an institution is landed with."""

    source: Source
    home: Path
    tokens: Tokens
    stations: frozenset[str]

    @cached_property
    def contract_hash(self) -> str:
        """Under which contract all of these are landed."""
        return self.source.contract_hash

    @cached_property
    def journal(self) -> list[str]:
        """The names of the institution's entries."""
        return journal.names_in(self.home / LANDED, self.source.id)

    @cached_property
    def _entered(self) -> set[str]:
        """The receipts that entries are about."""
        return {journal.receipt_of(name) for name in self.journal}

    def land(self, receipt: Receipt, statements: Statements) -> list[Manifest]:
        """Land statements of one delivery, once the journal names them."""
        if statements:
            key_check.note(self.home, self.tokens.check)
        self._enter(receipt, statements)
        written = []
        for feed in self.source.feeds:
            if of_feed := [(parts, landing) for parts, landing in statements if parts[0].feed == feed]:
                written += self._feed(receipt, feed, of_feed)
        return written

    def _enter(self, receipt: Receipt, statements: Statements) -> None:
        """What is about to be written of a delivery. One that was landed by older code, or holds nothing, is entered too.

        One with a file of a feed that the contract has no more, and may have again, is entered in part.
        """
        path = receipt_path(self.home / LANDING, receipt)
        is_whole = all(file.feed in self.source.feeds for file in receipt.files)
        about = path.stem if is_whole else f"{path.stem}.part"
        if not statements and about in self._entered:
            return
        names = {path.relative_to(self.home / LANDED).as_posix() for path in self._manifests(receipt, statements)}
        told = path.name if receipt.state == "refused" else None
        entry = journal.Entry(receipt=told, manifests=sorted(names))
        journal.append(self.home / LANDED, self.source.id, self.journal, about, entry)
        self._entered.add(about)

    def _manifests(self, receipt: Receipt, statements: Statements) -> Iterator[Path]:
        """The files of manifests that will be written; of a feed's bills of one landing the first one's name is all's."""
        of_bills: set[tuple[str, int]] = set()
        for parts, landing in statements:
            if not self.source.feeds[parts[0].feed].is_bill:
                yield from (self._path(receipt, file, landing) for file in parts)
            elif (parts[0].feed, landing) not in of_bills:
                of_bills.add((parts[0].feed, landing))
                yield self._path(receipt, parts[0], landing).with_suffix(BILLS)

    def _feed(self, receipt: Receipt, feed: str, statements: Statements) -> list[Manifest]:
        """Land statements of one feed of one delivery."""
        if self.source.feeds[feed].is_bill:
            written = self._bills(receipt, feed, statements)
        else:
            written = [file for parts, landing in statements for file in self._statement(receipt, parts, landing)]
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

    def _path(self, receipt: Receipt, file: ReceivedFile, landing: int) -> Path:
        """Where a file's manifest will be."""
        assert receipt.business_date is not None
        kind = self.source.feeds[file.feed].kind
        stem = stem_of(file.file_id, landing)
        return manifest_path(self.home, kind, self.source.id, file.feed, receipt.business_date, stem)

    def _statement(self, receipt: Receipt, parts: list[ReceivedFile], landing: int) -> list[Manifest]:
        """Land a statement whole: when one part is refused, or no row of all can be used, none is kept."""
        paths = [self._path(receipt, file, landing) for file in parts]
        reads = []
        for file, path in zip(parts, paths):
            path.parent.mkdir(parents=True, exist_ok=True)
            reads.append(self._read(partial(read_part, manifest=path), receipt, file, None))
        code = "part_refused" if any(read.reasons for read in reads) else useless(reads)
        manifests: list[Manifest] = []
        written: dict[Path, Path] = {}
        for file, path, read in zip(parts, paths, reads):
            reasons = read.reasons or ([fault(code)] if code else [])
            kept = settled(path, keep=code is None)
            written |= kept
            manifest = _manifest(self.source, self.contract_hash, receipt, file, read, reasons, landing, None)
            manifests.append(manifest.model_copy(update={"hashes": hashes_of(kept, path)}))
        for manifest, path in zip(manifests, paths):  # last: a file is landed when its manifest is there
            temporary = temporary_of(path)
            temporary.write_bytes(manifest.model_dump_json(indent=1).encode())
            written[temporary] = path
        put_in_place(written)
        return manifests

    def _bills(self, receipt: Receipt, feed: str, statements: Statements) -> list[Manifest]:
        """Land the bills of a delivery, each a statement of its own, in one file; those of a landing together."""
        # Read once a delivery, which may hold thousands of bills.
        customers = customers_of(receipt, self.home / LANDING)
        by_landing: dict[int, list[ReceivedFile]] = defaultdict(list)
        for [file], landing in statements:
            by_landing[landing].append(file)
        return [
            manifest
            for landing, files in by_landing.items()
            for manifest in self._bills_together(receipt, feed, files, customers, landing)
        ]

    def _bills_together(
        self,
        receipt: Receipt,
        feed: str,
        files: Sequence[ReceivedFile],
        customers: Mapping[str, str | None],
        landing: int,
    ) -> list[Manifest]:
        path = self._path(receipt, files[0], landing)
        path.parent.mkdir(parents=True, exist_ok=True)
        manifests = []
        with together(self.source.feeds[feed], path) as sinks:
            for file in files:
                customer = customers.get(file.name)
                read = self._read(partial(read_into, *sinks), receipt, file, customer)
                code = None if read.reasons else useless([read])
                reasons = read.reasons or ([fault(code)] if code else [])
                for sink in sinks:
                    sink.drop(file.file_id) if reasons else sink.keep()
                whose = None if customer is None else self.tokens.customer_key(self.source.id, customer)
                manifests.append(
                    _manifest(self.source, self.contract_hash, receipt, file, read, reasons, landing, whose)
                )
        written = settled(path, keep=any(one.state == "accepted" for one in manifests))
        said = {"shared": path.stem, "hashes": hashes_of(written, path)}
        manifests = [one.model_copy(update=said) for one in manifests]
        temporary = temporary_of(path.with_suffix(BILLS))
        pq.write_table(bills_together(manifests), temporary, compression="zstd")
        put_in_place({**written, temporary: path.with_suffix(BILLS)})
        return manifests

    def _read(self, reads: Callable[..., Read], receipt: Receipt, file: ReceivedFile, customer: str | None) -> Read:
        """A part, read; where we fail at it, one that holds nothing and says so.

        Raises:
            OSError: the machine cannot read or write; nothing is landed, and a later call begins again.
        """
        make: Make = partial(self._rows_of, receipt, file, customer)
        feed, received = self.source.feeds[file.feed], self.home / LANDING / file.path
        try:
            return reads(make=make, feed=feed, received=received, file=file)
        except OSError:
            raise
        except Exception as problem:
            return Read(reasons=[internal(problem, "file_failed", feed=file.feed, arrival=receipt.arrival)])

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
        merchants_hash=merchants_hash(source, file.feed),
        bill=read.bill,
        customer_key=customer_key,
        profile=read.profiler.profile(),
    )


def _decimal(micro: int) -> str:
    """Millionths as decimal text with six decimals."""
    sign, magnitude = "-" if micro < 0 else "", abs(micro)
    return f"{sign}{magnitude // MICRO}.{magnitude % MICRO:06d}"


def merchants_hash(source: Source, feed: str) -> str | None:
    """What names the rules that a feed's merchants are held against."""
    rules = source.merchants_of(feed)
    return rules.digest if rules else None

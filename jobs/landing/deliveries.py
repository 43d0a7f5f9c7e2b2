"""What became of an institution's deliveries before, told by the names of their receipts: few are opened."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from pathlib import Path

from jobs.files import write_whole
from jobs.landing import journal
from jobs.landing.manifests import LANDED
from jobs.landing.receipts import Receipt, is_unread, loaded, receipt_path, receipts_in, recent, stamp_of
from schemas.sources import Source


class Deliveries:
    """What became of an institution's deliveries before, by their receipts' names; few are opened.

    These are the newest, to see whether they are whole, those of a business date of which another delivery is taken, and those
    of what was not understood, when it still lies in the drop folder: it may have been a mistake of ours.
    """

    def __init__(self, source: Source, landing: Path) -> None:
        self.source, self.landing = source, landing
        paths = receipts_in(source, landing)
        newest = recent(paths)
        loaded(newest, mends=True)
        self.of_arrival = {stamp_of(path): path for path in paths if path not in newest or path.is_file()}
        self.of_date: defaultdict[str, list[Path]] = defaultdict(list)
        for path in self.of_arrival.values():
            self.of_date[path.name[:10]].append(path)
        self.journal = journal.names_in(landing.with_name(LANDED), source.id)

    def has(self, arrival: str) -> bool:
        """Whether a delivery has its receipt, and it was no mistake of ours."""
        path = self.of_arrival.get(arrival)
        return path is not None and not (is_unread(path) and any(one.is_internal for one in loaded([path])))

    def of(self, business_date: date) -> list[Receipt]:
        """The receipts of a business date."""
        paths = self.of_date[business_date.isoformat()]
        return loaded([path for path in paths if path.is_file()], mends=True)

    def note(self, receipt: Receipt) -> None:
        """Write a receipt, in place of that of an earlier attempt; of what is not to be landed the journal tells before."""
        path = receipt_path(self.landing, receipt)
        if receipt.state != "accepted":
            told = path.name if receipt.state == "refused" else None
            journal.append(
                self.landing.with_name(LANDED), self.source.id, self.journal, path.stem, journal.Entry(receipt=told)
            )
        write_whole(path, receipt.model_dump_json(indent=1).encode())
        before = self.of_arrival.get(receipt.arrival)
        if before not in (None, path):
            before.unlink()
            self.of_date[before.name[:10]].remove(before)
        self.of_arrival[receipt.arrival] = path
        self.of_date[path.name[:10]].append(path)

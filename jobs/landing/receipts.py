"""What became of every delivery, and where its receipt lies."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal

from jobs.files import kept_private, one_writer, read_ours, set_aside
from jobs.landing.manifests import LANDED
from jobs.landing.mistakes import OURS
from jobs.logs import about
from schemas.base import Strict
from schemas.deliveries import CONTROL, Control, StatedFile, received_at
from schemas.sources import Source
from schemas.sources.faults import Fault

RECEIPTS = "receipts"
UNREADABLE = "unreadable"
"""Stands for the statement in a receipt's name."""
RECENT = timedelta(days=3)


class ReceivedFile(StatedFile):
    """An accepted file. path: relative to the landing folder. Its customer stands in the control file alone."""

    file_id: str
    path: str


class Receipt(Strict):
    """What became of one delivery.

    business_date and revision are null when control.json could not be read. received_at: the arrival stamp.
    """

    institution: str
    arrival: str
    received_at: datetime
    business_date: date | None
    revision: int | None
    state: Literal["accepted", "refused", "duplicate"]
    files: list[ReceivedFile] = []
    errors: list[Fault] = []

    @property
    def is_internal(self) -> bool:
        """Whether a mistake of ours refused it: the next call tries again."""
        return any(error.code in OURS for error in self.errors)

    @property
    def delivery_id(self) -> str:
        """The id of the delivery among file ids: 16 hexadecimal characters."""
        return hashlib.sha256(f"{self.institution}|{self.arrival}".encode()).hexdigest()[:16]


@contextmanager
def one_ingest(source: Source, landing: Path, task: str) -> Iterator[None]:
    """Be the only one who pulls, lands or clears up for an institution; others work beside.

    Raises:
        Busy: somebody does already.
    """
    lock = landing / RECEIPTS / f".{source.id}.writer"
    private = kept_private(landing, landing.with_name(LANDED))
    with private, one_writer(lock, f"{task} of {source.id}"), about(institution=source.id):
        yield


def receipts_in(source: Source, landing: Path) -> list[Path]:
    """Every receipt of an institution, unread, in the order of their names."""
    folder = landing / RECEIPTS / source.id
    return sorted(folder.glob("*.json")) if folder.is_dir() else []


def stamp_of(receipt: Path) -> str:
    """The arrival that a receipt is of, by its name."""
    return receipt.stem.split("-", 1 if is_unread(receipt) else 4)[-1]


def is_unread(receipt: Path) -> bool:
    """Whether a receipt is of what was refused before it was known of which statement it is."""
    return receipt.name.startswith(UNREADABLE)


def recent(receipts: Iterable[Path]) -> list[Path]:
    """Those of the deliveries that came last: what power or a disk took of them is made again as it stands in the drop folder.

    Of older ones nobody looks whether they are whole; who needs one passes it over, and says so in the log.
    """
    came = {path: moment_of(path) for path in receipts}
    newest = max((at for at in came.values() if at), default=None)
    return [path for path, at in came.items() if newest and at and newest - at <= RECENT]


def moment_of(receipt: Path) -> datetime | None:
    """When a delivery arrived, by its receipt's name; None of what is no delivery."""
    try:
        return received_at(stamp_of(receipt))
    except ValueError:
        return None


def load_receipts(source: Source, landing: Path, business_date: date | None = None) -> list[Receipt]:
    """Every receipt of an institution, or those of one business date, in order of arrival."""
    paths = (landing / RECEIPTS / source.id).glob(f"{business_date}-r*.json" if business_date else "*.json")
    return loaded(paths)


def loaded(paths: Iterable[Path], *, mends: bool = False) -> list[Receipt]:
    """Receipts, in order of arrival.

    Args:
        mends: set damaged ones aside, so that their deliveries are taken again; otherwise they are passed over.
    """
    receipts = []
    for path in paths:
        receipt = read_ours(Receipt, path)
        if receipt is not None:
            receipts.append(receipt)
        elif mends:
            set_aside(path)
    return sorted(receipts, key=lambda receipt: receipt.arrival)


def file_id(institution: str, feed: str, business_date: date, revision: int, part: int) -> str:
    """The id of a file: 16 hexadecimal characters, the same wherever and whenever it is pulled."""
    name = f"{institution}|{feed}|{business_date.isoformat()}|{revision}|{part}"
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def receipt_path(landing: Path, receipt: Receipt) -> Path:
    day = receipt.business_date
    statement = f"{day.isoformat()}-r{receipt.revision}" if day else UNREADABLE
    return landing / RECEIPTS / receipt.institution / f"{statement}-{receipt.arrival}.json"


def customers_of(receipt: Receipt, landing: Path) -> dict[str, str | None]:
    """File name → the customer whose bill it is, from the control file as it was accepted; empty once that is gone.

    The names of customers are kept nowhere else, so that they go when the landing folder is emptied.
    """
    if not receipt.files:
        return {}
    path = (landing / receipt.files[0].path).with_name(CONTROL)
    if not path.is_file():
        return {}
    return {file.name: file.customer for file in Control.read(path.read_bytes()).files}

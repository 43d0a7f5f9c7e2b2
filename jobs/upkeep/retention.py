"""How long raw text is kept: the bytes of a delivery go after so many days, what is known of it stays.

Receipts, manifests and landed rows hold no readable identifier and are kept: they tell a statement that is sent again,
and what later runs compute from. What the bytes alone can tell is gone: `explain --source` and `quarantine replay`
say so.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.landing.manifests import LANDING, manifest_path
from jobs.landing.receipts import Receipt, load_receipts, one_ingest
from jobs.logs import log
from schemas.deliveries import EXPORTS

if TYPE_CHECKING:
    from schemas.sources import Source


@dataclass(frozen=True)
class RawText:
    """Deliveries whose bytes went: how many, and what they took."""

    deliveries: int
    files: int
    bytes: int


def let_go(source: Source, home: Path, before: datetime, *, dry_run: bool = False) -> RawText:
    """Remove the bytes of deliveries that arrived before a moment, from the landing and the drop folder.

    A delivery that pull has not taken, or land has not landed, stays however old it is.

    Raises:
        Busy: somebody pulls or lands for the institution.
    """
    deliveries = files = size = 0
    with one_ingest(source, home / LANDING, "maintain"):
        for receipt in load_receipts(source, home / LANDING):
            if receipt.received_at >= before or not _is_landed(source, home, receipt):
                continue
            folders = [folder for folder in _folders(home, receipt) if folder.is_dir()]
            deliveries += bool(folders)
            for folder in folders:
                found = [path for path in folder.rglob("*") if path.is_file()]
                files, size = files + len(found), size + sum(path.stat().st_size for path in found)
                if not dry_run:
                    _remove(folder)
        if deliveries and not dry_run:
            log.info("raw_expired", deliveries=deliveries, files=files)
    return RawText(deliveries, files, size)


def _folders(home: Path, receipt: Receipt) -> Iterator[Path]:
    """Where the bytes of a delivery lie, what a killed call left of them included."""
    folders = [home / EXPORTS / receipt.institution / receipt.arrival]
    if receipt.files:
        folders.append((home / LANDING / receipt.files[0].path).parent)
    for folder in folders:
        yield from (folder, _going(folder))


def _remove(folder: Path) -> None:
    """All of a folder or nothing of it, as others see it."""
    going = _going(folder)
    if folder != going:
        folder = folder.rename(going) if not going.exists() else folder
    shutil.rmtree(folder)


def _going(folder: Path) -> Path:
    return folder if folder.name.startswith(".") else folder.with_name(f".{folder.name}.expired")


def _is_landed(source: Source, home: Path, receipt: Receipt) -> bool:
    """Whether every file of a delivery has its manifest; one without files has nothing to land."""
    return all(
        file.feed in source.feeds
        and receipt.business_date is not None
        and manifest_path(
            home, source.feeds[file.feed].kind, source.id, file.feed, receipt.business_date, file.file_id
        ).is_file()
        for file in receipt.files
    )

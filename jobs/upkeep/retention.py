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

from jobs.landing.manifests import LANDING, manifest_paths, manifests_at
from jobs.landing.receipts import Receipt, loaded, moment_of, one_ingest, receipts_in, stamp_of
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
        for receipt in loaded(_with_bytes(source, home, before)):
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


def _with_bytes(source: Source, home: Path, before: datetime) -> list[Path]:
    """The receipts of deliveries of before a moment of which landing or the drop folder has anything yet, by their names."""
    drop, kept = home / EXPORTS / source.id, home / LANDING / source.id
    arrivals = {_stands_for(path) for path in drop.iterdir()} if drop.is_dir() else set()
    dates = {path.name for path in kept.iterdir() if any(path.iterdir())} if kept.is_dir() else set()
    receipts = (path for path in receipts_in(source, home / LANDING) if (moment_of(path) or before) <= before)
    return [path for path in receipts if stamp_of(path) in arrivals or path.name[:10] in dates]


def _stands_for(folder: Path) -> str:
    """How a folder was called before it was let go."""
    name = folder.name
    return name.removeprefix(".").removesuffix(".expired") if name.startswith(".") else name


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
    if receipt.business_date is None:
        return not receipt.files
    paths = manifest_paths(home, source.id, "*", receipt.business_date)
    landed = {file.file_id for path in paths for file in manifests_at(path)}
    return all(file.feed in source.feeds and file.file_id in landed for file in receipt.files)

"""maintain: fewer and larger files, nothing kept beyond its time; the same rows, pinned anew.

Compacting a table is a commit, so its version is no longer the pinned one. A publication of its own – same date, same
state, same rows and checksums – pins the new versions; without it the next run would restore the old ones. Killed
before that, it has changed nothing: the next run starts from the pins that stand.
"""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.errors import Busy, RunError
from jobs.files import remove_tree, size_below, write_whole
from jobs.lake.chain import Next, Pin, Publication, last_publication, restore_pins, sealed_rows
from jobs.lake.format import retired
from jobs.lake.intact import check_start, damages, refuse
from jobs.lake.logs import RETENTION_DAYS
from jobs.landing.manifests import LANDED, LANDING, landed_files
from jobs.landing.receipts import moment_of, receipts_in
from jobs.logs import log
from jobs.runs.journal import RUNS, Outcome, recorded
from jobs.runs.notes import new_run_id
from jobs.runs.opening import end_open_run
from jobs.upkeep.retention import RawText, let_go
from jobs.upkeep.verify import check_pins, check_whole
from schemas.days import cut_off
from schemas.deliveries import EXPORTS
from schemas.tables import PUBLICATIONS

if TYPE_CHECKING:
    from jobs.lake import Lake


LEFT_OVER = timedelta(days=1)
"""What an engine spilled and did not remove for so long, no process uses any more."""
RETIRED = "_retired_at"
FOLDERS = (EXPORTS, LANDING, LANDED, RUNS)


@dataclass(frozen=True)
class Size:
    """Files and bytes of a folder on disk; of a table also those of its newest version."""

    files: int
    bytes: int
    live_files: int | None = None
    live_bytes: int | None = None


@dataclass
class Maintained:
    """What maintenance did, or with `dry_run` would do.

    Attributes:
        seq: publication that pins the new versions; None where no version changed.
        removable: table → files that no kept version needs (Spark counts a thousand at most).
        expired: institution → raw text that went.
        retired: folders of retired tables that went.
        before, after: table or folder → size; `after` is empty in a dry run.
    """

    seq: int | None = None
    removable: dict[str, int] = field(default_factory=dict)
    expired: dict[str, RawText] = field(default_factory=dict)
    retired: list[str] = field(default_factory=list)
    before: dict[str, Size] = field(default_factory=dict)
    after: dict[str, Size] = field(default_factory=dict)


def maintain(
    lake: Lake,
    home: Path,
    *,
    raw_days: int,
    at: datetime,
    dry_run: bool = False,
    give_up_run: bool = False,
    trust_clock: bool = False,
) -> Maintained:
    """Compact, vacuum and checkpoint every table, let raw text expire, and pin what stands.

    Args:
        raw_days: days after its arrival for which a delivery's raw text is kept.
        at: the moment from which ages are counted.
        give_up_run: end a run that is open; its date is run again from the start.
        trust_clock: also where the moment lies further beyond the newest arrival than anything is kept.

    Raises:
        Busy: another process writes.
        RunError: a run is open, or was killed or blocked and not run again; or the clock may be wrong.
        NotAsPublished: a file is damaged, a table's rows or checksum changed, or the ledger as a whole breaks an invariant;
            nothing was published.
    """
    done = Maintained(before=_sizes(lake, home))
    with lake.writing("maintain"):
        last = last_publication(lake)
        if not (trust_clock or dry_run):
            _hold_clock(at, _newest_arrival(lake, home, last), timedelta(days=min(raw_days, RETENTION_DAYS)))
        end_open_run(lake, last, give_up=give_up_run, dry_run=dry_run)
        if dry_run:
            done.removable = {name: lake.vacuum(name, dry_run=True) for name in lake.tables}
        elif last.business_date is not None:
            _tables(lake, home, last, done)
        done.retired = [path.name for path in _retired(lake, at, dry_run=dry_run)]
        if not dry_run:
            _clear_spill(lake, at)
    for source in lake.registry.sources.values():
        with suppress(Busy):  # it is landing just now: next time
            done.expired[source.id] = let_go(source, home, at - timedelta(days=raw_days), dry_run=dry_run)
    if not dry_run:
        done.after = _sizes(lake, home)
    return done


def _hold_clock(at: datetime, newest: datetime | None, kept: timedelta) -> None:
    """Refuse a clock by which everything would be old: what it lets go is gone for good.

    Raises:
        RunError: nothing has arrived for longer than anything is kept.
    """
    if newest is not None and at - newest > kept:
        raise RunError(
            f"the clock says {at:%Y-%m-%d %H:%M}, and the newest delivery came {newest:%Y-%m-%d %H:%M}, {(at - newest).days} "
            f"days before; things are kept for {kept.days}. By a wrong clock raw text and versions would go for good: mend "
            "the clock, or say --trust-clock where it is right"
        )


def _newest_arrival(lake: Lake, home: Path, last: Publication) -> datetime | None:
    """When the newest delivery came; without any, the cut-off of the last published date."""
    sources = lake.registry.sources.values()
    receipts = (path for source in sources for path in receipts_in(source, home / LANDING))
    arrived = [at for path in receipts if (at := moment_of(path))]
    return max(arrived, default=cut_off(last.business_date) if last.business_date else None)


def _tables(lake: Lake, home: Path, last: Publication, done: Maintained) -> None:
    """Every table, then the publication that pins them."""
    assert last.business_date is not None
    outcome = Outcome(last.business_date, None, "unchanged")
    with recorded(lake, home, "maintenance", outcome) as opened:
        opened(new_run_id(), last.seq + 1)
        check_start(lake, last)
        refuse(list(damages(lake, home / LANDED)))  # compacted, damage would be nobody's any more
        restore_pins(lake, last)
        check_whole(lake, home, last)
        summed: set[str] = set()
        for name in lake.tables:
            started = time.perf_counter()
            lake.compact(name)
            done.removable[name] = lake.vacuum(name)
            summed |= {name} if lake.checkpoint(name) else set()
            files, _ = lake.live_files(name)
            outcome.seconds[name] = time.perf_counter() - started
            log.info(
                "table_maintained", table=name, files=files, removed=done.removable[name], version=lake.version(name)
            )
        pins = {name: Pin(lake.version(name), pin.rows, pin.checksum) for name, pin in last.pins.items()}
        moved = [name for name, pin in pins.items() if pin.version != last.pins[name].version]
        if not (moved or summed - {PUBLICATIONS}):
            _clean_logs(lake)
            return
        check_pins(lake, {name: pins[name] for name in moved})
        landed = {} if last.seal else landed_files(home)
        to_be = Next(last, "maintenance", last.business_date, last.state, pins, landed)
        with sealed_rows(lake, to_be) as rows:
            lake.write(PUBLICATIONS, rows, publication_seq=str(last.seq + 1))
        outcome.seq, outcome.state = last.seq + 1, last.state
        done.seq = outcome.seq
        log.info("published", publication_seq=outcome.seq, state=outcome.state, kind="maintenance")
        _clean_logs(lake)
        lake.forget()


def _clean_logs(lake: Lake) -> None:
    """Last of all: until a checkpoint is sealed, what it sums up is what a run goes on from."""
    for name in lake.tables:
        lake.clean_log(name)


def _retired(lake: Lake, at: datetime, *, dry_run: bool) -> list[Path]:
    """Remove the folders of tables that have been retired for longer than versions are kept.

    The first maintenance that meets one notes when; so it stands a little too long rather than too short.
    """
    gone = []
    for folder in retired(lake):
        noticed = folder / RETIRED
        if not noticed.exists():
            if not dry_run:
                write_whole(noticed, at.isoformat().encode())
        elif at - datetime.fromisoformat(noticed.read_text()) > timedelta(days=RETENTION_DAYS):
            gone.append(folder)
            if not dry_run:
                remove_tree(folder)
    if not dry_run:
        for name in lake.tables:  # one that is declared again
            (lake.folder(name) / RETIRED).unlink(missing_ok=True)
    return gone


def _clear_spill(lake: Lake, at: datetime) -> None:
    spill = lake.spill_folder
    for left in spill.iterdir() if spill.is_dir() else ():
        if at.timestamp() - left.stat().st_mtime > LEFT_OVER.total_seconds():
            shutil.rmtree(left) if left.is_dir() else left.unlink()


def _sizes(lake: Lake, home: Path) -> dict[str, Size]:
    """Every folder of the home and every table of the lake."""
    sizes = {name: Size(*size_below(home / name)) for name in FOLDERS}
    sizes[lake.name] = Size(*size_below(lake.path))
    for name in lake.tables:
        sizes[name] = Size(*size_below(lake.folder(name)), *lake.live_files(name))
    return sizes

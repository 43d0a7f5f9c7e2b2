"""How upkeep and arrivals look in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from tanzhang.screens.console import show

if TYPE_CHECKING:
    from jobs.landing.arrivals import Arrival
    from jobs.upkeep.maintain import Maintained
    from jobs.upkeep.migrate import Migrated


def arrivals(console: Console, day: date, found: Sequence[Arrival]) -> None:
    """Who delivered in time for a date."""
    table = Table(title=f"Deliveries for {day}")
    for name in ("institution", "expected by", "arrived", "state"):
        table.add_column(name)
    for one in found:
        arrived = one.arrived_at.astimezone(one.ready_by.tzinfo).isoformat(" ", "minutes") if one.arrived_at else "·"
        table.add_row(one.institution, one.ready_by.isoformat(" ", "minutes"), arrived, one.state)
    show(console, table)


def maintained(console: Console, done: Maintained, *, dry_run: bool) -> None:
    """Files and bytes of every table and folder, and what went."""
    table = Table(title="Tables and folders: files and bytes on disk, and files of the newest version")
    table.add_column("folder")
    for name in ("files", "bytes", "live", *(() if dry_run else ("files after", "bytes after", "live after"))):
        table.add_column(name, justify="right")
    for name, before in done.before.items():
        sizes = [before] if dry_run else [before, done.after[name]]
        cells = [cell for size in sizes for cell in (f"{size.files:,}", f"{size.bytes:,}", _live(size.live_files))]
        table.add_row(name, *cells)
    show(console, table)
    would = "would go" if dry_run else "gone"
    console.print(f"{sum(done.removable.values()):,} table files that no kept version needs {would}")
    raw = done.expired.values()
    files, size = sum(one.files for one in raw), sum(one.bytes for one in raw)
    deliveries = sum(one.deliveries for one in raw)
    console.print(f"raw text of {deliveries:,} deliveries {would}: {files:,} files, {size:,} bytes")
    if done.retired:
        console.print(f"retired tables {would}: {', '.join(done.retired)}")
    if not dry_run:
        console.print(f"publication {done.seq} pins what stands" if done.seq else "no version changed: nothing to pin")


def _live(files: int | None) -> str:
    return "" if files is None else f"{files:,}"


def migrated(console: Console, done: Migrated, *, dry_run: bool) -> None:
    """The migrations that a lake has not seen, and what was written anew."""
    plan = done.plan
    if not plan.is_needed:
        console.print(f"the lake is as declared: it has seen migration {plan.stands.schema_version}, the newest")
        return
    for migration in plan.pending:
        console.print(f"{migration.name}: {migration.why}")
        for step in migration.steps:
            said = ", ".join(f"{key} {value}" for key, value in step.model_dump(exclude={"step"}).items())
            console.print(f"  {step.step}: {said}")
    rewritten = ", ".join(plan.parts) or "no table"
    console.print(f"{'would be written anew' if dry_run else 'written anew'}: {rewritten}")
    if plan.retired:
        console.print(f"no longer declared: {', '.join(plan.retired)}")
    if done.seq:
        console.print(f"publication {done.seq} pins what stands")

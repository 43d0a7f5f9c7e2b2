"""`tanzhang maintain`, `migrate` and `late`: what a deployment needs beside its days."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from tanzhang.shell import HOME, NOT_FOUND, Engine, Home, OnEngine, fail, foreseen, lake_of, out, say_json

if TYPE_CHECKING:
    from jobs.upkeep.maintain import Maintained
    from jobs.upkeep.migrate import Migrated


Folder = Annotated[str, typer.Option("--lake", help="Folder of the tables below home.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object, for a scheduler.")]
GiveUp = Annotated[bool, typer.Option("--give-up-run", help="End a run that is open; run its date again after.")]


def maintain(
    home: Home = HOME,
    engine: OnEngine = Engine.embedded,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go; change nothing.")] = False,
    as_json: AsJson = False,
    raw_days: Annotated[
        int, typer.Option(min=1, envvar="TANZHANG_RAW_DAYS", help="Days for which raw text is kept.")
    ] = 180,
    give_up_run: GiveUp = False,
    folder: Folder = "lake",
) -> None:
    """Compact, vacuum and checkpoint the tables, let raw text expire, and pin what stands as a publication of its own.

    Versions that publications of the last 30 days pin stay readable.
    """
    from jobs.upkeep.maintain import maintain as work

    with lake_of(home, engine, folder) as lake:
        at = datetime.now(timezone.utc)
        done = work(lake, home, raw_days=raw_days, at=at, dry_run=dry_run, give_up_run=give_up_run)
        if as_json:
            say_json(done)
        else:
            _show_maintained(done, dry_run)


def migrate(
    home: Home = HOME,
    engine: OnEngine = Engine.embedded,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be rewritten; change nothing.")] = False,
    give_up_run: GiveUp = False,
    folder: Folder = "lake",
) -> None:
    """Bring a lake that older code wrote to this code's tables, as a publication of its own."""
    from jobs.upkeep.migrate import migrate as work

    if not (home / folder).is_dir():
        fail(f"no lake at {home / folder}", NOT_FOUND)
    with lake_of(home, engine, folder, as_it_is=True) as lake:
        _show_migrated(work(lake, home, dry_run=dry_run, give_up_run=give_up_run), dry_run)


def late(
    day: Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="Business date.")],
    institution: Annotated[str | None, typer.Option(help="Only this institution.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per institution.")] = False,
    home: Home = HOME,
) -> None:
    """Who delivered in time for a date, from the receipts alone: on_time, late, missing or refused."""
    from jobs.landing.arrivals import arrival
    from jobs.landing.manifests import LANDING
    from schemas import load_registry

    with foreseen():
        sources = load_registry().sources
    if institution and institution not in sources:
        fail(f"no institution {institution}", NOT_FOUND)
    found = [arrival(sources[one], home / LANDING, day.date()) for one in sources if institution in (None, one)]
    if as_json:
        for one in found:
            say_json(one)
        return
    table = Table(title=f"Deliveries for {day.date()}")
    for name in ("institution", "expected by", "arrived", "state"):
        table.add_column(name)
    for one in found:
        arrived = one.arrived_at.astimezone(one.ready_by.tzinfo).isoformat(" ", "minutes") if one.arrived_at else "·"
        table.add_row(one.institution, one.ready_by.isoformat(" ", "minutes"), arrived, one.state)
    out.print(table)


def _show_maintained(done: Maintained, dry_run: bool) -> None:
    table = Table(title="Tables and folders: files and bytes on disk, and files of the newest version")
    table.add_column("folder")
    for name in ("files", "bytes", "live", *(() if dry_run else ("files after", "bytes after", "live after"))):
        table.add_column(name, justify="right")
    for name, before in done.before.items():
        sizes = [before] if dry_run else [before, done.after[name]]
        cells = [cell for size in sizes for cell in (f"{size.files:,}", f"{size.bytes:,}", _live(size.live_files))]
        table.add_row(name, *cells)
    out.print(table)
    would = "would go" if dry_run else "gone"
    removable = sum(done.removable.values())
    out.print(f"{removable:,} table files that no kept version needs {would}")
    raw = done.expired.values()
    files, size = sum(one.files for one in raw), sum(one.bytes for one in raw)
    out.print(f"raw text of {sum(one.deliveries for one in raw):,} deliveries {would}: {files:,} files, {size:,} bytes")
    if done.retired:
        out.print(f"retired tables {would}: {', '.join(done.retired)}")
    if not dry_run:
        out.print(f"publication {done.seq} pins what stands" if done.seq else "no version changed: nothing to pin")


def _live(files: int | None) -> str:
    return "" if files is None else f"{files:,}"


def _show_migrated(done: Migrated, dry_run: bool) -> None:
    plan = done.plan
    if not plan.is_needed:
        out.print(f"the lake is as declared: it has seen migration {plan.stands.schema_version}, the newest")
        return
    for migration in plan.pending:
        out.print(f"{migration.name}: {migration.why}")
        for step in migration.steps:
            said = ", ".join(f"{key} {value}" for key, value in step.model_dump(exclude={"step"}).items())
            out.print(f"  {step.step}: {said}")
    rewritten = ", ".join(plan.parts) or "no table"
    out.print(f"{'would be written anew' if dry_run else 'written anew'}: {rewritten}")
    if plan.retired:
        out.print(f"no longer declared: {', '.join(plan.retired)}")
    if done.seq:
        out.print(f"publication {done.seq} pins what stands")

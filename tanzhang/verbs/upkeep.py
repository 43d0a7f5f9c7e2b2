"""`tanzhang maintain`, `migrate` and `late`: what a deployment needs beside its days."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated

import typer

from jobs.errors import NOT_FOUND
from tanzhang.homes import LAKE
from tanzhang.screens import upkeep as screen
from tanzhang.shell import (
    HOME,
    AsJson,
    BusinessDate,
    Engine,
    Home,
    LakeFolder,
    OneInstitution,
    OnEngine,
    fail,
    lake_of,
    out,
    say_json,
)

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
    trust_clock: Annotated[
        bool, typer.Option("--trust-clock", help="Though nothing has arrived for longer than anything is kept.")
    ] = False,
    folder: LakeFolder = LAKE,
) -> None:
    """Compact, vacuum and checkpoint the tables, let raw text expire, and pin what stands as a publication of its own.

    Versions that publications of the last 30 days pin stay readable.
    """
    from jobs.upkeep.maintain import maintain as work

    with lake_of(home, engine, folder) as lake:
        at = datetime.now(timezone.utc)
        said = {"dry_run": dry_run, "give_up_run": give_up_run, "trust_clock": trust_clock}
        done = work(lake, home, raw_days=raw_days, at=at, **said)
        if as_json:
            say_json(done)
        else:
            screen.maintained(out, done, dry_run=dry_run)


def migrate(
    home: Home = HOME,
    engine: OnEngine = Engine.embedded,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be rewritten; change nothing.")] = False,
    give_up_run: GiveUp = False,
    folder: LakeFolder = LAKE,
) -> None:
    """Bring a lake that older code wrote to this code's tables, as a publication of its own."""
    from jobs.upkeep.migrate import migrate as work

    if not (home / folder).is_dir():
        fail(f"no lake at {home / folder}", NOT_FOUND)
    with lake_of(home, engine, folder, as_it_is=True) as lake:
        done = work(lake, home, dry_run=dry_run, give_up_run=give_up_run)
        screen.migrated(out, done, dry_run=dry_run)


def late(
    day: BusinessDate,
    institution: OneInstitution = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per institution.")] = False,
    home: Home = HOME,
) -> None:
    """Who delivered in time for a date, from the receipts alone: on_time, late, missing, refused or not_expected.

    Of whom deployment.yaml does not expect the date, only what came is told, unless --institution asks.
    """
    from jobs.landing.arrivals import arrival
    from jobs.landing.manifests import LANDING
    from schemas import load_registry
    from schemas.deployment import load_deployment

    sources = load_registry().sources
    if institution and institution not in sources:
        fail(f"no institution {institution}", NOT_FOUND)
    deployment = load_deployment(home, sources)
    asked = [one for one in sources if institution in (None, one)]
    found = [arrival(sources[one], home / LANDING, day.date(), deployment) for one in asked]
    found = [one for one in found if institution or one.arrived_at or one.state != "not_expected"]
    if as_json:
        for one in found:
            say_json(one)
    else:
        screen.arrivals(out, day.date(), found)

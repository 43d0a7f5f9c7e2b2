"""`tanzhang simulate`, `run` and `job`: a world, its days, and one job of a day."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from jobs.errors import DEGRADED, NOT_FOUND, USAGE
from tanzhang.homes import LAKE, expect_senders
from tanzhang.keys import are_given, tokens_of
from tanzhang.running import run_dates
from tanzhang.screens import console
from tanzhang.screens import day as screen
from tanzhang.shell import (
    DAY,
    HOME,
    BusinessDate,
    Engine,
    Home,
    LakeFolder,
    NewHome,
    OnEngine,
    err,
    fail,
    lake_of,
    last_date,
    out,
)


def _hostile(help_: str) -> Any:
    """An option of days on which much is mistaken."""
    return typer.Option(min=0, max=1, help=help_, rich_help_panel="Hostile days")


def simulate(
    people: Annotated[int, typer.Option(min=1)] = 500,
    days: Annotated[int, typer.Option(min=1)] = 3,
    seed: int = 1,
    home: NewHome = HOME,
    start: Annotated[datetime, typer.Option(formats=DAY)] = datetime(2026, 11, 1),
    late: Annotated[float, typer.Option(help="Share of deliveries that come 1–4 days late.")] = 0.02,
    corrected: Annotated[float, typer.Option(help="Share of statements that get a second revision.")] = 0.02,
    duplicated: Annotated[float, typer.Option(help="Share of statements and deliveries sent twice.")] = 0.01,
    shared_phones: Annotated[float, typer.Option(help="Share of people who share a phone.")] = 0.03,
    bills: Annotated[float, typer.Option(help="Share of people who bring bills of their wallets.")] = 0.03,
    services: Annotated[
        float, typer.Option(min=0, max=1, help="Share of people who use chargers, tolls, buses, canteens and others.")
    ] = 0,
    coupons: Annotated[float, _hostile("Share of fares of which a coupon pays a part.")] = 0,
    late_clocks: Annotated[float, _hostile("Share of days on which a wallet's clock is minutes late.")] = 0,
    same_fares: Annotated[float, _hostile("Share of rides after which the rider rides back at once.")] = 0,
    equal_bookings: Annotated[float, _hostile("Share of bills paid once more the day after.")] = 0,
    restated: Annotated[float, _hostile("Share of rows that the next statement puts right.")] = 0,
    bound_cards: Annotated[float, _hostile("Share of people whose wallet hangs on bound cards.")] = 0,
    bad_phones: Annotated[float, _hostile("Share of customers whose phone is none.")] = 0,
    mergers: Annotated[float, _hostile("Share of people who are taken for another for days.")] = 0,
    repeated_rows: Annotated[float, _hostile("Share of a bank's unnumbered rows told twice.")] = 0,
) -> None:
    """Write the exports of a made-up world, who is expected to send them, and – where no job reads it – the truth about it.

    What is hostile makes one act easily taken for two, or two for one; none of it happens unless asked for.
    """
    from simulator import simulate as make

    with console.progress(err) as bar:
        try:
            summary = make(
                home,
                people,
                days,
                seed,
                start.date(),
                late=late,
                corrected=corrected,
                duplicated=duplicated,
                shared_phones=shared_phones,
                bills=bills,
                services=services,
                progress=bar.update,
                coupons=coupons,
                late_clocks=late_clocks,
                same_fares=same_fares,
                equal_bookings=equal_bookings,
                restated=restated,
                bound_cards=bound_cards,
                bad_phones=bad_phones,
                mergers=mergers,
                repeated_rows=repeated_rows,
            )
        except FileExistsError:
            fail(f"{home}/exports exists; choose another --home", USAGE)
    expect_senders(home, start.date())
    screen.world(out, summary)


def run(
    home: Home = HOME,
    engine: OnEngine = Engine.embedded,
    day: Annotated[datetime | None, typer.Option("--date", formats=DAY, help="One business date.")] = None,
    first: Annotated[datetime | None, typer.Option("--from", formats=DAY, help="First of several.")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=DAY, help="Last of several.")] = None,
    full: Annotated[bool, typer.Option(help="Compute everything again; publishes only a difference.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Publish nothing; say what would be posted.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per date, for a scheduler.")] = False,
    folder: LakeFolder = LAKE,
) -> None:
    """Pull, land and account for one or several business dates, and publish each.

    A date's run uses every file received before 06:00 of the day after. It starts from the last publication, so a run
    that was killed is simply run again; a date without news is left as it stands. --full alone is for the date that was
    published last.
    """
    with lake_of(home, engine, folder) as lake:
        dates = [last_date(lake)] if full and day is first is last is None else _dates(day, first, last)
        if dry_run:
            from jobs.day import ingest
            from jobs.dry_run import foretell

            ingest(lake.registry, home, tokens_of(home))
            screen.foretold(out, foretell(lake, lake.registry, home, dates[-1], full=full))
            return
        outcomes, is_whole = run_dates(lake, home, dates, full=full, as_json=as_json)
    if not is_whole or any(outcome.state == "degraded" or outcome.held for outcome in outcomes):
        raise typer.Exit(DEGRADED)


def _dates(day: datetime | None, first: datetime | None, last: datetime | None) -> list[date]:
    if day is not None and first is None and last is None:
        return [day.date()]
    if day is None and first is not None and last is not None and first <= last:
        return [first.date() + timedelta(days=number) for number in range((last - first).days + 1)]
    fail("say --date D, or --from A --to B with A not after B", USAGE)


class Job(str, Enum):
    """The jobs of a run, in order."""

    pull = "pull"
    land = "land"
    conform = "conform"
    resolve = "resolve"
    match = "match"
    post = "post"
    account = "account"
    publish = "publish"


def job(
    name: Annotated[Job, typer.Argument(help="conform opens the run of a date, the later ones go on with it.")],
    day: BusinessDate,
    home: Home = HOME,
    engine: OnEngine = Engine.embedded,
    institution: Annotated[str | None, typer.Option(help="pull and land only: one of them; all unless told.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="conform to account: write nothing, say what it would.")
    ] = False,
    queries: Annotated[
        bool, typer.Option("--queries", help="conform to publish: print every query as it is asked.")
    ] = False,
) -> None:
    """Do one job of a run by itself, as a scheduler with a task per job would.

    Exit code 3: land refused a file (the others are landed), or what publish made visible is degraded.
    """
    if dry_run and name in (Job.pull, Job.land, Job.publish):
        fail("--dry-run is for the jobs from conform to account", USAGE)
    if name in (Job.pull, Job.land):
        if _ingest(name, home, institution):
            raise typer.Exit(DEGRADED)
        return
    with lake_of(home, engine) as lake:
        from jobs.day import run_job
        from jobs.dry_run import dry_job, dry_post

        if queries:
            lake.watch = typer.echo
        if dry_run and name is Job.post:
            screen.foretold(out, dry_post(lake, lake.registry, home, day.date()))
            return
        if dry_run:
            _say_rows(dry_job(lake, lake.registry, home, day.date(), name.value))
            return
        outcome = run_job(lake, lake.registry, home, day.date(), name.value)
        _say_rows(outcome.appended)
        if name is Job.publish:
            for held in outcome.held:
                out.print(held, soft_wrap=True)
            out.print(outcome.state)
            if outcome.state == "degraded":
                raise typer.Exit(DEGRADED)


def _say_rows(written: dict[str, int]) -> None:
    for table, rows in written.items():
        out.print(f"{table}: {rows:,} rows")


def _ingest(name: Job, home: Path, only: str | None) -> bool:
    """Pull or land, for one or every institution; needs no lake. Returns whether something was refused."""
    from jobs.landing import key_check
    from jobs.landing.ingest import ingest_one
    from schemas import load_registry
    from schemas.sources import load_stations

    sources = load_registry().sources
    if only is not None and only not in sources:
        fail(f"{only} is no institution; there are {', '.join(sources)}", NOT_FOUND)
    # Bytes alone need no key; one that is given is held against the home's all the same.
    tokens = tokens_of(home) if name is Job.land or are_given() else None
    if tokens:
        key_check.hold(home, tokens.check)
    is_flawed = False
    for source in sources.values() if only is None else [sources[only]]:
        to_land_with = tokens if name is Job.land else None
        done = ingest_one(source, home, to_land_with, load_stations(source), pulls=name is Job.pull)
        (screen.pulled if name is Job.pull else screen.landed)(out, source.id, done)
        is_flawed |= done.is_flawed
    return is_flawed

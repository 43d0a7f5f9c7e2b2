"""The verbs of the command. Each opens what it needs, calls one function of the jobs and prints the answer."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tanzhang import factors, programmes, quarantine, rules, show, spark, status, upkeep
from tanzhang.calculate import calculate
from tanzhang.keys import provide_keys
from tanzhang.logs import listen
from tanzhang.report.verb import report
from tanzhang.shell import (
    DEGRADED,
    HOME,
    NOT_FOUND,
    USAGE,
    Engine,
    Home,
    OnEngine,
    err,
    fail,
    foreseen,
    lake_of,
    last_date,
    out,
)

if TYPE_CHECKING:
    from jobs.lake import Lake
    from jobs.manifests import Manifest
    from jobs.pull import Receipt

HELP = """One personal carbon account per person, from the daily exports of every institution that saw the person act.

A home folder holds everything of one deployment: exports/ (what institutions dropped), landing/, landed/ and lake/ (the
Delta tables). A first try:

    tanzhang simulate --people 500 --days 3 --home home/try

    tanzhang run --home home/try --from 2026-11-01 --to 2026-11-03

    tanzhang publications --home home/try

Exit codes: 0 published or nothing to do · 2 wrong usage · 3 published, but degraded (an institution is missing, held
back, or a warning rule broken) · 4 blocked, the last publication stays · 5 nothing of that name · 6 another process
writes, try again · 1 anything else.
"""

app = typer.Typer(help=HELP, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def main() -> None:
    """Entry point of the console script."""
    listen()
    app()


@app.command()
def simulate(
    people: Annotated[int, typer.Option(min=1)] = 500,
    days: Annotated[int, typer.Option(min=1)] = 3,
    seed: int = 1,
    home: Home = HOME,
    start: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"])] = datetime(2026, 11, 1),
    late: Annotated[float, typer.Option(help="Share of deliveries that come 1–4 days late.")] = 0.02,
    corrected: Annotated[float, typer.Option(help="Share of statements that get a second revision.")] = 0.02,
    duplicated: Annotated[float, typer.Option(help="Share of statements and deliveries sent twice.")] = 0.01,
    shared_phones: Annotated[float, typer.Option(help="Share of people who share a phone.")] = 0.03,
    bills: Annotated[float, typer.Option(help="Share of people who bring bills of their wallets.")] = 0.03,
) -> None:
    """Write the exports of a made-up world, and – where no job reads it – the truth about it."""
    from simulator import simulate as make

    with show.progress(err) as bar:
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
                progress=bar.update,
            )
        except FileExistsError:
            fail(f"{home}/exports exists; choose another --home", USAGE)
    show.world(out, summary)


@app.command()
def run(
    home: Home = HOME,
    engine: OnEngine = Engine.embedded,
    day: Annotated[datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="One business date.")] = None,
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First of several.")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last of several.")] = None,
    full: Annotated[bool, typer.Option(help="Compute everything again; publishes only a difference.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Publish nothing; say what would be posted.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per date, for a scheduler.")] = False,
    folder: Annotated[str, typer.Option("--lake", help="Folder of the tables below home.")] = "lake",
) -> None:
    """Pull, land and account for one or several business dates, and publish each.

    A date's run uses every file received before 06:00 of the day after. It starts from the last publication, so a run
    that was killed is simply run again; a date without news is left as it stands. --full alone is for the date that was
    published last.
    """
    with lake_of(home, engine, folder) as lake:
        dates = [last_date(lake)] if full and day is first is last is None else _dates(day, first, last)
        if dry_run:
            from jobs.foretell import foretell
            from jobs.pipeline import ingest
            from jobs.tokens import Tokens

            provide_keys(home)
            ingest(lake.registry, home, Tokens.from_env())
            show.foretold(out, foretell(lake, lake.registry, home, dates[-1], full=full))
            return
        outcomes = run_dates(lake, home, dates, full=full, as_json=as_json)
    if any(outcome.state == "degraded" for outcome in outcomes):
        raise typer.Exit(DEGRADED)


def run_dates(lake: Lake, home: Path, dates: list[date], full: bool = False, as_json: bool = False) -> list[Any]:
    """Ingest, then one run per date with progress; returns the outcomes."""
    from jobs.pipeline import ingest, run_day
    from jobs.tokens import Tokens

    provide_keys(home)
    outcomes = []
    with show.progress(err) as bar:
        steps = len(dates) * 7 + len(lake.registry.sources)
        ingest(lake.registry, home, Tokens.from_env(), lambda source: bar.step(f"land {source}", steps))
        for business_date in dates:
            outcome = run_day(
                lake,
                lake.registry,
                home,
                business_date,
                full=full,
                progress=lambda job: bar.step(f"{business_date} {job}", steps),  # noqa: B023
            )
            outcomes.append(outcome)
            if as_json:
                out.print_json(json.dumps(dataclasses.asdict(outcome), default=str))
            else:
                bar.say(show.outcome_line(outcome))
    return outcomes


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


@app.command()
def job(
    name: Annotated[Job, typer.Argument(help="conform opens the run of a date, the later ones go on with it.")],
    day: Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="Business date.")],
    home: Home = HOME,
    engine: OnEngine = Engine.embedded,
    institution: Annotated[str | None, typer.Option(help="pull and land only: one of them; all unless told.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="post only: say what it would append.")] = False,
) -> None:
    """Do one job of a run by itself, as a scheduler with a task per job would.

    Exit code 3: land refused a file (the others are landed), or what publish made visible is degraded.
    """
    if dry_run and name is not Job.post:
        fail("--dry-run is for post", USAGE)
    with foreseen():
        provide_keys(home)
        if name in (Job.pull, Job.land):
            if _ingest(name, home, institution):
                raise typer.Exit(DEGRADED)
            return
    with lake_of(home, engine) as lake:
        from jobs.foretell import dry_post
        from jobs.pipeline import run_job

        if dry_run:
            show.foretold(out, dry_post(lake, lake.registry, home, day.date()))
            return
        outcome = run_job(lake, lake.registry, home, day.date(), name.value)
        for table, rows in outcome.appended.items():
            out.print(f"{table}: {rows:,} rows")
        if name is Job.publish:
            out.print(outcome.state)
            if outcome.state == "degraded":
                raise typer.Exit(DEGRADED)


def _ingest(name: Job, home: Path, only: str | None) -> bool:
    """Pull or land, for one or every institution; needs no lake. Returns whether something was refused."""
    from jobs.land import land
    from jobs.manifests import LANDING
    from jobs.pull import pull
    from jobs.tokens import Tokens
    from schemas import load_registry
    from schemas.deliveries import EXPORTS
    from schemas.sources import load_stations

    sources = load_registry().sources
    if only is not None and only not in sources:
        fail(f"{only} is no institution; there are {', '.join(sources)}", NOT_FOUND)
    is_flawed = False
    for source in sources.values() if only is None else [sources[only]]:
        done: Sequence[Receipt | Manifest]
        if name is Job.pull:
            done = pull(source, home / EXPORTS, home / LANDING)
        else:
            done = land(source, home, Tokens.from_env(), load_stations(source))
        refused = [one for one in done if one.state == "refused"]
        noun = "deliveries" if name is Job.pull else "files"
        out.print(f"{source.id}: {len(done)} {noun}" + (f", {len(refused)} of them refused" if refused else ""))
        for code, rule, mend in sorted(
            {(fault.code, fault.rule, fault.mend) for one in refused for fault in one.errors}
        ):
            out.print(f"  {code}: {rule} {mend}")
        is_flawed |= bool(refused)
    return is_flawed


@app.command()
def publications(
    home: Home = HOME,
    engine: OnEngine = Engine.embedded,
    check: Annotated[bool, typer.Option("--check", help="Read what the newest pins, and follow the chain.")] = False,
    folder: upkeep.Folder = "lake",
) -> None:
    """Every publication: date, state, the tables that it pins, and its hash."""
    with lake_of(home, engine, folder) as lake:
        rows = lake.to_arrow(lake.read("gold.publications")).to_pylist()
        show.publications(out, rows)
        if check:
            from jobs.verify import verify

            out.print(f"{verify(lake)} publications are chained; every pinned table has its rows and checksum")


@app.command()
def explain(
    entry: Annotated[str, typer.Argument(help="Id of a ledger entry; a statement names one to try.")],
    home: Home = HOME,
    engine: OnEngine = Engine.embedded,
    source: Annotated[bool, typer.Option(help="Also print the source lines: personal data, handle as such.")] = False,
) -> None:
    """Follow an entry to its activity, every claim of it, file and line – and to the factor's clause."""
    from jobs.explain import explain as trace

    with lake_of(home, engine) as lake:
        [told] = trace(lake, lake.registry, home, [entry.lower()])
        show.explanation(out, told, lake.registry, home if source else None)


@app.command()
def statement(
    person: Annotated[str, typer.Argument(help="Person id, as in gold.balances.")],
    day: Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="As published for this date.")],
    home: Home = HOME,
    engine: OnEngine = Engine.embedded,
) -> None:
    """A person's account: acts and grams, what was not credited and why, what is missing, how to contest."""
    from jobs.statement import statement as draw_up

    with lake_of(home, engine) as lake:
        show.statement(out, draw_up(lake, lake.registry, person, day.date()), lake.registry)


@app.command()
def demo(
    engine: OnEngine = Engine.embedded,
    people: int = 2000,
    days: int = 3,
    home: Home = Path("home/demo"),
) -> None:
    """Simulate a small world, run it, and show the summary and one person's statement.

    On spark: the same world through Spark and Delta Lake, and every balance compared with the embedded engine's.
    """
    from tanzhang.demo import demonstrate, prepare

    dates = prepare(home, engine.value, people, days, out, err)
    with lake_of(home, engine, "lake" if engine is Engine.embedded else "lake-spark") as lake:
        demonstrate(lake, home, dates, out)


@app.command()
def bench(
    people: Annotated[list[int] | None, typer.Option(help="World sizes; may be given several times.")] = None,
    engines: Annotated[list[Engine] | None, typer.Option("--engine", help="Engines; both unless told.")] = None,
    days: int = 3,
    home: Home = Path("home/bench"),
) -> None:
    """Seconds, records per second, commits and peak memory by job, and the ratio of the engines."""
    from tanzhang.bench import measure

    measure(people or [20_000, 200_000], [engine.value for engine in engines or list(Engine)], days, home, out)


@app.command("bench-land")
def bench_land(people: int = 100_000, home: Home = Path("home/bench-land")) -> None:
    """Landing of every format: rows per second and peak memory, beside a bare reader of that format."""
    from tanzhang.bench_land import measure

    measure(people, home, out)


@app.command("bench-points")
def bench_points(
    people: int = 1_000_000,
    programmes: Annotated[int, typer.Option(min=1, help="How many keep points.")] = 7,
    days: int = 1,
    home: Home = Path("home/bench-points"),
) -> None:
    """What programmes cost: a day with kilograms alone beside the same day with points of several programmes."""
    from tanzhang.bench_points import measure

    measure(people, programmes, days, home, out)


app.add_typer(factors.app, name="factors")
app.add_typer(programmes.app, name="programmes")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(spark.app, name="spark")
app.command()(quarantine.drift)
for verb in (calculate, status.status, report, upkeep.maintain, upkeep.migrate, upkeep.late):
    app.command()(verb)
app.command()(rules.rules)
app.command("data-docs")(rules.data_docs)

if __name__ == "__main__":
    main()

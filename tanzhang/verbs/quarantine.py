"""`tanzhang quarantine`: what could not be used, in words for its sender, and the way back. And `tanzhang drift`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from tanzhang.keys import provide_keys
from tanzhang.shell import HOME, NOT_FOUND, USAGE, Engine, Home, OnEngine, fail, foreseen, lake_of, out

app = typer.Typer(help=__doc__, no_args_is_help=True)

Institution = Annotated[str, typer.Argument(help="Institution id.")]
OneInstitution = Annotated[str | None, typer.Option(help="Only this institution.")]


@app.command("list")
def list_kinds(institution: OneInstitution = None, home: Home = HOME, engine: OnEngine = Engine.embedded) -> None:
    """Rows, files and deliveries that could not be used: how many, why, and what their sender does."""
    from jobs.reading.quarantine import kinds

    with lake_of(home, engine) as lake:
        table = Table(title="In quarantine, rejected, refused or held back")
        for name, justify in (("institution", "left"), ("feed", "left"), ("code", "left"), ("column", "left"),
                              ("rows", "right"), ("files", "right"), ("for the sender", "left")):  # fmt: skip
            table.add_column(name, justify=justify)  # type: ignore[arg-type]
        for one in kinds(lake, institution):
            rows = f"{one.rows:,}" if one.rows else "whole"
            table.add_row(one.institution, one.feed, one.code, one.column or "", rows, f"{one.files:,}",
                          f"{one.rule}. {one.mend}")  # fmt: skip
        out.print(table)


@app.command()
def show(
    institution: Institution,
    code: Annotated[str | None, typer.Option(help="Only this error.")] = None,
    limit: Annotated[int, typer.Option(min=1)] = 50,
    home: Home = HOME,
    engine: OnEngine = Engine.embedded,
) -> None:
    """The rows themselves: file, line, column and the shape of the value."""
    from jobs.reading.quarantine import rows

    with lake_of(home, engine) as lake:
        table = Table()
        for name in ("file", "line", "column", "code", "shape"):
            table.add_column(name)
        for row in rows(lake, home, institution, code, limit):
            table.add_row(row["file"], str(row["line"]), row["column"] or "", row["code"], escape(row["shape"] or ""))
        out.print(table)


@app.command()
def export(
    institution: Institution,
    to: Annotated[Path, typer.Option(help="The CSV to write.")],
    code: Annotated[str | None, typer.Option(help="Only this error.")] = None,
    home: Home = HOME,
    engine: OnEngine = Engine.embedded,
) -> None:
    """A CSV for the institution: place, rule, mend and shape of every bad row; no value."""
    from jobs.reading.quarantine import export as write
    from jobs.reading.quarantine import rows

    with lake_of(home, engine) as lake:
        found = rows(lake, home, institution, code)
    write(to, found)
    out.print(f"{len(found):,} rows in {to}")


@app.command()
def replay(institution: OneInstitution = None, home: Home = HOME) -> None:
    """Land again what held something unusable, where the contract has changed since; the next run takes it in."""
    from jobs.landing.land import past_replay
    from jobs.landing.land import replay as land_again
    from jobs.landing.tokens import Tokens
    from schemas import load_registry
    from schemas.sources import load_stations

    with foreseen():
        provide_keys(home)
        registry = load_registry()
        for source in registry.sources.values():
            if institution in (None, source.id):
                files = land_again(source, home, Tokens.from_env(), load_stations(source, registry.root))
                bad = sum(file.quarantined_rows + file.rejected_rows for file in files)
                refused = sum(file.state == "refused" for file in files)
                if files:
                    out.print(f"{source.id}: {len(files):,} files, {refused:,} refused, {bad:,} rows still unusable")
                if gone := past_replay(source, home):
                    out.print(f"{source.id}: {gone:,} files have expired in landing; ask for a corrected revision")


@app.command()
def release(
    institution: Institution,
    feed: Annotated[str, typer.Argument(help="Feed.")],
    day: Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="Business date.")],
    reason: Annotated[str, typer.Option(help="Who confirmed it, and what was said.")],
    home: Home = HOME,
) -> None:
    """Let a statement pass that is held back for its volume or its units; the next run takes it in."""
    from jobs.landing.hold import let_pass
    from jobs.landing.statements import accepted_in_force

    files = [
        file
        for file in accepted_in_force(home)
        if (file.institution, file.feed, file.business_date) == (institution, feed, day.date())
    ]
    if not files:
        fail(f"{institution} sent no {feed} for {day.date()}", NOT_FOUND)
    if not reason.strip():
        fail("say in --reason who confirmed the statement", USAGE)
    let_pass(home, files, reason)
    out.print(f"{institution} {feed} {day.date()} revision {files[0].revision} may pass")


def drift(
    day: Annotated[datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="Business date.")] = None,
    institution: OneInstitution = None,
    feed: Annotated[str | None, typer.Option(help="Only this feed.")] = None,
    all_of_it: Annotated[bool, typer.Option("--all", help="Also what has not moved.")] = False,
    home: Home = HOME,
) -> None:
    """How each feed's statement differs from those of the 30 days before: columns, codes, medians."""
    from jobs.reading.drift import drift as compare

    table = Table(title="What moved")
    for name in ("institution", "feed", "date", "what", "name"):
        table.add_column(name)
    for name in ("before", "now"):
        table.add_column(name, justify="right")
    feeds = compare(home, day.date() if day else None, institution, feed)
    for (one, name, on), changes in feeds.items():
        for change in changes:
            if all_of_it or change.is_flagged:
                table.add_row(
                    one, name, str(on), change.what, escape(change.name), _number(change.before), _number(change.now)
                )
    out.print(table)
    out.print(f"{len(feeds):,} feeds compared")


def _number(value: float | None) -> str:
    return "·" if value is None else f"{value:.3f}" if 0 < value < 1 else f"{value:,.0f}"

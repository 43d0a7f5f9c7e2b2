"""`tanzhang quarantine`: what could not be used, in words for its sender, and the way back. And `tanzhang drift`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs.errors import NOT_FOUND, USAGE
from tanzhang.homes import LAKE
from tanzhang.keys import tokens_of
from tanzhang.screens import quarantine as screen
from tanzhang.shell import DAY, HOME, BusinessDate, Engine, Home, OneInstitution, OnEngine, fail, lake_of, out

if TYPE_CHECKING:
    from jobs.lake import Lake
    from schemas.sources import Source

app = typer.Typer(help=__doc__, no_args_is_help=True)

Institution = Annotated[str, typer.Argument(help="Institution id.")]
OneCode = Annotated[str | None, typer.Option(help="Only this error.")]


@app.command("list")
def list_kinds(institution: OneInstitution = None, home: Home = HOME, engine: OnEngine = Engine.embedded) -> None:
    """Rows, files and deliveries that could not be used: how many, why, and what their sender does.

    Also of what was pulled and landed since the last publication, in a table of its own.
    """
    from jobs.reading import quarantine, unpublished

    with _lake_that_is(home, engine) as lake:
        since = unpublished.kinds(home, _sources(institution), unpublished.since_of(lake, home) if lake else None)
        if lake:
            screen.kinds(out, quarantine.kinds(lake, institution))
        if since or not lake:
            screen.kinds(out, since, title=screen.SINCE)


@app.command()
def show(
    institution: Institution,
    code: OneCode = None,
    limit: Annotated[int, typer.Option(min=1)] = 50,
    home: Home = HOME,
    engine: OnEngine = Engine.embedded,
) -> None:
    """The rows themselves: file, line, column and the shape of the value; first what is published."""
    published, since = _rows(institution, code, limit, home, engine)
    screen.rows(out, published)
    if since := since[: limit - len(published)]:
        screen.rows(out, since, title=screen.SINCE)


@app.command()
def export(
    institution: Institution,
    to: Annotated[Path, typer.Option(help="The CSV to write.")],
    code: OneCode = None,
    home: Home = HOME,
    engine: OnEngine = Engine.embedded,
) -> None:
    """A CSV for the institution: place, rule, mend and shape of every bad row, published yet or not; no value."""
    from jobs.reading.quarantine import export as write

    published, since = _rows(institution, code, None, home, engine)
    found = [*published, *(row for row in since if row not in published)]
    write(to, found)
    out.print(f"{len(found):,} rows in {to}", soft_wrap=True)


def _rows(
    institution: str, code: str | None, limit: int | None, home: Path, engine: Engine
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Unusable rows of an institution: those that are published, and those of what came since."""
    from jobs.reading import quarantine, unpublished

    [source] = _sources(institution)
    with _lake_that_is(home, engine) as lake:
        published = quarantine.rows(lake, home, institution, code, limit) if lake else []
        since = unpublished.since_of(lake, home) if lake else None
        return published, unpublished.rows(home, source, since, code)


def _sources(institution: str | None) -> list[Source]:
    """One of the registry's institutions, or all."""
    from schemas import load_registry

    sources = load_registry().sources
    if institution is not None and institution not in sources:
        fail(f"no institution {institution}", NOT_FOUND)
    return [source for source in sources.values() if institution in (None, source.id)]


@contextmanager
def _lake_that_is(home: Path, engine: Engine) -> Iterator[Lake | None]:
    """The home's lake; none is made to look into."""
    if not (home / LAKE).is_dir():
        yield None
        return
    with lake_of(home, engine) as lake:
        yield lake


@app.command()
def replay(institution: OneInstitution = None, home: Home = HOME) -> None:
    """Land again what held something unusable, where the contract has changed since; the next run takes it in."""
    from jobs.landing.land import past_replay
    from jobs.landing.land import replay as land_again
    from schemas import load_registry
    from schemas.sources import load_stations

    tokens = tokens_of(home)
    registry = load_registry()
    for source in registry.sources.values():
        if institution in (None, source.id):
            files = land_again(source, home, tokens, load_stations(source, registry.root))
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
    day: BusinessDate,
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
    day: Annotated[datetime | None, typer.Option("--date", formats=DAY, help="Business date.")] = None,
    institution: OneInstitution = None,
    feed: Annotated[str | None, typer.Option(help="Only this feed.")] = None,
    all_of_it: Annotated[bool, typer.Option("--all", help="Also what has not moved.")] = False,
    home: Home = HOME,
) -> None:
    """How each feed's statement differs from those of the 30 days before: columns, codes, medians."""
    from jobs.reading.drift import drift as compare

    feeds = compare(home, day.date() if day else None, institution, feed)
    screen.drift(out, feeds, all_of_it=all_of_it)

"""`tanzhang publications`, `explain` and `statement`: what stands, and what it rests on."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jobs.errors import NotFound
from tanzhang.homes import LAKE
from tanzhang.screens import day
from tanzhang.screens import statement as account
from tanzhang.shell import DAY, HOME, Engine, Home, LakeFolder, OnEngine, lake_of, out

if TYPE_CHECKING:
    from jobs.reading.stories import Line
    from schemas import Registry


def publications(
    home: Home = HOME,
    engine: OnEngine = Engine.embedded,
    check: Annotated[
        bool,
        typer.Option("--check", help="Read every byte that was published, and follow the chain; 4 where it differs."),
    ] = False,
    expect: Annotated[
        str | None, typer.Option(help="With --check: a hash or seal kept elsewhere, which the chain must have.")
    ] = None,
    folder: LakeFolder = LAKE,
) -> None:
    """Every publication: date, state, the tables that it pins, and its hash."""
    from schemas.tables import PUBLICATIONS

    with lake_of(home, engine, folder, as_it_is=check or expect is not None) as lake:
        if check or expect is not None:
            from jobs.upkeep.verify import verify

            found = verify(lake, home, expect)
        day.publications(out, lake.ask(dict, "SELECT * FROM chain", chain=lake.read(PUBLICATIONS)))
        if check or expect is not None:
            out.print(
                f"{found.chained} publications are chained, {found.sealed} of them sealed; every file has its bytes, every "
                "pinned table its rows and checksum"
            )


def explain(
    entry: Annotated[str, typer.Argument(help="Id of a ledger entry; a statement names one to try.")],
    home: Home = HOME,
    engine: OnEngine = Engine.embedded,
    source: Annotated[bool, typer.Option(help="Also print the source lines: personal data, handle as such.")] = False,
) -> None:
    """Follow an entry to its activity, every claim of it, file and line – and to the factor's clause."""
    from jobs.reading.explain import explain as trace

    with lake_of(home, engine) as lake:
        [told] = trace(lake, lake.registry, home, [entry.lower()])
        account.explanation(out, told, lake.registry, partial(_source, home, lake.registry) if source else None)


def _source(home: Path, registry: Registry, line: Line) -> str:
    """What the institution wrote in a line, or that it is kept no longer."""
    from jobs.reading.explain import source_values

    try:
        values = source_values(home, line, registry.sources[line.institution].feeds[line.feed])
    except NotFound as expired:
        return str(expired)
    return "  ".join(f"{field}={value}" for field, value in values.items() if value)


def statement(
    person: Annotated[str, typer.Argument(help="Person id, as in gold.balances.")],
    at: Annotated[datetime, typer.Option("--date", formats=DAY, help="As published for this date.")],
    home: Home = HOME,
    engine: OnEngine = Engine.embedded,
) -> None:
    """A person's account: acts and grams, what was not credited and why, what is missing, how to contest."""
    from jobs.reading.statement import statement as draw_up

    with lake_of(home, engine) as lake:
        account.statement(out, draw_up(lake, lake.registry, person, at.date()), lake.registry)

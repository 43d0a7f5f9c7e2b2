"""`tanzhang contract`: a contract drafted from files, tried on files, and the control file of files. Opens no lake."""

from __future__ import annotations

from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from jobs.errors import DEGRADED, USAGE
from tanzhang.screens import contract as screen
from tanzhang.shell import DAY, AsJson, BusinessDate, Registry, err, fail, out, registry_at, say_json

app = typer.Typer(help=__doc__, no_args_is_help=True)

Files = Annotated[list[Path], typer.Argument(help="Files as they were sent.", exists=True, dir_okay=False)]
Feed = Annotated[str | None, typer.Option(help="Of files whose names do not tell: which feed they are of.")]
MADE_UP = "made-up customer"
"""Whose a bill is that nobody delivered."""


class Rows(str, Enum):
    """Which rows are listed."""

    bad = "bad"
    all = "all"


@app.command("try")
def try_out(
    contract: Annotated[str, typer.Argument(help="A contract's file, or the id of an institution of the registry.")],
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files as they were sent; none: the contract alone.", exists=True)
    ] = None,
    feed: Feed = None,
    day: Annotated[
        datetime | None,
        typer.Option("--date", formats=DAY, help="Business date; else that of the name, the export or the last row."),
    ] = None,
    rows: Annotated[Rows, typer.Option(help="Rows to list: those that cannot be used, or all.")] = Rows.bad,
    show_values: Annotated[
        bool, typer.Option("--show-values", help="Print values as they were sent: people are in them.")
    ] = False,
    as_json: AsJson = False,
    registry: Registry = None,
) -> None:
    """Read files as a contract says, and tell what each row would become. Needs no home and no keys; keeps nothing.

    Values are shown by their shapes alone. Exit codes: 0 all of it is good, 2 the contract does not load, 3 something
    could not be used.
    """
    from jobs.landing.loose import sent_as
    from jobs.landing.trial import tried
    from schemas.answers.contracts import registry_with
    from schemas.sources.warnings import warnings_of

    if show_values:
        err.print("--show-values: what is printed names people. Keep it on this machine.", style="yellow")
    with registry_with(contract, registry_at(registry)) as (known, source):
        warned = warnings_of(source, known.scenarios)
        sent = [sent_as(source, path, feed, MADE_UP) for path in files or ()]
        trials = [tried(source, one, day.date() if day else None, known.root, with_values=show_values) for one in sent]
    if as_json:
        say_json({"institution": source.id, "warnings": warned, "files": [screen.as_json(one) for one in trials]})
    else:
        screen.contract(out, source, warned)
        for one in trials:
            screen.trial(out, one, known.scenarios, lists_all=rows is Rows.all, with_values=show_values)
        screen.verdict(out, trials)
    if not all(one.is_good for one in trials):
        raise typer.Exit(DEGRADED)


@app.command()
def control(
    files: Files,
    institution: Annotated[str, typer.Option(help="A contract's file, or the id of an institution.")],
    day: BusinessDate,
    revision: Annotated[int, typer.Option(min=0, help="Higher than the one that it corrects.")] = 0,
    customer: Annotated[
        list[str] | None, typer.Option(help="FILE=WHOM: whose bill a file is; once for each.", metavar="FILE=WHOM")
    ] = None,
    feed: Feed = None,
    to: Annotated[
        Path | None, typer.Option(help="An exports folder to lay the delivery out in.", file_okay=False)
    ] = None,
    registry: Registry = None,
) -> None:
    """Write the control file of files: rows and sums as the real readers count them, and what `pull` takes.

    Exit code 3: no delivery can be made of them, and why.
    """
    from jobs.landing.control import delivery_of
    from jobs.landing.loose import sent_as
    from schemas.answers.contracts import registry_with

    whose = _customers(customer or (), files)
    with registry_with(institution, registry_at(registry)) as (known, source):
        sent = [sent_as(source, path, feed, whose.get(path)) for path in files]
        delivery = delivery_of(source, sent, day.date(), revision, known.root)
    if to is None:
        typer.echo(delivery.text().decode(), nl=False)
        return
    folder = delivery.lay_out(to, datetime.now(timezone.utc))
    screen.laid_out(out, folder, delivery)


def _customers(said: list[str] | tuple[()], files: list[Path]) -> dict[Path, str]:
    """Whose bill each file is."""
    found = {}
    for one in said:
        name, _, whom = one.rpartition("=")
        path = next((path for path in files if name in (str(path), path.name)), None)
        if path is None or not whom:
            fail(f"--customer {one}: say FILE=WHOM, of one of the files", USAGE)
        found[path] = whom
    return found

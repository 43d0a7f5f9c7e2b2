"""`tanzhang contract`: a contract drafted from files, tried on files, and the control file of files. Opens no lake."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timezone
from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, TypeVar

import typer

from jobs.errors import DEGRADED, USAGE
from tanzhang.screens import contract as screen
from tanzhang.shell import DAY, AsJson, BusinessDate, Registry, err, fail, out, registry_at, say_json

T = TypeVar("T")
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
    from jobs.landing.trial import trials
    from schemas.answers.contracts import registry_with
    from schemas.sources.warnings import warnings_of

    if show_values:
        err.print("--show-values: what is printed names people. Keep it on this machine.", style="yellow")
    with registry_with(contract, registry_at(registry)) as (known, source):
        warned = warnings_of(source, known.scenarios)
        sent = [sent_as(source, path, feed, MADE_UP) for path in files or ()]
        on = day.date() if day else None
        tried = [found for one in sent for found in trials(source, one, on, known.root, with_values=show_values)]
    if as_json:
        say_json({"institution": source.id, "warnings": warned, "files": [screen.as_json(one) for one in tried]})
    else:
        screen.contract(out, source, warned)
        for one in tried:
            screen.trial(out, one, known.scenarios, lists_all=rows is Rows.all, with_values=show_values)
        screen.verdict(out, tried)
    if not all(one.is_good for one in tried):
        raise typer.Exit(DEGRADED)


@app.command()
def new(
    files: Files,
    institution: Annotated[str, typer.Option("--id", help="The institution's id.")] = "new_institution",
    to: Annotated[Path | None, typer.Option(help="The YAML to write; else standard output.", dir_okay=False)] = None,
    registry: Registry = None,
) -> None:
    """Draft a contract from samples: layout, columns and keys as they look, and `# ?` where a person must decide.

    What keeps the draft from loading is said on standard error. Codes of the samples stand in it, other values do not.
    """
    from jobs.landing.draft import draft
    from schemas.answers.contracts import registry_with
    from schemas.errors import RegistryError

    said = draft(files, institution)
    if to is None:
        typer.echo(said, nl=False)
    else:
        if to.exists():
            fail(f"{to} is there; name another file", USAGE)
        to.write_text(said, encoding="utf-8")
    with TemporaryDirectory(prefix="tanzhang-") as folder:
        path = Path(folder) / f"{institution}.yaml"
        path.write_text(said, encoding="utf-8")
        try:
            with registry_with(str(path), registry_at(registry)):
                err.print("the draft loads; what says # ? is still to be decided", soft_wrap=True)
        except RegistryError as error:
            err.print(f"to be decided before it loads:\n{str(error).replace(f'{path}: ', '')}", soft_wrap=True)


@app.command()
def control(
    files: Files,
    institution: Annotated[str, typer.Option(help="A contract's file, or the id of an institution.")],
    day: BusinessDate,
    revision: Annotated[int, typer.Option(min=0, help="Higher than the one that it corrects.")] = 0,
    customer: Annotated[
        list[str] | None, typer.Option(help="FILE=WHOM: whose bill a file is; once for each.", metavar="FILE=WHOM")
    ] = None,
    period: Annotated[
        list[str] | None,
        typer.Option(help="FILE=FIRST..LAST: the days of a bill that does not say them.", metavar="FILE=FIRST..LAST"),
    ] = None,
    exported_at: Annotated[
        list[str] | None,
        typer.Option(help="FILE=TIME: when a bill was exported that does not say it.", metavar="FILE=TIME"),
    ] = None,
    feed: Feed = None,
    to: Annotated[
        Path | None, typer.Option(help="An exports folder to lay the delivery out in.", file_okay=False)
    ] = None,
    arrived_at: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M:%S"],
            help="With --to, in UTC: now unless told; a run takes what came by its cut-off.",
        ),
    ] = None,
    registry: Registry = None,
) -> None:
    """Write the control file of files: rows and sums as the real readers count them, and what `pull` takes.

    Exit code 3: no delivery can be made of them, and why.
    """
    from jobs.landing.control import delivery_of
    from jobs.landing.loose import sent_as
    from schemas.answers.contracts import registry_with

    whose = _by_file("--customer", customer, files, str)
    periods = _by_file("--period", period, files, _period)
    exports = _by_file("--exported-at", exported_at, files, datetime.fromisoformat)
    with registry_with(institution, registry_at(registry)) as (known, source):
        sent = [
            replace(
                sent_as(source, path, feed, whose.get(path)), period=periods.get(path), exported_at=exports.get(path)
            )
            for path in files
        ]
        delivery = delivery_of(source, sent, day.date(), revision, known.root)
    if to is None:
        typer.echo(delivery.text().decode(), nl=False)
        return
    stamp = arrived_at.replace(tzinfo=timezone.utc) if arrived_at else datetime.now(timezone.utc)
    folder = delivery.lay_out(to, stamp)
    screen.laid_out(out, folder, delivery)


def _by_file(option: str, said: list[str] | None, files: list[Path], read: Callable[[str], T]) -> dict[Path, T]:
    """What an option says of some of the files."""
    found = {}
    for one in said or ():
        name, _, what = one.rpartition("=")
        path = next((path for path in files if name in (str(path), path.name)), None)
        if path is None or not what:
            fail(f"{option} {one}: say FILE=…, of one of the files", USAGE)
        try:
            found[path] = read(what)
        except ValueError as error:
            fail(f"{option} {one}: {error}", USAGE)
    return found


def _period(text: str) -> Any:
    from schemas.deliveries import Period

    first, _, last = text.partition("..")
    return Period(first=date.fromisoformat(first), last=date.fromisoformat(last))

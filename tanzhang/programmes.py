"""`tanzhang programmes`: the rules of every programme, and what each pays for the same act, and groups beside each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from tanzhang.amounts import Amount, Count, Distance, Energy, Mass, Region, Steps, Volume, checked_region, said
from tanzhang.rank import rank
from tanzhang.shell import NOT_FOUND, USAGE, Registry, fail, out, registry_at, say_json

if TYPE_CHECKING:
    from schemas import Registry as Loaded
    from schemas.equivalence import Comparison, Worth
    from schemas.programmes import Programme
    from schemas.programmes.rules import Basis

app = typer.Typer(help="The programmes: their rules, and what each pays for the same act.", no_args_is_help=True)

app.command()(rank)

Json = Annotated[bool, typer.Option("--json", help="One JSON document on one line.")]


@contextmanager
def _registry(folder: Registry) -> Iterator[Loaded]:
    from schemas import RegistryError, load_registry

    try:
        yield load_registry(registry_at(folder))
    except RegistryError as error:
        fail(str(error), USAGE)


@app.command("list")
def list_(registry: Registry = None, as_json: Json = False) -> None:
    """Every programme: where, since when, and whether its points are kept or only compared."""
    with _registry(registry) as loaded:
        programmes = list(loaded.programmes.values())
    if as_json:
        say_json([one.model_dump(mode="json") for one in programmes])
        return
    table = Table(title="Programmes")
    for name in ("id", "programme", "region", "since", "kept", "rules"):
        table.add_column(name, no_wrap=True, justify="right" if name == "rules" else "left")
    table.add_column("of them assumed", justify="right")
    for one in programmes:
        assumed = sum(rule.assumption is not None for rule in one.rules)
        table.add_row(
            one.id,
            f"{one.name} {one.name_en}",
            one.region,
            str(one.valid_from),
            one.kept,
            str(len(one.rules)),
            str(assumed),
        )
    out.print(table)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Its id, or its Chinese or English name.")],
    registry: Registry = None,
    as_json: Json = False,
) -> None:
    """The rules of one programme, each with where it was read or why it was assumed."""
    with _registry(registry) as loaded:
        found = [one for one in loaded.programmes.values() if name in (one.id, one.name, one.name_en)]
        if not found:
            fail(f"{name} is no programme; there are {', '.join(loaded.programmes)}", NOT_FOUND)
        if as_json:
            say_json(found[0].model_dump(mode="json"))
        else:
            _show(loaded, found[0])


def _show(registry: Loaded, one: Programme) -> None:
    from schemas.programmes import words

    kept = (
        f"points are entries of the ledger ({one.measure})" if one.kept == "ledger" else f"compared only: {one.reason}"
    )
    out.print(
        f"[bold]{escape(one.name)} · {escape(one.name_en)}[/bold]   {one.operator}   {one.region}   since {one.valid_from}"
    )
    out.print(f"  {escape(kept)}")
    out.print(f"  source: {escape(one.source.text)}")
    for name, text, basis in words.said(one, registry.scenarios):
        _say(name, text, basis)
    for figure in one.published:
        out.print(f"  its own figure, never applied: {escape(words.published_in_words(figure, registry.scenarios))}")
    for text in one.left_open:
        out.print(f"  left open: {escape(text)}")


def _say(name: str, text: str, basis: Basis) -> None:
    out.print(f"  [bold]{name}[/bold]: {escape(text)}")
    if basis.source:
        out.print(f"      source: {escape(basis.source.text)}")
    if basis.assumption:
        out.print(f"      [yellow]assumption[/yellow]: {escape(basis.assumption)}")


@app.command()
def equivalence(
    region: Region,
    day: Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="Local date of the act.")],
    scenario: Annotated[
        str | None, typer.Argument(help="Id, Chinese or English name; all that some programme knows unless told.")
    ] = None,
    distance: Distance = None,
    steps: Steps = None,
    mass: Mass = None,
    energy: Energy = None,
    volume: Volume = None,
    count: Count = None,
    quantity: Amount = None,
    registry: Registry = None,
    as_json: Json = False,
) -> None:
    """What every programme pays for the same act and for the same kilogram, in points and in yuan where benefits have prices.

    Without an amount: the scenario's reference quantity, which is chosen to compare by. A programme of another region is
    asked as if it took in the place.
    """
    from schemas.calculator import UnclearScenario, UnknownScenario, quantity_of, scenario_named
    from schemas.equivalence import compare, comparisons, reference
    from schemas.units import UnitError

    checked_region(region)
    given = said(
        distance=distance, steps=steps, mass=mass, energy=energy, volume=volume, count=count, quantity=quantity
    )
    if given and scenario is None:
        fail("say which scenario the amount is of", USAGE)
    with _registry(registry) as loaded:
        if scenario is None:
            found = list(comparisons(loaded, region, day.date()))
        else:
            try:
                meant = scenario_named(loaded.scenarios, scenario, day.date())
                amount = quantity_of(meant, given) if given else reference(meant)
            except UnknownScenario as error:
                fail(str(error), NOT_FOUND)
            except (UnitError, UnclearScenario) as error:
                fail(str(error), USAGE)
            found = [compare(loaded, meant, amount, region, day.date())]
        if as_json:
            say_json(found)
            return
        for one in found:
            compared(loaded, one)


def compared(registry: Loaded, one: Comparison) -> None:
    """Print what every programme pays for one act."""
    from schemas.programmes.words import grams

    scenario = registry.scenarios[one.scenario]
    standard = (
        "the standard has no figure for it there"
        if one.standard_mg is None
        else f"{grams(one.standard_mg)} by the standard"
    )
    title = f"{scenario.name} · {scenario.name_en}   {one.quantity}   {one.region}   {one.act_date}: {standard}"
    if not one.worths:
        out.print(f"{escape(title)}; no programme knows it")
        return
    table = Table(title=title)
    table.add_column("programme", no_wrap=True)
    for name in ("points", "a kilogram", "yuan", "a kilogram"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("its own figure", "pays here", "also"):
        table.add_column(name)
    for worth in one.worths:
        table.add_row(*_cells(registry, worth))
    out.print(table)


def _cells(registry: Loaded, worth: Worth) -> Iterator[str]:
    from schemas.programmes.words import grams, number, yuan

    programme = registry.programmes[worth.programme]
    assumed = "*" if worth.is_assumed and worth.points is not None else ""
    yield programme.name
    yield "·" if worth.points is None else f"{number(worth.points)}{assumed}"
    yield "·" if worth.per_kilogram is None else f"{number(worth.per_kilogram, 0)}{assumed}"
    for fen in (worth.fen, worth.fen_per_kilogram):
        yield "·" if fen is None else yuan(fen)
    yield "; ".join(f"{grams(own.milligrams)} ({own.of.year})" for own in worth.own)
    yield "·" if worth.points is None else "yes" if worth.pays_here else "no"
    yield escape("; ".join(worth.notes))

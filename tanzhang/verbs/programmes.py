"""`tanzhang programmes`: the rules of every programme, and what each pays for the same act, and groups beside each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from tanzhang.screens.programmes import compared, say
from tanzhang.shell import NOT_FOUND, USAGE, Registry, fail, out, registry_at, say_json
from tanzhang.verbs.amounts import Amount, Count, Distance, Energy, Mass, Region, Steps, Volume, checked_region, said
from tanzhang.verbs.rank import rank

if TYPE_CHECKING:
    from schemas import Registry as Loaded
    from schemas.programmes import Programme


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
        say(name, text, basis)
    for figure in one.published:
        out.print(f"  its own figure, never applied: {escape(words.published_in_words(figure, registry.scenarios))}")
    for text in one.left_open:
        out.print(f"  left open: {escape(text)}")


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
    from schemas.answers.calculator import UnclearScenario, UnknownScenario, quantity_of, scenario_named
    from schemas.answers.equivalence import compare, comparisons, reference
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

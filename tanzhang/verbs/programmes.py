"""`tanzhang programmes`: the rules of every programme, and what each pays for the same act, and groups beside each other."""

from __future__ import annotations

from typing import Annotated

import typer

from jobs.errors import NOT_FOUND, USAGE
from tanzhang.screens import programmes as screen
from tanzhang.shell import ActDate, AsJson, Registry, fail, out, registry_at, say_json
from tanzhang.verbs import amounts
from tanzhang.verbs.amounts import Amount, Count, Distance, Energy, Mass, Region, Steps, Volume
from tanzhang.verbs.rank import rank

app = typer.Typer(help="The programmes: their rules, and what each pays for the same act.", no_args_is_help=True)

app.command()(rank)


@app.command("list")
def list_(registry: Registry = None, as_json: AsJson = False) -> None:
    """Every programme: where, since when, and whether its points are kept or only compared."""
    from schemas import load_registry

    programmes = list(load_registry(registry_at(registry)).programmes.values())
    if as_json:
        say_json([one.model_dump(mode="json") for one in programmes])
    else:
        screen.listed(out, programmes)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Its id, or its Chinese or English name.")],
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """The rules of one programme, each with where it was read or why it was assumed."""
    from schemas import load_registry

    loaded = load_registry(registry_at(registry))
    found = [one for one in loaded.programmes.values() if name in (one.id, one.name, one.name_en)]
    if not found:
        fail(f"{name} is no programme; there are {', '.join(loaded.programmes)}", NOT_FOUND)
    if as_json:
        say_json(found[0].model_dump(mode="json"))
    else:
        screen.rules(out, loaded, found[0])


@app.command()
def equivalence(
    region: Region,
    day: ActDate,
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
    as_json: AsJson = False,
) -> None:
    """What every programme pays for the same act and for the same kilogram, in points and in yuan where benefits have prices.

    Without an amount: the scenario's reference quantity, which is chosen to compare by. A programme of another region is
    asked as if it took in the place.
    """
    from schemas import load_registry
    from schemas.answers.calculator import quantity_of, scenario_named
    from schemas.answers.equivalence import compare, comparisons, reference

    amounts.checked_region(region)
    given = amounts.said(
        distance=distance, steps=steps, mass=mass, energy=energy, volume=volume, count=count, quantity=quantity
    )
    if given and scenario is None:
        fail("say which scenario the amount is of", USAGE)
    loaded = load_registry(registry_at(registry)).under(None)
    if scenario is None:
        found = list(comparisons(loaded, region, day.date()))
    else:
        with amounts.understood():
            meant = scenario_named(loaded.scenarios, scenario, day.date())
            amount = quantity_of(meant, given) if given else reference(meant)
        found = [compare(loaded, meant, amount, region, day.date())]
    if as_json:
        say_json(found)
        return
    for one in found:
        screen.compared(out, loaded, one)

"""`tanzhang calculate`: what an act would be credited, from the library alone; opens no lake."""

from __future__ import annotations

from typing import Annotated

import typer

from jobs.errors import NOT_FOUND
from tanzhang.screens import calculation
from tanzhang.shell import ActDate, AsJson, Registry, out, registry_at, say_json
from tanzhang.verbs import amounts
from tanzhang.verbs.amounts import Amount, Count, Distance, Energy, Mass, Region, Steps, Volume


def calculate(
    scenario: Annotated[str, typer.Argument(help="Id, Chinese or English name, or an alias of that date.")],
    region: Region,
    day: ActDate,
    distance: Distance = None,
    steps: Steps = None,
    mass: Mass = None,
    energy: Energy = None,
    volume: Volume = None,
    count: Count = None,
    quantity: Amount = None,
    own_baseline: Annotated[
        str | None, typer.Option(help="Of a metered saving: one's own consumption before, such as 280kWh.")
    ] = None,
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """What an act would be credited, and what every figure and formula behind it rests on.

    Computed as the ledger does, from the same library, where a deployment does not say what it credits, and for whoever
    reports: the factor in force there on that date, rounded down once. Other figures and boundaries are shown beside it
    and never applied. Exit code 5: nothing is credited, with the reason.
    """
    from schemas import load_registry
    from schemas.answers.calculator import calculate as computed
    from schemas.answers.calculator import quantity_of, scenario_named
    from schemas.scenarios.quantification import load_methods

    amounts.checked_region(region)
    given = amounts.said(
        distance=distance, steps=steps, mass=mass, energy=energy, volume=volume, count=count, quantity=quantity
    )
    library = load_registry(registry_at(registry)).under(None).library
    with amounts.understood():
        meant = scenario_named(library.scenarios, scenario, day.date())
        amount = quantity_of(meant, given, own_baseline)
    answer = computed(library, load_methods(), meant, amount, region, day.date())
    if as_json:
        say_json(answer)
    else:
        calculation.answer(out, answer)
    if answer.reason is not None:
        raise typer.Exit(NOT_FOUND)

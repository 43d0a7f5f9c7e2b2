"""`tanzhang calculate`: what an act would be credited, from the library alone; opens no lake."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from tanzhang.screens.factors import grams
from tanzhang.shell import NOT_FOUND, USAGE, Registry, fail, out, registry_at, say_json
from tanzhang.verbs.amounts import Amount, Count, Distance, Energy, Mass, Region, Steps, Volume, checked_region, said

if TYPE_CHECKING:
    from schemas.answers.calculator import Answer, Sum, Term


def calculate(
    scenario: Annotated[str, typer.Argument(help="Id, Chinese or English name, or an alias of that date.")],
    region: Region,
    day: Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="Local date of the act.")],
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
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on one line.")] = False,
) -> None:
    """What an act would be credited, and what every figure and formula behind it rests on.

    Computed as the ledger does, from the same library: the factor in force there on that date, rounded down once. Other
    figures and boundaries are shown beside it and never applied. Exit code 5: nothing is credited, with the reason.
    """
    from schemas.answers.calculator import UnclearScenario, UnknownScenario, quantity_of, scenario_named
    from schemas.answers.calculator import calculate as computed
    from schemas.base import RegistryError
    from schemas.library import load_library
    from schemas.scenarios.quantification import load_methods
    from schemas.units import UnitError

    checked_region(region)
    given = said(
        distance=distance, steps=steps, mass=mass, energy=energy, volume=volume, count=count, quantity=quantity
    )
    try:
        library = load_library(registry_at(registry))
        meant = scenario_named(library.scenarios, scenario, day.date())
        amount = quantity_of(meant, given, own_baseline)
        answer = computed(library, load_methods(), meant, amount, region, day.date())
    except UnknownScenario as error:
        fail(str(error), NOT_FOUND)
    except (RegistryError, UnitError, UnclearScenario) as error:
        fail(str(error), USAGE)
    if as_json:
        say_json(answer)
    else:
        _show(answer)
    if answer.reason is not None:
        raise typer.Exit(NOT_FOUND)


def _show(answer: Answer) -> None:
    about = f"{answer.name} · {answer.name_en}   {answer.quantity}   {answer.region}   {answer.act_date}"
    if answer.applied is None or answer.applied.milligrams is None:
        out.print(f"[bold]not credited[/bold]   {escape(about)}")
        out.print(f"  {escape(answer.reason or '')}")
    else:
        gas = answer.applied.gas_basis
        gas = "CO2, as the gas is not stated" if gas == "unstated" else gas
        out.print(f"[bold]{grams(answer.applied.milligrams)}[/bold] of {gas}   {escape(about)}")
        _show_sum(answer.applied)
    for limit in answer.limits:
        text = f"at most {limit.limit} a {limit.period} ({limit.cap}; {_where(limit.source)})"
        if limit.is_exceeded:
            text = f"[bold]{text}: {grams(answer.credited_mg or 0)} of it are credited[/bold]"
        out.print(f"  cap: {text}")
    if answer.alternatives:
        _show_alternatives(answer)


def _show_sum(one: Sum) -> None:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(width=1)
    grid.add_column(no_wrap=True)
    grid.add_column()
    lines = [
        ("computed", one.worked),
        ("method", f"{one.method_name}: {one.formula}"),
        ("", f"{_where(one.source)}"),
    ]
    for term in one.terms:
        lines += _told(term)
    for name, text in [*lines, ("conservative", one.conservative)]:
        grid.add_row("", name, escape(text))
    out.print(grid)


def _told(term: Term) -> list[tuple[str, str]]:
    """A figure, line by line."""
    matched = {"exact": "of this region", "parent": "of a region around it", "proxy": "borrowed"}[term.match_quality]
    year = f", data of {term.data_year}" if term.data_year else ""
    span = f"since {term.valid_from}" + (f" until before {term.valid_to}" if term.valid_to else "")
    lines = [
        (term.role, f"{term.value} {term.unit}   {term.factor_id} ({term.name})"),
        ("", f"made for {term.region}, {matched}{year}, in force {span}, {term.status}"),
        ("", _where(term.source)),
        ("boundary", f"{term.boundary_kind}: {term.boundary}"),
    ]
    if term.proxy_reason:
        lines.append(("borrowed", term.proxy_reason))
    return [*lines, ("", term.conservative)]


def _show_alternatives(answer: Answer) -> None:
    table = Table(title="What other figures and boundaries would give; never applied")
    table.add_column("gives", justify="right", no_wrap=True)
    for name in ("gas", "boundary", "method", "figures", "source"):
        table.add_column(name, overflow="fold")
    for one in answer.alternatives:
        figures = "; ".join(f"{term.value} {term.unit} ({term.factor_id}, {term.region})" for term in one.terms)
        table.add_row(
            "·" if one.milligrams is None else grams(one.milligrams),
            one.gas_basis,
            one.boundary_kind,
            one.method,
            escape(figures or one.worked),
            escape("; ".join(dict.fromkeys(_where(term.source, "document", "clause") for term in one.terms))),
        )
    out.print(table)


def _where(source: dict[str, str | None], *keys: str) -> str:
    return ", ".join(part for key in keys or ("document", "clause", "url") if (part := source.get(key)))

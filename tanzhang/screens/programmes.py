"""How programmes and what they pay look in a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from tanzhang.shell import out

if TYPE_CHECKING:
    from schemas import Registry as Loaded
    from schemas.answers.equivalence import Comparison, Worth
    from schemas.programmes.rules import Basis


def say(name: str, text: str, basis: Basis) -> None:
    out.print(f"  [bold]{name}[/bold]: {escape(text)}")
    if basis.source:
        out.print(f"      source: {escape(basis.source.text)}")
    if basis.assumption:
        out.print(f"      [yellow]assumption[/yellow]: {escape(basis.assumption)}")


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
        table.add_row(*cells_of(registry, worth))
    out.print(table)


def cells_of(registry: Loaded, worth: Worth) -> Iterator[str]:
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

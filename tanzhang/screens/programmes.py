"""How programmes and what they pay look in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tanzhang.screens.console import add_columns, bold, line, show

if TYPE_CHECKING:
    from jobs.reading.rankings import Ranking
    from schemas import Registry
    from schemas.answers.equivalence import Comparison, Worth
    from schemas.programmes import Programme


def listed(console: Console, programmes: Sequence[Programme]) -> None:
    """One line per programme."""
    table = Table(title="Programmes")
    add_columns(table, ("id", "programme", "region", "since", "kept"), ("rules",))
    table.add_column("of them assumed", justify="right")
    for one in programmes:
        assumed = sum(rule.assumption is not None for rule in one.rules)
        names = f"{one.name} {one.name_en}"
        table.add_row(one.id, names, one.region, str(one.valid_from), one.kept, str(len(one.rules)), str(assumed))
    show(console, table)


def rules(console: Console, registry: Registry, one: Programme) -> None:
    """The rules of one programme, each with where it was read or why it was assumed."""
    from schemas.programmes import words

    is_kept = one.kept == "ledger"
    kept = f"points are entries of the ledger ({one.measure})" if is_kept else f"compared only: {one.reason}"
    about = f"   {one.operator}   {one.region}   since {one.valid_from}"
    console.print(line(bold(f"{one.name} · {one.name_en}"), about))
    console.print(f"  {kept}")
    console.print(f"  source: {one.source.text}")
    for name, text, basis in words.said(one, registry.scenarios):
        console.print(line("  ", bold(name), f": {text}"))
        if basis.source:
            console.print(f"      source: {basis.source.text}")
        if basis.assumption:
            console.print(line("      ", Text("assumption", "yellow"), f": {basis.assumption}"))
    for figure in one.published:
        console.print(f"  its own figure, never applied: {words.published_in_words(figure, registry.scenarios)}")
    for text in one.left_open:
        console.print(f"  left open: {text}")


def compared(console: Console, registry: Registry, one: Comparison) -> None:
    """What every programme pays for one act."""
    from schemas.programmes.words import grams

    scenario = registry.scenarios[one.scenario]
    figure = one.standard_mg
    standard = "the standard has no figure for it there" if figure is None else f"{grams(figure)} by the standard"
    title = f"{scenario.name} · {scenario.name_en}   {one.quantity}   {one.region}   {one.act_date}: {standard}"
    if not one.worths:
        console.print(f"{title}; no programme knows it")
        return
    table = Table(title=title)
    add_columns(table, ("programme",), ("points", "a kilogram", "yuan", "a kilogram"))
    for name in ("its own figure", "pays here", "also"):
        table.add_column(name)
    for worth in one.worths:
        table.add_row(*_cells(registry, worth))
    show(console, table)


def _cells(registry: Registry, worth: Worth) -> Iterator[str]:
    from schemas.programmes.words import grams, number, yuan

    assumed = "*" if worth.is_assumed and worth.points is not None else ""
    yield registry.programmes[worth.programme].name
    yield "·" if worth.points is None else f"{number(worth.points)}{assumed}"
    yield "·" if worth.per_kilogram is None else f"{number(worth.per_kilogram, 0)}{assumed}"
    for fen in (worth.fen, worth.fen_per_kilogram):
        yield "·" if fen is None else yuan(fen)
    yield "; ".join(f"{grams(own.milligrams)} ({own.of.year})" for own in worth.own)
    yield "·" if worth.points is None else "yes" if worth.pays_here else "no"
    yield "; ".join(worth.notes)


def ranking(console: Console, registry: Registry, found: Ranking) -> None:
    """Groups of people, the most by person first."""
    of = f", acts that {registry.programmes[found.programme].name} rewards" if found.programme else ""
    table = Table(title=f"By {found.by}, {found.period}, as published for {found.business_date}{of}")
    add_columns(table, (found.by,), ("people, in fives", "g a person", "kg", "points"))
    for one in found.groups:
        points = "·" if one.points is None else f"{one.points:,}"
        mass = f"{one.reduction_mg / 1e6:,.3f}"
        table.add_row(_group(registry, found, one.key), f"{one.people:,}", f"{one.each_mg // 1000:,}", mass, points)
    show(console, table)
    if found.withheld:
        groups = "group" if found.withheld == 1 else "groups"
        console.print(f"{found.withheld} more {groups} of too few people, or beside such, are not shown")


def _group(registry: Registry, found: Ranking, key: str) -> str:
    from tanzhang.report.words import Words

    if found.by == "programme":
        return registry.programmes[key].name
    if found.by == "team" and found.programme:
        teams = registry.programmes[found.programme].teams
        return next((team.name for team in teams.teams if team.id == key), key) if teams else key
    return f"{Words().region(key).zh} {key}"

"""How answers look in a terminal. No rule of the project lives here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from jobs.reading.emissions import Emissions
    from jobs.reading.points import Tally
    from schemas import Registry

ANY_WIDTH = 100_000
FOLDED = 8
"""Characters of a folding column that stand beside each other at least."""
PARTS = {
    "earned": "earned",
    "bonus": "by tiers",
    "excluded": "counted elsewhere",
    "capped": "over a limit",
    "expired": "expired",
    "redeemed": "redeemed",
    "donated": "donated",
}
"""Sums of a tally, in words."""


class Bar:
    """One progress line for stages that follow each other."""

    def __init__(self, bar: Progress) -> None:
        self.bar = bar
        self.task = bar.add_task("", total=None)

    def update(self, stage: str, done: int, total: int) -> None:
        """Show a stage's own count."""
        self.bar.update(self.task, description=stage, completed=done, total=total)

    def step(self, stage: str, total: int) -> None:
        """Show the stage that begins now, one step further."""
        self.bar.update(self.task, description=stage, total=total, advance=1)

    def say(self, text: str | Text) -> None:
        """A line that stays above the bar."""
        self.bar.console.print(text, soft_wrap=True)


@contextmanager
def progress(console: Console) -> Iterator[Bar]:
    """A progress line that vanishes when the work is done; silent where nobody looks."""
    columns = (
        TextColumn("{task.description:<28}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield Bar(bar)


class Whole:
    """A table of which nothing is cut: where the terminal is too narrow for its longest words, it is broader.

    Words of columns that fold are broken first.
    """

    def __init__(self, table: Table) -> None:
        self.table = table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """At the terminal's width, or the least at which no word is cut."""
        folded = copy(self.table)
        folded.columns = [
            replace(one, max_width=FOLDED) if one.overflow == "fold" else one for one in self.table.columns
        ]
        least = Measurement.get(console, options.update(width=ANY_WIDTH), folded).minimum
        yield from console.render(self.table, options.update(width=max(least, options.max_width)))


def show(console: Console, table: Table) -> None:
    """Print a table; names and ids in it can be copied, however narrow the terminal is."""
    console.print(Whole(table), crop=False)


def bold(text: str) -> Text:
    """A part of a line that stands out."""
    return Text(text, "bold")


def line(*parts: str | Text) -> Text:
    """Parts of a line, each as it is."""
    return Text.assemble(*parts)


def kilograms(milligrams: int) -> str:
    """Milligrams as kilograms, for people."""
    return f"{milligrams / 1e6:,.3f} kg"


def parts_of(one: Tally) -> list[tuple[int, str]]:
    """The sums of a tally, each with its word."""
    return [(getattr(one, part), word) for part, word in PARTS.items()]


def points(console: Console, tallies: list[Tally], registry: Registry) -> None:
    """Per programme: what was earned, what became of it, what is left."""
    from schemas.programmes.words import number

    table = Table(title="Points of the programmes, on the same kilograms")
    add_columns(table, ("programme",), (*PARTS.values(), "left", "a kilogram", "people", "overdrawn"))
    for one in tallies:
        numbers = [*(amount for amount, _ in parts_of(one)), one.balance]
        a_kilogram = "·" if one.per_kilogram is None else number(one.per_kilogram, 0)
        counts = (number_cell(one.people), number_cell(one.overdrawn))
        table.add_row(registry.programmes[one.programme].name, *map(number_cell, numbers), a_kilogram, *counts)
    show(console, table)


def covered(own: Emissions) -> str:
    """How much of what was spent an estimate is of."""
    share = own.known_fen * 1000 // own.spent_fen if own.spent_fen else 0
    return f"of {share // 10}.{share % 10} % of {own.spent_fen / 100:,.2f} yuan spent; the rest has no known category"


def grams(milligrams: int) -> str:
    """Milligrams as grams, for people."""
    return f"{milligrams / 1000:,.1f} g"


def grid(rows: Iterable[tuple[str, ...]]) -> Table:
    """Lines whose columns stand below each other, Chinese characters included; numbers to the right."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(width=1)
    for number, row in enumerate(rows):
        if number == 0:
            for cell in row:
                grid.add_column(justify="right" if cell.endswith((" g", " ×")) else "left", no_wrap=True)
        grid.add_row("", *row)
    return grid


def add_columns(table: Table, texts: tuple[str, ...], numbers: tuple[str, ...]) -> None:
    """Columns that are never broken: of texts, then of numbers."""
    for name in texts:
        table.add_column(name, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)


def number_cell(value: int) -> str:
    """A number; a dot for none."""
    return f"{value:,}" if value else "·"

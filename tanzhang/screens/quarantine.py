"""How what could not be used, and what moved, look in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from tanzhang.screens.console import add_columns, show

if TYPE_CHECKING:
    from jobs.reading.drift import Change
    from jobs.reading.quarantine import Kind


SINCE = "Landed since, and not yet in a publication"
"""Of what no publication tells."""


def kinds(
    console: Console, found: Sequence[Kind], title: str = "In quarantine, rejected, refused or held back"
) -> None:
    """How many rows, files and deliveries, why, and what their sender does."""
    table = Table(title=title)
    for name in ("institution", "feed", "code", "column"):
        table.add_column(name)
    for name in ("rows", "files"):
        table.add_column(name, justify="right")
    table.add_column("for the sender")
    for one in found:
        rows = f"{one.rows:,}" if one.rows else "whole"
        told = f"{one.rule} {one.mend}"
        table.add_row(one.institution, one.feed, one.code, one.column or "", rows, f"{one.files:,}", told)
    show(console, table)


def rows(console: Console, found: Sequence[Mapping[str, Any]], title: str | None = None) -> None:
    """File, line, column and the shape of the value."""
    table = Table(title=title)
    add_columns(table, ("file", "line", "column", "code"), ())
    table.add_column("shape", overflow="fold")
    for row in found:
        table.add_row(row["file"], str(row["line"]), row["column"] or "", row["code"], row["shape"] or "")
    show(console, table)


def drift(console: Console, feeds: Mapping[tuple[str, str, date], Sequence[Change]], *, all_of_it: bool) -> None:
    """What moved, or of everything."""
    table = Table(title="What moved")
    for name in ("institution", "feed", "date", "what", "name"):
        table.add_column(name)
    for name in ("before", "now"):
        table.add_column(name, justify="right")
    for (institution, feed, day), changes in feeds.items():
        for one in changes:
            if all_of_it or one.is_flagged:
                numbers = (_number(one.before), _number(one.now))
                table.add_row(institution, feed, str(day), one.what, one.name, *numbers)
    show(console, table)
    console.print(f"{len(feeds):,} feeds compared")


def _number(value: float | None) -> str:
    return "·" if value is None else f"{value:.3f}" if 0 < value < 1 else f"{value:,.0f}"

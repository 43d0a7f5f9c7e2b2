"""How quality rules and their results look in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tanzhang.screens.console import bold, line, show

if TYPE_CHECKING:
    from jobs.reading.quality import Declared

Row = dict[str, Any]


def rules(console: Console, known: Sequence[Declared], last: Mapping[str, Sequence[Row]]) -> None:
    """One line per rule, with its last results summed up."""
    table = Table(title="Quality rules")
    for name in ("rule", "of", "severity", "threshold", "last result", "what must hold"):
        table.add_column(name, overflow="fold")
    for one in known:
        verdict = _verdict(last.get(one.id, []))
        table.add_row(one.id, _where(one), one.places[0].severity, _threshold(one), verdict, one.text)
    show(console, table)


def rule(console: Console, one: Declared, results: Sequence[Row]) -> None:
    """One rule with its predicate and its last results."""
    console.print(line(bold(one.id), f"  {one.kind}, {one.places[0].severity}"))
    console.print(one.text)
    console.print(f"  observed: {one.asks}")
    for place in one.places:
        console.print(f"  {place.name}: {place.bound.replace('_', ' ')} {place.threshold:,}")
    table = Table(title="Last results")
    for name in ("publication", "business date", "of"):
        table.add_column(name)
    for name in ("observed", "checked"):
        table.add_column(name, justify="right")
    for name in ("threshold", "verdict"):
        table.add_column(name)
    for row in results:
        column = f" ({row['column_name']})" if row["column_name"] else ""
        table.add_row(
            f"{row['publication_seq']}{' blocked' if row['is_blocked'] else ''}",
            str(row["business_date"] or ""),
            row["table_name"] if row["institution"] == "*" else f"{row['institution']}.{row['feed']}",
            f"{row['observed']:,}{column}",
            f"{row['checked']:,}",
            f"{row['bound'].replace('_', ' ')} {row['threshold']:,}",
            "held" if row["is_passed"] else Text("broken", "red"),
        )
    show(console, table)


def _where(one: Declared) -> str:
    return one.places[0].name if len(one.places) == 1 else f"statements of {len(one.places)} feeds"


def _threshold(one: Declared) -> str:
    numbers = sorted({place.threshold for place in one.places})
    bound = one.places[0].bound.replace("_", " ")
    return f"{bound} {numbers[0]:,}" + (f" to {numbers[-1]:,}" if len(numbers) > 1 else "")


def _verdict(results: Sequence[Row]) -> str | Text:
    if not results:
        return ""
    broken = sum(not row["is_passed"] for row in results)
    place = f"publication {results[0]['publication_seq']}" + (" blocked" if results[0]["is_blocked"] else "")
    if not broken:
        return f"held, {place}"
    return Text(f"broken {f'{broken} of {len(results)} times, ' if len(results) > 1 else ''}{place}", "red")

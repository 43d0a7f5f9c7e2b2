"""`tanzhang rules`: what must hold, and what became of it. And `tanzhang data-docs`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from tanzhang.shell import HOME, Engine, Home, OnEngine, lake_of, out

if TYPE_CHECKING:
    from jobs.reading.quality import Declared


Row = dict[str, Any]


def rules(
    rule_id: Annotated[str | None, typer.Argument(help="One rule, with its predicate and its last 30 results.")] = None,
    home: Home = HOME,
    engine: OnEngine = Engine.embedded,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Every quality rule: where it holds, how grave it is, its threshold, its sentence and its last result.

    A day that was blocked is found here too: its results are kept beside the tables.
    """
    from jobs.reading.quality import declared, history, latest

    with lake_of(home, engine) as lake:
        known = declared(lake.registry)
        if rule_id is None:
            last = latest(lake)
            if as_json:
                _print_json([_plain(one) | {"last": last.get(one.id, [])} for one in known.values()])
            else:
                _list(list(known.values()), last)
            return
        results = history(lake, rule_id)
        if as_json:
            _print_json(_plain(known[rule_id]) | {"results": results})
        else:
            _show(known[rule_id], results)


def data_docs(
    publication: Annotated[int | None, typer.Option(min=1, help="Its number; the last one unless told.")] = None,
    home: Home = HOME,
    engine: OnEngine = Engine.embedded,
) -> None:
    """Render a publication's results as Data Docs of Great Expectations: a static site in HOME/docs/quality/.

    Counts only; no value of a row reaches it. Its pages take their style from content delivery networks.
    """
    from jobs.reading.data_docs import render

    with lake_of(home, engine) as lake:
        seq, index = render(lake, home, publication)
    out.print(f"publication {seq}: {index}")


def _list(known: Sequence[Declared], last: dict[str, list[Row]]) -> None:
    table = Table(title="Quality rules")
    for name in ("rule", "of", "severity", "threshold", "last result", "what must hold"):
        table.add_column(name, overflow="fold")
    for one in known:
        found = last.get(one.id, [])
        table.add_row(one.id, _where(one), one.places[0].severity, _threshold(one), _verdict(found), escape(one.text))
    out.print(table)


def _show(one: Declared, results: Sequence[Row]) -> None:
    out.print(f"[bold]{one.id}[/bold]  {one.kind}, {one.places[0].severity}")
    out.print(escape(one.text))
    out.print(f"  observed: {escape(one.asks)}")
    for place in one.places:
        out.print(f"  {place.name}: {place.bound.replace('_', ' ')} {place.threshold:,}")
    table = Table(title="Last results")
    for name in ("publication", "business date", "of"):
        table.add_column(name)
    for name in ("observed", "checked"):
        table.add_column(name, justify="right")
    for name in ("threshold", "verdict"):
        table.add_column(name)
    for row in results:
        number = f" ({row['column_name']})" if row["column_name"] else ""
        table.add_row(
            f"{row['publication_seq']}{' blocked' if row['is_blocked'] else ''}",
            str(row["business_date"] or ""),
            row["table_name"] if row["institution"] == "*" else f"{row['institution']}.{row['feed']}",
            f"{row['observed']:,}{number}",
            f"{row['checked']:,}",
            f"{row['bound'].replace('_', ' ')} {row['threshold']:,}",
            "held" if row["is_passed"] else "[red]broken[/red]",
        )
    out.print(table)


def _where(one: Declared) -> str:
    return one.places[0].name if len(one.places) == 1 else f"statements of {len(one.places)} feeds"


def _threshold(one: Declared) -> str:
    numbers = sorted({place.threshold for place in one.places})
    bound = one.places[0].bound.replace("_", " ")
    return f"{bound} {numbers[0]:,}" + (f" to {numbers[-1]:,}" if len(numbers) > 1 else "")


def _verdict(results: Sequence[Row]) -> str:
    if not results:
        return ""
    broken = sum(not row["is_passed"] for row in results)
    place = f"publication {results[0]['publication_seq']}" + (" blocked" if results[0]["is_blocked"] else "")
    if not broken:
        return f"held, {place}"
    return f"[red]broken {f'{broken} of {len(results)} times, ' if len(results) > 1 else ''}{place}[/red]"


def _plain(one: Declared) -> Row:
    return dataclasses.asdict(one)


def _print_json(content: object) -> None:
    out.print_json(json.dumps(content, default=str, ensure_ascii=False))

"""`tanzhang rules`: what must hold, and what became of it. And `tanzhang data-docs`."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from tanzhang.screens import rules as screen
from tanzhang.shell import HOME, Engine, Home, OnEngine, lake_of, out, say_json

INDENT = 2
"""Of the JSON, which people read as well."""


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
                every = [dataclasses.asdict(one) | {"last": last.get(one.id, [])} for one in known.values()]
                say_json(every, INDENT)
            else:
                screen.rules(out, list(known.values()), last)
            return
        results = history(lake, rule_id)
        if as_json:
            say_json(dataclasses.asdict(known[rule_id]) | {"results": results}, INDENT)
        else:
            screen.rule(out, known[rule_id], results)


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
    out.print(f"publication {seq}: {index}", soft_wrap=True)

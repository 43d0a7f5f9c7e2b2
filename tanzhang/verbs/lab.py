"""`tanzhang demo` and `bench`: made-up worlds, to show and to measure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tanzhang.shell import Engine, NewHome, OnEngine, err, lake_of, out


def demo(
    engine: OnEngine = Engine.embedded,
    people: int = 2000,
    days: int = 3,
    home: NewHome = Path("home/demo"),
) -> None:
    """Simulate a small world, run it, and show the summary and one person's statement.

    On spark: the same world through Spark and Delta Lake, and every balance compared with the embedded engine's.
    """
    from tanzhang.lab.demo import demonstrate, prepare

    dates = prepare(home, engine.value, people, days, out, err)
    with lake_of(home, engine, "lake" if engine is Engine.embedded else "lake-spark") as lake:
        demonstrate(lake, home, dates, out)


def bench(
    people: Annotated[list[int] | None, typer.Option(help="World sizes; may be given several times.")] = None,
    engines: Annotated[list[Engine] | None, typer.Option("--engine", help="Engines; both unless told.")] = None,
    days: int = 3,
    home: NewHome = Path("home/bench"),
) -> None:
    """Seconds, records per second, commits and peak memory by job, and the ratio of the engines."""
    from tanzhang.lab.engines import measure

    measure(people or [20_000, 200_000], [engine.value for engine in engines or list(Engine)], days, home, out)


def bench_land(people: int = 100_000, home: NewHome = Path("home/bench-land")) -> None:
    """Landing of every format: rows per second and peak memory, beside a bare reader of that format."""
    from tanzhang.lab.landing import measure

    measure(people, home, out)


def bench_points(
    people: int = 1_000_000,
    programmes: Annotated[int, typer.Option(min=1, help="How many keep points.")] = 7,
    days: int = 1,
    home: NewHome = Path("home/bench-points"),
) -> None:
    """What programmes cost: a day with kilograms alone beside the same day with points of several programmes."""
    from tanzhang.lab.points import measure

    measure(people, programmes, days, home, out)

"""`tanzhang demo` and `bench`: made-up worlds, to show and to measure."""

from __future__ import annotations

import json
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


def bench_history(
    people: int = 5_000,
    days: Annotated[int, typer.Option(min=2)] = 400,
    bills: Annotated[list[float] | None, typer.Option(help="Shares who bring bills; 0 and 0.03 unless told.")] = None,
    services: Annotated[float, typer.Option(min=0, max=1, help="Share of people who use services.")] = 0,
    accounts: Annotated[int | None, typer.Option(help="Instead: a day on which few of so many act.")] = None,
    share: Annotated[float, typer.Option(min=0, max=1, help="The few among the accounts.")] = 0.01,
    report: Annotated[Path | None, typer.Option("--json", help="File for every figure.")] = None,
    home: NewHome = Path("home/bench-history"),
) -> None:
    """What a day costs as history grows, in CPU and bytes read by job; goes on where it was killed."""
    from tanzhang.lab.history import measure, measure_share

    found: object
    if accounts:
        found = measure_share(accounts, share, home, out)
    else:
        found = measure(people, days, [0, 0.03] if bills is None else bills, services, home, out)
    if report:
        report.write_text(json.dumps(found, indent=1), encoding="utf-8")


def bench_peer(
    people: int = 200_000,
    repetitions: Annotated[int, typer.Option(min=1, help="Of which the median counts.")] = 3,
    report: Annotated[Path | None, typer.Option("--json", help="File for every figure.")] = None,
    home: NewHome = Path("home/bench-peer"),
) -> None:
    """A run beside a script by hand that does everything anew from the same landed files, in turns."""
    from tanzhang.lab.peer import measure

    found = measure(people, repetitions, home, out)
    if report:
        report.write_text(json.dumps(found, indent=1), encoding="utf-8")

"""The pipeline beside a script by hand on the same landed files, in turns: what a run costs more, and what it saves.

On the first date both do the same, from nothing. On the third the run adds a date to its lake, and the script, which knows
nothing of before, does all three again. Their kilograms before exclusions and caps are held against each other.
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder
from rich.console import Console
from rich.table import Table

from schemas.ledger import EMISSION, REDUCTION
from tanzhang.lab.engines import measured
from tanzhang.lab.world import FIRST_DAY, simulate_landed
from tanzhang.screens.console import show

DATES = tuple(FIRST_DAY + timedelta(days=number) for number in range(3))
LAKE, BY_HAND = "lake-peer", "by-hand"

Kilograms = dict[tuple[str, str], int]
"""Measure and scenario → milligrams."""


@dataclass(frozen=True)
class Cost:
    """What one of the two took for a date.

    Attributes:
        seconds: without the start of its process; of the pipeline those of its jobs.
        cpu: seconds of its process, start and looking through the deliveries included.
        peak: resident bytes.
    """

    seconds: float
    cpu: float
    peak: int


def measure(people: int, repetitions: int, home: Path, out: Console) -> dict[str, Any]:
    """Run script and pipeline in turns, and print what each took beside the other.

    Args:
        home: of the worlds; one of so many people that is landed there is used as it is.

    Returns:
        Every cost, and the kilograms of both.
    """
    world = home / str(people)
    simulate_landed(people, len(DATES), world, out)
    costs: dict[str, dict[date, list[Cost]]] = {name: {day: [] for day in DATES} for name in ("script", "run")}
    script: dict[date, Kilograms] = {}
    run: dict[date, Kilograms] = {}
    for _ in range(repetitions):
        shutil.rmtree(world / LAKE, ignore_errors=True)
        for day in DATES:
            if day != DATES[1]:
                cost, script[day] = _by_hand(world, day)
                costs["script"][day].append(cost)
            costs["run"][day].append(_run(world, day))
            run[day] = _posted(world / LAKE)
    shutil.rmtree(world / BY_HAND, ignore_errors=True)
    for day in (DATES[0], DATES[-1]):
        _print(f"{people:,} people, {day}", {name: costs[name][day] for name in costs}, out)
        _print_kilograms(script[day], run[day], out)
    kilograms = {"script": script[DATES[-1]], "run": run[DATES[-1]]}
    return {
        "people": people,
        "costs": {
            name: {str(day): [vars(one) for one in of] for day, of in days.items()} for name, days in costs.items()
        },
        "milligrams": {name: {" ".join(key): one for key, one in of.items()} for name, of in kilograms.items()},
    }


def _by_hand(world: Path, day: date) -> tuple[Cost, Kilograms]:
    """The script from nothing to the date, in a process of its own."""
    before = _children()
    command = (sys.executable, "-m", "tanzhang.lab.by_hand", str(world), str(world / BY_HAND), str(day))
    told = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    posted = {(measure, scenario): amount for measure, scenario, amount, _ in told["posted"]}
    return Cost(sum(told["seconds"].values()), _children() - before, told["peak"]), posted


def _run(world: Path, day: date) -> Cost:
    """The pipeline's run of the date on its lake, in a process of its own."""
    before = _children()
    told, peak = measured("run", "--date", str(day), "--home", str(world), "--lake", LAKE, "--json")
    return Cost(sum(json.loads(told)["seconds"].values()), _children() - before, peak)


def _children() -> float:
    """CPU seconds of processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _posted(lake: Path) -> Kilograms:
    """What acts and payments have in the ledger, before exclusions and caps."""
    query = """
        SELECT measure, scenario, sum(amount) AS amount
        FROM ledger
        WHERE position_kind IN ('activity', 'payment')
        GROUP BY measure, scenario
    """
    found = QueryBuilder().register("ledger", DeltaTable(lake / "gold/ledger")).execute(query).read_all()
    rows = pa.table(found).to_pylist()
    return {(row["measure"], row["scenario"]): row["amount"] for row in rows if row["measure"] in (REDUCTION, EMISSION)}


def _print(title: str, costs: dict[str, list[Cost]], out: Console) -> None:
    """Medians of the repetitions, and what the run takes of what the script does."""
    table = Table(title=title)
    for name in ("", "script", "run", "run ÷ script"):
        table.add_column(name, justify="right" if name else "left")
    for said, name, scale in (
        ("seconds of work", "seconds", 1),
        ("CPU, s", "cpu", 1),
        ("peak memory, GB", "peak", 1e9),
    ):
        script, run = (median(getattr(one, name) for one in costs[which]) / scale for which in ("script", "run"))
        table.add_row(said, f"{script:.1f}", f"{run:.1f}", f"{run / script:.2f}")
    show(out, table)


def _print_kilograms(script: Kilograms, run: Kilograms, out: Console) -> None:
    """Of both, before exclusions and caps; where they differ the script leaves out a rule: by_hand.py says which."""
    table = Table(title="before exclusions and caps")
    for name in ("measure", "scenario", "script, kg", "run, kg", "difference"):
        table.add_column(name, justify="left" if name in ("measure", "scenario") else "right")
    for key in sorted({*script, *run}):
        by_hand, posted = script.get(key, 0), run.get(key, 0)
        told = "equal" if by_hand == posted else f"{(by_hand - posted) / posted:+.2%}" if posted else "only by hand"
        table.add_row(*key, f"{by_hand / 1e6:,.1f}", f"{posted / 1e6:,.1f}", told)
    show(out, table)

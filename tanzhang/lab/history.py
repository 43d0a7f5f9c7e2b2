"""What a day costs as history grows: a year of days one after the other, exports appearing as they arrive.

Simulated once; then each date's deliveries are moved into the home when its cut-off is, taken in, and accounted for on a
lake that is opened anew, and every week is maintained. What a day cost is kept as a file, so that a killed
measurement goes on where it was. Everything passes within hours: what maintenance drops by the age of files on this
machine's clock – versions of 30 days ago, entries of Delta's logs – stays, raw text goes by the dates of the world.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.table import Table

from jobs.files import write_whole
from schemas import Registry, load_registry
from schemas.days import cut_off
from schemas.deliveries import EXPORTS, received_at
from schemas.deployment import FILE, load_deployment
from tanzhang.homes import LAKE
from tanzhang.keys import tokens_of
from tanzhang.lab.meter import UNITS, Meter, gate_apart
from tanzhang.lab.world import FIRST_DAY, simulate_apart
from tanzhang.screens.console import show

if TYPE_CHECKING:
    from jobs.lake import Lake

MAINTAIN_EVERY = 7
RAW_DAYS = 180
BESIDE = ("ingest", "maintain")
"""Stretches that are no part of a day's run."""
WHOLE = "the run"
SHOWN = (10, 30, 60, 90, 120, 180, 240, 300, 366)
"""Days of which the table tells the median of the week around them."""
SETTLED = 10
"""Day from which on the line is fitted: on the first ones everybody registers."""
EARLY, LATE = 30, 366
"""The days whose fitted costs are held against each other."""

Costs = dict[str, dict[str, float]]
"""By stretch and unit."""
Lines = dict[str, dict[str, float | None]]


def measure(people: int, days: int, shares: Sequence[float], services: float, home: Path, out: Console) -> list[Any]:
    """Run the days of one world for each share of people who bring bills, and print what they cost.

    Returns:
        By world, what every day cost, by stretch and unit, and the lines fitted to it.
    """
    found = []
    for bills in shares:
        folder = home / f"{people}x{days}-bills-{bills:g}-services-{services:g}"
        measured = _days(folder, people, days, ("--bills", str(bills), "--services", str(services)))
        fitted = {unit: fit(measured, unit) for unit in UNITS}
        brought = f"{bills:.0%} of them bring bills" if bills else "no bills"
        for unit in ("cpu_seconds", "bytes_read"):
            _print(f"{people:,} people, {brought}: {unit.replace('_', ' ')}", measured, fitted[unit], unit, out)
        found.append({"people": people, "bills": bills, "services": services, "days": measured, "fitted": fitted})
    return found


def run_date(
    home: Path, registry: Registry, day: date, meter: Meter, *, maintains: bool = False, passes: bool = False
) -> str:
    """Take in what has arrived and account for a date, as a process of its own would after its start.

    Args:
        passes: let every statement that was taken in pass, however unlike the last ones it is.

    Returns:
        How the run ended.
    """
    from jobs.day import ingest, run_day
    from jobs.landing.hold import let_pass
    from jobs.upkeep.maintain import maintain

    with meter.during("ingest"):
        taken = ingest(registry, home, tokens_of(home))
    for one in taken.values() if passes else ():
        for manifest in one.manifests:
            let_pass(home, [manifest], "measured")
    meter.begin("open")
    lake = _opened(home, registry)
    try:
        meter.begin("begin")
        with gate_apart(meter):
            outcome = run_day(lake, registry, home, day, progress=lambda job: meter.begin(_stretch(job)))
    finally:
        lake.close()
        meter.begin(None)
    if maintains:
        with meter.during("maintain"):
            lake = _opened(home, registry)
            maintain(lake, home, raw_days=RAW_DAYS, at=cut_off(day))
            lake.close()
    return outcome.state


def appear(world: Path, home: Path, day: date) -> None:
    """Move what has arrived by the date's cut-off from the simulated world into the home."""
    for folder in sorted((world / EXPORTS).glob("*/*")):
        if received_at(folder.name) < cut_off(day):
            target = home / EXPORTS / folder.parent.name / folder.name
            target.parent.mkdir(parents=True, exist_ok=True)
            folder.rename(target)


def make_home(world: Path, home: Path) -> None:
    """A home that expects who sends in the world, and has nothing yet."""
    (home / EXPORTS).mkdir(parents=True, exist_ok=True)
    shutil.copy(world / FILE, home / FILE)


def fit(measured: Sequence[Mapping[str, Any]], unit: str) -> Lines:
    """The line of least squares through a unit's costs over the days, by stretch.

    Returns:
        Stretch → `slope` a day, and `ratio`: the fitted day 366 ÷ the fitted day 30, None where that is nothing. No line of
        what was measured on one day alone.
    """
    settled = [one for one in measured if one["day"] > SETTLED] if len(measured) > 2 * SETTLED else measured
    found: Lines = {}
    for stretch in stretches(settled):
        points = [(one["day"], cost(one["costs"], stretch, unit)) for one in settled if _has(one["costs"], stretch)]
        if len(points) < 2:
            continue
        at, spent = np.array(points).T
        slope, start = map(float, np.polyfit(at, spent, deg=1))
        early, late = start + slope * EARLY, start + slope * LATE
        found[stretch] = {"slope": slope, "ratio": late / early if early > 0 else None}
    return found


def stretches(measured: Sequence[Mapping[str, Any]]) -> list[str]:
    """Those of a run in order, the run, and what is beside it."""
    every = {name: None for one in measured for name in one["costs"]}
    return [*(name for name in every if name not in BESIDE), WHOLE, *(name for name in BESIDE if name in every)]


def cost(costs: Costs, stretch: str, unit: str) -> float:
    """What a stretch, or the whole run, cost."""
    if stretch == WHOLE:
        return sum(one[unit] for name, one in costs.items() if name not in BESIDE)
    return costs[stretch][unit]


def _has(costs: Costs, stretch: str) -> bool:
    return stretch == WHOLE or stretch in costs


def _stretch(job: str) -> str:
    """What a run calls `publish` begins with the gate."""
    return "gate" if job == "publish" else job


def _opened(home: Path, registry: Registry) -> Lake:
    from jobs.lake import open_lake

    return open_lake("embedded", home / LAKE, registry.under(load_deployment(home, registry.sources)))


def _days(folder: Path, people: int, days: int, more: Sequence[str]) -> list[dict[str, Any]]:
    """What every day cost; measured now where it was not before."""
    world, home, kept = folder / "world", folder / "home", folder / "measured"
    if not (world / FILE).exists():  # it is what a simulation writes last
        shutil.rmtree(folder, ignore_errors=True)
        simulate_apart(people, days, world, *more)
    make_home(world, home)
    kept.mkdir(exist_ok=True)
    registry = load_registry()
    for number in range(1, days + 1):
        path = kept / f"{number:04}.json"
        if path.exists():
            continue
        meter, day = Meter(), FIRST_DAY + timedelta(days=number - 1)
        appear(world, home, day)
        state = run_date(home, registry, day, meter, maintains=number % MAINTAIN_EVERY == 0)
        write_whole(path, json.dumps({"day": number, "state": state, "costs": meter.costs()}).encode())
    measured: list[dict[str, Any]] = [json.loads(path.read_text()) for path in sorted(kept.glob("*.json"))]
    # One that was killed after it had published has nothing left to do.
    return [one for one in measured if one["state"] != "unchanged"]


def _print(title: str, measured: Sequence[Mapping[str, Any]], fitted: Lines, unit: str, out: Console) -> None:
    shown = [day for day in SHOWN if day <= measured[-1]["day"]] or [measured[-1]["day"]]
    table = Table(title=title)
    table.add_column("day")
    for name in (*map(str, shown), "more a day", f"day {LATE} ÷ day {EARLY}"):
        table.add_column(name, justify="right")
    for stretch in stretches(measured):
        cells = [_around(measured, day, stretch, unit) for day in shown]
        line = fitted.get(stretch, {})
        slope, ratio = line.get("slope"), line.get("ratio")
        cells += ["" if slope is None else _said(slope, unit, "+"), "" if ratio is None else f"{ratio:.2f}"]
        table.add_row(stretch, *cells)
    show(out, table)


def _around(measured: Sequence[Mapping[str, Any]], day: int, stretch: str, unit: str) -> str:
    """Median of the days around one."""
    near = [one["costs"] for one in measured if abs(one["day"] - day) <= MAINTAIN_EVERY // 2]
    found = [cost(costs, stretch, unit) for costs in near if _has(costs, stretch)]
    return _said(float(np.median(found)), unit) if found else ""


def _said(amount: float, unit: str, sign: str = "") -> str:
    is_fine = bool(sign)
    if unit == "bytes_read":
        return f"{amount / 1e6:{sign}.{3 if is_fine else 1}f} MB"
    return f"{amount:{sign}.{4 if is_fine else 2}f} s"


def measure_share(accounts: int, share: float, home: Path, out: Console) -> dict[str, Any]:
    """A day on which few of many accounts act, beside the same day on which all do, on the same lake.

    The few are the first of the same people: a world is made block by block, and a block is the same in either.

    Returns:
        What both days cost, by stretch and unit, and the ratio of the runs' CPU.
    """
    few = of_whole_blocks(accounts * share)
    folder = home / f"accounts-{accounts}-{few}"
    homes = {name: folder / f"home-{name}" for name in ("all", "few")}
    shutil.rmtree(folder, ignore_errors=True)
    exact = [word for name in ("late", "corrected", "duplicated", "bills") for word in (f"--{name}", "0")]
    for name, people in (("all", accounts), ("few", few)):
        simulate_apart(people, 2, folder / name, *exact)
    registry = load_registry()
    make_home(folder / "all", homes["all"])
    appear(folder / "all", homes["all"], FIRST_DAY)
    run_date(homes["all"], registry, FIRST_DAY, Meter())
    shutil.copytree(homes["all"], homes["few"], copy_function=os.link)
    found: dict[str, Any] = {"accounts": accounts, "few": few}
    second = FIRST_DAY + timedelta(days=1)
    for path in (folder / "few" / EXPORTS).glob("*/*"):  # what lies in the home already
        if received_at(path.name) < cut_off(FIRST_DAY):
            shutil.rmtree(path)
    for name, folder_of in homes.items():
        meter = Meter()
        appear(folder / name, folder_of, second)
        run_date(folder_of, registry, second, meter, passes=True)
        found[name] = meter.costs()
    runs = {name: cost(found[name], WHOLE, "cpu_seconds") for name in homes}
    found["ratio"] = runs["few"] / runs["all"]
    _print_share(found, out)
    return found


def of_whole_blocks(people: float) -> int:
    """The next number of people that is one of whole blocks of a world of two days."""
    from simulator import PERSON_DAYS

    block = min(2_000, PERSON_DAYS // 2)
    return max(1, -(-round(people) // block)) * block


def _print_share(found: Mapping[str, Any], out: Console) -> None:
    table = Table(title=f"{found['accounts']:,} accounts: {found['few']:,} of them act on a day, or all")
    table.add_column("CPU, s")
    for name in ("all", "few", "few ÷ all"):
        table.add_column(name, justify="right")
    for stretch in stretches([{"costs": found["all"]}, {"costs": found["few"]}]):
        whole, part = (cost(found[name], stretch, "cpu_seconds") for name in ("all", "few"))
        table.add_row(stretch, f"{whole:.2f}", f"{part:.2f}", f"{part / whole:.3f}")
    show(out, table)

"""The made-up world that is shown and measured: its first day, its chance, and making it in a process of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

from rich.console import Console

FIRST_DAY = date(2026, 11, 1)
SEED = 20261101
SERVICES = 0.2
"""Share of people who use what only a demonstration has: cars' makers, tolls, buses, canteens and the like."""
PLACE = "330100"
"""Where everybody lives."""
COMMAND = (sys.executable, "-m", "tanzhang.cli")


def simulate_apart(people: int, days: int, world: Path, *more: str) -> None:
    """The exports of a world, made by the command itself with more of its options, which says nothing."""
    size = ("--people", str(people), "--days", str(days), "--seed", str(SEED))
    _command("simulate", *size, *more, "--home", str(world))


def simulate_landed(people: int, days: int, world: Path, out: Console) -> None:
    """A world with everything landed, unless it is there."""
    if (world / "landed").exists():
        return
    shutil.rmtree(world, ignore_errors=True)
    simulate_apart(people, days, world)
    started = time.perf_counter()
    for job in ("pull", "land"):
        _command("job", job, "--date", str(FIRST_DAY), "--home", str(world))
    out.print(f"{people:,} people: pulled and landed in {time.perf_counter() - started:.1f} s")


def _command(*arguments: str) -> None:
    subprocess.run([*COMMAND, *arguments], check=True, stdout=subprocess.DEVNULL)

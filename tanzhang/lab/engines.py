"""Both engines on the same worlds, each run in a process of its own, figures beside each other."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections import defaultdict
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from jobs.errors import DEGRADED
from tanzhang.lab.world import COMMAND, FIRST_DAY, simulate_landed
from tanzhang.screens.console import show


def measure(sizes: list[int], engines: list[str], days: int, home: Path, out: Console) -> None:
    """Simulate and land a world of every size once, then run it on every engine and print the figures."""
    for people in sizes:
        world = home / str(people)
        simulate_landed(people, days, world, out)
        results = {engine: _run(world, engine, days) for engine in engines}
        _print(people, results, out)


def run_measured(world: Path, folder: str, days: int, engine: str, **environment: str) -> tuple[list[Any], int]:
    """Run the world's dates into a new lake, in a process of its own.

    Returns:
        What every date's run says of itself, and the peak resident bytes.
    """
    shutil.rmtree(world / folder, ignore_errors=True)
    last = FIRST_DAY + timedelta(days=days - 1)
    arguments = ("run", "--from", str(FIRST_DAY), "--to", str(last), "--home", str(world))
    text, peak = measured(*arguments, "--engine", engine, "--lake", folder, "--json", **environment)
    decoder, outcomes = json.JSONDecoder(), []
    while text := text.lstrip():
        outcome, end = decoder.raw_decode(text)
        outcomes.append(outcome)
        text = text[end:]
    return outcomes, peak


def _run(world: Path, engine: str, days: int) -> dict[str, Any]:
    """Seconds by job and in Great Expectations over all dates, rows, commits, wall seconds, peak memory of an engine."""
    started = time.perf_counter()
    outcomes, peak = run_measured(world, f"lake-{engine}", days, engine)
    rows, commits = 0, []
    seconds: dict[str, float] = defaultdict(float)
    gx: dict[str, float] = defaultdict(float)
    for outcome in outcomes:
        for job, spent in outcome["seconds"].items():
            seconds[job] += spent
        for part in ("import", "judge"):
            gx[part] += outcome["figures"].get(f"gx_{part}_seconds", 0.0)
        rows += outcome["appended"].get("silver.rows", 0)
        commits.append(outcome["commits"])
    return {
        "seconds": dict(seconds),
        "gx": dict(gx),
        "rows": rows,
        "commits": max(commits),
        "wall": time.perf_counter() - started,
        "peak_gb": peak / 1e9,
    }


def _print(people: int, results: dict[str, dict[str, Any]], out: Console) -> None:
    table = Table(title=f"{people:,} people")
    table.add_column("job")
    for engine in results:
        table.add_column(f"{engine}, s", justify="right")
        table.add_column("rows/s", justify="right")
    both = len(results) == 2
    if both:
        table.add_column(" ÷ ".join(reversed(list(results))), justify="right")
    jobs = next(iter(results.values()))["seconds"]
    for job in [*jobs, "all jobs", "process"]:
        cells, spent = [], []
        for result in results.values():
            seconds = {"all jobs": sum(result["seconds"].values()), "process": result["wall"]}.get(job)
            spent.append(result["seconds"][job] if seconds is None else seconds)
            cells += [f"{spent[-1]:.1f}", f"{result['rows'] / spent[-1]:,.0f}"]
        table.add_row(job, *cells, *([f"{spent[1] / spent[0]:.1f}"] if both else []))
    show(out, table)
    for engine, result in results.items():
        spent, whole = result["gx"], sum(result["seconds"].values())
        out.print(
            f"  {engine}: {result['rows']:,} rows, at most {result['commits']} commits a run, peak {result['peak_gb']:.1f} GB"
        )
        out.print(
            f"  {engine}: Great Expectations {sum(spent.values()) / whole:.1%} of the run "
            f"({spent['import']:.1f} s to import it once, {spent['judge']:.1f} s to judge)"
        )


def measured(*arguments: str, **environment: str) -> tuple[str, int]:
    """Standard output, and the peak resident bytes of the process and its children together."""
    peak = 0
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen([*COMMAND, *arguments], stdout=output, env=os.environ | environment)
        while process.poll() is None:
            peak = max(peak, _resident(process.pid))
            time.sleep(0.2)
        if process.returncode not in (0, DEGRADED):
            raise SystemExit(f"tanzhang {' '.join(arguments)} ended with {process.returncode}")
        output.seek(0)
        return output.read(), peak


def _resident(root: int) -> int:
    """Resident bytes of a process and all below it."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        top = psutil.Process(root)
        for process in (top, *top.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
    return total

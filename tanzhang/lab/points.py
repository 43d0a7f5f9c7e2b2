"""What programmes cost: one world accounted with kilograms alone, and with programmes that all reward all of it.

Each run is a process of its own with a registry of its own; nothing else differs between them.
"""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from schemas.base import ROOT
from schemas.programmes import FOLDER, load_programmes
from schemas.regions import NATIONAL
from tanzhang.lab.engines import run_measured
from tanzhang.lab.world import FIRST_DAY, simulate_landed
from tanzhang.screens.console import show

NOT_KEPT = "Not part of this measurement."


def measure(people: int, programmes: int, days: int, home: Path, out: Console) -> None:
    """Account for the same landed world without and with programmes, and print what lies between them.

    Args:
        programmes: how many of those whose points are kept, first those that reward most.

    Raises:
        SystemExit: there are not so many, or a run failed.
    """
    ledger = [one for one in load_programmes().values() if one.kept == "ledger"]
    kept = [one.id for one in sorted(ledger, key=lambda one: (-len(one.rewarded), one.id))]
    if programmes > len(kept):
        raise SystemExit(f"{len(kept)} programmes keep points in the ledger; --programmes {programmes} is more")
    world = home / str(people)
    simulate_landed(people, days, world, out)
    alone = _run(world, days, [])
    rewarded = _run(world, days, kept[:programmes])
    for number in range(days):
        _print(f"{people:,} people, {FIRST_DAY + timedelta(days=number)}", alone[number], rewarded[number], out)
    out.print(f"with points: {', '.join(kept[:programmes])}; each as if its region were the whole country")


def _run(world: Path, days: int, kept: list[str]) -> list[dict[str, Any]]:
    """What every date's run says of itself, with the points of these programmes alone."""
    registry = _registry(world / f"registry-{len(kept)}", kept)
    outcomes, peak = run_measured(world, f"lake-{len(kept)}", days, "embedded", TANZHANG_REGISTRY=str(registry))
    return [outcome | {"peak_gb": peak / 1e9} for outcome in outcomes]


def _registry(folder: Path, kept: list[str]) -> Path:
    """The registry, with the points of these programmes alone, and these for acts of every region."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for path in (folder / FOLDER).glob("*.yaml"):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        content |= {"region": NATIONAL} if path.stem in kept else {"kept": "compared", "reason": NOT_KEPT}
        path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return folder


def _print(title: str, alone: dict[str, Any], rewarded: dict[str, Any], out: Console) -> None:
    """Job by job; the jobs before `post` know no points, so that what differs there is chance."""
    table = Table(title=title)
    for name in ("job", "kilograms alone, s", "with points, s", "points, s", "of the run"):
        table.add_column(name, justify="left" if name == "job" else "right")
    concerned = list(rewarded["seconds"])[list(rewarded["seconds"]).index("post") :]
    sums = [
        (name, *(sum(one["seconds"][job] for job in jobs) for one in (alone, rewarded)))
        for name, jobs in ((" + ".join(concerned), concerned), ("all jobs", rewarded["seconds"]))
    ]
    totals = sums[-1][1:]
    rows = [(job, spent, rewarded["seconds"][job]) for job, spent in alone["seconds"].items()]
    for job, before, after in [*rows, *sums]:
        more = after - before
        table.add_row(job, f"{before:.1f}", f"{after:.1f}", f"{more:+.1f}", f"{more / totals[1]:+.1%}")
    show(out, table)
    for name, one in (("kilograms alone", alone), ("with points", rewarded)):
        entries = one["appended"].get("gold.ledger", 0)
        out.print(f"  {name}: {entries:,} entries of the ledger, peak of the process {one['peak_gb']:.1f} GB")

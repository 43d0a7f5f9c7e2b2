"""Runs business dates in a process of its own: engines do not share one, and some tests kill it.

    python -m tests.support.runner HOME LAKE embedded 2026-11-01 2026-11-02 [--full]

Prints one JSON object per date: publication number, state, rows by table, figures.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
COMMITS = (
    "silver.claims",
    "silver.customer_events",
    "silver.redemptions",
    "silver.rows",
    "silver.identity_log",
    "silver.membership",
    "silver.activities",
    "gold.ledger",
    "gold.balances",
    "gold.carbon_records",
    "gold.coverage",
    "gold.quality",
    "gold.publications",
)
"""Every commit of a run, in order; a test holds the list against a run."""
KILL_POINTS = [f"{side}:{table}" for table in COMMITS for side in ("before", "after")]
Outcomes = list[dict[str, Any]]


class RunFailed(Exception):
    """The process ended otherwise than by itself and well; holds its code and what it wrote."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"exit code {code}\n{text[-4000:]}")
        self.code = code


def run_apart(
    home: Path,
    folder: str,
    engine: str,
    dates: Iterable[date],
    *,
    full: bool = False,
    kill: str | None = None,
) -> Outcomes:
    """Run dates on `<home>/<folder>` in another process, whose whole group is gone when this returns.

    Args:
        kill: the commit at which it dies, as `TANZHANG_KILL` wants it: `before:gold.ledger`.

    Raises:
        RunFailed: it died, as with `kill` it should, or failed.
    """
    command = [
        sys.executable,
        "-m",
        "tests.support.runner",
        str(home),
        folder,
        engine,
        *(day.isoformat() for day in dates),
    ]
    process = subprocess.Popen(
        [*command, *(["--full"] if full else [])],
        cwd=ROOT,
        env=os.environ | ({"TANZHANG_KILL": kill} if kill else {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, errors = process.communicate()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # a power cut takes Spark's JVM as well
    if process.returncode:
        raise RunFailed(process.returncode, errors)
    return [json.loads(line) for line in out.splitlines() if line.startswith("{")]


def died(does: Callable[..., None], *arguments: Any) -> None:
    """Call something that must die of SIGKILL, in a fork of a process that imported everything and opened no engine."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.support.warm"])
    process = processes.Process(target=does, args=arguments)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", str(ROOT))
        process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def command_killed(arguments: list[str], point: str) -> None:
    """Call the command, and die at a commit."""
    os.environ["TANZHANG_KILL"] = point
    from typer.testing import CliRunner

    from tanzhang.cli import app

    CliRunner().invoke(app, arguments)


def migration_killed(home: Path, root: Path, point: str) -> None:
    """Migrate the home's lake to the registry of a folder, and die at a commit."""
    os.environ["TANZHANG_KILL"] = point
    from jobs.lake import open_lake
    from jobs.upkeep.migrate import migrate
    from schemas import load_registry

    migrate(open_lake("embedded", home / "lake", load_registry(root), as_it_is=True), home)


def run_killed(home: Path, folder: str, day: date, point: str) -> None:
    """In a process of the fork server that `tests.support.warm` prepared: run a date, and die at a commit."""
    os.environ["TANZHANG_KILL"] = point
    import expectations
    from tests.support import judged
    from tests.support.warm import REGISTRY
    from tests.support.worlds import embedded_lake, run_days

    expectations.judge = judged.remembered
    run_days(embedded_lake(home, REGISTRY, folder), home, [day])


def run_killed_in_a_bucket(let_in: dict[str, str], home: Path, folder: str, day: date, point: str) -> None:
    """As `run_killed`, with what lets into the bucket: the fork server may be older than it."""
    os.environ.update(let_in)
    run_killed(home, folder, day, point)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path)
    parser.add_argument("folder")
    parser.add_argument("engine")
    parser.add_argument("dates", nargs="+", type=date.fromisoformat)
    parser.add_argument("--full", action="store_true")
    asked = parser.parse_args()

    from jobs.day import run_day
    from jobs.lake import open_lake
    from schemas import load_registry

    registry = load_registry()
    lake = open_lake(asked.engine, asked.home / asked.folder, registry)
    for day in asked.dates:
        outcome = run_day(lake, registry, asked.home, day, full=asked.full)
        said = {"seq": outcome.seq, "state": outcome.state, "appended": outcome.appended}
        print(json.dumps({**said, "commits": outcome.commits, "figures": outcome.figures}), flush=True)
    lake.close()


if __name__ == "__main__":
    main()

"""Simulated worlds for the tests, run on the embedded engine of this process.

What is asked for again is copied: a world by its arguments, and a lake by the days that were run for it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from jobs.lake import Lake, choose_engine, open_lake
from jobs.landing.tokens import Tokens
from schemas import Registry
from schemas.deployment import FILE
from simulator import simulate
from tanzhang.homes import expect_senders, lake_path
from tests.support.registries import shipped

if TYPE_CHECKING:
    from jobs.runs.journal import Outcome

FIRST_DAY = date(2026, 11, 1)


def days(count: int) -> list[date]:
    """The first business dates of a world."""
    return [FIRST_DAY + timedelta(days=number) for number in range(count)]


class Ran(NamedTuple):
    """A run: its outcome, and the tables that it committed, in order."""

    outcome: Outcome
    commits: list[str]


@dataclass
class _World:
    """A landed world as it was first made, and lakes `days_1`, `days_2` … after so many of its runs."""

    home: Path
    registry: Registry
    runs: list[Ran] = field(default_factory=list)


_made: dict[tuple[Any, ...], _World] = {}
_of: dict[Path, _World] = {}
"""Home → the world that it is a copy of."""


@cache
def _folder() -> TemporaryDirectory[str]:
    """Where they are, until the process ends."""
    return TemporaryDirectory(prefix="worlds-")


def make_world(
    home: Path, people: int, day_count: int, seed: int, registry: Registry | None = None, **shares: float
) -> Path:
    """Simulate a world and land its exports, or copy the one that was; returns its home folder."""
    registry = registry or shipped()
    key = (people, day_count, seed, registry.digest, *sorted(shares.items()))
    if key not in _made:
        made = Path(_folder().name, str(len(_made)))
        simulate(made, people, day_count, seed, FIRST_DAY, **shares)
        expect_senders(made, FIRST_DAY)
        land_world(made, registry)
        _made[key] = _World(made, registry)
    world = _made[key]
    for folder in ("exports", "landing", "landed", "truth"):
        shutil.copytree(world.home / folder, home / folder)
    shutil.copy(world.home / FILE, home / FILE)
    _of[home] = world
    return home


def usual_world(home: Path) -> Path:
    """Four days in which much came late and much was corrected: the world of most tests that need any."""
    return make_world(home, 120, 4, seed=11, late=0.3, corrected=0.3)


def rich_world(home: Path) -> Path:
    """Five days of enough people that every kind of entry, grade and tier is there, for those who read a lake."""
    shares = {"late": 0.25, "corrected": 0.2, "duplicated": 0.1, "bills": 0.2, "shared_phones": 0.05}
    return make_world(home, 300, 5, 23, **shares)


def accounted(home: Path, day_count: int, folder: str = "lake") -> list[Ran]:
    """Put the lake of a home's world there, as runs for its first days one by one leave it.

    Returns:
        These runs. Their records, below `runs` of a home, are not there.
    """
    world = _of[home]
    for number, day in enumerate(days(day_count), start=1):
        if number > len(world.runs):
            if number > 1:
                shutil.copytree(world.home / f"days_{number - 1}", world.home / f"days_{number}")
            lake = embedded_lake(world.home, world.registry, f"days_{number}")
            [outcome] = run_days(lake, world.home, [day])
            world.runs.append(Ran(outcome, list(lake.commits)))
    shutil.copytree(world.home / f"days_{day_count}", home / folder)
    return world.runs[:day_count]


def land_world(home: Path, registry: Registry | None = None) -> None:
    """Pull and land what lies in the home's exports, without a mistake of ours."""
    from jobs.day import ingest

    done = ingest(registry or shipped(), home, Tokens.from_env())
    assert not {source: one.problem for source, one in done.items() if one.problem}
    assert not [one for found in done.values() for one in (*found.receipts, *found.manifests) if one.is_internal]


def embedded_lake(home: Path, registry: Registry | None = None, folder: str = "lake") -> Lake:
    """The home's lake on the embedded engine, which gets one thread: another lane has the other core.

    Args:
        folder: as `--lake` has it, so maybe in a bucket.
    """
    choose_engine("embedded")
    lake = open_lake("embedded", lake_path(home, folder), registry or shipped())
    from jobs.lake.embedded import EmbeddedLake

    assert isinstance(lake, EmbeddedLake)
    lake.connection.execute("SET threads = 1")
    return lake


def run_days(lake: Lake, home: Path, dates: Iterable[date], **options: Any) -> list[Any]:
    """One run per business date; returns their outcomes."""
    from jobs.day import run_day

    return [run_day(lake, lake.registry, home, day, **options) for day in dates]


def rows(lake: Lake, table: str) -> list[dict[str, Any]]:
    """Every row of a table."""
    found: list[dict[str, Any]] = lake.to_arrow(lake.read(table)).to_pylist()
    return found

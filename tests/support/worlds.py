"""Simulated worlds for the tests, run on the embedded engine of this process."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from jobs.lake import Lake, choose_engine, open_lake
from jobs.lake.embedded import EmbeddedLake
from jobs.landing.tokens import Tokens
from schemas import Registry, load_registry
from simulator import simulate

FIRST_DAY = date(2026, 11, 1)


def days(count: int) -> list[date]:
    """The first business dates of a world."""
    return [FIRST_DAY + timedelta(days=number) for number in range(count)]


def make_world(
    home: Path, people: int, day_count: int, seed: int, registry: Registry | None = None, **shares: float
) -> Path:
    """Simulate a world and land its exports; returns its home folder."""
    simulate(home, people, day_count, seed, FIRST_DAY, **shares)
    land_world(home, registry)
    return home


def land_world(home: Path, registry: Registry | None = None) -> None:
    """Pull and land what lies in the home's exports."""
    from jobs.day import ingest

    ingest(registry or load_registry(), home, Tokens.from_env())


def embedded_lake(home: Path, registry: Registry | None = None, folder: str = "lake") -> Lake:
    """The home's lake on the embedded engine, which gets one thread: another lane has the other core."""
    choose_engine("embedded")
    lake = open_lake("embedded", home / folder, registry or load_registry())
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

"""`tanzhang programmes rank`: groups of people beside each other, never people."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from tanzhang.shell import HOME, Engine, Home, OnEngine, lake_of, last_date, out, say_json

if TYPE_CHECKING:
    from jobs.reading.rankings import Ranking
    from schemas import Registry


class By(str, Enum):
    """What the groups are."""

    region = "region"
    programme = "programme"
    team = "team"


def rank(
    by: Annotated[By, typer.Option(help="Of whose acts: places, programmes, or the teams of a programme.")],
    period: Annotated[str, typer.Option(help="A month or a year of acts, such as 2026-11 or 2026.")],
    day: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help="As published for this date; the last one unless told."),
    ] = None,
    programme: Annotated[str | None, typer.Option(help="Only acts that it rewards; for teams whose they are.")] = None,
    home: Home = HOME,
    engine: OnEngine = Engine.embedded,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on one line.")] = False,
) -> None:
    """What groups of people reduced, the most by person first, from published figures only.

    Groups of too few people are not shown, nor as many more as would give them away.
    """
    from jobs.reading.rankings import rank as ranked

    with lake_of(home, engine) as lake:
        found = ranked(lake, lake.registry, day.date() if day else last_date(lake), by.value, period, programme)
        if as_json:
            say_json(found)
        else:
            _show(lake.registry, found)


def _show(registry: Registry, found: Ranking) -> None:
    from tanzhang.report.words import Words

    words = Words()

    def name(key: str) -> str:
        if found.by == "programme":
            return registry.programmes[key].name
        if found.by == "team" and found.programme:
            teams = registry.programmes[found.programme].teams
            return next((team.name for team in teams.teams if team.id == key), key) if teams else key
        return f"{words.region(key).zh} {key}"

    of = f", acts that {registry.programmes[found.programme].name} rewards" if found.programme else ""
    table = Table(title=f"By {found.by}, {found.period}, as published for {found.business_date}{of}")
    table.add_column(found.by, no_wrap=True)
    for title in ("people", "g a person", "kg", "points"):
        table.add_column(title, justify="right", no_wrap=True)
    for one in found.groups:
        points = "·" if one.points is None else f"{one.points:,}"
        mass = f"{one.reduction_mg / 1e6:,.3f}"
        table.add_row(name(one.key), f"{one.people:,}", f"{one.each_mg // 1000:,}", mass, points)
    out.print(table)
    if found.withheld:
        groups = "group" if found.withheld == 1 else "groups"
        out.print(f"{found.withheld} more {groups} of too few people, or beside such, are not shown")

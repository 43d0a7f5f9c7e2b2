"""`tanzhang programmes rank`: groups of people beside each other, never people."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated

import typer

from tanzhang.screens import programmes as screen
from tanzhang.shell import DAY, HOME, AsJson, Engine, Home, OnEngine, lake_of, last_date, out, say_json


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
        typer.Option("--date", formats=DAY, help="As published for this date; the last one unless told."),
    ] = None,
    programme: Annotated[str | None, typer.Option(help="Only acts that it rewards; for teams whose they are.")] = None,
    home: Home = HOME,
    engine: OnEngine = Engine.embedded,
    as_json: AsJson = False,
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
            screen.ranking(out, lake.registry, found)

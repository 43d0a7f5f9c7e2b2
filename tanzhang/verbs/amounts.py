"""How much of an act somebody means, and where: the options that verbs about a single act share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from jobs.errors import NOT_FOUND, USAGE
from tanzhang.shell import fail

Region = Annotated[str, typer.Option(help="Six-digit code of the division where it was done.")]
Distance = Annotated[str | None, typer.Option(help="Such as 12km.")]
Steps = Annotated[str | None, typer.Option(help="Such as 8000.")]
Mass = Annotated[str | None, typer.Option(help="Such as 1.5kg or 3jin.")]
Energy = Annotated[str | None, typer.Option(help="Such as 30kWh; with --own-baseline what was metered.")]
Volume = Annotated[str | None, typer.Option(help="Such as 5m3.")]
Count = Annotated[str | None, typer.Option(help="Acts, statements, nights or hours, such as 2.")]
Amount = Annotated[str | None, typer.Option(help="Any of these, such as '12 km'.")]


def said(**options: str | None) -> dict[str, str]:
    """The options that were given."""
    return {name: text for name, text in options.items() if text is not None}


def checked_region(region: str) -> None:
    """Fail where a region is no code of a division."""
    if not re.fullmatch(r"[0-9]{6}", region):
        fail(f"region {region} is no six-digit code of a division, such as 330100", USAGE)


@contextmanager
def understood() -> Iterator[None]:
    """Fail where what was said of an act means no scenario, several, or no amount of it."""
    from schemas.answers.calculator import UnclearScenario, UnknownScenario
    from schemas.units import UnitError

    try:
        yield
    except UnknownScenario as error:
        fail(str(error), NOT_FOUND)
    except (UnitError, UnclearScenario) as error:
        fail(str(error), USAGE)

"""What every verb of the command shares: where it prints, which lake it opens, how it fails."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console

from tanzhang.keys import KeysMissing

if TYPE_CHECKING:
    from jobs.lake import Lake

USAGE, DEGRADED, BLOCKED, NOT_FOUND, BUSY = 2, 3, 4, 5, 6
"""Exit codes."""

out = Console(width=None if sys.stdout.isatty() else 150, soft_wrap=False)
err = Console(stderr=True)


class Engine(str, Enum):
    """What computes: DuckDB in this process, or Spark."""

    embedded = "embedded"
    spark = "spark"


Home = Annotated[Path, typer.Option(help="Folder of the deployment.", envvar="TANZHANG_HOME")]
OnEngine = Annotated[
    Engine,
    typer.Option(help="embedded: DuckDB, no Java. spark: in process, or SPARK_REMOTE.", envvar="TANZHANG_ENGINE"),
]
HOME = Path("home/main")
Registry = Annotated[
    Path | None,
    typer.Option(help="Folder of another registry than the one in force.", exists=True, file_okay=False),
]


@contextmanager
def foreseen() -> Iterator[None]:
    """Every foreseen failure as one clear line and its exit code."""
    from jobs.errors import Busy, NoRanking, NotAsPublished, NotFound, PublicationBlocked, RunError, SetupError
    from jobs.lake import FormatError
    from jobs.landing.tokens import TokenKeyError
    from schemas import RegistryError

    try:
        yield
    except (RegistryError, SetupError, KeysMissing, TokenKeyError, RunError, FormatError, NoRanking) as error:
        fail(str(error), USAGE)
    except Busy as error:
        fail(str(error), BUSY)
    except (PublicationBlocked, NotAsPublished) as error:
        fail(str(error), BLOCKED)
    except NotFound as error:
        fail(str(error), NOT_FOUND)


@contextmanager
def lake_of(home: Path, engine: Engine, folder: str = "lake", *, as_it_is: bool = False) -> Iterator[Lake]:
    """The home's lake, closed in the end; `as_it_is` whatever code wrote it."""
    from jobs.lake import open_lake
    from schemas import load_registry

    with foreseen():
        lake = open_lake(engine.value, home / folder, load_registry(), as_it_is=as_it_is)
        try:
            yield lake
        finally:
            lake.close()


def last_date(lake: Lake) -> date:
    """The business date that was published last."""
    from jobs.lake.chain import last_publication

    published = last_publication(lake).business_date
    if published is None:
        fail("nothing was published yet; say --date D", USAGE)
    return published


def registry_at(folder: Path | None) -> Path:
    """The folder of the registry that is asked about: the one in force unless another is named."""
    from schemas.base import ROOT

    return folder or ROOT


def say_json(content: object) -> None:
    """One JSON document on one line, dataclasses, instants and exact fractions in it too. Not by rich, which would break the line."""
    typer.echo(json.dumps(content, default=_plain))


def _plain(value: Any) -> Any:
    is_record = dataclasses.is_dataclass(value) and not isinstance(value, type)
    if is_record:
        return dataclasses.asdict(value)
    return str(value) if isinstance(value, Fraction) else value.isoformat()


def fail(text: str, code: int) -> NoReturn:
    err.print(f"[red]{text}[/red]")
    raise typer.Exit(code)

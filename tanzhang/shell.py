"""What every verb of the command shares: where it prints, its common options, which lake it opens, how it fails."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from typer.core import TyperGroup

from jobs.bucket import SCHEME, BucketPath
from jobs.errors import USAGE
from jobs.settings import settings
from schemas.errors import Foreseen
from tanzhang.homes import hold, lake_path

if TYPE_CHECKING:
    from jobs.lake import Lake


_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
"""What a terminal would obey or hide: controls, marks of direction, and what is no character by itself."""


def shown(text: str) -> str:
    """A text as a terminal may have it: what it would obey or hide stands there as a sign of the same width."""
    return _UNSEEN.sub(lambda one: chr(0x2400 + ord(one[0])) if ord(one[0]) < 0x20 else "\ufffd", text)


class _Plain(Console):
    """A console that obeys nothing of what it is given to print."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments of a renderable, all of them seen."""
        for one in super().render(renderable, options):
            yield one if one.control else Segment(shown(one.text), one.style)


def console(*, stderr: bool = False, width: int | None = None) -> Console:
    """Where things are printed as they are: what comes from data, names and errors is no markup, emoji or command."""
    return _Plain(stderr=stderr, width=width, markup=False, highlight=False, emoji=False)


out = console(width=None if sys.stdout.isatty() else 150)
err = console(stderr=True)


class Engine(str, Enum):
    """What computes: DuckDB in this process, or Spark."""

    embedded = "embedded"
    spark = "spark"


# -- options that several verbs have

HOME = Path("home/main")
DAY = ["%Y-%m-%d"]
"""How dates are written."""


def _home(folder: Path) -> Path:
    hold(folder)
    return folder


NewHome = Annotated[Path, typer.Option(help="Folder of the deployment.", envvar="TANZHANG_HOME")]
"""Of verbs that make one."""
Home = Annotated[Path, typer.Option(help="Folder of the deployment.", envvar="TANZHANG_HOME", callback=_home)]
OnEngine = Annotated[
    Engine,
    typer.Option(help="embedded: DuckDB, no Java. spark: in process, or SPARK_REMOTE.", envvar="TANZHANG_ENGINE"),
]


def _folder(name: str) -> str:
    if name.startswith(SCHEME):
        return str(BucketPath.of(name))
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) or ".." in name or name in NOT_LAKES:
        raise typer.BadParameter(
            f"{name!r} is no name of a lake's folder: one plain name below home, none of its others, or s3://BUCKET/FOLDER"
        )
    return name


NOT_LAKES = ("exports", "landing", "landed", "runs", "docs", "truth")
LakeFolder = Annotated[
    str,
    typer.Option(
        "--lake",
        help="Folder of the tables below home, or s3://BUCKET/FOLDER.",
        envvar="TANZHANG_LAKE",
        callback=_folder,
    ),
]
BusinessDate = Annotated[datetime, typer.Option("--date", formats=DAY, help="Business date.")]
ActDate = Annotated[datetime, typer.Option("--date", formats=DAY, help="Local date of the act.")]
Registry = Annotated[
    Path | None,
    typer.Option(help="Folder of another registry than the one in force.", exists=True, file_okay=False),
]
OneInstitution = Annotated[str | None, typer.Option(help="Only this institution.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on one line.")]


# -- how a verb ends


class Verbs(TyperGroup):
    """A group of verbs that fail alike."""

    def invoke(self, ctx: Any) -> Any:
        """Carry out a verb; what fails and is foreseen is said as it is, not wrapped, with its exit code."""
        try:
            return super().invoke(ctx)
        except Foreseen as error:
            fail(str(error), error.exit_code)
        except OSError as error:  # of a verb that opens no lake, or before it does
            from jobs.lake.failures import foreseen

            meant = foreseen(str(error.filename or ctx.info_name), error)
            if meant is None:
                raise
            fail(str(meant), meant.exit_code)
        except typer.BadParameter as error:  # Typer's own would break a file's name at the edge of its frame
            fail(error.format_message(), USAGE)


def fail(text: str, code: int) -> NoReturn:
    """End with one clear text and an exit code."""
    say_error(text)
    raise typer.Exit(code)


def say_error(text: str) -> None:
    """A text on standard error, to the letter: where it is longer than a line, the terminal breaks it."""
    err.print(text, style="red", soft_wrap=True)


def say_json(content: object, indent: int | None = None) -> None:
    """One JSON document: dataclasses and models in it are objects, dates ISO 8601, fractions text.

    On one line, in ASCII; with `indent` on many, for people. Not by rich, which would break the line.
    """
    from pydantic import TypeAdapter

    plain = TypeAdapter(Any).dump_python(content)
    text = json.dumps(plain, default=_text, indent=indent, ensure_ascii=indent is None)
    typer.echo(_UNSEEN.sub(lambda one: one[0] if one[0] == "\n" else f"\\u{ord(one[0]):04x}", text))


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)  # an instant is a date, too


# -- what a verb opens


@contextmanager
def lake_of(home: Path, engine: Engine, folder: str | None = None, *, as_it_is: bool = False) -> Iterator[Lake]:
    """The home's lake – unless told the one of `TANZHANG_LAKE` –, closed in the end; `as_it_is` whatever code wrote it.

    Raises:
        StorageError, NotAsPublished: the disk, or a file of a table, cannot be used.
    """
    from jobs.lake import open_lake, told
    from schemas import load_registry
    from schemas.deployment import load_deployment

    registry = load_registry()
    credited = registry.under(load_deployment(home, registry.sources))
    path = lake_path(home, folder or _folder(settings().lake))
    with told(str(path)):
        spill = {"spill": home / "_spill"} if isinstance(path, BucketPath) else {}
        lake = open_lake(engine.value, path, credited, as_it_is=as_it_is, **spill)
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

"""`tanzhang report`: one publication as one HTML file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from jobs.errors import USAGE, NotFound
from tanzhang.shell import DAY, HOME, Engine, Home, OnEngine, fail, lake_of, out

FOLDER = "reports"


def report(
    day: Annotated[
        datetime | None, typer.Option("--date", formats=DAY, help="The newest publication of this date.")
    ] = None,
    publication: Annotated[int | None, typer.Option(min=1, help="This publication; the newest unless told.")] = None,
    to: Annotated[
        Path | None, typer.Option("--out", help="The HTML to write, instead of one in the home's reports/.")
    ] = None,
    home: Home = HOME,
    engine: OnEngine = Engine.embedded,
) -> None:
    """One publication as a page: kilograms, what became of every row and claim, institutions, gates, restatements.

    One HTML file that needs no network, in Chinese and English. It holds sums only, nothing about any person, and is the
    same to the byte whenever it is made.
    """
    from jobs.files import write_whole
    from jobs.lake.chain import last_publication, publication_for
    from jobs.reading.report import report as read
    from tanzhang.report.page import page

    if day is not None and publication is not None:
        fail("say --date or --publication, not both", USAGE)
    with lake_of(home, engine) as lake:
        if publication is None:
            publication = publication_for(lake, day.date()) if day else last_publication(lake).seq
        if not publication:
            raise NotFound(f"nothing was published in {home} yet")
        told = read(lake, publication)
        path = to or home / FOLDER / f"{told.publication.business_date}-{publication}.html"
        write_whole(path, page(told, lake.registry).encode())
    out.print(str(path), soft_wrap=True)

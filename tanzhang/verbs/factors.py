"""`tanzhang factors`: the library to look at, to check and to compare."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from jobs.errors import DEGRADED, NOT_FOUND, USAGE
from tanzhang.homes import hold
from tanzhang.screens import factors as tables
from tanzhang.screens.console import progress
from tanzhang.screens.day import outcome_line
from tanzhang.shell import (
    HOME,
    AsJson,
    Engine,
    Home,
    OnEngine,
    Registry,
    err,
    fail,
    lake_of,
    out,
    registry_at,
    say_json,
)
from tanzhang.verbs.amounts import checked_region

REVIEW_AHEAD = timedelta(days=180)
"""How long before a figure ends for want of a review `validate` says so."""

app = typer.Typer(help="The factor library: shown, checked, compared, released.", no_args_is_help=True)


@app.command()
def show(
    name: Annotated[
        str | None, typer.Argument(help="A factor, one of its series, or a scenario; all unless told.")
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="A division's code: what acts of every scenario are worth there, by grade.")
    ] = None,
    on: Annotated[
        datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="Act date; today unless told.")
    ] = None,
    institution: Annotated[
        str | None, typer.Option(help="Who reports the acts, for a programme's own amounts.")
    ] = None,
    home: Annotated[Path | None, typer.Option(help="A deployment, which says what is credited.")] = None,
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """Every figure with what it is of; or those of one factor or scenario with everything that they rest on.

    With --region instead what acts there are worth, how well founded that is, or why they are worth nothing.
    """
    from schemas.library import load_library

    if home is not None:
        hold(home)
    if region is not None:
        _show_credited(registry_at(registry), region, on, institution, home, as_json=as_json)
        return
    library = load_library(registry_at(registry))
    used = library.used_by
    if name is None:
        files = list(library.factors.values())
    elif name in library.scenarios:
        files = [file for file in library.factors.values() if name in used.get(file.id, ())]
        if not files:
            fail(f"{name} has no factor: {library.scenarios[name].no_factor_reason}", NOT_FOUND)
    else:
        files = [file for file in library.factors.values() if name in (file.id, *(one.id for one in file.series))]
        if not files:
            fail(f"{name} is no factor, no series and no scenario; tanzhang factors show lists them", NOT_FOUND)
    if as_json:
        say_json([file.model_dump(mode="json") | {"scenarios": used.get(file.id, [])} for file in files])
    elif name is None:
        tables.figures(out, files, used)
    else:
        for file in files:
            tables.provenance(out, file, used.get(file.id, []))


def _show_credited(
    root: Path, region: str, on: datetime | None, institution: str | None, home: Path | None, *, as_json: bool
) -> None:
    """What acts of every scenario are worth in a place."""
    from schemas import load_registry
    from schemas.answers.credited import credited
    from schemas.deployment import load_deployment

    checked_region(region)
    loaded = load_registry(root)
    if institution is not None and institution not in loaded.sources:
        fail(f"{institution} is no institution; there are {', '.join(loaded.sources)}", NOT_FOUND)
    deployment = load_deployment(home, loaded.sources) if home else None
    day = on.date() if on else date.today()
    found = credited(loaded.under(deployment).library, region, day, institution)
    if as_json:
        say_json([dataclasses.asdict(one) for one in found])
    else:
        who = f", reported by {institution}" if institution else ""
        tables.credited(out, found, f"{region} on {day}{who}")


@app.command()
def validate(
    against: Annotated[
        str | None,
        typer.Option(
            help="A git revision, a registry's folder or lock: nothing released there was altered. "
            "Unless told, the lock that lies in the registry."
        ),
    ] = None,
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """Load the registry strictly, and hold it against one that was released. Exit code 2: it may not be used, and why."""
    from schemas import load_registry
    from schemas.answers.changes import as_filed, refusals
    from schemas.answers.credited import due_for_review
    from schemas.answers.released import LOCK
    from schemas.sources.warnings import warnings_of
    from tanzhang.revisions import registry_of

    root = registry_at(registry)
    if against is None and (root / LOCK).is_file():
        against = str(root / LOCK)
    loaded = load_registry(root)
    checked = loaded.library.counts
    refused: list[str] = []
    if against is not None:
        with registry_of(against, root) as base:
            refused = refusals(as_filed(base), as_filed(root), loaded.regions)
    warned = [
        f"sources/{source.id}.yaml: {one.text}"
        for source in loaded.sources.values()
        for one in warnings_of(source, loaded.scenarios)
    ]
    warned += [
        f"factors/{file}.yaml: {one.id} is not applied from {one.review.by} on: {one.review.why}. Look at it again"
        for file, one in due_for_review(loaded.library, date.today() + REVIEW_AHEAD)
        if one.review
    ]
    if as_json:
        say_json({"checked": checked, "against": against, "refused": refused, "warnings": warned})
    else:
        tables.checked(out, checked, against, refused)
        for text in warned:
            out.print(f"warning: {text}", soft_wrap=True)
    if refused:
        raise typer.Exit(USAGE)


@app.command()
def diff(
    base: Annotated[str, typer.Argument(help="A git revision, such as origin/main, or a registry's folder.")],
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """What became of every series since a release, and where a scenario's answer is another one."""
    from schemas import load_registry
    from schemas.answers.changes import answer_changes, as_filed, series_changes
    from tanzhang.revisions import registry_of

    root = registry_at(registry)
    with registry_of(base, root) as folder:
        before, now = as_filed(folder), as_filed(root)
        regions = load_registry(root).regions
    series, answers = series_changes(before, now), answer_changes(before, now, regions)
    if as_json:
        say_json({"series": series, "answers": answers})
    else:
        tables.changes(out, series, answers)


@app.command()
def release(
    home: Home = HOME,
    engine: OnEngine = Engine.embedded,
    post: Annotated[bool, typer.Option("--post", help="Post it; without, the tables end as they were.")] = False,
    as_json: AsJson = False,
) -> None:
    """What the registry as it stands changes on the published world, by scenario and factor; with --post it is posted.

    Everything is computed again from the landed files as of the last published date, and only differences are posted.
    New exports are not taken in: that is for the next date's run.
    """
    from jobs.upkeep.release import foretell_release, post_release

    with lake_of(home, engine) as lake:
        if not post:
            told, outcome = foretell_release(lake, lake.registry, home), None
        else:
            with progress(err) as bar:
                outcome, told = post_release(lake, lake.registry, home, lambda job: bar.step(job, 6))
        if as_json:
            say_json(dataclasses.asdict(told) | {"publication": outcome.seq if outcome else None})
        else:
            tables.release(out, told, lake.registry, is_posted=post)
            if outcome:
                out.print(outcome_line(outcome))
    if outcome and outcome.state == "degraded":
        raise typer.Exit(DEGRADED)


@app.command()
def wanted(
    home: Home = HOME,
    engine: OnEngine = Engine.embedded,
    landing: Annotated[
        bool,
        typer.Option(
            "--landing",
            help="Names of merchants instead, from the raw files that landing still has; they are not kept.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """What would unlock most: acts that nothing quantifies by scenario and region, spend of no known category by feed."""
    if landing:
        _wanted_names(home, as_json)
        return
    from jobs.reading.unknown_merchants import unknown_spend
    from jobs.reading.unquantified import wanted as acts

    with lake_of(home, engine) as lake:
        found, spend = acts(lake), unknown_spend(lake)
        if as_json:
            say_json({"acts": found, "spend": spend})
        else:
            tables.wanted(out, found, lake.registry)
            tables.unknown_spend(out, spend, lake.registry)


def _wanted_names(home: Path, as_json: bool) -> None:
    from jobs.reading.unknown_merchants import unknown_names
    from schemas import load_registry

    loaded = load_registry()
    found, untold = unknown_names(loaded, home)
    if as_json:
        keys = ("institution", "name", "payments", "fen")
        names = [{key: getattr(one, key) for key in keys} for one in found]
        say_json({"names": names, "untold": untold})
    else:
        tables.unknown_names(out, found, untold, loaded)

"""`tanzhang status`: what came from whom, what became of it, and how every publication came about."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tanzhang.homes import LAKE
from tanzhang.screens import status as screen
from tanzhang.shell import DAY, HOME, AsJson, Engine, Home, LakeFolder, OnEngine, lake_of, out, say_json

if TYPE_CHECKING:
    from jobs.reading.status import Status


def status(
    home: Home = HOME,
    engine: OnEngine = Engine.embedded,
    day: Annotated[datetime | None, typer.Option("--date", formats=DAY, help="Only this business date.")] = None,
    as_json: AsJson = False,
    folder: LakeFolder = LAKE,
) -> None:
    """What came from whom, what became of it, and how every publication came about."""
    from jobs.landing.manifests import LANDING, manifest_paths, manifests_at, newest_landings
    from jobs.landing.receipts import load_receipts
    from jobs.reading.history import publications, unpublished
    from jobs.reading.intake import intakes
    from jobs.reading.status import status as total

    only = day.date() if day else None
    with lake_of(home, engine, folder) as lake:
        sources = lake.registry.sources.values()
        receipts = [one for source in sources for one in load_receipts(source, home / LANDING, only)]
        files = [one for path in manifest_paths(home, "*", "*", only or "*") for one in manifests_at(path)]
        received = intakes(lake, receipts, newest_landings(files), only)
        published, ended = publications(lake, home, only), unpublished(lake, home, only)
        state = None if only else total(lake, home)
    if as_json:
        runs = [{**record.model_dump(), "outcome": how} for record, how in ended]
        content = {
            "intakes": received,
            "publications": published,
            "unpublished": runs,
            **(_totals(state) if state else {}),
        }
        say_json(content)
        return
    if state:
        screen.status(out, state, lake.registry)
    screen.intakes(out, received)
    screen.publications(out, published, ended)


def _totals(state: Status) -> dict[str, Any]:
    """The state without what receipts say of their files."""
    refused = [(one.institution, one.arrival, [fault.code for fault in one.errors]) for one in state.refused]
    return {
        "adds_up": state.adds_up,
        "stated": state.stated,
        "figures": state.figures,
        "emissions": {
            "milligrams": state.emissions.milligrams,
            "spent_fen": state.emissions.spent_fen,
            "known_fen": state.emissions.known_fen,
        },
        "points": [{**dataclasses.asdict(one), "balance": one.balance} for one in state.points],
        "beyond": state.beyond,
        "dispositions": state.dispositions,
        "outcomes": state.outcomes,
        "refused_deliveries": [dict(zip(("institution", "arrival", "codes"), one)) for one in refused],
    }

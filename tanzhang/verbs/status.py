"""`tanzhang status`: what came from whom, what became of it, and how every publication came about."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from tanzhang.screens import status as screen
from tanzhang.shell import HOME, Engine, Home, OnEngine, lake_of, out, say_json

if TYPE_CHECKING:
    from jobs.reading.history import Published
    from jobs.reading.intake import Intake
    from jobs.reading.status import Status
    from jobs.runs.journal import RunRecord


def status(
    home: Home = HOME,
    engine: OnEngine = Engine.embedded,
    day: Annotated[
        datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="Only this business date.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for a scheduler.")] = False,
    folder: Annotated[str, typer.Option("--lake", help="Folder of the tables below home.")] = "lake",
) -> None:
    """What came from whom, what became of it, and how every publication came about."""
    from jobs.landing.manifests import LANDING, load_manifests, newest_landings
    from jobs.landing.receipts import load_receipts
    from jobs.reading.history import publications, unpublished
    from jobs.reading.intake import intakes
    from jobs.reading.status import status as total

    only = day.date() if day else None
    with lake_of(home, engine, folder) as lake:
        receipts = [one for source in lake.registry.sources.values() for one in load_receipts(source, home / LANDING)]
        received = intakes(lake, receipts, newest_landings(load_manifests(home)), only)
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
    _show_intakes(received)
    _show_publications(published, ended)


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


def _show_intakes(intakes: list[Intake]) -> None:
    """Per institution and date: deliveries, files, what was used, what is late or missing."""
    table = Table(title="Received, and what of it was used")
    for name in ("date", "institution"):
        table.add_column(name, no_wrap=True)
    for name in ("deliveries", "turned away", "repeats", "files", "accepted", "held", "consumed", "late"):
        table.add_column(name, justify="right")
    table.add_column("missing")
    for one in intakes:
        counts = (
            one.deliveries,
            one.turned_away,
            one.repeats,
            one.files,
            one.accepted,
            one.held,
            one.consumed,
            one.late,
        )
        cells = (f"{count:,}" if count else "·" for count in counts)
        table.add_row(str(one.business_date), one.institution, *cells, ", ".join(one.missing))
    out.print(table)


def _show_publications(publications: list[Published], unpublished: list[tuple[RunRecord, str]]) -> None:
    """Per publication: state, gates, commits, seconds; then the runs that have none."""
    table = Table(title="Publications: gates, commits, seconds")
    for name in ("date", "kind", "state"):
        table.add_column(name, no_wrap=True)
    for name in ("number", "rules held", "broken", "commits", "seconds"):
        table.add_column(name, justify="right")
    for one in publications:
        broken = ", ".join(f"{rules} {severity}" for severity, rules in sorted(one.broken.items()))
        seconds = "·" if one.seconds is None else f"{one.seconds:,.1f}"
        table.add_row(
            str(one.business_date), one.kind, one.state, str(one.seq), f"{one.passed or '·'}", broken or "·",
            f"{one.commits or '·'}", seconds,
        )  # fmt: skip
    out.print(table)
    for record, how in unpublished:
        why = ", ".join(record.broken_rules) or record.error or "run it again"
        out.print(f"  {record.business_date}  {record.kind} {record.run_id} {how}: {why}")

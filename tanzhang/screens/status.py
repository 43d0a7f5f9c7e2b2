"""How the state of a lake looks in a terminal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tanzhang.screens.console import add_columns, bold, covered, kilograms, line, number_cell, points, show

if TYPE_CHECKING:
    from jobs.reading.history import Published
    from jobs.reading.intake import Intake
    from jobs.reading.status import Status
    from jobs.runs.journal import RunJournal
    from schemas import Registry

DISPOSITIONS = ("record", "supporting", "repeat", "superseded", "ignored", "quarantined", "rejected")
OUTCOMES = (
    "credited", "absorbed", "evidence", "refunded", "no_consent", "no_factor", "pending", "unpaired", "withheld",
)  # fmt: skip


def status(console: Console, state: Status, registry: Registry) -> None:
    """Per institution: records and what became of them; accounts, kilograms, duplicates prevented."""
    _rows(console, state)
    _claims(console, state)
    _sums(console, state)
    if state.points:
        points(console, state.points, registry)
    _remarks(console, state)


def _rows(console: Console, state: Status) -> None:
    rows: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for row in state.dispositions:
        rows[row["institution"], row["feed"]][row["disposition"]] = row["row_count"]
    table = Table(title="Rows of every file, and what became of them")
    add_columns(table, ("institution", "feed"), ("rows", *DISPOSITIONS))
    for (institution, feed), counts in rows.items():
        numbers = [sum(counts.values()), *(counts.get(name, 0) for name in DISPOSITIONS)]
        table.add_row(institution, feed, *map(number_cell, numbers))
    show(console, table)
    total = f"{sum(state.stated.values()):,} that the control files of {len(state.stated)} institutions state."
    verdict = "add up to" if state.adds_up else Text("differ from", "red")
    console.print(line("These rows ", verdict, f" the {total}"))


def _claims(console: Console, state: Status) -> None:
    claims: dict[str, dict[str, int]] = defaultdict(dict)
    for row in state.outcomes:
        claims[row["institution"]][row["outcome"]] = row["claims"]
    table = Table(title="Claims, and their outcome")
    add_columns(table, ("institution",), ("claims", *OUTCOMES))
    for institution, counts in claims.items():
        numbers = [sum(counts.values()), *(counts.get(name, 0) for name in OUTCOMES)]
        table.add_row(institution, *map(number_cell, numbers))
    show(console, table)


def _sums(console: Console, state: Status) -> None:
    figures = state.figures
    console.print(
        line(
            *(bold(f"{figures['accounts']:,}"), " accounts   "),
            *(bold(kilograms(figures["milligrams"])), " reduced   "),
            *(bold(f"{figures['absorbed']:,}"), " duplicates prevented   "),
            f"{figures['entries']:,} ledger entries",
        )
    )
    estimate = f"apart from what was reduced: an estimate, {covered(state.emissions)}"
    console.print(line(bold(kilograms(state.emissions.milligrams)), " emitted by what was paid, ", estimate))


def _remarks(console: Console, state: Status) -> None:
    """What went over a limit, waits, came late or was refused."""
    for one in state.beyond:
        whose = f"at most {one.most:,} for one person" if one.limit == "quota" else f"there were {one.most:,}"
        console.print(
            f"  {one.start}  {one.programme}.{one.benefit}: {one.given:,} given out in a {one.period}, {whose} "
            f"({one.people:,} people)"
        )
    waiting = sum(row["claims"] for row in state.outcomes if row["outcome"] == "no_factor")
    if waiting:
        console.print(f"acts that wait for a factor: {waiting:,}; tanzhang factors wanted says which, and why")
    remarks: dict[tuple[Any, str, str], list[str]] = defaultdict(list)
    for row in state.coverage:
        if row["file_state"] != "consumed" or row["is_late"]:
            word = "came late" if row["file_state"] == "consumed" else row["file_state"]
            remarks[row["business_date"], row["institution"], word].append(row["feed"])
    for (day, institution, word), feeds in remarks.items():
        console.print(f"  {day}  {institution}: {', '.join(feeds)} {word}")
    for receipt in state.refused:
        for fault in receipt.errors:
            console.print(
                f"  {receipt.institution} delivery {receipt.arrival} refused: {fault}", markup=False, soft_wrap=True
            )


def intakes(console: Console, received: Sequence[Intake]) -> None:
    """Per institution and date: deliveries, files, what was used, what is late or missing."""
    table = Table(title="Received, and what of it was used")
    counted = ("deliveries", "turned away", "repeats", "files", "accepted", "held", "consumed", "late")
    add_columns(table, ("date", "institution"), counted)
    table.add_column("missing")
    for one in received:
        counts = (getattr(one, name.replace(" ", "_")) for name in counted)
        table.add_row(str(one.business_date), one.institution, *map(number_cell, counts), ", ".join(one.missing))
    show(console, table)


def publications(console: Console, published: Sequence[Published], ended: Sequence[tuple[RunJournal, str]]) -> None:
    """Per publication: state, gates, commits, seconds; then the runs that have none."""
    table = Table(title="Publications: gates, commits, seconds")
    add_columns(table, ("date", "kind", "state"), ("number", "rules held", "broken", "commits", "seconds"))
    for one in published:
        broken = ", ".join(f"{rules} {severity}" for severity, rules in sorted(one.broken.items()))
        seconds = "·" if one.seconds is None else f"{one.seconds:,.1f}"
        table.add_row(
            str(one.business_date), one.kind, one.state, str(one.seq), f"{one.passed or '·'}", broken or "·",
            f"{one.commits or '·'}", seconds,
        )  # fmt: skip
    show(console, table)
    for record, how in ended:
        why = ", ".join(record.broken_rules) or record.error or "run it again"
        console.print(f"  {record.business_date}  {record.kind} {record.run_id} {how}: {why}", soft_wrap=True)

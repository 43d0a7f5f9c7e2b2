"""How the state of a lake looks in a terminal."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from tanzhang.screens.console import add_columns, covered, kilograms, number_cell, points

if TYPE_CHECKING:
    from jobs.reading.status import Status
    from schemas import Registry


DISPOSITIONS = ("record", "supporting", "repeat", "superseded", "ignored", "quarantined", "rejected")
OUTCOMES = (
    "credited", "absorbed", "evidence", "refunded", "no_consent", "no_factor", "pending", "unpaired", "withheld",
)  # fmt: skip


def status(console: Console, state: Status, registry: Registry) -> None:
    """Per institution: records and what became of them; accounts, kilograms, duplicates prevented."""
    rows: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for row in state.dispositions:
        rows[row["institution"], row["feed"]][row["disposition"]] = row["row_count"]
    table = Table(title="Rows of every file, and what became of them")
    add_columns(table, ("institution", "feed"), ("rows", *DISPOSITIONS))
    for (institution, feed), counts in rows.items():
        numbers = [sum(counts.values()), *(counts.get(name, 0) for name in DISPOSITIONS)]
        table.add_row(institution, feed, *map(number_cell, numbers))
    console.print(table)

    total = sum(state.stated.values())
    verdict = "add up to" if state.adds_up else "[red]differ from[/red]"
    console.print(
        f"These rows {verdict} the {total:,} that the control files of {len(state.stated)} institutions state."
    )

    claims: dict[str, dict[str, int]] = defaultdict(dict)
    for row in state.outcomes:
        claims[row["institution"]][row["outcome"]] = row["claims"]
    table = Table(title="Claims, and their outcome")
    add_columns(table, ("institution",), ("claims", *OUTCOMES))
    for institution, counts in claims.items():
        table.add_row(
            institution, *map(number_cell, [sum(counts.values()), *(counts.get(name, 0) for name in OUTCOMES)])
        )
    console.print(table)

    figures = state.figures
    console.print(
        f"[bold]{figures['accounts']:,}[/bold] accounts   [bold]{kilograms(figures['milligrams'])}[/bold] reduced   "
        f"[bold]{figures['absorbed']:,}[/bold] duplicates prevented   {figures['entries']:,} ledger entries"
    )
    console.print(
        f"[bold]{kilograms(state.emissions.milligrams)}[/bold] emitted by what was paid, apart from what was reduced: "
        f"an estimate, {covered(state.emissions)}"
    )
    if state.points:
        points(console, state.points, registry)
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
            console.print(f"  {receipt.institution} delivery {receipt.arrival} refused: {fault.rule} {fault.mend}")

"""How worlds, runs and publications look in a terminal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tanzhang.screens.console import add_columns, bold, line, number_cell, show

if TYPE_CHECKING:
    from jobs.dry_run import Foretold
    from jobs.landing.ingest import Ingested
    from jobs.landing.manifests import Manifest
    from jobs.landing.receipts import Receipt
    from jobs.runs.journal import Outcome
    from simulator import Summary


def world(console: Console, summary: Summary) -> None:
    """What the simulator made."""
    share = summary.rides_reported_by_all / summary.rides if summary.rides else 0
    console.print(
        f"{summary.people:,} people, {summary.customers:,} customers, {summary.days} days: {summary.rows:,} rows in "
        f"{summary.files:,} files ({summary.late} late, {summary.corrected} corrected, {summary.resent} sent twice); "
        f"{summary.bills} bills brought by people; {share:.0%} of the rides reported by metro, wallet and bank; "
        f"{summary.undecidable:.1%} of the acts undecidable"
    )


def pulled(console: Console, institution: str, done: Ingested) -> None:
    """How many deliveries of an institution came, and what is to be mended."""
    console.print(f"{institution}: {len(done.receipts)} deliveries{_of_them_refused(done.receipts)}")
    faults(console, done)


def landed(console: Console, institution: str, done: Ingested) -> None:
    """How many files and rows of an institution were landed, and what is to be mended."""
    files = done.manifests
    good = sum(one.accepted_rows - one.quarantined_rows for one in files)
    quarantined, rejected = (sum(getattr(one, name) for one in files) for name in ("quarantined_rows", "rejected_rows"))
    rows = f": {good:,} rows good, {quarantined:,} quarantined, {rejected:,} rejected" if files else ""
    console.print(f"{institution}: {len(files)} files{_of_them_refused(files)}{rows}")
    faults(console, done)


def faults(console: Console, done: Ingested) -> None:
    """Why something of an institution was refused or not reached."""
    for one in done.faults:
        console.print(f"  {one}", markup=False, soft_wrap=True)


def _of_them_refused(done: Sequence[Receipt | Manifest]) -> str:
    refused = sum(one.state == "refused" for one in done)
    return f", {refused} of them refused" if refused else ""


def outcome_line(outcome: Outcome) -> Text:
    """One line per run."""
    if outcome.seq is None:
        checked = outcome.figures.get("desired_entries")
        compared = f"; {checked:,} desired entries compared, none differs" if checked is not None else ""
        return line(f"{outcome.business_date}  nothing to publish{compared}")
    seconds = sum(outcome.seconds.values())
    return line(
        f"{outcome.business_date}  publication {outcome.seq} ",
        bold(outcome.state),
        f"  {outcome.appended['silver.rows']:,} rows  {outcome.appended['gold.ledger']:,} entries  "
        f"{outcome.commits} commits  {seconds:.1f} s",
    )


def foretold(console: Console, rows: list[Foretold]) -> None:
    """What would be appended to the ledger, by measure, kind and reason."""
    if not rows:
        console.print("nothing would be posted")
        return
    table = Table(title="What would be posted")
    add_columns(table, ("measure", "kind", "reason"), ("entries", "amount", "people"))
    for one in rows:
        numbers = (f"{number:,}" for number in (one.entries, one.amount, one.people))
        table.add_row(one.measure, one.entry_kind, one.reason, *numbers)
    show(console, table)


def publications(console: Console, rows: list[dict[str, Any]]) -> None:
    """One line per publication, newest last, then the pins of the newest."""
    by_seq: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_seq[row["publication_seq"]].append(row)
    table = Table(title="Publications")
    add_columns(table, ("date", "kind", "state", "hash", "hash before"), ("number",))
    for seq in sorted(by_seq):
        one = by_seq[seq][0]
        table.add_row(
            str(one["business_date"]), one["publication_kind"], one["publication_state"], one["publication_hash"][:16],
            one["previous_hash"][:16], str(seq),
        )  # fmt: skip
    show(console, table)
    if by_seq:
        newest = max(by_seq)
        table = Table(title=f"What publication {newest} pins")
        add_columns(table, ("table",), ("version", "rows", "checksum"))
        for row in sorted(by_seq[newest], key=lambda row: row["table_name"]):
            table.add_row(
                row["table_name"], str(row["table_version"]), number_cell(row["row_count"]), str(row["checksum"])
            )
        show(console, table)

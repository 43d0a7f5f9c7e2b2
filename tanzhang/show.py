"""How answers look in a terminal. No rule of the project lives here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from jobs.emissions import Emissions
    from jobs.explain import Explanation
    from jobs.foretell import Foretold
    from jobs.recording import Outcome
    from jobs.statement import Statement
    from jobs.status import Status
    from jobs.tally import Tally
    from schemas import Registry
    from simulator import Summary

DISPOSITIONS = ("record", "supporting", "repeat", "superseded", "ignored", "quarantined", "rejected")
OUTCOMES = (
    "credited", "absorbed", "evidence", "refunded", "no_consent", "no_factor", "pending", "unpaired", "withheld",
)  # fmt: skip


PARTS = {
    "earned": "earned",
    "bonus": "by tiers",
    "capped": "over a limit",
    "expired": "expired",
    "redeemed": "redeemed",
    "donated": "donated",
}
"""Sums of a tally, in words."""


class Bar:
    """One progress line for stages that follow each other."""

    def __init__(self, bar: Progress) -> None:
        self.bar = bar
        self.task = bar.add_task("", total=None)

    def update(self, stage: str, done: int, total: int) -> None:
        """Show a stage's own count."""
        self.bar.update(self.task, description=stage, completed=done, total=total)

    def step(self, stage: str, total: int) -> None:
        """Show the stage that begins now, one step further."""
        self.bar.update(self.task, description=stage, total=total, advance=1)

    def say(self, text: str) -> None:
        """A line that stays above the bar."""
        self.bar.console.print(text, soft_wrap=True)


@contextmanager
def progress(console: Console) -> Iterator[Bar]:
    """A progress line that vanishes when the work is done; silent where nobody looks."""
    columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield Bar(bar)


def kilograms(milligrams: int) -> str:
    """Milligrams as kilograms, for people."""
    return f"{milligrams / 1e6:,.3f} kg"


def world(console: Console, summary: Summary) -> None:
    """What the simulator made."""
    share = summary.rides_reported_by_all / summary.rides if summary.rides else 0
    console.print(
        f"{summary.people:,} people, {summary.customers:,} customers, {summary.days} days: {summary.rows:,} rows in "
        f"{summary.files:,} files ({summary.late} late, {summary.corrected} corrected, {summary.resent} sent twice); "
        f"{summary.bills} bills brought by people; {share:.0%} of the rides reported by metro, wallet and bank"
    )


def outcome_line(outcome: Outcome) -> str:
    """One line per run."""
    if outcome.seq is None:
        checked = outcome.figures.get("desired_entries")
        compared = f"; {checked:,} desired entries compared, none differs" if checked is not None else ""
        return f"{outcome.business_date}  nothing to publish{compared}"
    seconds = sum(outcome.seconds.values())
    return (
        f"{outcome.business_date}  publication {outcome.seq} [bold]{outcome.state}[/bold]  "
        f"{outcome.appended['silver.rows']:,} rows  {outcome.appended['gold.ledger']:,} entries  "
        f"{outcome.commits} commits  {seconds:.1f} s"
    )


def status(console: Console, state: Status, registry: Registry) -> None:
    """Per institution: records and what became of them; accounts, kilograms, duplicates prevented."""
    rows: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for row in state.dispositions:
        rows[row["institution"], row["feed"]][row["disposition"]] = row["row_count"]
    table = Table(title="Rows of every file, and what became of them")
    _columns(table, ("institution", "feed"), ("rows", *DISPOSITIONS))
    for (institution, feed), counts in rows.items():
        numbers = [sum(counts.values()), *(counts.get(name, 0) for name in DISPOSITIONS)]
        table.add_row(institution, feed, *map(_number, numbers))
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
    _columns(table, ("institution",), ("claims", *OUTCOMES))
    for institution, counts in claims.items():
        table.add_row(institution, *map(_number, [sum(counts.values()), *(counts.get(name, 0) for name in OUTCOMES)]))
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


def foretold(console: Console, rows: list[Foretold]) -> None:
    """What would be appended to the ledger, by measure, kind and reason."""
    if not rows:
        console.print("nothing would be posted")
        return
    table = Table(title="What would be posted")
    _columns(table, ("measure", "kind", "reason"), ("entries", "amount", "people"))
    for one in rows:
        numbers = (f"{number:,}" for number in (one.entries, one.amount, one.people))
        table.add_row(one.measure, one.entry_kind, one.reason, *numbers)
    console.print(table)


def publications(console: Console, rows: list[dict[str, Any]]) -> None:
    """One line per publication, newest last, then the pins of the newest."""
    by_seq: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_seq[row["publication_seq"]].append(row)
    table = Table(title="Publications")
    _columns(table, ("date", "kind", "state", "hash", "hash before"), ("number",))
    for seq in sorted(by_seq):
        one = by_seq[seq][0]
        table.add_row(
            str(one["business_date"]), one["publication_kind"], one["publication_state"], one["publication_hash"][:16],
            one["previous_hash"][:16], str(seq),
        )  # fmt: skip
    console.print(table)
    if by_seq:
        newest = max(by_seq)
        table = Table(title=f"What publication {newest} pins")
        _columns(table, ("table",), ("version", "rows", "checksum"))
        for row in sorted(by_seq[newest], key=lambda row: row["table_name"]):
            table.add_row(row["table_name"], str(row["table_version"]), _number(row["row_count"]), str(row["checksum"]))
        console.print(table)


def explanation(console: Console, told: Explanation, registry: Registry, home: Path | None) -> None:
    """An entry's story; with `home` the source lines too."""
    entry = told.entry
    unit = "mg" if entry["measure"].endswith("_mg") else "points"
    console.print(
        f"[bold]{entry['amount']:+,} {unit}[/bold]  {_scenario(registry, entry['scenario'])}  {entry['act_date']}  "
        f"person {entry['person_id']}  publication {entry['publication_seq']} ({entry['entry_kind']}: {entry['reason']})"
    )
    console.print(f"  {escape(told.formula)}")
    for key, value in told.factor.items():
        text = (
            "; ".join(f"{name}: {part}" for name, part in value.items() if part) if isinstance(value, dict) else value
        )
        console.print(f"  {key}: {escape(str(text))}")
    console.print("[bold]claims[/bold]")
    for claim in told.claims:
        placed = "  its export does not tell where: counted where the factor is lowest" if claim.is_placed else ""
        places = ", ".join(f"{line.path or line.file_id + ' (expired)'}:{line.line}" for line in claim.lines)
        console.print(f"  {claim.outcome:<10} {claim.claim_kind:<8} {escape(places)}  ({claim.reason}){placed}")
        for line in claim.lines if home else ():
            from jobs.explain import NotFound, source_values

            try:
                values = source_values(home, line, registry.sources[line.institution].feeds[line.feed])  # type: ignore[arg-type]
            except NotFound as expired:
                console.print(f"             {expired}", style="dim")
                continue
            text = "  ".join(f"{field}={value}" for field, value in values.items() if value)
            console.print(f"             {escape(text)}", style="dim")
    if len(told.history) > 1:
        console.print("[bold]all entries of this position[/bold]")
        for row in told.history:
            console.print(
                f"  publication {row['publication_seq']}: {row['entry_kind']} {row['amount']:+,} ({row['reason']})"
            )


def _scenario(registry: Registry, key: str) -> str:
    """A scenario's name; of what spans several, or none, a dash."""
    return registry.scenarios[key].name if key in registry.scenarios else "—"


def statement(console: Console, account: Statement, registry: Registry) -> None:
    """A person's account."""
    from jobs.statement import REASONS

    def name(scenario: str) -> str:
        return _scenario(registry, scenario)

    def institution(key: str) -> str:
        return registry.sources[key].name if key in registry.sources else "daily limit"

    total = sum(account.reductions.values())
    parts: list[RenderableType] = [
        f"Account {account.person_id} · as published for {account.business_date} (publication {account.publication_seq})\n",
        *_emissions(account, registry),
        f"[bold]Reduced so far: {kilograms(total)}[/bold]",
        _grid((name(scenario), "", grams(amount)) for scenario, amount in account.reductions.items() if amount),
        *_points(account, registry),
        "[bold]Offset so far: none[/bold]",
        "   None of the three is taken from another: what was reduced does not make a payment emit less.",
        *_record(account, registry),
        f"\n[bold]Acts credited in {account.business_date:%Y-%m}[/bold]",
        _grid(
            (
                name(row["scenario"]),
                institution(row["institution"]),
                f"{row['acts']} ×",
                grams(row["milligrams"]),
            )
            for row in account.credited
        ),
    ]
    if account.not_credited:
        parts += [
            "\n[bold]Not credited, and why[/bold]",
            _grid(
                (
                    name(row["scenario"]),
                    institution(row["institution"]),
                    f"{row['claims']} ×",
                    REASONS[row["reason"]],
                )
                for row in account.not_credited
            ),
        ]
    owed = ", ".join(f"{institution(key)} {feed}" for key, feed in account.missing)
    parts += [
        "\n[bold]Sources[/bold]",
        f"   with your consent: {'、'.join(map(institution, account.institutions)) or 'none'}",
        f"   [yellow]missing for this day: {owed}[/yellow]" if owed else "   none of them is missing for this day",
        "\nTo contest a figure, name its entry: every entry can be followed to the line that an institution sent",
        f"(tanzhang explain {account.example or 'ENTRY'}), and a corrected export restates it.",
        "Points are for acts, never for spending.",
    ]
    console.print(Panel(Group(*parts), title="碳账 · personal carbon account", expand=False))


def _emissions(account: Statement, registry: Registry) -> list[RenderableType]:
    """What the person's payments emit, by category."""
    own = account.emissions
    if not own.spent_fen:
        return ["[bold]Emitted by own payments so far: no payment is known[/bold]\n"]
    categories = own.by_category(registry.spending).items()
    return [
        f"[bold]Emitted by own payments so far: {kilograms(own.milligrams)}[/bold], an estimate",
        _grid((category, grams(amount)) for category, amount in categories),
        f"   {covered(own)}\n",
    ]


def _points(account: Statement, registry: Registry) -> Iterator[RenderableType]:
    """What every programme gave the person and what became of it."""
    from schemas.programmes.words import number, yuan

    if not account.points:
        return
    yield "[bold]Points of the programmes, on the same kilograms[/bold]"
    due = {one.programme: f"{one.points:,} of them expire on {one.on}" for one in account.due}
    for one in account.points:
        parts = ", ".join(f"{amount:+,} {word}" for amount, word in _parts(one) if amount)
        yield f"   {registry.programmes[one.programme].name}: {one.balance:,} points{' (overdrawn)' if one.balance < 0 else ''}"
        if one.per_kilogram is not None:
            fen = registry.programmes[one.programme].worth(one.per_kilogram, account.business_date)
            parts += f"; {number(one.per_kilogram, 0)} points a kilogram{f', worth {yuan(fen)} yuan' if fen else ''}"
        yield f"      {parts}{'; ' + due[one.programme] if one.programme in due else ''}"


def _record(account: Statement, registry: Registry) -> Iterator[RenderableType]:
    """Months of history, the last year, levels, and how whole this month is, with reasons."""
    told = account.record
    if not told.months:
        return
    months = f"{len(told.months)} month{'s' if len(told.months) > 1 else ''}, the first {told.months[0].act_month}"
    yield f"\n[bold]Carbon record[/bold] (征信): {months}"
    sums = f"reduced {kilograms(told.reduction_mg)}, emitted by payments {kilograms(told.emission_mg)}"
    yield f"   {told.tier}; last {registry.records.tiers.months} months: {sums}"
    for one in told.levels:
        yield (
            f"   level {registry.programmes[one.programme].name}: {one.level} "
            f"({kilograms(one.reduction_mg)} in {one.months} months)"
        )
    if told.reasons:
        last = told.months[-1]
        grades = zip(("reporting", "spend"), (last.reporting_grade, last.spend_grade), told.reasons)
        yield from (f"   {name} {grade}: {reason}" for name, grade, reason in grades)


def _parts(one: Tally) -> list[tuple[int, str]]:
    return [(getattr(one, part), word) for part, word in PARTS.items()]


def points(console: Console, tallies: list[Tally], registry: Registry) -> None:
    """Per programme: what was earned, what became of it, what is left."""
    from schemas.programmes.words import number

    table = Table(title="Points of the programmes, on the same kilograms")
    _columns(table, ("programme",), (*PARTS.values(), "left", "a kilogram", "people", "overdrawn"))
    for one in tallies:
        numbers = [*(amount for amount, _ in _parts(one)), one.balance]
        a_kilogram = "·" if one.per_kilogram is None else number(one.per_kilogram, 0)
        counts = (_number(one.people), _number(one.overdrawn))
        table.add_row(registry.programmes[one.programme].name, *map(_number, numbers), a_kilogram, *counts)
    console.print(table)


def covered(own: Emissions) -> str:
    """How much of what was spent an estimate is of."""
    share = own.known_fen * 1000 // own.spent_fen if own.spent_fen else 0
    return f"of {share // 10}.{share % 10} % of {own.spent_fen / 100:,.2f} yuan spent; the rest has no known category"


def grams(milligrams: int) -> str:
    """Milligrams as grams, for people."""
    return f"{milligrams / 1000:,.1f} g"


def _grid(rows: Iterable[tuple[str, ...]]) -> Table:
    """Lines whose columns stand below each other, Chinese characters included; numbers to the right."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(width=1)
    for number, row in enumerate(rows):
        if number == 0:
            for cell in row:
                grid.add_column(justify="right" if cell.endswith((" g", " ×")) else "left", no_wrap=True)
        grid.add_row("", *row)
    return grid


def _columns(table: Table, texts: tuple[str, ...], numbers: tuple[str, ...]) -> None:
    for name in texts:
        table.add_column(name, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)


def _number(value: int) -> str:
    return f"{value:,}" if value else "·"

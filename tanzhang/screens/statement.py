"""How an account and an entry's story look in a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.panel import Panel

from tanzhang.screens.console import covered, grams, grid, kilograms, parts_of

if TYPE_CHECKING:
    from jobs.reading.explain import Explanation
    from jobs.reading.statement import Statement
    from schemas import Registry


def explanation(console: Console, told: Explanation, registry: Registry, home: Path | None) -> None:
    """An entry's story; with `home` the source lines too."""
    entry = told.entry
    unit = "mg" if entry["measure"].endswith("_mg") else "points"
    console.print(
        f"[bold]{entry['amount']:+,} {unit}[/bold]  {scenario_name(registry, entry['scenario'])}  {entry['act_date']}  "
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
            from jobs.errors import NotFound
            from jobs.reading.explain import source_values

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


def scenario_name(registry: Registry, key: str) -> str:
    """A scenario's name; of what spans several, or none, a dash."""
    return registry.scenarios[key].name if key in registry.scenarios else "—"


def statement(console: Console, account: Statement, registry: Registry) -> None:
    """A person's account."""
    from jobs.reading.statement import REASONS

    def name(scenario: str) -> str:
        return scenario_name(registry, scenario)

    def institution(key: str) -> str:
        return registry.sources[key].name if key in registry.sources else "daily limit"

    total = sum(account.reductions.values())
    parts: list[RenderableType] = [
        f"Account {account.person_id} · as published for {account.business_date} (publication {account.publication_seq})\n",
        *_emissions(account, registry),
        f"[bold]Reduced so far: {kilograms(total)}[/bold]",
        grid((name(scenario), "", grams(amount)) for scenario, amount in account.reductions.items() if amount),
        *_points(account, registry),
        "[bold]Offset so far: none[/bold]",
        "   None of the three is taken from another: what was reduced does not make a payment emit less.",
        *_record(account, registry),
        f"\n[bold]Acts credited in {account.business_date:%Y-%m}[/bold]",
        grid(
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
            grid(
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
        grid((category, grams(amount)) for category, amount in categories),
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
        parts = ", ".join(f"{amount:+,} {word}" for amount, word in parts_of(one) if amount)
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

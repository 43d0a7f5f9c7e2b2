"""How an account and an entry's story look in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from tanzhang.screens.console import bold, covered, grams, grid, kilograms, line, parts_of

if TYPE_CHECKING:
    from jobs.reading.exclusions import Excluded
    from jobs.reading.explain import Explanation
    from jobs.reading.statement import AccountStatement
    from jobs.reading.stories import Line
    from schemas import Registry


def explanation(
    console: Console, told: Explanation, registry: Registry, source: Callable[[Line], str] | None = None
) -> None:
    """An entry's story; with `source` also what it says of every line of a file."""
    entry = told.entry
    unit = "mg" if entry["measure"].endswith("_mg") else "points"
    about = (
        f"  {scenario_name(registry, entry['scenario'])}  {entry['act_date']}  person {entry['person_id']}  "
        f"publication {entry['publication_seq']} ({entry['entry_kind']}: {entry['reason']})"
    )
    console.print(line(bold(f"{entry['amount']:+,} {unit}"), about), soft_wrap=True)
    console.print(f"  {told.formula}")
    for key, value in told.factor.items():
        parts = [f"{name}: {part}" for name, part in value.items() if part] if isinstance(value, dict) else [value]
        console.print(f"  {key}: {'; '.join(map(str, parts))}")
    for taken in told.excluded:
        console.print(
            f"  not counted, with all of its kind: {_excluded(taken, registry)}", style="yellow", soft_wrap=True
        )
    console.print("claims", style="bold")
    for claim in told.claims:
        placed = "  its export does not tell where: counted where the factor is lowest" if claim.is_placed else ""
        places = ", ".join(map(_place, claim.lines))
        said = f"  {claim.outcome:<10} {claim.claim_kind:<8} {places}  ({claim.reason}){placed}"
        console.print(said, soft_wrap=True)
        for refund, at in claim.refunds:
            yuan = "an unknown amount" if refund.amount_fen is None else f"{refund.amount_fen / 100:,.2f} yuan"
            how = "matched by amount and merchant" if refund.is_matched else "which names it"
            back = f"             taken back by the refund of {refund.act_date}, {yuan}, {how}: {_place(at)}"
            console.print(back, soft_wrap=True)
        if source:
            for one in claim.lines:
                console.print(f"             {source(one)}", style="dim", soft_wrap=True)
    if len(told.history) > 1:
        console.print("all entries of this position", style="bold")
        for row in told.history:
            console.print(
                f"  publication {row['publication_seq']}: {row['entry_kind']} {row['amount']:+,} ({row['reason']})"
            )


def _place(line: Line) -> str:
    return f"{line.path or line.file_id + ' (expired)'}:{line.line}"


def scenario_name(registry: Registry, key: str) -> str:
    """A scenario's name; of what spans several, or none, a dash."""
    return registry.scenarios[key].name if key in registry.scenarios else "—"


def statement(console: Console, account: AccountStatement, registry: Registry) -> None:
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
        bold(f"Reduced so far: {kilograms(total)}"),
        grid((name(scenario), "", grams(amount)) for scenario, amount in account.reductions.items() if amount),
        *_points(account, registry),
        bold("Offset so far: none"),
        "   None of the three is taken from another: what was reduced does not make a payment emit less.",
        *_carbon_record(account, registry),
        bold(f"\nActs credited in {account.business_date:%Y-%m}"),
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
    if account.excluded:
        parts += [
            bold("\nCredited once, for another of your acts claims the same saving"),
            *(f"   {_excluded(one, registry)}" for one in account.excluded),
        ]
    if account.not_credited:
        parts += [
            bold("\nNot credited, and why"),
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
        bold("\nSources"),
        f"   with your consent: {'、'.join(map(institution, account.institutions)) or 'none'}",
        Text(f"   missing for this day: {owed}", "yellow") if owed else "   none of them is missing for this day",
        "\nTo contest a figure, name its entry: every entry can be followed to the line that an institution sent",
        f"(tanzhang explain {account.example or 'ENTRY'}), and a corrected export restates it.",
        "Points are for acts, never for spending.",
    ]
    console.print(Panel(Group(*parts), title="碳账 · personal carbon account", expand=False))


def _excluded(one: Excluded, registry: Registry) -> str:
    """What does not count, what counts instead, and why."""
    from jobs.reading.exclusions import WITHIN

    names = "、".join(scenario_name(registry, key) for key in one.counts)
    when = f"{one.act_date:%Y-%m}" if one.extent in ("object", "month") else str(one.act_date)
    return (
        f"{scenario_name(registry, one.scenario)}  −{grams(one.milligrams)}  {when}: {WITHIN[one.extent]} {names} counts, which "
        f"saved as much or more; {one.why}"
    )


def _emissions(account: AccountStatement, registry: Registry) -> list[RenderableType]:
    """What the person's payments emit, by category."""
    own = account.emissions
    if not own.spent_fen:
        return [bold("Emitted by own payments so far: no payment is known\n")]
    categories = own.by_category(registry.spending).items()
    return [
        line(bold(f"Emitted by own payments so far: {kilograms(own.milligrams)}"), ", an estimate"),
        grid((category, grams(amount)) for category, amount in categories),
        f"   {covered(own)}\n",
    ]


def _points(account: AccountStatement, registry: Registry) -> Iterator[RenderableType]:
    """What every programme gave the person and what became of it."""
    from schemas.programmes.words import number, yuan

    if not account.points:
        return
    yield bold("Points of the programmes, on the same kilograms")
    due = {one.programme: f"{one.points:,} of them expire on {one.on}" for one in account.due}
    for one in account.points:
        parts = ", ".join(f"{amount:+,} {word}" for amount, word in parts_of(one) if amount)
        yield f"   {registry.programmes[one.programme].name}: {one.balance:,} points{' (overdrawn)' if one.balance < 0 else ''}"
        if one.per_kilogram is not None:
            fen = registry.programmes[one.programme].worth(one.per_kilogram, account.business_date)
            parts += f"; {number(one.per_kilogram, 0)} points a kilogram{f', worth {yuan(fen)} yuan' if fen else ''}"
        yield f"      {parts}{'; ' + due[one.programme] if one.programme in due else ''}"


def _carbon_record(account: AccountStatement, registry: Registry) -> Iterator[RenderableType]:
    """Months of history, the last year, levels, and how whole this month is, with reasons."""
    told = account.record
    if not told.months:
        return
    months = f"{len(told.months)} month{'s' if len(told.months) > 1 else ''}, the first {told.months[0].act_month}"
    yield line(bold("\nCarbon record"), f" (征信): {months}")
    sums = f"reduced {kilograms(told.reduction_mg)}, emitted by payments {kilograms(told.emission_mg)}"
    yield f"   {told.tier}; last {registry.records.tiers.months} months: {sums}"
    for one in told.levels:
        yield (
            f"   level {registry.programmes[one.programme].name}: {one.level} "
            f"({kilograms(one.reduction_mg)} in {one.months} months)"
        )
    whole = sum(told.rests_on.values())
    if whole:
        shares = ", ".join(f"{grade} {100 * amount / whole:.0f} %" for grade, amount in told.rests_on.items())
        yield f"   what was reduced rests on figures that are {shares}"
    if told.reasons:
        last = told.months[-1]
        told_grades = (last.reporting_grade, last.spend_grade, last.figures_grade)
        grades = zip(("reporting", "spend", "figures"), told_grades, told.reasons)
        yield from (f"   {name} {grade}: {reason}" for name, grade, reason in grades)

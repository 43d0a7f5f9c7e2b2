"""How factors and their changes look in a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from schemas.grades import MEANINGS
from tanzhang.screens.console import bold, line, show

if TYPE_CHECKING:
    from jobs.reading.unknown_merchants import UnknownName, UnknownSpend
    from jobs.reading.unquantified import Wanted
    from jobs.upkeep.release import Release
    from schemas import Registry
    from schemas.answers.changes import AnswerChange, SeriesChange
    from schemas.answers.credited import Credited
    from schemas.factors import FactorFile, FactorSeries
    from schemas.factors.parts import Proxy
    from schemas.library import RateRow

MASS = "_mg"
"""End of the names of measures that are milligrams."""
MANY = 4
"""Scenarios that are named before they are counted."""


def figures(console: Console, files: Sequence[FactorFile], used: Mapping[str, Sequence[str]]) -> None:
    """One line per series."""
    table = Table(title="Factors")
    table.add_column("series", no_wrap=True)
    for name in ("name", "kind, boundary", "value", "region", "grade", "in force", "status", "scenarios"):
        table.add_column(name, overflow="fold")
    for file in files:
        scenarios = used.get(file.id, [])
        told = ", ".join(scenarios) if len(scenarios) <= MANY else f"{len(scenarios)} scenarios"
        for one in file.series:
            table.add_row(
                one.id, file.name, f"{file.kind}, {file.boundary_kind}", f"{one.value} {one.unit}", one.region, one.grade,
                span(one.valid_from, one.valid_to), one.status, told,
            )  # fmt: skip
    show(console, table)


def provenance(console: Console, file: FactorFile, used: Sequence[str]) -> None:
    """A factor with everything that its figures rest on."""
    console.print(line(bold(file.id), f"  {file.name}  {file.kind}, {file.boundary_kind}"))
    console.print(f"  {file.boundary}")
    console.print(f"  for {', '.join(used) or 'no scenario'}")
    for one in file.series:
        console.print(line("\n  ", bold(f"{one.value} {one.unit}"), f"  {one.id}"), soft_wrap=True)
        grid = Table.grid(padding=(0, 2))
        grid.add_column(width=2)
        grid.add_column(no_wrap=True)
        grid.add_column()
        for name, text in _lines(one):
            grid.add_row("", name, text)
        show(console, grid)


def _lines(one: FactorSeries) -> list[tuple[str, str]]:
    lines = [
        ("region", one.region),
        ("grade", f"{one.grade}: {MEANINGS[one.grade]}"),
        ("in force", f"{span(one.valid_from, one.valid_to)}, known since {one.known_from}"),
        ("gas", one.gas_basis),
        ("data year", str(one.data_year or "not stated")),
        ("published", str(one.published_on or "day not known")),
        ("status", one.status + ("" if one.is_applied else ": never applied")),
    ]
    if one.programme:
        lines.append(("own of", f"{one.programme}, credited inside it"))
    if one.derivation:
        numbers = ", ".join(f"{name} = {number}" for name, number in one.derivation.of.items())
        rounded = f"in {one.derivation.unit}, rounded {one.derivation.rounded}"
        lines.append(("derivation", f"{one.derivation.formula} with {numbers}; {rounded}"))
    if one.review:
        lines.append(("review", f"not applied from {one.review.by} on: {one.review.why}"))
    if one.corrects:
        lines.append(("corrects", one.corrects))
    if one.correction:
        lines.append(("correction", one.correction))
    if one.source:
        lines += [("source", one.source.document)]
        lines += [("", part) for part in (one.source.clause, one.source.url, f"seen: {one.source.seen}") if part]
    lines += [("licence", one.licence), ("conservative", one.conservative)]
    lines += [("example", f"{example.of} gives {example.gives}") for example in one.examples]
    lines += [("lent to", f"{proxy.region}{_beside(proxy)}: {proxy.reason}") for proxy in one.proxies]
    return lines + [("not for", f"{unfit.region}: {unfit.reason}") for unfit in one.not_for]


def _beside(proxy: Proxy) -> str:
    """Of which published figures it is the lowest."""
    return f", the lowest beside {', '.join(proxy.lowest_of)}" if proxy.lowest_of else ""


def credited(console: Console, found: Sequence[Credited], place: str) -> None:
    """What every scenario is worth in a place, and how well founded that is."""
    table = Table(title=f"What acts in {place} are worth")
    for name in ("scenario", "", "grade"):
        table.add_column(name, no_wrap=True)
    table.add_column("grams a unit", justify="right", no_wrap=True)
    table.add_column("figure, or why there is none", overflow="fold")
    for one in found:
        if one.micrograms_per_unit is None:
            table.add_row(one.scenario, one.name, "·", "·", one.reason)
        else:
            worth = f"{_grams(one.micrograms_per_unit)} /{one.unit}"
            table.add_row(one.scenario, one.name, one.grade, worth, f"{one.factor_id} ({one.match_quality})")
    show(console, table)
    counts = Counter(one.grade for one in found if one.grade)
    told = ", ".join(f"{grade} {counts[grade]}" for grade in MEANINGS if counts[grade])
    console.print(f"{counts.total()} of {len(found)} scenarios are credited: {told}", soft_wrap=True)


def checked(console: Console, counts: Mapping[str, int], against: str | None, refused: Sequence[str]) -> None:
    """What was checked, and what may not be."""
    for what, number in counts.items():
        console.print(f"{number:>6,}  {what}")
    if against is None:
        return
    for problem in refused:
        console.print(problem, style="red", soft_wrap=True)
    if not refused:
        console.print(f"nothing released in {against} was altered, taken away or reached behind")


def changes(console: Console, series: Sequence[SeriesChange], answers: Sequence[AnswerChange]) -> None:
    """What became of series, and of the answers that institutions' acts get."""
    if not series and not answers:
        console.print("no series and no answer differs")
        return
    table = _table("Series", ("series", "what", "key"))
    for name in ("was", "is"):
        table.add_column(name, overflow="fold")
    for change in series:
        for number, (key, (was, now)) in enumerate(change.keys.items()):
            head = (change.series, change.what) if number == 0 else ("", "")
            table.add_row(*head, key, _cell(was), _cell(now))
    if series:
        show(console, table)
    if not answers:
        console.print("no answer for the regions that institutions report from differs")
        return
    table = _table("Answers, for the regions that institutions report from", ("scenario", "region", "acts of"))
    for name in ("was", "is"):
        table.add_column(name, overflow="fold")
    for one in answers:
        table.add_row(one.scenario, one.region, span(one.valid_from, one.valid_to), _rate(one.old), _rate(one.new))
    show(console, table)


def span(first: date, after: date | None) -> str:
    """Local dates, the last one included."""
    return f"{first} –" if after is None else f"{first} – {date.fromordinal(after.toordinal() - 1)}"


def _rate(row: RateRow | None) -> str:
    if row is None:
        return "no factor"
    return f"{_grams(row.micrograms_per_unit)} g  {row.factor_id} ({row.match_quality}, {row.grade})"


def _grams(micrograms: int) -> str:
    """Micrograms as grams, exact."""
    return f"{micrograms // 10**6:,}.{micrograms % 10**6:06}".rstrip("0").rstrip(".")


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        value = ", ".join(str(part) for part in value.values() if part is not None)
    return "·" if value in (None, [], "") else str(value)


def _table(title: str, names: Sequence[str]) -> Table:
    table = Table(title=title)
    for name in names:
        table.add_column(name, no_wrap=True)
    return table


def release(console: Console, told: Release, registry: Registry, *, is_posted: bool) -> None:
    """What a release changes, or changed."""
    if not told.restated:
        console.print(f"as of {told.business_date} the registry changes nothing")
        return
    measures = sorted(told.amounts, key=lambda name: not name.endswith(MASS))
    table = Table(title="What the release posted" if is_posted else "What the release would post")
    for name in ("scenario", "factor before", "factor after"):
        table.add_column(name, overflow="fold")
    for name in ("acts", "people", "entries", *(name.removesuffix(MASS) for name in measures)):
        table.add_column(name, justify="right", no_wrap=True)
    for one in told.restated:
        counts = (f"{number:,}" for number in (one.positions, one.people, one.entries))
        table.add_row(
            registry.scenarios[one.scenario].name,
            one.before or "·",
            one.after or "·",
            *counts,
            *(_change(name, one.amounts.get(name, 0)) for name in measures),
        )
    table.add_section()
    sums = (_change(name, told.amounts[name]) for name in measures)
    table.add_row("together", "", "", "", f"{told.people:,}", f"{told.entries:,}", *sums)
    show(console, table)


def wanted(console: Console, found: Sequence[Wanted], registry: Registry) -> None:
    """What a factor would unlock."""
    from schemas.answers.calculator import plain
    from schemas.sources import UNPLACED

    if not found:
        console.print("every act has its factor")
        return
    table = Table(title="What a factor would unlock")
    table.add_column("scenario", no_wrap=True)
    table.add_column("region", no_wrap=True)
    for name in ("people", "acts", "quantity"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("why there is none", overflow="fold")
    table.add_column("what would unlock it", overflow="fold")
    for one in found:
        quantity = f"{plain(one.quantity_micro)} {one.unit}"
        if one.unmeasured:
            quantity += f", {one.unmeasured:,} unmeasured"
        name = registry.scenarios[one.scenario].name
        region = "not told" if one.region == UNPLACED else one.region
        table.add_row(
            name, region, f"{one.people:,}", f"{one.acts:,}", quantity, one.reason, "; ".join(one.unlocked_by)
        )
    show(console, table)


def unknown_spend(console: Console, found: Sequence[UnknownSpend], registry: Registry) -> None:
    """What a merchant's category would unlock."""
    if not found:
        console.print("every payment has a category with a figure")
        return
    table = Table(title="What a merchant's category would unlock")
    for name in ("institution", "feed"):
        table.add_column(name, no_wrap=True)
    for name in ("people", "payments", "yuan"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("why there is no emission", overflow="fold")
    for one in found:
        counts = (f"{one.people:,}", f"{one.payments:,}", yuan(one.fen))
        table.add_row(registry.sources[one.institution].name, one.feed, *counts, one.reason)
    show(console, table)


def unknown_names(console: Console, found: Sequence[UnknownName], untold: int, registry: Registry) -> None:
    """Names that a word of the registry could tell."""
    if found:
        table = Table(title="Names that no word tells, each paid by five customers or more")
        table.add_column("institution", no_wrap=True)
        table.add_column("name", overflow="fold")
        for name in ("payments", "yuan"):
            table.add_column(name, justify="right", no_wrap=True)
        for one in found:
            table.add_row(registry.sources[one.institution].name, one.name, f"{one.payments:,}", yuan(one.fen))
        show(console, table)
    console.print(f"{untold:,} more names that fewer pay, or that may be a person's, are not told")


def yuan(fen: int) -> str:
    """Fen as yuan, exact."""
    return f"{fen // 100:,}.{fen % 100:02}"


def grams(milligrams: int) -> str:
    """Milligrams as grams, exact."""
    return f"{_grams(milligrams * 1000)} g"


def _change(measure: str, amount: int) -> str:
    if not measure.endswith(MASS):
        return f"{amount:+,}"
    return f"{'-' if amount < 0 else '+'}{grams(abs(amount))}"

"""How what an act would be credited looks in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from tanzhang.screens.console import bold, line, show
from tanzhang.screens.factors import grams

if TYPE_CHECKING:
    from schemas.answers.calculator import Answer, Sum, Term


def answer(console: Console, told: Answer) -> None:
    """What is credited, and what every figure and formula behind it rests on."""
    about = f"   {told.name} · {told.name_en}   {told.quantity}   {told.region}   {told.act_date}"
    if told.applied is None or told.applied.milligrams is None:
        console.print(line(bold("not credited"), about))
        console.print(f"  {told.reason or ''}")
    else:
        gas = told.applied.gas_basis
        gas = "CO2, as the gas is not stated" if gas == "unstated" else gas
        console.print(line(bold(grams(told.applied.milligrams)), f" of {gas}{about}"))
        _sum(console, told.applied)
    for limit in told.limits:
        text = f"at most {limit.limit} a {limit.period} ({limit.cap}; {_where(limit.source)})"
        if limit.is_exceeded:
            console.print(line("  cap: ", bold(f"{text}: {grams(told.credited_mg or 0)} of it are credited")))
        else:
            console.print(f"  cap: {text}")
    if told.alternatives:
        _alternatives(console, told)


def _sum(console: Console, one: Sum) -> None:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(width=1)
    grid.add_column(no_wrap=True)
    grid.add_column()
    lines = [
        ("computed", one.worked),
        ("method", f"{one.method_name}: {one.formula}"),
        ("", f"{_where(one.source)}"),
    ]
    for term in one.terms:
        lines += _term(term)
    for name, text in [*lines, ("conservative", one.conservative)]:
        grid.add_row("", name, text)
    show(console, grid)


def _term(term: Term) -> list[tuple[str, str]]:
    """A figure, line by line."""
    matched = {"exact": "of this region", "parent": "of a region around it", "proxy": "borrowed"}[term.match_quality]
    year = f", data of {term.data_year}" if term.data_year else ""
    span = f"since {term.valid_from}" + (f" until before {term.valid_to}" if term.valid_to else "")
    lines = [
        (term.role, f"{term.value} {term.unit}   {term.factor_id} ({term.name})"),
        ("", f"made for {term.region}, {matched}{year}, in force {span}, {term.status}"),
        ("", _where(term.source)),
        ("boundary", f"{term.boundary_kind}: {term.boundary}"),
    ]
    if term.proxy_reason:
        lines.append(("borrowed", term.proxy_reason))
    return [*lines, ("", term.conservative)]


def _alternatives(console: Console, told: Answer) -> None:
    table = Table(title="What other figures and boundaries would give; never applied")
    table.add_column("gives", justify="right", no_wrap=True)
    for name in ("gas", "boundary", "method", "figures", "source"):
        table.add_column(name, overflow="fold")
    for one in told.alternatives:
        figures = "; ".join(f"{term.value} {term.unit} ({term.factor_id}, {term.region})" for term in one.terms)
        table.add_row(
            "·" if one.milligrams is None else grams(one.milligrams),
            one.gas_basis,
            one.boundary_kind,
            one.method,
            figures or one.worked,
            "; ".join(dict.fromkeys(_where(term.source, "document", "clause") for term in one.terms)),
        )
    show(console, table)


def _where(source: dict[str, str | None], *keys: str) -> str:
    return ", ".join(part for key in keys or ("document", "clause", "url") if (part := source.get(key)))

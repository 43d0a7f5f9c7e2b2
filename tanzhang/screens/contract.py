"""How a contract's trial looks in a terminal: shapes, counts and rules; values only where they were asked for."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from schemas.units import MICRO
from tanzhang.screens.console import add_columns, bold, line, show

if TYPE_CHECKING:
    from jobs.landing.control import Delivery
    from jobs.landing.trial import Trial
    from schemas.scenarios import Scenario
    from schemas.sources import Source
    from schemas.sources.warnings import Warn

COMMONEST = 3
"""Shapes, or values, of a column that are shown."""
HOW = ("encoding", "line_ending", "delimiter", "quoting", "root", "path", "sheet")
"""What is said of a layout, where it has that."""


def contract(console: Console, source: Source, warned: Sequence[Warn]) -> None:
    """The contract itself: it loads, and what is odd about it."""
    feeds = ", ".join(f"{name} ({feed.kind})" for name, feed in source.feeds.items())
    console.print(line(bold(f"{source.id} {source.name}"), f": {source.kind}, {feeds}"), soft_wrap=True)
    for one in warned:
        console.print(f"warning: {one.text}", soft_wrap=True)


def trial(
    console: Console, one: Trial, scenarios: Mapping[str, Scenario], *, lists_all: bool, with_values: bool
) -> None:
    """One file: what was found, its columns, its rows, what they would become, what the contract cannot say."""
    console.print()
    console.print(line(bold(one.file), f" as {one.feed} ({one.kind}) of {one.business_date}"), soft_wrap=True)
    total = f", sum {one.stated.sum}" if one.stated.sum else ""
    console.print(f"in its control file: {one.name}, {one.stated.rows:,} rows{total}", soft_wrap=True)
    _layout(console, one)
    for name in one.made_up:
        console.print(f"{name}: the contract takes it from the control file; here it is that of the rows")
    for fault in one.faults:
        console.print(f"refused: {fault}", soft_wrap=True)
    for rule, text, observed in one.held:
        console.print(f"held back or flagged: {rule}: {observed}. {text}", soft_wrap=True)
    if one.columns:
        _columns(console, one, with_values)
    _rows(console, one, lists_all=lists_all, with_values=with_values)
    _became(console, one, scenarios)
    _unsaid(console, one, with_values)


def _layout(console: Console, one: Trial) -> None:
    if one.layout is None:
        console.print("layout: none of the contract's")
        return
    number, layout = one.layout
    how = [f"{name} {said!r}" for name in HOW if (said := getattr(layout, name, None)) is not None]
    first = f"; its first row is line {one.first_line:,}" if one.first_line else ""
    console.print(f"layout {number}: {', '.join([layout.layout, *how])}{first}", soft_wrap=True)
    if head := one.head:
        whole = "whole" if head.is_whole else "filtered: it only adds"
        days = f"{head.days[0]} to {head.days[1]}" if head.days else "the days that the contract takes from elsewhere"
        console.print(
            f"covers {days}, exported {head.exported_at or 'when the contract takes from elsewhere'}, {whole}"
        )


def _columns(console: Console, one: Trial, with_values: bool) -> None:
    table = Table(title="Columns")
    for name in ("column", "field", "read for"):
        table.add_column(name)
    table.add_column("filled", justify="right", no_wrap=True)
    table.add_column("values" if with_values else "looks like")
    for column in one.columns:
        common = (column.values if with_values else column.shapes).most_common(COMMONEST)
        table.add_row(
            column.header,
            column.into or "·",
            ", ".join(column.means),
            f"{column.filled:,}" if column.into else "·",
            "  ".join(said for said, _ in common),
        )
    show(console, table)


def _rows(console: Console, one: Trial, *, lists_all: bool, with_values: bool) -> None:
    """Every row that cannot be used, or every row; the others are counted."""
    counts = ", ".join(f"{rows:,} {became}" for became, rows in one.dispositions.most_common())
    console.print(f"rows: {counts or 'none'}")
    for rule, rows in one.ignored.most_common():
        console.print(f"  ignored by {rule}: {rows:,}")
    listed = [verdict for verdict in one.verdicts if lists_all or verdict.code]
    if not listed:
        return
    table = Table(title="All rows" if lists_all else "Rows and identifiers that cannot be used")
    add_columns(table, (), ("line",))
    add_columns(table, ("became", "code or rule"), ())
    for name in ("column", "value" if with_values else "looks like"):
        table.add_column(name, overflow="fold")
    for verdict in listed:
        seen = verdict.value if with_values and verdict.value is not None else verdict.shape
        said = (verdict.code or verdict.rule or "", verdict.column or "", seen or "")
        table.add_row(f"{verdict.line:,}", verdict.became, *said)
    show(console, table)
    for code, (rule, mend) in {verdict.code: verdict.words for verdict in listed if verdict.code}.items():
        console.print(f"  {code}: {rule} {mend}", soft_wrap=True)


def _became(console: Console, one: Trial, scenarios: Mapping[str, Scenario]) -> None:
    became = one.became
    if became.claims:
        table = Table(title="What the good rows would become")
        add_columns(table, ("scenario", "as"), ("rows", "yuan", "quantity"))
        table.add_column("note")
        for (name, kind), total in sorted(became.claims.items()):
            scenario = scenarios.get(name)
            unit = f" {scenario.unit}" if scenario else ""
            quantity = f"{total.quantity_micro / MICRO:,.6g}{unit}" if total.quantity_micro else "·"
            yuan = f"{total.amount_fen / 100:,.2f}" if total.amount_fen else "·"
            is_without = scenario is not None and scenario.quantification is None and not scenario.is_spend
            table.add_row(name, kind, f"{total.rows:,}", yuan, quantity, "no figure yet" if is_without else "")
        show(console, table)
        if became.first:
            console.print(f"act dates: {became.first} to {became.last}")
    if became.repeats:
        console.print(f"repeats: {became.repeats:,} rows whose natural key stood before; only the last counts")
    if became.refunded_fen:
        console.print(f"taken back on the purchase's own row: {became.refunded_fen / 100:,.2f} yuan")
    if became.without_original:
        console.print(f"refunds whose purchase is not in this file: {became.without_original:,}; they wait for it")
    if became.merchants:
        _merchants(console, one)
    for (what, name), count in sorted(became.others.items()):
        console.print(f"{what}: {name} {count:,}")


def _merchants(console: Console, one: Trial) -> None:
    from schemas.spending.merchants import name_of

    unknown = one.became.merchants.get(None)
    known = {code: total for code, total in one.became.merchants.items() if code is not None}
    rows, fen = (unknown.rows, unknown.amount_fen) if unknown else (0, 0)
    console.print(
        f"merchants: {sum(total.rows for total in known.values()):,} rows of a known category, {rows:,} of none "
        f"({fen / 100:,.2f} yuan)"
    )
    for code, total in sorted(known.items(), key=lambda entry: -entry[1].amount_fen):
        console.print(f"  {code} {name_of(code)}: {total.rows:,} rows, {total.amount_fen / 100:,.2f} yuan")


def _unsaid(console: Console, one: Trial, with_values: bool) -> None:
    """What the contract cannot say of the file."""
    dropped = [column.header for column in one.columns if column.into is None or column.means == ["not kept"]]
    if dropped:
        console.print(f"not kept: {', '.join(dropped)}", soft_wrap=True)
    if one.new_columns:
        console.print(f"columns that nobody agreed on: {', '.join(one.new_columns)}", soft_wrap=True)
    codes = Counter(
        (verdict.column, verdict.value if with_values else verdict.shape)
        for verdict in one.verdicts
        if verdict.code == "unknown_code"
    )
    for (column, said), rows in codes.most_common():
        console.print(f"no rule or code of {column} takes {said}: {rows:,} rows", soft_wrap=True)


def verdict(console: Console, trials: Sequence[Trial]) -> None:
    """One line of all."""
    if not trials:
        console.print("the contract loads; name files to try it on")
        return
    refused = sum(bool(one.faults) for one in trials)
    bad = sum(one.dispositions["quarantined"] + one.dispositions["rejected"] for one in trials)
    rows = sum(one.dispositions.total() for one in trials)
    if all(one.is_good for one in trials):
        console.print(line(bold("good"), f": {len(trials):,} files, {rows:,} rows, all of it can be used"))
    else:
        held = sum(bool(one.held) for one in trials)
        console.print(
            line(
                bold("not yet"),
                f": of {len(trials):,} files {refused:,} refused, {held:,} held back or flagged; of {rows:,} rows "
                f"{bad:,} cannot be used",
            )
        )


def laid_out(console: Console, folder: Path, delivery: Delivery) -> None:
    """Where a delivery lies, and what it holds."""
    for file in delivery.control.files:
        console.print(f"{file.name}: {file.feed}, {file.rows:,} rows", soft_wrap=True)
    console.print(str(folder), soft_wrap=True)


def as_json(one: Trial) -> dict[str, Any]:
    """A trial without what is a key of more than one word."""
    content = {name: value for name, value in vars(one).items() if name not in ("layout", "became", "columns")}
    became = one.became
    return {
        **content,
        "is_good": one.is_good,
        "layout": one.layout and {"number": one.layout[0], **one.layout[1].model_dump(mode="json")},
        "columns": [
            {**vars(column), "shapes": column.shapes.most_common(), "values": column.values.most_common()}
            for column in one.columns
        ],
        "became": {
            "claims": [
                {"scenario": name, "kind": kind, **dataclasses.asdict(total)}
                for (name, kind), total in sorted(became.claims.items())
            ],
            "merchants": [{"code": code, **dataclasses.asdict(total)} for code, total in became.merchants.items()],
            "others": [{"what": what, "name": name, "rows": rows} for (what, name), rows in became.others.items()],
            "repeats": became.repeats,
            "refunded_fen": became.refunded_fen,
            "without_original": became.without_original,
            "first": became.first,
            "last": became.last,
        },
    }

"""Headers found by their names, and what a bill says above them. Shared by text and workbooks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from jobs.landing.formats.batches import BillHead, FileRefused
from jobs.landing.formats.patterns import compiled
from schemas.sources.faults import Fault, fault, shape
from schemas.sources.layouts import Delimited, Preamble, Workbook

Cells = Sequence[str]


@dataclass(frozen=True)
class Header:
    """Where a file's columns stand.

    positions: for each of the feed's fields its place in a row, None where the layout has none.
    width: how many cells a row has.
    new: shapes of the names that are not agreed.
    """

    layout: Delimited | Workbook
    positions: list[int | None]
    width: int
    new: list[str]


def match(cells: Cells, layout: Delimited | Workbook, fields: Sequence[str]) -> Header | None:
    """The header that a row of cells is, if it is one."""
    names, agreed, needed = _names(cells, layout, fields)
    # Most rows that are asked about stand in a preamble: they are told at once.
    if not set(needed) <= set(names) or reasons(cells, layout, fields):
        return None
    places = {agreed[name]: place for place, name in enumerate(names) if agreed.get(name) is not None}
    new = [shape(name) for name in names if name and name not in agreed]
    return Header(layout, [places.get(field) for field in fields], len(names), new)


def find(
    rows: Sequence[Cells], said: Sequence[str], layouts: Sequence[Delimited | Workbook], fields: Sequence[str]
) -> tuple[Header, int, BillHead | None] | None:
    """The first header among rows, how many rows end with it, and what a bill says above it.

    Args:
        said: each row as one text.
    """
    for at, row in enumerate(rows, 1):
        for layout in layouts:
            header = match(row, layout, fields)
            if header is not None:
                return header, at, bill_head(said[:at], layout.preamble) if layout.preamble else None
    return None


def rows_above(layouts: Sequence[Delimited | Workbook]) -> int:
    """Among so many first rows a header stands."""
    return max((layout.preamble.within_lines for layout in layouts if layout.preamble), default=1)


def reasons(cells: Cells, layout: Delimited | Workbook, fields: Sequence[str]) -> list[Fault]:
    """Why a row of cells is no header: columns that are missing, new or named twice."""
    names, agreed, needed = _names(cells, layout, fields)
    faults = [fault("missing_column", column=name) for name in needed if name not in names]
    if layout.new_columns == "refuse":
        faults += [fault("new_column", found=name) for name in names if name and name not in agreed][:MOST_NAMED]
    return faults + [fault("repeated_column", column=name) for name in needed if names.count(name) > 1]


def _names(
    cells: Cells, layout: Delimited | Workbook, fields: Sequence[str]
) -> tuple[list[str], dict[str, str | None], list[str]]:
    """The names in a row, the agreed ones with their fields, and those of them that must be there."""
    names = [cell.strip() for cell in cells] if layout.is_padded else list(cells)
    for _ in range(layout.trailing_empty if isinstance(layout, Delimited) else 0):
        if names and not names[-1]:
            names.pop()
    agreed: dict[str, str | None] = layout.columns or {field: field for field in fields}
    return names, agreed, [name for name, field in agreed.items() if field is not None or layout.columns is None]


def likeness(cells: Cells, layout: Delimited | Workbook, fields: Sequence[str]) -> float:
    """Share of the agreed names that stand in a row of cells."""
    agreed = set(layout.columns or fields)
    return len(agreed & {cell.strip() for cell in cells}) / len(agreed)


def complaint(
    rows: Sequence[tuple[int, Cells]], layouts: Sequence[Delimited | Workbook], fields: Sequence[str]
) -> list[Fault]:
    """Why none of the rows is a header: what the one that comes nearest lacks, if any comes near."""
    nearest = [
        (likeness(cells, layout, fields), -line, cells, layout) for line, cells in rows for layout in layouts if cells
    ]
    best = max(nearest, key=lambda one: one[:2], default=None)
    if best is None or best[0] < 0.5:
        return [fault("wrong_header")]
    return [one.model_copy(update={"line": -best[1]}) for one in reasons(best[2], best[3], fields)]


def strange(
    found: Iterable[str], needed: Iterable[str], line: int, agreed: Collection[str] | None = None
) -> list[Fault]:
    """What the names of a file's first row have other than agreed, where every row names its values.

    Args:
        agreed: the names that may stand, the needed ones unless told.
    """
    names, needed = list(found), list(needed)
    missing = [fault("missing_column", line=line, column=field) for field in needed if field not in names]
    new = [name for name in names if name not in (needed if agreed is None else agreed)]
    return missing + [fault("new_column", line=line, found=name) for name in new][:MOST_NAMED]


MOST_NAMED = 20
"""So many strange names are worth saying."""


def bill_head(lines: Sequence[str], preamble: Preamble) -> BillHead | None:
    """What the lines above the header say, where they say anything.

    Raises:
        FileRefused: the period, the time of export or the selection is missing or makes no sense.
    """
    if not preamble.gives and preamble.selection is None:
        return None
    text = "\n".join(lines)
    found = {name: compiled(getattr(preamble, name)).search(text) for name in sorted(preamble.gives)}
    if preamble.selection:
        found["selection"] = compiled(preamble.selection.pattern).search(text)
    if missing := ", ".join(name for name, match in found.items() if match is None):
        raise FileRefused(fault("bad_preamble", expected=f"what the contract's {missing} finds"))
    period, exported, selection = found.get("period"), found.get("exported_at"), found.get("selection")
    is_whole = preamble.selection is None or (
        selection is not None and selection[1].strip() in preamble.selection.whole
    )
    said = [period["first"], period["last"]] if period else None
    return told_head(preamble.forms, said, exported[1] if exported else None, is_whole)


def told_head(
    forms: Mapping[str, str | None], period: Sequence[str] | None, exported_at: str | None, is_whole: bool
) -> BillHead:
    """What texts in these forms say of a bill. A period may be asked for to its end; it is covered until the export.

    Raises:
        FileRefused: a date does not exist or is written in another form, or they are in no order.
    """
    days = [_moment(day, forms["period"] or "", "period").date() for day in period or ()]
    at = None if exported_at is None else _moment(exported_at, forms["exported_at"] or "", "time of export")
    if days != sorted(days) or (days and at is not None and at.date() < days[0]):
        raise FileRefused(
            fault("bad_preamble", expected="days of which the first had begun when the bill was exported")
        )
    if days and at is not None:
        days[1] = min(days[1], at.date())
    return BillHead((days[0], days[1]) if days else None, at, is_whole)


def _moment(said: str, form: str, what: str) -> datetime:
    try:
        return datetime.strptime(said.strip(), form)
    except ValueError as error:
        expected = f"the {what} in the contract's form, {form}"
        raise FileRefused(fault("bad_preamble", found=said, expected=expected)) from error

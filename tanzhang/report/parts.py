"""What a page is made of: figures that can be read back, tables, and bars drawn with CSS alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tanzhang.report.words import Both, number


@dataclass(frozen=True)
class Figure:
    """A number on the page.

    Attributes:
        name: dotted, for whoever reads the page with a program: `kg.scenario.metro`.
        value: the whole number behind it; None where it is not counted out.
        text: as it is shown.
    """

    name: str
    value: int | None
    text: str | Both


Cell = Figure | Both | str


@dataclass(frozen=True)
class Table:
    """Rows begin with what they are about; `total` is set apart. numbers: columns, from the first, that hold text."""

    head: Sequence[Both]
    rows: Sequence[Sequence[Cell]]
    total: Sequence[Cell] = ()
    texts: int = 1


@dataclass(frozen=True)
class Share:
    """A piece of a bar: its colour's name and its hundredths of a per cent of the bar."""

    colour: str
    width: str


@dataclass(frozen=True)
class Bar:
    """One bar of a chart: what it is about, its pieces, and its figure beside it."""

    name: Both
    shares: Sequence[Share]
    figure: Figure
    note: Figure | None = None


@dataclass(frozen=True)
class Line:
    """One line of a list that adds up: colour, name, meaning, figure and its share of the whole."""

    colour: str
    name: Both
    means: Both
    figure: Figure
    share: str


@dataclass(frozen=True)
class Sum:
    """A whole and its parts: a bar, the lines that add up to it, and where they lie."""

    bar: Sequence[Share]
    lines: Sequence[Line]
    total: Figure
    table: Table | None = None
    bars: Sequence[Bar] = field(default=())


def width(part: int, whole: int) -> str:
    """Per cent of a bar as CSS takes it."""
    hundredths = max(part, 0) * 10_000 // whole if whole > 0 else 0
    return f"{hundredths // 100}.{hundredths % 100:02d}%"


def shares(parts: Mapping[str, int], whole: int) -> list[Share]:
    """The pieces of a bar of length `whole`; what is nothing is left out."""
    return [Share(name, width(count, whole)) for name, count in parts.items() if count > 0]


def matrix(
    head: Both,
    columns: Mapping[str, Both],
    rows: Iterable[tuple[str, Both]],
    count: Callable[[str, str], int],
    name: str,
    total: Both,
) -> Table:
    """Counts of (row, column), with their sums at the right and below.

    Args:
        count: (row key, column key) → number.
        name: what the figures' names begin with.
    """
    keys = list(rows)

    def figures(label: str, counts: Mapping[str, int]) -> list[Figure]:
        cells = [
            Figure(f"{name}.{label}.{key}", value, number(value) if value else "·") for key, value in counts.items()
        ]
        whole = sum(counts.values())
        return [Figure(f"{name}.{label}", whole, number(whole)), *cells]

    lines: list[list[Cell]] = [
        [text, *figures(key, {column: count(key, column) for column in columns})] for key, text in keys
    ]
    below = {column: sum(count(key, column) for key, _ in keys) for column in columns}
    return Table([head, total, *columns.values()], lines, [total, *figures("all", below)])

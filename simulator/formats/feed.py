"""How one feed of one institution is written, and how all of them tell of customers and their consents.

An institution's module says what is its own: field names, codes, and which text its rows become.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from simulator.people import Block
from simulator.rows import Calendar, Column, Rows

Lines = Callable[[Rows, Block], list[str]]
Arranged = Callable[[Rows, Block, int], tuple[Column, list[str]]]


def no_header(day: int) -> str:
    """Files that start with their first row."""
    return ""


@dataclass(frozen=True)
class Feed:
    """How one feed of one institution is written.

    Attributes:
        institution: index of the institution.
        name: the feed's name.
        suffix: what its file names end in.
        lines: makes a text for every row; whatever the file, a row's text is the same.
        encoding, newline: of the text.
        header: what a file starts with, by day number.
        footer: what it ends with.
        first_line: the number by which the truth calls the first data row.
        sum_column: the column whose sum the control file states, "" for none.
        sum_places: decimals of that sum; `total` counts units of the last place.
        is_keyed: whether the rows have a natural key: only these can be recognised when sent again.
        repeats_rows: whether rows without such a key are told by all that they say, their day among it.
        is_of_acts: whether a correction changes rows and not only leaves some out.
        arrange: where rows are nested: the order in which a file of a day holds these rows, and their texts.
    """

    institution: int
    name: str
    suffix: str
    lines: Lines
    encoding: str = "utf-8"
    newline: str = "\n"
    header: Callable[[int], str] = no_header
    footer: str = ""
    first_line: int = 1
    sum_column: str = ""
    sum_places: int = 0
    is_keyed: bool = False
    repeats_rows: bool = False
    is_of_acts: bool = False
    arrange: Arranged | None = None

    @property
    def is_compressed(self) -> bool:
        """Whether the file is gzipped."""
        return self.suffix.endswith(".gz")


class Writer(ABC):
    """Writes what one institution sends.

    Args:
        calendar: the world's days as text.
    """

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar

    @abstractmethod
    def feeds(self) -> list[Feed]:
        """All its feeds, apart from the bills that people bring themselves."""


def header(text: str, newline: str = "\n") -> Callable[[int], str]:
    """The same first line or lines every day."""
    return lambda day: text + newline


def customers(institution: int, rows: Rows, block: Block) -> list[str]:
    """The institution's customer id of every row."""
    return list(block.customer_ids[institution, rows["person"]])


def yuan(fen: int) -> str:
    """Two decimals, without commas."""
    return f"{fen // 100}.{fen % 100:02d}"


def short(units: int, places: int) -> str:
    """Units of the last place as a number without needless zeros."""
    whole, rest = divmod(units, 10**places)
    return f"{whole}.{rest:0{places}d}".rstrip("0").rstrip(".") if places else str(whole)


# -- customers and their consents


class Registration(NamedTuple):
    """What an institution may tell of a customer; `style` is which of three ways the row is written in."""

    customer: str
    citizen_id: str
    phone: str
    card: str
    card2: str
    card3: str
    kind: str
    style: int
    at: str

    def value(self, value: Value) -> Any:
        """One of its values."""
        return getattr(self, value) if isinstance(value, str) else value(self)


Value = Literal["customer", "citizen_id", "phone", "card", "kind", "at"] | Callable[[Registration], Any]
"""A value of a registration as it is, or as an institution writes it."""


@dataclass(frozen=True)
class Table:
    """A feed as named columns; `values` makes a tuple for every row."""

    institution: int
    name: str
    fields: tuple[str, ...]
    values: Callable[[Rows, Block], list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Customers:
    """What an institution calls the things that it tells of its customers.

    Attributes:
        institution: index of the institution.
        registration: its fields in order, and the value that each holds.
        kinds: its words for a person and a micro business.
        consent: its fields for customer, scope, state and time.
        scopes: its words for travel, living, finance and all; "" where it does not ask.
        states: its words for given and withdrawn.
    """

    institution: int
    registration: dict[str, Value]
    kinds: tuple[str, str]
    consent: tuple[str, str, str, str]
    scopes: tuple[str, str, str, str]
    states: tuple[str, str]

    def tables(self, calendar: Calendar) -> tuple[Table, Table]:
        """Registrations and consents."""

        def registered(rows: Rows, block: Block) -> list[tuple[Any, ...]]:
            columns = (
                customers(self.institution, rows, block),
                *(rows[name] for name in ("citizen_id", "phone", "card", "card2", "card3")),
                [self.kinds[kind] for kind in rows["kind"].tolist()],
                rows["style"].tolist(),
                calendar.moments(rows["at"]),
            )
            told = [Registration(*values) for values in zip(*columns, strict=True)]
            return [tuple(one.value(value) for value in self.registration.values()) for one in told]

        def agreed(rows: Rows, block: Block) -> list[tuple[Any, ...]]:
            columns = (
                customers(self.institution, rows, block),
                [self.scopes[scope] for scope in rows["scope"].tolist()],
                [self.states[not is_given] for is_given in rows["given"].tolist()],
                calendar.moments(rows["at"]),
            )
            return list(zip(*columns, strict=True))

        return (
            Table(self.institution, "registrations", tuple(self.registration), registered),
            Table(self.institution, "consents", self.consent, agreed),
        )


def _feed(table: Table, suffix: str, line: Callable[[Sequence[Any]], str], **form: Any) -> Feed:
    def lines(rows: Rows, block: Block) -> list[str]:
        return [line(values) for values in table.values(rows, block)]

    return Feed(table.institution, table.name, suffix, lines, **form)


def listed(rows: Rows, *names: str) -> list[list[Any]]:
    """Columns as lists, to go through side by side."""
    return [rows[name].tolist() for name in names]


def separated(table: Table, suffix: str, separator: str = ",", encoding: str = "utf-8", newline: str = "\n") -> Feed:
    """Values between separators, below a line of the fields' names."""
    names = header(separator.join(table.fields), newline)
    return _feed(table, suffix, separator.join, header=names, first_line=2, encoding=encoding, newline=newline)


def json_lines(table: Table) -> Feed:
    """An object per line, gzipped."""

    def line(values: Sequence[Any]) -> str:
        row = dict(zip(table.fields, values, strict=True))
        return json.dumps(row, ensure_ascii=False, separators=(",", ":"))

    return _feed(table, ".jsonl.gz", line)


def elements(table: Table, start: str, tag: str) -> Feed:
    """An XML element per line in a root that has the table's name; `start` stands above it."""

    def line(values: Sequence[Any]) -> str:
        inner = "".join(f"<{name}>{value}</{name}>" for name, value in zip(table.fields, values, strict=True))
        return f"<{tag}>{inner}</{tag}>"

    root = table.name.upper()
    return _feed(table, ".xml", line, header=header(f"{start}<{root}>"), footer=f"</{root}>\n")

"""Pieces of the generated documents: citations, spans of days, tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from schemas.scenarios.parts import Citation, Dated

_BAR = re.compile(r"(?<!\\)\|")
"""A bar that would end a table's cell."""


def cited(source: Citation) -> str:
    """Where something was read, on one line."""
    return quoted(source.text)


def quoted(text: str) -> str:
    """Text of a source, in which no character means anything to Markdown."""
    return "".join(f"\\{character}" if character in "\\`*_[]<>|" else character for character in text)


def span(one: Dated) -> str:
    """From when to when something is in force."""
    return f"since {one.valid_from}" if one.valid_to is None else f"{one.valid_from} until before {one.valid_to}"


def ended(text: str) -> str:
    """The text as a sentence."""
    return text if text.endswith((".", "。")) else f"{text}."


def table(names: Iterable[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table, and an empty one."""
    names = list(names)
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    for row in rows:
        cells = [_BAR.sub(r"\\|", cell) for cell in row]
        yield f"| {' | '.join(cells)} |"
    yield ""

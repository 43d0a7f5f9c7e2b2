"""What every layout is read into."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from schemas.sources.faults import Fault, shape

SHAPED_BYTES = 400
"""The beginning of a row is enough for its shape."""


class FileRefused(Exception):
    """A file cannot be read as a whole."""

    def __init__(self, *reasons: Fault) -> None:
        super().__init__(", ".join(reason.code for reason in reasons))
        self.reasons = list(reasons)


@dataclass(frozen=True)
class Reject:
    """A row that could not be split into columns: its line, error code, column and shape."""

    line: int
    code: str
    column: str | None
    shape: str

    @classmethod
    def of_bytes(cls, line: int, code: str, content: bytes, encoding: str) -> Reject:
        """Of a line that is still bytes, and may be no text."""
        return cls(line, code, None, shape(content[:SHAPED_BYTES].decode(encoding, errors="replace")))


@dataclass(frozen=True)
class Batch:
    """Rows in columns, each column as long as `lines`.

    lines: 1-based: the physical line of the unpacked text, the row of the sheet, or the ordinal of the element.
    columns: field → values; text, or in a JSON file whatever JSON allows.
    """

    lines: list[int]
    columns: dict[str, Sequence[Any]]
    rejects: list[Reject]


@dataclass(frozen=True)
class BillHead:
    """What is known of a bill before its rows: its days, when it was exported (local time), whether it is whole.

    Of days or time None where they are not known yet.
    """

    days: tuple[date, date] | None = None
    exported_at: datetime | None = None
    is_whole: bool = True


@dataclass(frozen=True)
class Export:
    """A file that is being read: its head, where it says anything of a bill, and its rows in file order.

    The batches raise FileRefused when the file turns out to be damaged further on.
    """

    head: BillHead | None
    batches: Iterator[Batch]
    new_columns: list[str] = field(default_factory=list)
    """Shapes of the names that are not agreed and were ignored: of a header's, or of rows' as they are read."""

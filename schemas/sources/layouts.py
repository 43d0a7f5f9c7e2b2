"""The forms in which exports are written: lines of text, workbooks, XML. How a file is packed, its name says."""

from __future__ import annotations

from typing import Annotated, Literal

import re2
from pydantic import Field, field_validator, model_validator

from schemas.base import Pattern, Strict
from schemas.sources.columns import TimeForm


class Selection(Strict):
    """Whether a bill holds everything: group 1 of `pattern` is one of `whole`."""

    pattern: Pattern
    whole: list[str] = Field(min_length=1)


class Preamble(Strict):
    """What stands above the header of a bill. The header is found by its names, never by a line number.

    within_lines: the header stands among so many first lines.
    period: groups `first` and `last`, the days that the bill covers. exported_at: group 1.
    selection: absent where such a bill always holds everything.
    """

    within_lines: int = Field(default=100, gt=0, le=1000)
    period: Pattern
    exported_at: Pattern
    time_form: TimeForm
    selection: Selection | None = None

    @field_validator("period")
    @classmethod
    def _groups(cls, period: str) -> str:
        if not {"first", "last"} <= re2.compile(period).groupindex.keys():
            raise ValueError("name the groups first and last")
        return period


class _Table(Strict):
    """Rows under one header that names the columns, in any order.

    columns: name in the header → the feed's field, or null for what is not kept; absent: the feed's own names.
        Fields without a column are empty in this layout.
    new_columns: what to do with a column that is not agreed.
    is_padded: values stand between spaces and tabs that do not belong to them, and empty lines between rows.
    no_value: text that stands for none.
    footer: a line that matches ends the rows.
    """

    columns: dict[str, str | None] | None = None
    new_columns: Literal["refuse", "ignore"] = "refuse"
    preamble: Preamble | None = None
    is_padded: bool = False
    no_value: str | None = None
    footer: Pattern | None = None


class _Lines(Strict):
    encoding: Literal["utf-8", "gb18030"]
    line_ending: Literal["lf", "crlf", "any"]
    may_have_mark: bool = False
    """Whether the file may begin with a byte order mark."""


class JsonLines(_Lines):
    """One JSON object a line, with exactly the feed's fields."""

    layout: Literal["json_lines"]


class Delimited(_Table, _Lines):
    """One row a line.

    quoting: `minimal` lets a value stand in double quotes (RFC 4180) within its line; `none` knows no quotes.
    """

    layout: Literal["delimited"]
    delimiter: str = Field(min_length=1, max_length=1)
    quoting: Literal["none", "minimal"]


class Workbook(_Table):
    """The first sheet of an Excel file (XLSX)."""

    layout: Literal["workbook"]


class Xml(Strict):
    """Elements of an XML file, by their local names; no DTD, no entities.

    root: local name of the root. namespace: pattern of its namespace, "" for none.
    path: elements from the outermost that rows share to the innermost that is a row.
    row: the element that is a row; one further out in `path` is a row where it holds none of the inner ones.
    values: field → where its text stands, the first that is there: `Element/Child/…`, from an element of the
        path on, `@Name` for an attribute. Absent: the row has exactly one child for each field, named after it.
    """

    layout: Literal["xml"]
    root: str
    namespace: Pattern = ""
    path: list[str] = Field(min_length=1)
    row: str
    values: dict[str, list[str]] | None = None

    @model_validator(mode="after")
    def _rows_on_path(self) -> Xml:
        if self.row not in self.path:
            raise ValueError(f"row {self.row!r} is not on the path")
        starts = {place.split("/")[0].split("@")[0] for places in (self.values or {}).values() for place in places}
        if starts - set(self.path):
            raise ValueError(f"values start at an element of the path, not at {sorted(starts - set(self.path))}")
        return self


Format = Annotated[JsonLines | Delimited | Workbook | Xml, Field(discriminator="layout")]
Tabular = Delimited | Workbook

"""What could not be used, in words for its sender, and the way back.

A row in quarantine is known by file, line, column, code and the shape of its value; the value itself stands only
in landing. Once the contract is mended the file is landed again and takes the same road as everything else; a
corrected statement simply replaces it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.errors import NotFound
from jobs.lake.chain import published
from jobs.lake.frames import listed
from jobs.reading.files import files_of
from schemas.sources.errors import ERRORS

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake
    from jobs.landing.manifests import Manifest


ROW = ("institution", "feed", "file_id", "line", "column_name", "code", "value_shape")
EXPORTED = ("file", "business_date", "line", "column", "code", "rule", "mend", "shape")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is a formula to a spreadsheet."""


@dataclass(frozen=True)
class Kind:
    """Everything of one institution, feed, code and column; `rows` 0 where a whole file or delivery is meant."""

    institution: str
    feed: str
    code: str
    column: str | None
    rows: int
    files: int

    @property
    def rule(self) -> str:
        """What must hold."""
        return ERRORS[self.code].rule

    @property
    def mend(self) -> str:
        """What the sender does."""
        return ERRORS[self.code].mend


def kinds(lake: Lake, institution: str | None = None) -> list[Kind]:
    """What is unusable as things stand, the most first: rows, and files or deliveries that were refused or held.

    To the driver: as many rows as there are feeds, columns and codes.
    """
    rows = lake.ask(
        Kind,
        """
        SELECT institution, feed, code, column_name AS column, count(1) AS rows, count(DISTINCT file_id) AS files
        FROM unusable
        GROUP BY institution, feed, code, column_name
        """,
        unusable=_unusable(lake, institution),
    )
    files = lake.ask(
        Kind,
        f"""
        WITH used AS (SELECT file_id FROM coverage WHERE file_state = 'consumed')
        SELECT c.institution, c.feed, c.code, CAST(NULL AS string) AS column, CAST(0 AS bigint) AS rows,
            count(DISTINCT c.file_id) AS files
        FROM coverage AS c
        LEFT ANTI JOIN used AS u ON c.file_id = u.file_id
        WHERE c.file_state = 'refused' AND {_of("c.institution", institution)}
        GROUP BY c.institution, c.feed, c.code
        """,
        coverage=lake.read("gold.coverage"),
    )
    return most_first([*rows, *files])


def most_first(found: Iterable[Kind]) -> list[Kind]:
    """The order in which kinds are told."""
    return sorted(found, key=lambda one: (-one.rows, one.institution, one.feed, one.code, one.column or ""))


def rows(
    lake: Lake, home: Path, institution: str, code: str | None = None, limit: int | None = None
) -> list[dict[str, Any]]:
    """Unusable rows of an institution by EXPORTED names, in the order of files and lines.

    To the driver: what is to be shown or sent, one institution's bad rows.
    """
    found = lake.ask(
        dict,
        f"""
        SELECT {listed(ROW)}
        FROM unusable
        WHERE {_of("code", code)}
        ORDER BY feed, file_id, line {f"LIMIT {limit}" if limit else ""}
        """,
        unusable=_unusable(lake, institution),
    )
    files = files_of(lake, home, {row["file_id"] for row in found})
    return [told(files[row["file_id"]], row) for row in found]


def told(file: Manifest, row: dict[str, Any]) -> dict[str, Any]:
    """An unusable row of a file by EXPORTED names."""
    return {
        "file": Path(file.path).name,
        "business_date": file.business_date,
        "line": row["line"],
        "column": row["column_name"],
        "code": row["code"],
        "rule": ERRORS[row["code"]].rule,
        "mend": ERRORS[row["code"]].mend,
        "shape": row["value_shape"],
    }


def export(path: Path, found: Sequence[dict[str, Any]]) -> None:
    """Write unusable rows as CSV for their sender: UTF-8 with a mark, no cell that a spreadsheet would compute."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, EXPORTED)
        writer.writeheader()
        for row in found:
            writer.writerow({name: _harmless(value) for name, value in row.items()})


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _unusable(lake: Lake, institution: str | None) -> Frame:
    """Rows that are quarantined or rejected now."""
    log = published(lake, "silver.rows").where(_of("institution", institution))
    return lake.sql(
        f"SELECT {listed(ROW)} FROM rows WHERE disposition IN ('quarantined', 'rejected')", rows=log.newest()
    )


def _of(column: str, value: str | None) -> str:
    """A condition on a column. Only what is an id or a code becomes SQL.

    Raises:
        NotFound: the value cannot be one.
    """
    if value is None:
        return "true"
    if not value.replace("_", "").isalnum():
        raise NotFound(f"no {column.rpartition('.')[2]} {value!r}")
    return f"{column} = '{value}'"

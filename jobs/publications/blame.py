"""Whose rows break what keeps everybody's day from being published: the statements that a run can do without."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.landing.statements import whole_statements
from jobs.runs.notes import Aside

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.landing.manifests import Manifest
    from jobs.runs.run import Run

CLAIM = ("claim_id", "activity_id", "position")
"""Columns by which a row names the claim that it comes of, the first that it has."""


class StatementsBlamed(Exception):
    """Critical rules are broken by rows of statements that a run can do without. Holds what is to be set aside."""

    def __init__(self, aside: list[Aside]) -> None:
        super().__init__("; ".join(map(str, aside)))
        self.aside = aside


@dataclass(frozen=True)
class Broken:
    """A critical rule, the rows that break it, and how many they are of how many."""

    rule_id: str
    table: str
    rows: Frame
    observed: int
    checked: int


def blamed(run: Run, broken: Sequence[Broken]) -> list[Aside]:
    """The statements, used first by this run, of which a row breaks a rule; none where the rows come of no statement.

    To the driver: a row per rule and file.
    """
    fresh = {file.file_id: file for file in run.fresh}
    found: dict[str, Aside] = {}
    for one in broken:
        for file_id, line in _lines(run, one.rows):
            if file_id in fresh and not any(file_id in aside.file_ids for aside in found.values()):
                found[file_id] = _aside(fresh[file_id], line, one, list(fresh.values()))
    return list(found.values())


def _aside(file: Manifest, line: int | None, broken: Broken, fresh: list[Manifest]) -> Aside:
    """What is said of a statement with a row that breaks a rule."""
    return Aside(
        institution=file.institution,
        feed=file.feed,
        business_date=file.business_date,
        revision=file.revision,
        file_ids=[part.file_id for part in whole_statements([file], fresh)],
        file_id=file.file_id,
        line=line,
        rule_id=broken.rule_id,
        table=broken.table,
        observed=broken.observed,
        checked=broken.checked,
    )


def _lines(run: Run, rows: Frame) -> Iterator[tuple[str, int | None]]:
    """File and first line that rows come of, by what they name: their file, or their claim."""
    lake, names = run.lake, set(rows.columns)
    if "file_id" not in names:
        claim = next((name for name in CLAIM if name in names), None)
        if claim is None:
            return
        rows = lake.sql(
            f"""
            WITH named AS (SELECT DISTINCT {claim} AS claim_id FROM broken)
            SELECT c.file_id, c.line
            FROM written AS c
            LEFT SEMI JOIN named AS n ON c.claim_id = n.claim_id
            """,
            broken=rows,
            written=run.log("silver.claims").written,
        )
    line = "min(line)" if "line" in rows.columns else "CAST(NULL AS bigint)"
    said: list[dict[str, Any]] = lake.ask(
        dict, f"SELECT file_id, {line} AS line FROM broken GROUP BY file_id ORDER BY file_id", broken=rows
    )
    for row in said:
        yield row["file_id"], row["line"]

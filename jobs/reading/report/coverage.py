"""What the figures rest on: how statements came, and what became of their rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from jobs.lake.chain import published
from schemas.ledger import SPANNING
from schemas.tables import SEQ

if TYPE_CHECKING:
    from jobs.lake import Lake


@dataclass(frozen=True)
class Coverage:
    """Files of a feed's statement that a publication reported in the same words. code: of refused ones."""

    seq: int
    institution: str
    feed: str
    business_date: date
    revision: int
    file_state: str
    is_late: bool
    code: str | None
    files: int
    rows: int


@dataclass(frozen=True)
class Rows:
    """Rows with one disposition. is_new: of files that this publication used first; else rows it changed."""

    institution: str
    feed: str
    disposition: str
    code: str | None
    is_new: bool
    rows: int


def coverage(lake: Lake, seq: int, first: date) -> list[Coverage]:
    """Of the business dates from `first` on as known in a publication, and everything that it reports itself."""
    by = "institution, feed, business_date, revision, file_state, is_late"
    code = "CASE WHEN file_state = 'refused' THEN code END"
    return lake.ask(
        Coverage,
        f"""
        SELECT {SEQ} AS seq, {by}, {code} AS code, count(1) AS files, CAST(sum(row_count) AS bigint) AS rows
        FROM coverage
        WHERE business_date >= DATE '{first}' OR {SEQ} = {seq}
        GROUP BY {SEQ}, {by}, {code}
        ORDER BY business_date, institution, feed, seq, revision, file_state, code
        """,
        coverage=published(lake, "gold.coverage", seq).rows,
    )


def states_of(coverage: Iterable[Coverage], brought: frozenset[tuple[str, str]]) -> dict[tuple[str, date], str]:
    """(institution, business date) → the worst of its feeds: refused, missing, late or on_time.

    A feed of which some revision was used is there: late if every one of them came late. Where one is not, a refusal
    says more than that it is missing.

    Args:
        brought: (institution, feed) that nobody owes.
    """
    feeds: dict[tuple[str, date], dict[str, set[str]]] = {}
    for one in coverage:
        if (one.institution, one.feed) not in brought:
            word = one.file_state if one.file_state != "consumed" else "late" if one.is_late else "on_time"
            feeds.setdefault((one.institution, one.business_date), {}).setdefault(one.feed, set()).add(word)
    found = {}
    for key, words in feeds.items():
        whole = words.pop(SPANNING, set())
        absent = [said for said in words.values() if not said & {"late", "on_time"}]
        if absent or not words:
            found[key] = "refused" if any("refused" in said for said in [whole, *absent]) else "missing"
        else:
            found[key] = "on_time" if all("on_time" in said for said in words.values()) else "late"
    return found


def rows(lake: Lake, seq: int) -> list[Rows]:
    """Every row of the files that a publication used first, and the earlier rows that it changed."""
    used = published(lake, "gold.coverage", seq).written
    files = lake.keep(
        """
        SELECT file_id, max(landing) AS landing
        FROM used
        WHERE file_state = 'consumed'
        GROUP BY file_id
        """,
        used=used,
    )
    # All rows of a file were written with it, but of one that was landed again only those that changed.
    again = lake.has_rows(lake.sql("SELECT 1 AS one FROM files WHERE landing > 0", files=files))
    known = published(lake, "silver.rows", seq)
    code = "CASE WHEN r.disposition IN ('quarantined', 'rejected') THEN r.code END"
    return lake.ask(
        Rows,
        f"""
        SELECT r.institution, r.feed, r.disposition, {code} AS code, f.file_id IS NOT NULL AS is_new, count(1) AS rows
        FROM known AS r
        LEFT JOIN files AS f ON r.file_id = f.file_id
        WHERE f.file_id IS NOT NULL OR r.{SEQ} = {seq}
        GROUP BY r.institution, r.feed, r.disposition, {code}, f.file_id IS NOT NULL
        ORDER BY institution, feed, disposition, code, is_new
        """,
        known=(known if again else known.where(f"{SEQ} = {seq}")).newest(),
        files=files,
    )

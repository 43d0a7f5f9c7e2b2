"""What was reported of the act behind an entry, and where: entry → activity → claims → lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from jobs.lake.frames import keys_equal, listed
from jobs.landing.manifests import LANDING
from jobs.reading.arithmetic import validity_of_entry
from jobs.reading.exclusions import POSITIONS, declared, start_of_period
from jobs.reading.files import files_of
from jobs.reading.taken_back import Refund, refunds_of
from schemas.tables import IS_LIVE, SEQ

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake
    from schemas import Registry


@dataclass(frozen=True)
class Line:
    """A row of an export: `path` below the landing folder, or None once landing's retention has passed."""

    institution: str
    feed: str
    file_id: str
    path: str | None
    line: int


@dataclass(frozen=True)
class ClaimStory:
    """One claim of the activity: what it said, what became of it, and its lines (two for a ride).

    is_placed: its export does not tell where; it counts in the region that the scenario's rule names.
    refunds: what takes it back now, whether the entry already knew of it or not; each with its line.
    """

    claim_id: str
    outcome: str
    reason: str
    claim_kind: str
    lines: list[Line]
    is_placed: bool
    refunds: list[tuple[Refund, Line]]


@dataclass(frozen=True)
class _Told:
    """A claim of an entry as the tables tell it; of a benefit its redemption."""

    entry_id: str
    claim_id: str
    outcome: str
    reason: str
    claim_kind: str
    is_placed: bool
    institution: str
    feed: str
    file_id: str
    line: int
    support_file_id: str | None = None
    support_line: int | None = None


_ASKED = pa.schema(
    [
        ("entry_id", pa.string()),
        ("position", pa.string()),
        ("position_kind", pa.string()),
        ("person_id", pa.string()),
        ("scenario", pa.string()),
        ("since", pa.date32()),
        ("until", pa.date32()),
        ("as_of", pa.int64()),
        ("rule", pa.string()),
        ("taken", pa.string()),
        ("extent", pa.string()),
        ("start", pa.date32()),
    ]
)

_SUMMED = "l.person_id = a.person_id AND l.scenario = a.scenario AND l.act_date >= a.since AND l.act_date <= a.until"
_ABOUT = {
    "l.activity_id = a.position": "a.position_kind IN ('activity', 'payment')",
    "l.claim_id = a.position": "a.position_kind IN ('activity', 'payment')",
    _SUMMED: "a.position_kind IN ('cap', 'tier')",
    f"{_SUMMED} AND a.position IN ({POSITIONS})": "a.position_kind = 'exclusion'",
}
"""SQL: how a claim `l` is of what an entry `a` is about → of which kinds of entries."""


def stories(
    lake: Lake, registry: Registry, home: Path, posted: Mapping[str, dict[str, Any]]
) -> dict[str, list[ClaimStory]]:
    """Entry → the activity's claims as they stood when it was posted; of an exclusion, a cap or a tier all claims that it sums up.

    What is given up for a benefit is no claim, but it has a line all the same.

    Args:
        posted: entry → the row of the ledger by which it was posted.
    """
    asked = _asked(lake, registry, posted)
    found: dict[str, list[ClaimStory]] = {entry_id: [] for entry_id in posted}
    told = [*_claims(lake, asked), *_redemptions(lake, asked)]
    refunds = refunds_of(lake, {one.claim_id for one in told})
    lined = {file_id for one in told for file_id in (one.file_id, one.support_file_id) if file_id}
    lined |= {refund.file_id for of_claim in refunds.values() for refund in of_claim}
    paths = {file_id: file.path for file_id, file in files_of(lake, home, lined).items()}
    for one in told:
        lines = list(_lines(home, paths, one))
        back = [
            (refund, _line(home, paths, refund.institution, refund.feed, refund.file_id, refund.line))
            for refund in refunds.get(one.claim_id, [])
        ]
        story = ClaimStory(one.claim_id, one.outcome, one.reason, one.claim_kind, lines, one.is_placed, back)
        found[one.entry_id].append(story)
    return found


def _asked(lake: Lake, registry: Registry, posted: Mapping[str, dict[str, Any]]) -> Frame:
    """What each entry is about, and the publication in which it was posted; one row per scenario."""

    def of(entry_id: str, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
        since, until, scenarios = validity_of_entry(registry, row)
        said = {name: row[name] for name in ("position", "position_kind", "person_id")}
        if row["position_kind"] == "exclusion":
            _, rule = declared(registry, row["factor_id"])
            said |= {"rule": rule.id, "taken": row["scenario"], "extent": rule.by}
            said |= {"start": start_of_period(rule, since)}
        for scenario in scenarios:
            yield {
                **said, "entry_id": entry_id, "scenario": scenario, "since": since, "until": until, "as_of": row[SEQ],
            }  # fmt: skip

    rows = [one for entry_id, row in posted.items() for one in of(entry_id, row)]
    return lake.from_arrow(pa.Table.from_pylist(rows, schema=_ASKED))


def _claims(lake: Lake, asked: Frame) -> list[_Told]:
    """The claims of what is asked, those first that lead."""
    ever = lake.keep(
        " UNION ".join(
            f"""
            SELECT a.entry_id, a.as_of, l.claim_id, l.act_date
            FROM log AS l
            JOIN asked AS a ON {condition} AND l.{SEQ} <= a.as_of
            WHERE {kinds}
            """
            for condition, kinds in _ABOUT.items()
        ),
        log=lake.read("silver.activities"),
        asked=asked,
    )
    # A claim may have belonged to the activity, or to the day, before and not have done so then.
    belongs = " OR ".join(f"({kinds} AND {condition})" for condition, kinds in _ABOUT.items())
    return lake.ask(
        _Told,
        f"""
        SELECT a.entry_id, c.claim_id, l.outcome, l.reason, c.claim_kind, c.region <> l.region AS is_placed,
            c.institution, c.feed, c.file_id, c.line, c.support_file_id, c.support_line
        FROM decided AS l
        JOIN asked AS a ON l.entry_id = a.entry_id AND ({belongs})
        JOIN claims AS c ON l.entry_id = c.entry_id AND l.claim_id = c.claim_id AND l.act_date = c.act_date
        ORDER BY a.entry_id, l.is_lead DESC, c.institution, c.feed, c.claim_id
        """,
        decided=_as_then(lake, "silver.activities", ever),
        asked=asked,
        claims=_as_then(lake, "silver.claims", ever),
    )


def _redemptions(lake: Lake, asked: Frame) -> list[_Told]:
    """What was given up for a benefit, of the entries that are of one."""
    positions = lake.sql(
        "SELECT DISTINCT entry_id, as_of, position AS redemption_id, since AS act_date FROM asked", asked=asked
    )
    return lake.ask(
        _Told,
        """
        SELECT DISTINCT r.entry_id, r.redemption_id AS claim_id, a.position_kind AS outcome, r.benefit AS reason,
            'given up' AS claim_kind, false AS is_placed, r.institution, r.feed, r.file_id, r.line
        FROM redemptions AS r
        JOIN asked AS a ON r.entry_id = a.entry_id
        ORDER BY r.entry_id, r.institution, r.feed, r.redemption_id
        """,
        redemptions=_as_then(lake, "silver.redemptions", positions),
        asked=asked,
    )


def _as_then(lake: Lake, table: str, of: Frame) -> Frame:
    """The rows of a log that held when an entry was posted.

    Args:
        of: entry_id, as_of – the publication – and the log's key.

    Returns:
        entry_id and the log's columns.
    """
    key = lake.tables[table].identity
    return lake.sql(
        f"""
        WITH known AS (
            SELECT o.entry_id, l.*
            FROM log AS l
            JOIN of_entries AS o ON {keys_equal("l", "o", key)} AND l.{SEQ} <= o.as_of
        ),
        aged AS (
            SELECT *, row_number() OVER (PARTITION BY entry_id, {listed(key)} ORDER BY {SEQ} DESC) AS age
            FROM known
        )
        SELECT * FROM aged WHERE age = 1 AND {IS_LIVE}
        """,
        log=lake.read(table),
        of_entries=of,
    )


def _lines(home: Path, paths: Mapping[str, str], one: _Told) -> Iterator[Line]:
    for file_id, line in ((one.file_id, one.line), (one.support_file_id, one.support_line)):
        if file_id is not None and line is not None:
            yield _line(home, paths, one.institution, one.feed, file_id, line)


def _line(home: Path, paths: Mapping[str, str], institution: str, feed: str, file_id: str, line: int) -> Line:
    path = paths.get(file_id)
    is_there = path is not None and (home / LANDING / path).exists()
    return Line(institution, feed, file_id, path if is_there else None, line)

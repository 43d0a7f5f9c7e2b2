"""What a publication decided of claims: what they were and are, and whose stand for whose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from jobs.lake.chain import published
from schemas.tables import IS_LIVE, SEQ

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake

LAG_DAYS = 31
"""Reports of one act lie less than this apart: no contract books later."""


@dataclass(frozen=True)
class Claims:
    """Claims that this publication decided. before: their outcome until then, None where they were not in force."""

    institution: str
    before: str | None
    now: str | None
    claims: int


@dataclass(frozen=True)
class Duplicates:
    """Claims of an institution that are now absorbed and were not; leader: whose claim counts instead."""

    institution: str
    leader: str
    claims: int


def claims(lake: Lake, seq: int) -> tuple[list[Claims], list[Duplicates]]:
    """The claims that a publication decided: counts by outcome before and now; and of the newly absorbed, by whom."""
    near = _near(lake, seq)
    if near is None:
        return [], []
    decided = lake.keep(
        f"""
        WITH beside AS (
            SELECT *, lag(state) OVER (PARTITION BY claim_id, act_date ORDER BY {SEQ}) AS before
            FROM near
        )
        SELECT claim_id, institution, activity_id, state AS now, before
        FROM beside
        WHERE {SEQ} = {seq}
        """,
        near=near,
    )
    counts = lake.ask(
        Claims,
        """
        SELECT institution, before, now, count(1) AS claims
        FROM decided
        GROUP BY institution, before, now
        ORDER BY institution, before, now
        """,
        decided=decided,
    )
    return counts, _duplicates(lake, decided, near)


def _near(lake: Lake, seq: int) -> Frame | None:
    """The claims that may be of one act with those that a publication decided; None where it decided none."""
    known = published(lake, "silver.activities", seq)
    [dates] = lake.ask(dict, "SELECT min(act_date) AS first, max(act_date) AS last FROM written", written=known.written)
    if dates["first"] is None:
        return None
    lag = timedelta(days=LAG_DAYS)
    near = known.where(f"act_date >= DATE '{dates['first'] - lag}' AND act_date <= DATE '{dates['last'] + lag}'")
    return lake.sql(
        f"""
        SELECT claim_id, act_date, institution, activity_id, CASE WHEN {IS_LIVE} THEN outcome END AS state, {SEQ}
        FROM near
        """,
        near=near.rows,
    )


def _duplicates(lake: Lake, decided: Frame, near: Frame) -> list[Duplicates]:
    return lake.ask(
        Duplicates,
        """
        WITH leaders AS (SELECT DISTINCT claim_id, institution FROM near)
        SELECT d.institution, l.institution AS leader, count(1) AS claims
        FROM decided AS d
        JOIN leaders AS l ON d.activity_id = l.claim_id
        WHERE d.now = 'absorbed' AND coalesce(d.before, '') <> 'absorbed'
        GROUP BY d.institution, l.institution
        ORDER BY claims DESC, d.institution, leader
        """,
        decided=decided,
        near=near,
    )

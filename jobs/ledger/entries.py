"""Entries of the ledger: what they say, which stand, and the one append that leads from these to others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.lake.frames import hashed, listed, month_of

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake


ENTRY = (
    "position", "measure", "person_id", "amount", "position_kind", "act_date", "scenario", "region", "institution",
    "factor_id", "match_quality", "quantity_micro",
)  # fmt: skip
"""What an entry says. At most one stands per (position, measure)."""

ATTRIBUTES = tuple(name for name in ENTRY if name != "amount")


def rule_position(kind: str, alias: str, start: str) -> str:
    """SQL: the position of what a rule makes of a person's period: kind, rule, person and a date."""
    return hashed(f"'{kind}'", f"{alias}.rule", f"{alias}.person_id", f"CAST({alias}.{start} AS string)")


def union(lake: Lake, *entries: Frame) -> Frame:
    """Entries of several frames."""
    parts = " UNION ALL ".join(f"SELECT {listed(ENTRY)} FROM part_{place}" for place in range(len(entries)))
    return lake.sql(parts, **{f"part_{place}": frame for place, frame in enumerate(entries)})


def standing_entries(lake: Lake, ledger: Frame) -> Frame:
    """The ENTRY rows that are posted and not reversed."""
    return lake.sql(
        f"""SELECT {listed(ENTRY)} FROM (
              SELECT {listed(ATTRIBUTES)}, CAST(sum(amount) AS bigint) AS amount
              FROM ledger GROUP BY {listed(ATTRIBUTES)}) AS summed
            WHERE amount <> 0""",
        ledger=ledger,
    )


def difference(lake: Lake, wanted: Frame, posted: Frame, activities: Frame, seq: int) -> Frame:
    """Ledger rows: reversals of what should no longer stand, posts of what should and does not.

    Args:
        wanted, posted: ENTRY rows.
        activities: outcomes in force of the same days, for the reversals' reasons.
    """
    content = hashed(*(f"coalesce(CAST({name} AS string), '~')" for name in ENTRY))
    missing, excess = (
        lake.keep(
            f"""
            WITH told AS (SELECT *, {content} AS content FROM these),
            others AS (SELECT {content} AS content FROM those)
            SELECT {listed(ENTRY, "t.")}
            FROM told AS t LEFT ANTI JOIN others AS o ON t.content = o.content
            """,
            these=these,
            those=those,
        )
        for these, those in ((wanted, posted), (posted, wanted))
    )
    columns = [name for name in ENTRY if name != "amount"]
    entry = """substring(sha2(concat_ws('|', e.position, e.measure, e.person_id, '{kind}', '{seq}'), 256), 1, 32) AS entry_id,
        {columns}, '{kind}' AS entry_kind, {sign}e.amount AS amount, {month} AS act_month,
        CAST({seq} AS bigint) AS publication_seq"""
    post_entry, reverse_entry = (
        entry.format(kind=kind, seq=seq, sign=sign, columns=listed(columns, "e."), month=month_of("e.act_date"))
        for kind, sign in (("post", ""), ("reverse", "0 - "))
    )
    same = "e.position = o.position AND e.measure = o.measure"
    return lake.keep(
        f"""SELECT {post_entry}, CASE WHEN o.position IS NULL THEN 'new' WHEN o.person_id <> e.person_id THEN 'person_changed'
                   ELSE 'restated' END AS reason
            FROM missing AS e LEFT JOIN excess AS o ON {same}
            UNION ALL
            SELECT {reverse_entry},
                   CASE WHEN o.position IS NULL THEN coalesce(a.outcome, 'withdrawn')
                        WHEN o.person_id <> e.person_id THEN 'person_changed' ELSE 'restated' END AS reason
            FROM excess AS e LEFT JOIN missing AS o ON {same}
            LEFT JOIN activities AS a ON e.position = a.claim_id""",
        missing=missing,
        excess=excess,
        activities=activities,
    )

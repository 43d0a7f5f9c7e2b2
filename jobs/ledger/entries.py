"""Entries of the ledger: what they say, which stand, and the one append that leads from these to others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.lake.frames import hashed, keys_equal, listed

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake
    from jobs.runs.run import Run


LEDGER = "gold.ledger"
STANDS = ("position", "measure", "act_date")
"""By what entries that stand are told apart: a number that is given anew makes another act of another date."""
POSTING = ("entry_id", "entry_kind", "reason")
"""What the ledger says of how an entry was posted; all else is what the entry says."""


def entry_columns(lake: Lake) -> list[str]:
    """What an entry says. At most one stands per `STANDS`."""
    return [name for name in lake.tables[LEDGER].content if name not in POSTING]


def rule_position(kind: str, alias: str, start: str) -> str:
    """SQL: the position of what a rule makes of a person's period: kind, rule, person and a date."""
    return hashed(f"'{kind}'", f"{alias}.rule", f"{alias}.person_id", f"CAST({alias}.{start} AS string)")


def standing_entries(lake: Lake, ledger: Frame) -> Frame:
    """The entries that are posted and not reversed."""
    attributes = listed([name for name in entry_columns(lake) if name != "amount"])
    return lake.sql(
        f"""
        SELECT {attributes}, CAST(sum(amount) AS bigint) AS amount
        FROM ledger
        GROUP BY {attributes}
        HAVING sum(amount) <> 0
        """,
        ledger=ledger,
    )


def difference(run: Run, wanted: Frame, posted: Frame, activities: Frame) -> Frame:
    """Ledger rows: reversals of what should no longer stand, posts of what should and does not.

    Args:
        wanted, posted: entries.
        activities: outcomes in force of the same days, for the reversals' reasons.
    """
    lake, table = run.lake, run.lake.tables[LEDGER]
    attributes = [name for name in entry_columns(lake) if name != "amount"]
    entry_id = hashed("position", "measure", "person_id", "entry_kind", "CAST(act_date AS string)", f"'{run.seq}'")
    computed = listed([f"{told} AS {name}" for name, told in table.computed.items()])
    missing, excess = _without(lake, wanted, posted), _without(lake, posted, wanted)
    return lake.keep(
        f"""
        WITH posts AS (
            SELECT {listed(attributes, "e.")}, e.amount, 'post' AS entry_kind,
                CASE
                    WHEN o.person_id IS NULL THEN 'new'
                    WHEN o.person_id <> e.person_id THEN 'person_changed'
                    ELSE 'restated'
                END AS reason
            FROM missing AS e
            LEFT JOIN taken AS o ON {keys_equal("e", "o", STANDS)}
        ),
        reversals AS (
            SELECT {listed(attributes, "e.")}, 0 - e.amount AS amount, 'reverse' AS entry_kind,
                CASE
                    WHEN o.person_id IS NULL THEN coalesce(a.outcome, 'withdrawn')
                    WHEN o.person_id <> e.person_id THEN 'person_changed'
                    ELSE 'restated'
                END AS reason
            FROM excess AS e
            LEFT JOIN given AS o ON {keys_equal("e", "o", STANDS)}
            LEFT JOIN activities AS a ON e.position = a.claim_id AND e.act_date = a.act_date
        ),
        entries AS (SELECT * FROM posts UNION ALL SELECT * FROM reversals)
        SELECT *, {entry_id} AS entry_id, {computed}, CAST({run.seq} AS bigint) AS publication_seq
        FROM entries
        """,
        missing=missing,
        excess=excess,
        taken=_instead(lake, missing, excess),
        given=_instead(lake, excess, missing),
        activities=activities,
    )


def _instead(lake: Lake, entries: Frame, others: Frame) -> Frame:
    """What each of the entries has among the others: one of its date or, where an act's date was put right, of the nearest."""
    return lake.sql(
        f"""
        WITH ranked AS (
            SELECT {listed(STANDS, "e.")}, o.person_id,
                row_number() OVER (
                    PARTITION BY {listed(STANDS, "e.")}
                    ORDER BY abs(datediff(o.act_date, e.act_date)), o.act_date
                ) AS rank
            FROM entries AS e
            JOIN others AS o ON e.position = o.position AND e.measure = o.measure
        )
        SELECT {listed(STANDS)}, person_id FROM ranked WHERE rank = 1
        """,
        entries=entries,
        others=others,
    )


def _without(lake: Lake, entries: Frame, others: Frame) -> Frame:
    """The entries that say what none of the others says."""
    columns = entry_columns(lake)
    content = hashed(*(f"coalesce(CAST({name} AS string), '~')" for name in columns))
    return lake.keep(
        f"""
        WITH told AS (SELECT *, {content} AS content FROM entries),
        others_told AS (SELECT {content} AS content FROM others)
        SELECT {listed(columns, "t.")}
        FROM told AS t
        LEFT ANTI JOIN others_told AS o ON t.content = o.content
        """,
        entries=entries,
        others=others,
    )

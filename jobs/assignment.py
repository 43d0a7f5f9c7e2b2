"""Reports of one real act, found by one-to-one assignment.

Feeds are taken one after the other, the most trusted first. A feed's claims are assigned to the activities
that stand so far, the nearest pair first; what stays over becomes an activity of its own, unless the feed
is mere evidence. Precise claims go by time, day-precise ones afterwards by date and booking lag.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.frames import listed

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake

CLAIM = ("claim_id", "person_id", "family", "slot", "is_evidence", "start_unix", "end_unix", "act_date", "amount_fen",
         "lag_days", "window_seconds", "matches_amount")  # fmt: skip
"""Columns of a claim to assign; `slot` is its feed's place in the family's precedence."""

PRECISE = """a.start_unix <= g.end_unix + a.window_seconds AND a.end_unix >= g.start_unix - a.window_seconds"""
PRECISE_DISTANCE = "least(abs(a.start_unix - g.start_unix), abs(a.start_unix - g.end_unix))"
LAG = "datediff(a.act_date, g.act_date)"
BOOKED = f"{LAG} >= 0 AND {LAG} <= a.lag_days"
# Equal fares on one day are told apart by nothing: the first report goes to the first act.
BOOKED_DISTANCE = f"{LAG} * 1000 + least(abs(a.place - g.place), 999)"


def group(lake: Lake, claims: Frame) -> Frame:
    """Assign every claim to an activity.

    Args:
        claims: CLAIM columns and `is_day`, claims with consent only.

    Returns:
        claim_id, group_id (a claim of the activity), slot; evidence that found nothing is absent.
    """
    # To the driver: as many rows as the families have feeds, twice.
    found = lake.to_arrow(lake.sql("SELECT DISTINCT is_day, slot FROM {claims}", claims=claims)).to_pylist()
    anchors = lake.sql(f"SELECT {listed(CLAIM)}, claim_id AS group_id FROM {{claims}} WHERE false", claims=claims)
    members = lake.sql("SELECT claim_id, group_id, slot FROM {anchors}", anchors=anchors)
    for is_day, slot in sorted((row["is_day"], row["slot"]) for row in found):
        arriving = lake.sql(
            f"SELECT {listed(CLAIM)} FROM {{claims}} WHERE slot = {slot} AND is_day = {str(is_day).lower()}",
            claims=claims,
        )
        pairs = _nearest_first(lake, _pairs(lake, anchors, members, arriving, slot, is_day))
        own = lake.keep(
            f"""SELECT {listed(CLAIM, "a.")}, a.claim_id AS group_id
                FROM {{arriving}} AS a LEFT ANTI JOIN {{pairs}} AS p ON a.claim_id = p.claim_id
                WHERE NOT a.is_evidence""",
            arriving=arriving,
            pairs=pairs,
        )
        anchors = lake.sql("SELECT * FROM {anchors} UNION ALL SELECT * FROM {own}", anchors=anchors, own=own)
        members = lake.sql(
            f"""SELECT claim_id, group_id, slot FROM {{members}}
                UNION ALL SELECT claim_id, group_id, CAST({slot} AS int) AS slot FROM {{pairs}}
                UNION ALL SELECT claim_id, group_id, slot FROM {{own}}""",
            members=members,
            pairs=pairs,
            own=own,
        )
    return members


def _pairs(lake: Lake, anchors: Frame, members: Frame, arriving: Frame, slot: int, is_day: bool) -> Frame:
    """group_id, claim_id, distance of every pair that may be one act; no activity takes a feed twice."""
    near, distance = (BOOKED, BOOKED_DISTANCE) if is_day else (PRECISE, PRECISE_DISTANCE)
    # Place among a person's equal acts of a date.
    day = "PARTITION BY person_id, family, act_date, amount_fen ORDER BY start_unix"
    return lake.keep(
        f"""WITH open AS (
              SELECT n.*, row_number() OVER ({day}, group_id) AS place FROM {{anchors}} AS n
              LEFT ANTI JOIN (SELECT group_id FROM {{members}} WHERE slot = {slot}) AS m ON n.group_id = m.group_id),
            placed AS (SELECT *, row_number() OVER ({day}, claim_id) AS place FROM {{arriving}})
            SELECT g.group_id, a.claim_id, CAST({distance} AS bigint) AS distance
            FROM placed AS a JOIN open AS g ON a.person_id = g.person_id AND a.family = g.family
             AND (NOT a.matches_amount OR a.amount_fen IS NULL OR g.amount_fen IS NULL OR a.amount_fen = g.amount_fen)
             AND {near}""",
        anchors=anchors,
        members=members,
        arriving=arriving,
    )


def _nearest_first(lake: Lake, pairs: Frame) -> Frame:
    """The greedy one-to-one assignment by (distance, group, claim): claim_id, group_id.

    In every round the pairs that are the best of both their ends are taken; the best pair of all is always among
    them, so the rounds end, after two or three for real data.
    """
    taken = lake.sql("SELECT claim_id, group_id FROM {pairs} WHERE false", pairs=pairs)
    while lake.has_rows(pairs):
        best = lake.keep(
            """SELECT claim_id, group_id FROM (
                 SELECT claim_id, group_id,
                        row_number() OVER (PARTITION BY claim_id ORDER BY distance, group_id) AS for_claim,
                        row_number() OVER (PARTITION BY group_id ORDER BY distance, claim_id) AS for_group
                 FROM {pairs}) AS ranked
               WHERE for_claim = 1 AND for_group = 1""",
            pairs=pairs,
        )
        taken = lake.sql("SELECT * FROM {taken} UNION ALL SELECT * FROM {best}", taken=taken, best=best)
        pairs = lake.keep(
            """SELECT p.* FROM {pairs} AS p LEFT ANTI JOIN {best} AS c ON p.claim_id = c.claim_id
               LEFT ANTI JOIN {best} AS g ON p.group_id = g.group_id""",
            pairs=pairs,
            best=best,
        )
    return taken

"""Reports of one real act, found by one-to-one assignment.

Feeds are taken one after the other, the most trusted first. A feed's claims are assigned to the activities
that stand so far, the nearest pair first; what stays over becomes an activity of its own. Precise claims go by
time, day-precise ones afterwards by date and booking lag.

Evidence that stays over – a card row alone – is no activity, but a payment all the same, which two institutions may
report: the wallet that it went through, and the bank behind it. So it waits for others as activities do, is taken
only when no activity fits, and only by what the same wallet or its bank reports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from jobs.lake.frames import listed

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake


CLAIM = ("claim_id", "person_id", "family", "institution", "slot", "is_evidence", "is_spend", "wallet", "start_unix",
         "end_unix", "act_date", "amount_fen", "lag_days", "window_seconds", "matches_amount")  # fmt: skip
"""Columns of a claim to assign; `slot` is its feed's rank in the family's precedence, `wallet` the institution whose
wallet was paid with: of a wallet's own claims the institution itself."""

PRECISE = """a.start_unix <= g.end_unix + a.window_seconds AND a.end_unix >= g.start_unix - a.window_seconds"""
PRECISE_DISTANCE = "least(abs(a.start_unix - g.start_unix), abs(a.start_unix - g.end_unix))"
LAG = "datediff(a.act_date, g.act_date)"
BOOKED = f"{LAG} >= 0 AND {LAG} <= a.lag_days"
# Equal fares on one day are told apart by the wallet, where both name one; else the first report goes to the first act.
BOOKED_DISTANCE = f"""{LAG} * 2000 + CASE WHEN coalesce(a.wallet <> g.wallet, false) THEN 1000 ELSE 0 END
                      + least(abs(a.rank - g.rank), 999)"""
SAME_WALLET = "coalesce(a.wallet = g.institution, false)"
"""A bank's row, or another report of the wallet's, of a payment that the wallet itself reports."""
FARTHER = 1_000_000_000
"""More than any distance: evidence alone is taken after every activity."""


class Round(NamedTuple):
    """The claims that are assigned at once: those of one feed's slot, precise or not."""

    is_day: bool
    slot: int
    brings_acts: bool
    brings_evidence: bool


def groups_of(lake: Lake, claims: Frame) -> Frame:
    """Assign every claim to an activity.

    Args:
        claims: CLAIM columns and `is_day`, claims with consent only.

    Returns:
        claim_id, group_id (a claim of the group), slot. A group of evidence alone is no activity.
    """
    anchors = lake.sql(f"SELECT {listed(CLAIM)}, claim_id AS group_id FROM claims WHERE false", claims=claims)
    groups = lake.sql("SELECT claim_id, group_id, slot FROM anchors", anchors=anchors)
    has_evidence = False
    for turn in _rounds(lake, claims):
        arriving = lake.sql(
            f"""
            SELECT {listed(CLAIM)}
            FROM claims
            WHERE slot = {turn.slot} AND is_day = {str(turn.is_day).lower()}
            """,
            claims=claims,
        )
        pairs = _nearest_first(lake, _pairs(lake, anchors, groups, arriving, turn))
        own = lake.keep(
            f"""
            SELECT {listed(CLAIM, "a.")}, a.claim_id AS group_id
            FROM arriving AS a
            LEFT ANTI JOIN pairs AS p ON a.claim_id = p.claim_id
            """,
            arriving=arriving,
            pairs=pairs,
        )
        if has_evidence and turn.brings_acts:
            anchors = _with_acts(lake, anchors, pairs, arriving)
        has_evidence |= turn.brings_evidence
        anchors = lake.union(anchors, own)
        joined = lake.sql(f"SELECT claim_id, group_id, CAST({turn.slot} AS int) AS slot FROM pairs", pairs=pairs)
        groups = lake.union(groups, joined, own)
    return groups


def _rounds(lake: Lake, claims: Frame) -> list[Round]:
    """In their order, the precise ones first. To the driver: as many rows as the families have feeds, twice."""
    rounds = lake.ask(
        Round,
        """
        SELECT is_day, slot,
            max(CASE WHEN is_evidence THEN 0 ELSE 1 END) = 1 AS brings_acts,
            max(CASE WHEN is_evidence THEN 1 ELSE 0 END) = 1 AS brings_evidence
        FROM claims
        GROUP BY is_day, slot
        """,
        claims=claims,
    )
    return sorted(rounds)


def _with_acts(lake: Lake, anchors: Frame, pairs: Frame, arriving: Frame) -> Frame:
    """The groups as they stand after a round: evidence that an act has found is an activity."""
    is_evidence = "n.is_evidence AND t.group_id IS NULL AS is_evidence"
    columns = [is_evidence if name == "is_evidence" else f"n.{name}" for name in CLAIM]
    return lake.sql(
        f"""
        WITH acts AS (SELECT claim_id FROM arriving WHERE NOT is_evidence),
        told AS (SELECT p.group_id FROM pairs AS p LEFT SEMI JOIN acts AS a ON p.claim_id = a.claim_id)
        SELECT {listed(columns)}, n.group_id
        FROM anchors AS n
        LEFT JOIN told AS t ON n.group_id = t.group_id
        """,
        anchors=anchors,
        pairs=pairs,
        arriving=arriving,
    )


def _pairs(lake: Lake, anchors: Frame, groups: Frame, arriving: Frame, turn: Round) -> Frame:
    """group_id, claim_id, distance of every pair that may be one act; no activity takes a feed twice."""
    near, distance = (BOOKED, BOOKED_DISTANCE) if turn.is_day else (PRECISE, PRECISE_DISTANCE)
    # Which of a person's equal acts of a date it is, the first or another; mere payments by wallet.
    equal = "person_id, family, act_date, amount_fen"
    by_wallet = "CASE WHEN is_spend THEN {} END"
    return lake.keep(
        f"""
        WITH taken AS (SELECT group_id FROM groups WHERE slot = {turn.slot}),
        open AS (
            SELECT n.*,
                row_number() OVER (
                    PARTITION BY {equal}, is_evidence, {by_wallet.format("institution")}
                    ORDER BY start_unix, group_id
                ) AS rank
            FROM anchors AS n
            LEFT ANTI JOIN taken AS t ON n.group_id = t.group_id
        ),
        come AS (
            SELECT *,
                row_number() OVER (
                    PARTITION BY {equal}, {by_wallet.format("wallet")}
                    ORDER BY start_unix, claim_id
                ) AS rank
            FROM arriving
        )
        SELECT g.group_id, a.claim_id,
            CAST({distance} + CASE WHEN g.is_evidence THEN {FARTHER} ELSE 0 END AS bigint) AS distance
        FROM come AS a
        JOIN open AS g
            ON a.person_id = g.person_id AND a.family = g.family
            AND (NOT a.matches_amount OR a.amount_fen IS NULL OR g.amount_fen IS NULL OR a.amount_fen = g.amount_fen)
            AND {near} AND ({SAME_WALLET} OR NOT (a.is_spend OR g.is_evidence))
        """,
        anchors=anchors,
        groups=groups,
        arriving=arriving,
    )


def _nearest_first(lake: Lake, pairs: Frame) -> Frame:
    """The greedy one-to-one assignment by (distance, group, claim): claim_id, group_id.

    In every round the pairs that are the best of both their ends are taken; the best pair of all is always among
    them, so the rounds end, after two or three for real data.
    """
    taken = lake.sql("SELECT claim_id, group_id FROM pairs WHERE false", pairs=pairs)
    while lake.has_rows(pairs):
        best = lake.keep(
            """
            WITH ranked AS (
                SELECT claim_id, group_id,
                    row_number() OVER (PARTITION BY claim_id ORDER BY distance, group_id) AS for_claim,
                    row_number() OVER (PARTITION BY group_id ORDER BY distance, claim_id) AS for_group
                FROM pairs
            )
            SELECT claim_id, group_id FROM ranked WHERE for_claim = 1 AND for_group = 1
            """,
            pairs=pairs,
        )
        taken = lake.union(taken, best)
        pairs = lake.keep(
            """
            SELECT p.*
            FROM pairs AS p
            LEFT ANTI JOIN best AS c ON p.claim_id = c.claim_id
            LEFT ANTI JOIN best AS g ON p.group_id = g.group_id
            """,
            pairs=pairs,
            best=best,
        )
    return taken

"""Reports of one real act, found by one-to-one assignment.

Feeds are taken one after the other, the most trusted first. A feed's claims are assigned to the activities that stand so
far, as many as can be, at the least total distance; what stays over becomes an activity of its own. Precise claims go
by time, day-precise ones afterwards by date and booking lag.

What was paid tells payments apart, so reports of another amount or through another wallet are of another act. Only where
something else than a payment proves the act – the gate's taps – and the moment agrees may the wallet have been asked for
less than the fare, and from then on that is what the act cost.

Evidence that stays over – a card row alone – is no activity, but a payment all the same, which two institutions may
report: the platform that was paid, the wallet that it went through, and the bank behind it. So it waits for others as
activities do, is taken only when no activity fits, and only by what the same wallet or its bank reports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from jobs.activities.islands import one_to_one
from jobs.lake.frames import listed
from jobs.policy.tables import BOOKED_SPAN

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake


CLAIM = ("claim_id", "person_id", "family", "institution", "slot", "is_evidence", "is_spend", "is_proven", "wallet",
         "start_unix", "end_unix", "act_date", "amount_fen", "lag_days", "window_seconds",
         "matches_amount")  # fmt: skip
"""Columns of a claim to assign; `slot` is its feed's rank in the family's precedence, `wallet` the institution whose
wallet was paid with: of a wallet's own claims the institution itself. `is_proven`: by something else than a payment, so
that its amount is what was asked and not what was paid; of a group, as long as no payment is known."""

PRECISE = "a.start_unix <= g.end_unix + a.window_seconds AND a.end_unix >= g.start_unix - a.window_seconds"
PRECISE_DISTANCE = """least(abs(a.start_unix - g.start_unix), abs(a.start_unix - g.end_unix))
                      + CASE WHEN coalesce(a.amount_fen <> g.amount_fen, false) THEN 1000000 ELSE 0 END"""
PRECISE_SPAN = 12 * 3_600
"""Seconds that an island of precise claims may last: none reaches further than the day beside its own."""
LAG = "datediff(a.act_date, g.act_date)"
BOOKED = f"{LAG} >= 0 AND {LAG} <= a.lag_days"
# Equal fares on one day are told apart by the wallet, where it is named; else the first report goes to the first act.
BOOKED_DISTANCE = f"""{LAG} * 2000 + CASE WHEN coalesce(a.wallet, '') <> coalesce(g.wallet, '') THEN 1000 ELSE 0 END
                      + least(abs(a.rank - g.rank), 999)"""
SAME_AMOUNT = """NOT a.matches_amount OR a.amount_fen IS NULL OR g.amount_fen IS NULL OR a.amount_fen = g.amount_fen"""
OTHER_WALLET = "coalesce(a.wallet <> g.wallet, false)"
SAME_WALLET = "coalesce(a.wallet = coalesce(g.wallet, g.institution), false)"
"""A row of the bank behind it, or another report of the wallet's, of what was paid through that wallet, or else to whoever
reports it: a platform says through which wallet it was paid, and is itself what a bank calls the wallet where by card."""
FARTHER = 1_000_000_000
"""More than any distance: evidence alone is taken after every activity."""


class Round(NamedTuple):
    """The claims that are assigned at once: those of one feed's slot, precise or not."""

    is_day: bool
    slot: int


def groups_of(lake: Lake, claims: Frame) -> Frame:
    """Assign every claim to an activity.

    Args:
        claims: CLAIM columns and `is_day`, claims with consent only.

    Returns:
        claim_id, group_id (a claim of the group), slot. A group of evidence alone is no activity.
    """
    anchors = lake.sql(f"SELECT {listed(CLAIM)}, claim_id AS group_id FROM claims WHERE false", claims=claims)
    groups = lake.sql("SELECT claim_id, group_id, slot FROM anchors", anchors=anchors)
    for turn in _rounds(lake, claims):
        arriving = lake.sql(
            f"""
            SELECT {listed(CLAIM)}
            FROM claims
            WHERE slot = {turn.slot} AND is_day = {str(turn.is_day).lower()}
            """,
            claims=claims,
        )
        possible = _pairs(lake, anchors, groups, arriving, turn)
        pairs = one_to_one(lake, possible, BOOKED_SPAN if turn.is_day else PRECISE_SPAN)
        own = lake.keep(
            f"""
            SELECT {listed(CLAIM, "a.")}, a.claim_id AS group_id
            FROM arriving AS a
            LEFT ANTI JOIN pairs AS p ON a.claim_id = p.claim_id
            """,
            arriving=arriving,
            pairs=pairs,
        )
        anchors = lake.union(_joined(lake, anchors, pairs, arriving), own)
        joined = lake.sql(f"SELECT claim_id, group_id, CAST({turn.slot} AS int) AS slot FROM pairs", pairs=pairs)
        groups = lake.union(groups, joined, own)
    return groups


def _rounds(lake: Lake, claims: Frame) -> list[Round]:
    """In their order, the precise ones first. To the driver: as many rows as the families have feeds, twice."""
    return sorted(lake.ask(Round, "SELECT DISTINCT is_day, slot FROM claims", claims=claims))


def _joined(lake: Lake, anchors: Frame, pairs: Frame, arriving: Frame) -> Frame:
    """The groups as they stand after a round: what an act joins is an activity, what a payment joins was paid so."""
    told = {
        "is_evidence": "n.is_evidence AND coalesce(a.is_evidence, true) AS is_evidence",
        "is_proven": "n.is_proven AND a.amount_fen IS NULL AS is_proven",
        "wallet": "coalesce(n.wallet, a.wallet) AS wallet",
        "amount_fen": """CASE
            WHEN n.is_proven THEN coalesce(a.amount_fen, n.amount_fen)
            ELSE coalesce(n.amount_fen, a.amount_fen)
        END AS amount_fen""",
    }
    columns = [told.get(name, f"n.{name}") for name in CLAIM]
    return lake.keep(
        f"""
        SELECT {listed(columns)}, n.group_id
        FROM anchors AS n
        LEFT JOIN pairs AS p ON n.group_id = p.group_id
        LEFT JOIN arriving AS a ON p.claim_id = a.claim_id
        """,
        anchors=anchors,
        pairs=pairs,
        arriving=arriving,
    )


def _pairs(lake: Lake, anchors: Frame, groups: Frame, arriving: Frame, turn: Round) -> Frame:
    """Every pair that may be one act; no activity takes a feed twice.

    Returns:
        claim_id, group_id, distance, claim_at, group_at: in days, or in seconds.
    """
    near, distance = (BOOKED, BOOKED_DISTANCE) if turn.is_day else (PRECISE, PRECISE_DISTANCE)
    at = "datediff({}.act_date, DATE '1970-01-01')" if turn.is_day else "{}.start_unix"
    same_amount = SAME_AMOUNT if turn.is_day else f"{SAME_AMOUNT} OR g.is_proven"
    # Which of a person's equal acts of a date it is, the first or another; mere payments by wallet.
    equal = "person_id, family, act_date, amount_fen"
    by_wallet = "CASE WHEN is_spend THEN {} END"
    return lake.keep(
        f"""
        WITH taken AS (SELECT group_id FROM groups WHERE slot = {turn.slot}),
        open AS (
            SELECT n.*,
                row_number() OVER (
                    PARTITION BY {equal}, is_evidence, {by_wallet.format("coalesce(wallet, institution)")}
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
        SELECT a.claim_id, g.group_id,
            CAST({distance} + CASE WHEN g.is_evidence THEN {FARTHER} ELSE 0 END AS bigint) AS distance,
            CAST({at.format("a")} AS bigint) AS claim_at,
            CAST({at.format("g")} AS bigint) AS group_at
        FROM come AS a
        JOIN open AS g
            ON a.person_id = g.person_id AND a.family = g.family AND NOT {OTHER_WALLET} AND ({same_amount}) AND {near}
            AND ({SAME_WALLET} OR NOT (a.is_spend OR g.is_evidence))
        """,
        anchors=anchors,
        groups=groups,
        arriving=arriving,
    )

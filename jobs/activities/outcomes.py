"""Every claim's one outcome, with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.activities.spend import spends
from jobs.lake.frames import listed
from jobs.persons.members import members

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake
    from jobs.runs.run import Run


OUTCOMES = (
    ("NOT has_consent", "no_consent", "consent_missing"),
    ("claim_kind = 'tap'", "unpaired", "other_tap_missing"),
    ("slot IS NULL", "withheld", "reporter_not_accepted"),
    ("is_taken_back AND is_matched", "refunded", "payment_taken_back_by_match"),
    ("is_cancelled OR is_taken_back", "refunded", "payment_taken_back"),
    ("activity_id IS NULL AND group_id <> claim_id", "evidence", "same_payment"),
    ("activity_id IS NULL", "evidence", "payment_alone"),
    ("NOT is_lead AND claim_kind = 'reading'", "absorbed", "same_count"),
    ("NOT is_lead", "absorbed", "same_act"),
    ("is_spend", "evidence", "spend"),
    ("NOT has_factor", "no_factor", "no_factor"),
    ("coalesce(quantity_micro, 0) <= 0", "withheld", "no_quantity"),
)
"""Condition, outcome, reason; the first that holds decides, else the claim is credited."""


def outcomes_of(run: Run, claims: Frame, consented: Frame, groups: Frame, refunds: Frame) -> Frame:
    """The outcome of every claim, as silver.activities says it.

    Args:
        consented: claim_id of the claims that count.
        groups: claim_id → group_id: claims of one real act; counted_micro: of a day's readings what counts.
        refunds: those in force, with the claim that each takes back.
    """
    facts = _facts(run.lake, claims, consented, groups, refunds)
    outcome = " ".join(f"WHEN {condition} THEN '{outcome}'" for condition, outcome, _ in OUTCOMES)
    reason = " ".join(f"WHEN {condition} THEN '{reason}'" for condition, _, reason in OUTCOMES)
    return run.lake.keep(
        f"""
        WITH told AS (
            SELECT *, CASE {outcome} ELSE 'credited' END AS outcome, CASE {reason} ELSE 'act' END AS reason
            FROM judged
        )
        SELECT {listed(run.lake.tables["silver.activities"].content)} FROM told
        """,
        judged=_judged(run, facts, refunds),
    )


def _facts(lake: Lake, claims: Frame, consented: Frame, groups: Frame, refunds: Frame) -> Frame:
    """The claims, each with its group, whether it has consent and whether its payment was taken back."""
    return lake.keep(
        # A refund that does not say whether it is full is so with the others that add up to the whole amount.
        """
        WITH taken_back AS (
            SELECT original, max(CASE WHEN merchant_key IS NULL THEN 0 ELSE 1 END) = 1 AS is_matched
            FROM refunds
            WHERE original IS NOT NULL
            GROUP BY original
            HAVING max(CASE WHEN is_full_refund THEN 1 ELSE 0 END) = 1
                OR sum(CASE WHEN is_full_refund IS NULL THEN amount_fen END) >= max(original_fen)
        )
        SELECT c.*, g.group_id, g.counted_micro, a.claim_id IS NOT NULL AS has_consent,
            t.original IS NOT NULL OR coalesce(c.is_full_refund, false) AS is_taken_back,
            coalesce(t.is_matched, false) AS is_matched
        FROM claims AS c
        LEFT JOIN consented AS a ON c.claim_id = a.claim_id
        LEFT JOIN taken_back AS t ON c.claim_id = t.original
        LEFT JOIN groups AS g ON c.claim_id = g.claim_id
        """,
        claims=claims,
        consented=consented,
        refunds=refunds,
        groups=groups,
    )


def _led(lake: Lake, facts: Frame) -> Frame:
    """group_id, activity_id (the claim that leads it), is_cancelled, meal and object_key of every activity.

    It is led by the claim of the most trusted feed; money taken back undoes it where it was the proof. At which meal it
    was, and with what it was done, the claim says that leads it, or else another of them.
    """
    return lake.keep(
        """
        WITH ranked AS (
            SELECT group_id, claim_id, meal, object_key,
                row_number() OVER (PARTITION BY group_id ORDER BY counted_micro IS NULL, slot, is_day, claim_id) AS rank
            FROM facts
            WHERE group_id IS NOT NULL AND NOT is_evidence
        ),
        undone AS (
            SELECT DISTINCT group_id, true AS is_cancelled
            FROM facts
            WHERE is_taken_back AND proof = 'payment'
        ),
        told AS (
            SELECT group_id, min(meal) AS meal, min(object_key) AS object_key
            FROM facts
            WHERE meal IS NOT NULL OR object_key IS NOT NULL
            GROUP BY group_id
        )
        SELECT r.group_id, r.claim_id AS activity_id,
            coalesce(u.is_cancelled, false) AS is_cancelled,
            coalesce(r.meal, t.meal) AS meal,
            coalesce(r.object_key, t.object_key) AS object_key
        FROM ranked AS r
        LEFT JOIN undone AS u ON r.group_id = u.group_id
        LEFT JOIN told AS t ON r.group_id = t.group_id
        WHERE r.rank = 1
        """,
        facts=facts,
    )


def _judged(run: Run, facts: Frame, refunds: Frame) -> Frame:
    """The facts with what OUTCOMES ask: the activity and who leads it, what was spent, whether a factor is in force."""
    lake = run.lake
    return lake.sql(
        f"""
        WITH led AS (
            SELECT f.*, v.activity_id, v.meal AS act_meal, v.object_key AS act_object_key,
                coalesce(v.is_cancelled, false) AS is_cancelled,
                coalesce(v.activity_id = f.claim_id, false) AS is_lead
            FROM facts AS f
            LEFT JOIN activities AS v ON f.group_id = v.group_id
        )
        SELECT p.claim_id, p.person_id, p.institution, p.feed, p.scenario, p.family, p.act_date, p.region, p.claim_kind,
            p.slot, p.has_consent, p.is_taken_back, p.is_matched, p.is_spend, p.group_id, p.activity_id, p.is_cancelled,
            p.is_lead, p.act_meal AS meal, p.act_object_key AS object_key, s.spend_fen, s.merchant_code,
            r.factor_id IS NOT NULL AS has_factor,
            CASE
                WHEN p.is_lead THEN coalesce(p.counted_micro, p.quantity_micro, p.missing_quantity_micro)
                ELSE p.quantity_micro
            END AS quantity_micro,
            CASE
                WHEN p.is_lead AND p.quantity_micro IS NULL AND p.missing_quantity_micro IS NOT NULL
                    THEN 'shortest_trip'
                ELSE 'reported'
            END AS quantity_source
        FROM led AS p
        LEFT JOIN spends AS s ON p.claim_id = s.claim_id
        LEFT JOIN rates AS r
            ON p.scenario = r.scenario AND p.region = r.region AND {run.policy.reporter("p.institution")} = r.reporter
            AND p.act_date >= r.valid_from AND p.act_date < r.valid_to
        """,
        facts=facts,
        activities=_led(lake, facts),
        spends=spends(lake, facts, refunds),
        rates=lake.from_arrow(run.policy.rates),
    )


def outcomes_of_former(lake: Lake, claims: Frame) -> Frame:
    """Of claims whose number was given anew to a later act: one number is one act, and its latest is the one that counts."""
    return lake.sql(
        """
        SELECT claim_id, CAST(NULL AS string) AS activity_id, person_id, institution, feed, scenario, family, act_date,
            'withheld' AS outcome, 'number_given_anew' AS reason, false AS is_lead, quantity_micro,
            'reported' AS quantity_source, CAST(NULL AS bigint) AS spend_fen, CAST(NULL AS string) AS merchant_code,
            CAST(NULL AS string) AS meal, CAST(NULL AS string) AS object_key, region
        FROM claims
        """,
        claims=claims,
    )


def refund_outcomes(run: Run, refunds: Frame, consented: Frame) -> Frame:
    """Refunds as claims: evidence where the original has come, else pending.

    A refund undoes its original with or without consent; without it, nothing more is said of it.
    """
    return run.lake.keep(
        """
        SELECT r.claim_id,
            CASE WHEN a.claim_id IS NOT NULL THEN r.original END AS activity_id,
            m.person_id, r.institution, r.feed, r.scenario, r.family, r.act_date,
            CASE
                WHEN a.claim_id IS NULL THEN 'no_consent'
                WHEN r.original IS NULL THEN 'pending'
                ELSE 'evidence'
            END AS outcome,
            CASE
                WHEN a.claim_id IS NULL THEN 'consent_missing'
                WHEN r.original IS NULL AND r.merchant_key IS NOT NULL THEN 'no_purchase_matches'
                WHEN r.original IS NULL THEN 'original_missing'
                WHEN r.merchant_key IS NOT NULL THEN 'refund_by_match'
                ELSE 'refund'
            END AS reason,
            false AS is_lead, CAST(NULL AS bigint) AS quantity_micro, 'reported' AS quantity_source,
            CAST(NULL AS bigint) AS spend_fen, CAST(NULL AS string) AS merchant_code, CAST(NULL AS string) AS meal,
            CAST(NULL AS string) AS object_key, r.region
        FROM refunds AS r
        JOIN members AS m ON r.customer_key = m.customer_key
        LEFT JOIN consented AS a ON r.claim_id = a.claim_id
        """,
        refunds=refunds,
        consented=consented,
        members=members(run, refunds),
    )

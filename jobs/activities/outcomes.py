"""Every claim's one outcome, with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.activities.spend import spends

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.runs.run import Run


OUTCOMES = (
    ("NOT has_consent", "no_consent", "consent_missing"),
    ("claim_kind = 'tap'", "unpaired", "other_tap_missing"),
    ("slot IS NULL", "withheld", "reporter_not_accepted"),
    ("is_cancelled OR is_taken_back", "refunded", "payment_taken_back"),
    ("activity_id IS NULL AND group_id <> claim_id", "evidence", "same_payment"),
    ("activity_id IS NULL", "evidence", "payment_alone"),
    ("NOT is_lead", "absorbed", "same_act"),
    ("is_spend", "evidence", "spend"),
    ("NOT has_factor", "no_factor", "no_factor"),
    ("coalesce(quantity_micro, 0) <= 0", "withheld", "no_quantity"),
)
"""Condition, outcome, reason; the first that holds decides, else the claim is credited."""


def outcomes_of(run: Run, claims: Frame, consented: Frame, grouped: Frame, refunds: Frame) -> Frame:
    """Every claim in scope with its activity and outcome."""
    lake = run.lake
    facts = lake.keep(
        # A refund that does not say whether it is full is so with the others that add up to the whole amount.
        """SELECT c.*, g.group_id, a.claim_id IS NOT NULL AS has_consent,
                  t.original IS NOT NULL OR coalesce(c.is_full_refund, false) AS is_taken_back
           FROM claims AS c
           LEFT JOIN consented AS a ON c.claim_id = a.claim_id
           LEFT JOIN (
             SELECT original FROM refunds WHERE original IS NOT NULL GROUP BY original
             HAVING max(CASE WHEN is_full_refund THEN 1 ELSE 0 END) = 1
                 OR sum(CASE WHEN is_full_refund IS NULL THEN amount_fen END) >= max(original_fen)) AS t
             ON c.claim_id = t.original
           LEFT JOIN grouped AS g ON c.claim_id = g.claim_id""",
        claims=claims,
        consented=consented,
        refunds=refunds,
        grouped=grouped,
    )
    # An activity is led by the claim of the most trusted feed; money taken back undoes it where it was the proof.
    activities = lake.keep(
        """SELECT l.group_id, l.claim_id AS activity_id, coalesce(u.is_cancelled, false) AS is_cancelled FROM (
             SELECT group_id, claim_id, row_number() OVER (PARTITION BY group_id ORDER BY slot, is_day, claim_id) AS place
             FROM facts WHERE group_id IS NOT NULL AND NOT is_evidence) AS l
           LEFT JOIN (
             SELECT DISTINCT group_id, true AS is_cancelled FROM facts WHERE is_taken_back AND proof = 'payment') AS u
             ON l.group_id = u.group_id
           WHERE l.place = 1""",
        facts=facts,
    )
    judged = lake.sql(
        """SELECT f.claim_id, f.person_id, f.institution, f.feed, f.scenario, f.family, f.act_date, f.region, f.claim_kind,
                  f.slot, f.has_consent, f.is_taken_back, f.is_spend, f.group_id, v.activity_id, s.spend_fen,
                  s.merchant_code, coalesce(v.is_cancelled, false) AS is_cancelled,
                  coalesce(v.activity_id = f.claim_id, false) AS is_lead, r.factor_id IS NOT NULL AS has_factor,
                  CASE WHEN v.activity_id = f.claim_id THEN coalesce(f.quantity_micro, f.missing_quantity_micro)
                       ELSE f.quantity_micro END AS quantity_micro,
                  CASE WHEN v.activity_id = f.claim_id AND f.quantity_micro IS NULL
                        AND f.missing_quantity_micro IS NOT NULL THEN 'shortest_trip' ELSE 'reported' END AS quantity_source
           FROM facts AS f
           LEFT JOIN activities AS v ON f.group_id = v.group_id
           LEFT JOIN spends AS s ON f.claim_id = s.claim_id
           LEFT JOIN rates AS r ON f.scenario = r.scenario AND f.region = r.region
            AND f.act_date >= r.valid_from AND f.act_date < r.valid_to""",
        facts=facts,
        activities=activities,
        spends=spends(lake, facts, refunds),
        rates=lake.from_arrow(run.policy.rates),
    )
    outcome = " ".join(f"WHEN {condition} THEN '{outcome}'" for condition, outcome, _ in OUTCOMES)
    reason = " ".join(f"WHEN {condition} THEN '{reason}'" for condition, _, reason in OUTCOMES)
    return lake.keep(
        f"""SELECT claim_id, activity_id, person_id, institution, feed, scenario, family, act_date,
                   CASE {outcome} ELSE 'credited' END AS outcome, CASE {reason} ELSE 'act' END AS reason,
                   is_lead, quantity_micro, quantity_source, spend_fen, merchant_code, region FROM judged""",
        judged=judged,
    )


def refund_outcomes(run: Run, refunds: Frame, consented: Frame, members: Frame) -> Frame:
    """Refunds as claims: evidence where the original has come, else pending.

    A refund undoes its original with or without consent; without it, nothing more is said of it.
    """
    return run.lake.keep(
        """SELECT r.claim_id, CASE WHEN a.claim_id IS NOT NULL THEN r.original END AS activity_id, m.person_id,
                  r.institution, r.feed, r.scenario, r.family, r.act_date,
                  CASE WHEN a.claim_id IS NULL THEN 'no_consent'
                       WHEN r.original IS NULL THEN 'pending' ELSE 'evidence' END AS outcome,
                  CASE WHEN a.claim_id IS NULL THEN 'consent_missing'
                       WHEN r.original IS NULL THEN 'original_missing' ELSE 'refund' END AS reason,
                  false AS is_lead, CAST(NULL AS bigint) AS quantity_micro, 'reported' AS quantity_source,
                  CAST(NULL AS bigint) AS spend_fen, CAST(NULL AS string) AS merchant_code, r.region
           FROM refunds AS r JOIN members AS m ON r.customer_key = m.customer_key
           LEFT JOIN consented AS a ON r.claim_id = a.claim_id""",
        refunds=refunds,
        consented=consented,
        members=members,
    )

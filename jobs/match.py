"""Claims that are one real act → one activity; every claim gets its outcome.

Computed again are the (person, family, act date) that this run touched, widened by how far a claim can reach
another in that family: a day over midnight for precise reports, the booking lags for day-precise ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from jobs.assignment import CLAIM, group
from jobs.consents import consents_of, given_intervals, scopes_of, with_consent
from jobs.frames import around, changes, content_hash, in_force, listed, month_of, newest, semi
from jobs.spend import spends
from schemas.sources import UNPLACED

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.run import Run

LAST_SECOND = 86_399

ACTIVITY = (
    "claim_id", "activity_id", "person_id", "institution", "feed", "scenario", "family", "act_date", "outcome",
    "reason", "is_lead", "quantity_micro", "quantity_source", "spend_fen", "merchant_code", "region",
)  # fmt: skip
SEEN = (
    "claim_id", "institution", "feed", "customer_key", "claim_kind", "scenario", "family", "time_precision", "act_date",
    "quantity_micro", "amount_fen", "refunded_fen", "merchant_code", "merchant_code_source", "is_full_refund",
)  # fmt: skip
"""What matching reads of a claim."""
DAY = ("person_id", "family", "act_date")
KEY = ("claim_id", "act_date")

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


@dataclass(frozen=True)
class Scope:
    """What is computed again: (person_id, family, act_date).

    Attributes:
        decided: claims on these get their outcome.
        seen: claims on these are looked at, so that the decided ones come out as in a full computation.
    """

    decided: Frame
    seen: Frame


def match(run: Run) -> dict[str, Frame]:
    """What this run appends to silver.activities."""
    lake = run.lake
    members = lake.keep(
        "SELECT customer_key, person_id FROM {m}",
        m=newest(lake, run.read("silver.membership"), "customer_key"),
    )
    scope = _scope(run, members)
    claims = _claims(run, scope, members)
    refunds = _refunds(run)
    consented = _consented(run, claims, refunds)
    reports = lake.keep(
        f"""SELECT {listed(CLAIM, "c.")}, c.is_day FROM {{claims}} AS c LEFT SEMI JOIN {{consented}} AS a ON c.claim_id = a.claim_id
           WHERE c.claim_kind <> 'tap' AND c.slot IS NOT NULL""",
        claims=claims,
        consented=consented,
    )
    grouped = group(lake, reports)
    new = lake.keep(
        f"""SELECT {listed(ACTIVITY)}, {month_of("act_date")} AS act_month, {content_hash(ACTIVITY)} AS content_hash FROM (
              SELECT {listed(ACTIVITY)} FROM {{claims}} UNION ALL SELECT {listed(ACTIVITY)} FROM {{refunds}}) AS both""",
        claims=semi(lake, _outcomes(run, claims, consented, grouped, refunds), scope.decided, *DAY),
        refunds=_refund_outcomes(run, refunds, consented, members),
    )
    return {"silver.activities": changes(lake, new, _stored(run, scope, refunds), KEY, run.seq)}


# -- scope -------------------------------------------------------------------------------------------


def _scope(run: Run, members: Frame) -> Scope:
    """From changed claims, customers and refunds to the keys that have to be computed again."""
    lake = run.lake
    log = run.read("silver.claims")
    acts = "customer_key, family, act_date"
    if run.full:
        touched = lake.keep(f"SELECT DISTINCT {acts} FROM {{log}} WHERE claim_kind <> 'refund'", log=log)
    else:
        touched = lake.keep(
            f"""SELECT {acts} FROM {{changed}} WHERE claim_kind <> 'refund'
                UNION
                SELECT l.customer_key, l.family, l.act_date FROM {{log}} AS l LEFT SEMI JOIN (
                  SELECT refers_to_key FROM {{changed}} WHERE claim_kind = 'refund') AS r ON l.claim_id = r.refers_to_key
                WHERE l.claim_kind <> 'refund'
                UNION
                SELECT l.customer_key, l.family, l.act_date FROM {{log}} AS l LEFT SEMI JOIN (
                  SELECT customer_key FROM {{events}} WHERE event_kind = 'consent'
                  UNION SELECT customer_key FROM {{moved}}) AS c ON l.customer_key = c.customer_key
                WHERE l.claim_kind <> 'refund'""",
            log=log,
            changed=run.written("silver.claims"),
            events=run.written("silver.customer_events"),
            moved=run.written("silver.membership"),
        )
    reach = pa.table({"family": list(run.policy.reach), "reach_days": pa.array(run.policy.reach.values(), pa.int32())})
    wide = lake.keep(
        """SELECT DISTINCT p.person_id, t.family, t.act_date, r.reach_days FROM {touched} AS t
           JOIN (SELECT customer_key, person_id FROM {members} UNION SELECT customer_key, person_id FROM {before}) AS p
             ON t.customer_key = p.customer_key
           JOIN {reach} AS r ON t.family = r.family""",
        touched=touched,
        members=members,
        before=newest(lake, run.before("silver.membership"), "customer_key"),
        reach=lake.from_arrow(reach),
    )
    decided = around(lake, wide, "reach_days")
    return Scope(decided, around(lake, decided, "reach_days"))


def _claims(run: Run, scope: Scope, members: Frame) -> Frame:
    """Claims in scope with their person, their feed's place in the family, and the scenario's rules."""
    lake = run.lake
    log = run.near("silver.claims", scope.seen)
    live = in_force(lake, log, *KEY)
    return lake.keep(
        f"""SELECT {listed(SEEN, "c.")}, m.person_id, f.slot, f.proof, f.scope, f.missing_quantity_micro,
                  coalesce(p.region, c.region) AS region, coalesce(f.is_brought, false) AS is_brought,
                  coalesce(f.is_evidence, false) AS is_evidence, coalesce(f.is_spend, false) AS is_spend,
                  f.usual_code, CASE WHEN f.is_wallet THEN c.institution ELSE c.wallet END AS wallet,
                  coalesce(f.lag_days, 0) AS lag_days,
                  coalesce(f.window_seconds, 0) AS window_seconds, coalesce(f.matches_amount, false) AS matches_amount,
                  c.occurred_at_unix AS start_unix, coalesce(c.ended_at_unix, c.occurred_at_unix) AS end_unix,
                  c.time_precision = 'day' OR c.claim_kind = 'reading'
                    OR coalesce(f.is_spend AND f.lag_days > 0, false) AS is_day
           FROM {{live}} AS c JOIN {{members}} AS m ON c.customer_key = m.customer_key
           LEFT SEMI JOIN {{seen}} AS s
             ON m.person_id = s.person_id AND c.family = s.family AND c.act_date = s.act_date
           LEFT JOIN {{feeds}} AS f ON c.family = f.family AND c.institution = f.institution AND c.feed = f.feed
           LEFT JOIN {{places}} AS p ON c.region = '{UNPLACED}' AND c.scenario = p.scenario
             AND c.act_date >= p.valid_from AND c.act_date < p.valid_to
           WHERE c.claim_kind <> 'refund'""",
        live=live,
        members=members,
        seen=scope.seen,
        feeds=lake.from_arrow(run.policy.feeds),
        places=lake.from_arrow(run.policy.places),
    )


def _consented(run: Run, claims: Frame, refunds: Frame) -> Frame:
    """claim_id of the claims and refunds that their customer's consent covers; to bring a bill is consent."""
    lake = run.lake
    columns = "claim_id, customer_key, scope, start_unix, time_precision, is_brought"
    asked = lake.sql(
        f"SELECT {columns} FROM {{claims}} UNION ALL SELECT {columns} FROM {{refunds}}", claims=claims, refunds=refunds
    )
    intervals = given_intervals(lake, consents_of(run, asked), scopes_of(run))
    needs = lake.sql(
        f"""SELECT claim_id, customer_key, scope, start_unix AS needs_from_unix,
                   CASE WHEN time_precision = 'day' THEN start_unix + {LAST_SECOND} ELSE start_unix END AS needs_until_unix
            FROM {{asked}}""",
        asked=asked,
    )
    return lake.keep(
        "SELECT claim_id FROM {covered} UNION SELECT claim_id FROM {asked} WHERE is_brought",
        covered=with_consent(lake, needs, intervals),
        asked=asked,
    )


def _refunds(run: Run) -> Frame:
    """Every refund in force, with the claim that it takes back where that has come, and that claim's amount."""
    lake = run.lake
    log = run.read("silver.claims")
    refunds = lake.keep(
        "SELECT * FROM {held} WHERE claim_kind = 'refund'",
        held=in_force(lake, lake.sql("SELECT * FROM {log} WHERE claim_kind = 'refund'", log=log), *KEY),
    )
    named = lake.sql("SELECT refers_to_key AS claim_id FROM {refunds}", refunds=refunds)
    return lake.keep(
        """SELECT r.*, f.scope, coalesce(f.is_brought, false) AS is_brought, r.occurred_at_unix AS start_unix,
                  o.claim_id AS original, o.amount_fen AS original_fen
           FROM {refunds} AS r
           LEFT JOIN {feeds} AS f ON r.scenario = f.family AND r.institution = f.institution AND r.feed = f.feed
           LEFT JOIN (SELECT DISTINCT claim_id, amount_fen FROM {originals} WHERE claim_kind <> 'refund') AS o
             ON r.refers_to_key = o.claim_id""",
        refunds=refunds,
        feeds=lake.from_arrow(run.policy.feeds),
        originals=in_force(lake, semi(lake, log, named, "claim_id"), *KEY),
    )


# -- outcomes ----------------------------------------------------------------------------------------


def _outcomes(run: Run, claims: Frame, consented: Frame, grouped: Frame, refunds: Frame) -> Frame:
    """Every claim in scope with its activity and outcome."""
    lake = run.lake
    facts = lake.keep(
        # A refund that does not say whether it is full is so with the others that add up to the whole amount.
        """SELECT c.*, g.group_id, a.claim_id IS NOT NULL AS has_consent,
                  t.original IS NOT NULL OR coalesce(c.is_full_refund, false) AS is_taken_back
           FROM {claims} AS c
           LEFT JOIN {consented} AS a ON c.claim_id = a.claim_id
           LEFT JOIN (
             SELECT original FROM {refunds} WHERE original IS NOT NULL GROUP BY original
             HAVING max(CASE WHEN is_full_refund THEN 1 ELSE 0 END) = 1
                 OR sum(CASE WHEN is_full_refund IS NULL THEN amount_fen END) >= max(original_fen)) AS t
             ON c.claim_id = t.original
           LEFT JOIN {grouped} AS g ON c.claim_id = g.claim_id""",
        claims=claims,
        consented=consented,
        refunds=refunds,
        grouped=grouped,
    )
    # An activity is led by the claim of the most trusted feed; money taken back undoes it where it was the proof.
    activities = lake.keep(
        """SELECT l.group_id, l.claim_id AS activity_id, coalesce(u.is_cancelled, false) AS is_cancelled FROM (
             SELECT group_id, claim_id, row_number() OVER (PARTITION BY group_id ORDER BY slot, is_day, claim_id) AS place
             FROM {facts} WHERE group_id IS NOT NULL AND NOT is_evidence) AS l
           LEFT JOIN (
             SELECT DISTINCT group_id, true AS is_cancelled FROM {facts} WHERE is_taken_back AND proof = 'payment') AS u
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
           FROM {facts} AS f
           LEFT JOIN {activities} AS v ON f.group_id = v.group_id
           LEFT JOIN {spends} AS s ON f.claim_id = s.claim_id
           LEFT JOIN {rates} AS r ON f.scenario = r.scenario AND f.region = r.region
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
                   is_lead, quantity_micro, quantity_source, spend_fen, merchant_code, region FROM {{judged}}""",
        judged=judged,
    )


def _refund_outcomes(run: Run, refunds: Frame, consented: Frame, members: Frame) -> Frame:
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
           FROM {refunds} AS r JOIN {members} AS m ON r.customer_key = m.customer_key
           LEFT JOIN {consented} AS a ON r.claim_id = a.claim_id""",
        refunds=refunds,
        consented=consented,
        members=members,
    )


def _stored(run: Run, scope: Scope, refunds: Frame) -> Frame:
    """Outcomes in force of what is decided again: claims in scope, refunds, and claims that this run withdrew."""
    lake = run.lake
    log = run.read("silver.activities")
    near = run.near("silver.activities", scope.decided)
    # A claim may since have gone to a person outside the scope: only its newest row says where it stands.
    ever = lake.keep("SELECT DISTINCT claim_id, act_date FROM {ever}", ever=semi(lake, near, scope.decided, *DAY))
    standing = semi(lake, in_force(lake, semi(lake, near, ever, *KEY), *KEY), scope.decided, *DAY)
    others = lake.keep(
        """SELECT l.claim_id, l.act_date FROM {log} AS l LEFT SEMI JOIN {refunds} AS r ON l.claim_id = r.claim_id
           UNION SELECT claim_id, act_date FROM {changed} WHERE NOT is_live""",
        log=log,
        refunds=refunds,
        changed=run.written("silver.claims"),
    )
    return lake.keep(
        "SELECT * FROM {standing} UNION SELECT * FROM {others}",
        standing=standing,
        others=in_force(lake, semi(lake, log, others, *KEY), *KEY),
    )

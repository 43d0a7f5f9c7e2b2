"""Claims as matching sees them: with their person and their scenario's rules; and which of them have consent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.claims.consents import consents_of, given_intervals, needs_until, scopes_of, with_consent
from jobs.policy.periods import meal_at
from schemas.sources import UNPLACED

if TYPE_CHECKING:
    from jobs.activities.touched import Touched
    from jobs.lake import Frame
    from jobs.runs.run import Run


def claims_of(run: Run, touched: Touched) -> tuple[Frame, Frame]:
    """The claims in force that are looked at, but refunds, with their person, their feed's slot and scenario's rules.

    Returns:
        These; and those that count for nothing, since their number was given anew to a later act that is looked at, too.
    """
    lake = run.lake
    aged = lake.keep(
        """
        SELECT *, row_number() OVER (PARTITION BY claim_id ORDER BY act_date DESC) AS age
        FROM claims
        """,
        claims=_standing(run, touched),
    )
    claims = _with_rules(run, lake.sql("SELECT * FROM aged WHERE age = 1", aged=aged))
    return claims, lake.sql("SELECT * FROM aged WHERE age > 1", aged=aged)


def _with_rules(run: Run, standing: Frame) -> Frame:
    """Claims with what their feed's contract, their scenario and their person's place say of them."""
    return run.lake.keep(
        f"""
        SELECT c.claim_id, c.institution, c.feed, c.customer_key, c.person_id, c.claim_kind, c.scenario, c.family,
            coalesce(p.region, c.region) AS region, c.act_date, c.time_precision, c.occurred_at_unix AS start_unix,
            coalesce(c.ended_at_unix, c.occurred_at_unix) AS end_unix,
            {needs_until("c")} AS needs_until_unix, c.time_precision = 'day' AS is_day, c.quantity_micro,
            f.missing_quantity_micro, c.amount_fen, c.refunded_fen, c.is_full_refund,
            CASE WHEN f.is_wallet THEN c.institution ELSE c.wallet END AS wallet,
            c.merchant_code, c.merchant_code_source, f.usual_code, f.slot, f.proof, f.scope,
            coalesce(f.is_brought, false) AS is_brought,
            coalesce(f.is_evidence, false) AS is_evidence,
            coalesce(f.is_proven, false) AND c.claim_kind <> 'payment' AS is_proven,
            coalesce(f.is_spend, false) AS is_spend, coalesce(f.lag_days, 0) AS lag_days,
            coalesce(f.window_seconds, 0) AS window_seconds,
            coalesce(f.matches_amount, false) AS matches_amount,
            CASE WHEN f.has_meals AND c.time_precision <> 'day' THEN {meal_at("c.occurred_at_unix")} END AS meal,
            c.object_key
        FROM standing AS c
        LEFT JOIN feeds AS f
            ON c.family = f.family AND c.institution = f.institution AND c.feed = f.feed AND c.act_date >= f.valid_from
            AND c.act_date < f.valid_to
        LEFT JOIN places AS p
            ON c.region = '{UNPLACED}' AND c.scenario = p.scenario AND c.act_date >= p.valid_from
            AND c.act_date < p.valid_to
        """,
        standing=standing,
        feeds=run.lake.from_arrow(run.policy.feeds),
        places=run.lake.from_arrow(run.policy.places),
    )


def _standing(run: Run, touched: Touched) -> Frame:
    """Rows in force of silver.claims on the days that are looked at, with `person_id`."""
    lake, log = run.lake, run.log("silver.claims", near=touched.seen)
    theirs = """
        SELECT {columns}
        FROM claims AS c
        JOIN whose AS m ON c.customer_key = m.customer_key
        LEFT SEMI JOIN seen AS s
            ON m.person_id = s.person_id AND c.family = s.family AND c.act_date BETWEEN s.first_date AND s.last_date
        WHERE c.claim_kind <> 'refund'
    """
    frames = {"whose": touched.whose, "seen": touched.seen}
    # A claim may have been another customer's, scenario's or a refund: first all that ever was theirs, then what holds.
    ever = lake.keep(theirs.format(columns="c.claim_id, c.act_date"), claims=log.rows, **frames)
    return lake.sql(theirs.format(columns="c.*, m.person_id"), claims=log.in_force(ever), **frames)


def consented_of(run: Run, claims: Frame, refunds: Frame) -> tuple[Frame, Frame]:
    """The claims and refunds that their customer's consent covers; to bring a bill is consent.

    Returns:
        claim_id of these; and the intervals in which these customers' acts may be credited.
    """
    lake = run.lake
    columns = "claim_id, customer_key, scope, start_unix AS needs_from_unix, needs_until_unix, is_brought"
    asked = lake.sql(
        f"SELECT {columns} FROM claims UNION ALL SELECT {columns} FROM refunds", claims=claims, refunds=refunds
    )
    given = given_intervals(lake, consents_of(run, asked), scopes_of(run))
    intervals = lake.keep("SELECT * FROM given", given=given)
    consented = lake.keep(
        "SELECT claim_id FROM covered UNION SELECT claim_id FROM asked WHERE is_brought",
        covered=with_consent(lake, asked, intervals),
        asked=asked,
    )
    return consented, intervals

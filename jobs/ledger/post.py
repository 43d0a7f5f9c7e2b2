"""Desired − posted: the entries that should stand against those that do, and one append for the difference.

Reads silver.activities, silver.redemptions, silver.membership, silver.customer_events and the ledger itself.
Appends to gold.ledger.

A late or corrected file, a refund, a merged person, a withdrawn consent, another factor, a redemption: each changed
something of some (person, act date). For those dates, and the periods that rules sum up around them, everything that
should stand is computed anew, so there is no second path for corrections.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.ledger.caps import taken_of
from jobs.ledger.emissions import emissions
from jobs.ledger.entries import LEDGER, difference
from jobs.ledger.exclusions import occasions_of
from jobs.ledger.expiry import expiries
from jobs.ledger.points import points
from jobs.ledger.touched import touched_by
from schemas.ledger import REDUCTION
from schemas.units import NANO

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.runs.run import Run


def post(run: Run) -> dict[str, Frame]:
    """What this run appends to gold.ledger."""
    lake, rewards = run.lake, run.policy.rewards
    touched = touched_by(run)
    outcomes = run.log("silver.activities", near=touched.days).in_force_of(touched.days, "person_id", "act_date")
    activities = lake.keep("SELECT * FROM outcomes", outcomes=outcomes)
    acts = reductions(run, activities)
    taken = taken_of(lake, acts, touched, rewards.kilogram_limits, occasions_of(run, activities, touched))
    reduced = lake.union(acts, *taken.entries)
    emitted = emissions(lake, activities, lake.from_arrow(run.policy.spend_rates))
    given = lake.keep("SELECT * FROM points", points=points(run, reduced, taken, touched))
    expired, posted_expiries = expiries(run, given, touched)
    wanted = lake.keep("SELECT * FROM entries WHERE amount <> 0", entries=lake.union(reduced, emitted, given, expired))
    run.figures["desired_entries"] = lake.count(wanted)
    posted = lake.union(touched.posted, posted_expiries)
    return {LEDGER: difference(run, wanted, posted, activities)}


def reductions(run: Run, activities: Frame) -> Frame:
    """The entries of kilograms, before exclusions and caps; each rounded once, towards less credit.

    Args:
        activities: outcomes in force of whole (person, act date)s.
    """
    return run.lake.keep(
        f"""
        SELECT a.activity_id AS position, '{REDUCTION}' AS measure, a.person_id,
            (a.quantity_micro * r.micrograms_per_unit) div {NANO} AS amount,
            'activity' AS position_kind, a.act_date, a.scenario, a.region, a.institution, r.factor_id, r.match_quality,
            a.quantity_micro
        FROM activities AS a
        JOIN rates AS r
            ON a.scenario = r.scenario AND a.region = r.region AND {run.policy.reporter("a.institution")} = r.reporter
            AND a.act_date >= r.valid_from AND a.act_date < r.valid_to
        WHERE a.outcome = 'credited' AND a.is_lead
        """,
        activities=activities,
        rates=run.lake.from_arrow(run.policy.rates),
    )

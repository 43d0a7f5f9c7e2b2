"""Desired − posted: the entries that should stand against those that do, and one append for the difference.

A late or corrected file, a refund, a merged person, a withdrawn consent, another factor, a redemption: each changed
something of some (person, act date). For those dates, and the periods that rules sum up around them, everything that
should stand is computed anew, so there is no second path for corrections.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.lake.frames import in_force, listed, semi
from jobs.ledger.caps import capped
from jobs.ledger.emissions import emissions
from jobs.ledger.entries import ENTRY, difference, union
from jobs.ledger.expiry import expiries
from jobs.ledger.points import points
from jobs.ledger.touched import DAY, touched_by
from schemas.ledger import REDUCTION
from schemas.units import NANO

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.runs.run import Run


def post(run: Run) -> dict[str, Frame]:
    """What this run appends to gold.ledger."""
    lake = run.lake
    scope = touched_by(run)
    near = run.near("silver.activities", scope.days)
    ever = semi(lake, near, scope.days, *DAY)
    standing = in_force(lake, semi(lake, near, ever, "claim_id", "act_date"), "claim_id", "act_date")
    activities = lake.keep("SELECT * FROM rows", rows=semi(lake, standing, scope.days, *DAY))
    kilograms = capped(lake, reductions(run, activities), scope, run.policy.rewards.kilogram_limits)
    given = lake.keep("SELECT * FROM points", points=points(run, kilograms, scope))
    expired, posted_expiries = expiries(run, given, scope)
    emitted = emissions(lake, activities, lake.from_arrow(run.policy.spend_rates))
    wanted = lake.keep(
        f"SELECT {listed(ENTRY)} FROM entries WHERE amount <> 0",
        entries=union(lake, kilograms, emitted, given, expired),
    )
    run.figures["desired_entries"] = lake.count(wanted)
    posted = union(lake, scope.posted, posted_expiries)
    return {"gold.ledger": difference(lake, wanted, posted, activities, run.seq)}


def reductions(run: Run, activities: Frame) -> Frame:
    """The ENTRY rows of kilograms, before caps; each rounded once, towards less credit.

    Args:
        activities: outcomes in force of whole (person, act date)s.
    """
    return run.lake.keep(
        f"""SELECT {listed(ENTRY)} FROM (
              SELECT a.activity_id AS position, '{REDUCTION}' AS measure, a.person_id,
                     (a.quantity_micro * r.micrograms_per_unit) div {NANO} AS amount, 'activity' AS position_kind,
                     a.act_date, a.scenario, a.region, a.institution, r.factor_id, r.match_quality, a.quantity_micro
              FROM activities AS a JOIN rates AS r ON a.scenario = r.scenario AND a.region = r.region
               AND a.act_date >= r.valid_from AND a.act_date < r.valid_to
              WHERE a.outcome = 'credited' AND a.is_lead) AS rated""",
        activities=activities,
        rates=run.lake.from_arrow(run.policy.rates),
    )

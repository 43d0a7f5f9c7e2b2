"""Claims that are one real act → one activity; every claim gets its outcome.

Computed again are the (person, family, act date) that this run touched, widened by how far a claim can reach
another in that family: a day over midnight for precise reports, the booking lags for day-precise ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.activities.assignment import CLAIM, group
from jobs.activities.outcomes import outcomes_of, refund_outcomes
from jobs.activities.reports import claims_of, consented_of, refunds_in_force
from jobs.activities.touched import DAY, KEY, stored_outcomes, touched_by
from jobs.lake.frames import changes, content_hash, listed, month_of, newest, semi

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.runs.run import Run


ACTIVITY = (
    "claim_id", "activity_id", "person_id", "institution", "feed", "scenario", "family", "act_date", "outcome",
    "reason", "is_lead", "quantity_micro", "quantity_source", "spend_fen", "merchant_code", "region",
)  # fmt: skip


def match(run: Run) -> dict[str, Frame]:
    """What this run appends to silver.activities."""
    lake = run.lake
    members = lake.keep(
        "SELECT customer_key, person_id FROM m",
        m=newest(lake, run.read("silver.membership"), "customer_key"),
    )
    scope = touched_by(run, members)
    claims = claims_of(run, scope, members)
    refunds = refunds_in_force(run)
    consented = consented_of(run, claims, refunds)
    reports = lake.keep(
        f"""SELECT {listed(CLAIM, "c.")}, c.is_day FROM claims AS c LEFT SEMI JOIN consented AS a ON c.claim_id = a.claim_id
           WHERE c.claim_kind <> 'tap' AND c.slot IS NOT NULL""",
        claims=claims,
        consented=consented,
    )
    grouped = group(lake, reports)
    new = lake.keep(
        f"""SELECT {listed(ACTIVITY)}, {month_of("act_date")} AS act_month, {content_hash(ACTIVITY)} AS content_hash FROM (
              SELECT {listed(ACTIVITY)} FROM claims UNION ALL SELECT {listed(ACTIVITY)} FROM refunds) AS both""",
        claims=semi(lake, outcomes_of(run, claims, consented, grouped, refunds), scope.decided, *DAY),
        refunds=refund_outcomes(run, refunds, consented, members),
    )
    return {"silver.activities": changes(lake, new, stored_outcomes(run, scope, refunds), KEY, run.seq)}

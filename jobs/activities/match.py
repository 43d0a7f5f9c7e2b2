"""Claims that are one real act → one activity; every claim gets its outcome.

Reads silver.claims, silver.customer_events and silver.membership. Appends to silver.activities.

Decided again are the (person, family, act date) that this run touched, widened by how far a claim can reach another in
that family: a day over midnight for precise reports, the booking lags for day-precise ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.activities.assignment import CLAIM, groups_of
from jobs.activities.changed import changed_by
from jobs.activities.outcomes import outcomes_of, outcomes_of_former, refund_outcomes
from jobs.activities.readings import readings_of
from jobs.activities.refunds import refunds_of
from jobs.activities.reports import claims_of, consented_of
from jobs.activities.touched import outcomes_in_force, touched_by
from jobs.lake.frames import listed

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.runs.run import Run


def match(run: Run) -> dict[str, Frame]:
    """What this run appends to silver.activities."""
    lake, activities = run.lake, run.log("silver.activities")
    changed = changed_by(run)
    touched = touched_by(run, changed)
    claims, passed_over = claims_of(run, touched)
    refunds = refunds_of(run, changed, claims)
    consented, intervals = consented_of(run, claims, refunds)
    # A lone tap proves no act, and who is not accepted as a reporter proves none either.
    reports = lake.keep(
        f"""
        SELECT {listed(CLAIM, "c.")}, c.is_day
        FROM claims AS c
        LEFT SEMI JOIN consented AS a ON c.claim_id = a.claim_id
        WHERE c.claim_kind NOT IN ('tap', 'reading') AND c.slot IS NOT NULL
        """,
        claims=claims,
        consented=consented,
    )
    groups = lake.keep(
        """
        SELECT claim_id, group_id, CAST(NULL AS bigint) AS counted_micro FROM assigned
        UNION ALL SELECT claim_id, group_id, counted_micro FROM readings
        """,
        assigned=groups_of(lake, reports),
        readings=readings_of(lake, claims, intervals),
    )
    outcomes = lake.union(
        touched.decides(lake, outcomes_of(run, claims, consented, groups, refunds)),
        touched.decides(lake, outcomes_of_former(lake, passed_over)),
        refund_outcomes(run, refunds, consented),
    )
    # Key, columns, month and content hash are the table's own: schemas/tables/silver_activities.yaml.
    return {activities.name: activities.changes(outcomes, instead_of=outcomes_in_force(run, touched, refunds))}

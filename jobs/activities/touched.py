"""What a run decides anew of claims: (person, family, act date), as far as one claim reaches another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from jobs.lake.frames import around, semi
from jobs.persons.members import members_before, told_otherwise

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake
    from jobs.runs.run import Run


DAY = ("person_id", "family", "act_date")
"""What claims are matched within."""


@dataclass(frozen=True)
class Touched:
    """What is computed again: (person_id, family, act_date).

    Attributes:
        decided: claims on these get their outcome.
        seen: claims on these are looked at, so that the decided ones come out as in a full computation.
    """

    decided: Frame
    seen: Frame

    def decides(self, lake: Lake, outcomes: Frame) -> Frame:
        """The outcomes that are decided again, of those of all claims that are looked at."""
        return semi(lake, outcomes, self.decided, *DAY)


def touched_by(run: Run, whose: Frame) -> Touched:
    """From changed claims, customers and refunds to the keys that have to be computed again.

    Args:
        whose: customer_key → person_id, as it stands now.
    """
    lake = run.lake
    reach = pa.table({"family": list(run.policy.reach), "reach_days": pa.array(run.policy.reach.values(), pa.int32())})
    days = lake.keep(
        """
        WITH holders AS (SELECT customer_key, person_id FROM whose UNION SELECT customer_key, person_id FROM before)
        SELECT DISTINCT h.person_id, a.family, a.act_date, r.reach_days
        FROM acts AS a
        JOIN holders AS h ON a.customer_key = h.customer_key
        JOIN reach AS r ON a.family = r.family
        """,
        acts=_acts_touched(run),
        whose=whose,
        before=members_before(run),
        reach=lake.from_arrow(reach),
    )
    decided = around(lake, days, "reach_days")
    return Touched(decided, around(lake, decided, "reach_days"))


def _acts_touched(run: Run) -> Frame:
    """(customer_key, family, act_date) of claims that changed, were taken back, or whose customer is told otherwise.

    Of what changed count all that it ever was: a correction may have another scenario, customer or original.
    """
    claims = run.log("silver.claims")
    if run.full:
        return run.lake.keep(
            "SELECT DISTINCT customer_key, family, act_date FROM log WHERE claim_kind <> 'refund'", log=claims.rows
        )
    return run.lake.keep(
        """
        WITH acts AS (SELECT claim_id, customer_key, family, act_date FROM log WHERE claim_kind <> 'refund'),
        taken_back AS (SELECT refers_to_key FROM changed WHERE claim_kind = 'refund')
        SELECT customer_key, family, act_date FROM changed WHERE claim_kind <> 'refund'
        UNION
        SELECT a.customer_key, a.family, a.act_date
        FROM acts AS a
        LEFT SEMI JOIN taken_back AS t ON a.claim_id = t.refers_to_key
        UNION
        SELECT a.customer_key, a.family, a.act_date
        FROM acts AS a
        LEFT SEMI JOIN otherwise AS o ON a.customer_key = o.customer_key
        """,
        log=claims.rows,
        changed=claims.of(claims.written, "claim_id").rows,
        otherwise=told_otherwise(run),
    )


def outcomes_in_force(run: Run, touched: Touched, refunds: Frame) -> Frame:
    """The outcomes that hold of what is decided again: of claims on its days, of refunds, of what was withdrawn."""
    lake, activities = run.lake, run.log("silver.activities")
    others = lake.keep(
        """
        SELECT l.claim_id, l.act_date
        FROM log AS l
        LEFT SEMI JOIN refunds AS r ON l.claim_id = r.claim_id
        UNION SELECT claim_id, act_date FROM changed WHERE NOT is_live
        """,
        log=activities.rows,
        refunds=refunds,
        changed=run.log("silver.claims").written,
    )
    return lake.keep(
        "SELECT * FROM decided UNION SELECT * FROM others",
        decided=run.log("silver.activities", near=touched.decided).in_force_of(touched.decided, *DAY),
        others=activities.in_force(others),
    )

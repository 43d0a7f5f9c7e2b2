"""What a run decides anew of claims: (person, family, act date), as far as one claim reaches another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from jobs.lake.frames import semi, spans
from jobs.persons.members import members, members_before, members_of

if TYPE_CHECKING:
    from jobs.activities.changed import Changed
    from jobs.lake import Frame, Lake
    from jobs.runs.run import Run


DAY = ("person_id", "family", "act_date")
"""What claims are matched within."""


@dataclass(frozen=True)
class Touched:
    """What is computed again: spans of a person's act dates, by family.

    Attributes:
        decided: claims on these get their outcome.
        seen: claims on these are looked at, so that the decided ones come out as in a full computation.
        whose: customer_key → person_id of these people, as it stands now.
    """

    decided: Frame
    seen: Frame
    whose: Frame

    def decides(self, lake: Lake, outcomes: Frame) -> Frame:
        """The outcomes that are decided again, of those of all claims that are looked at."""
        return semi(lake, outcomes, self.decided, *DAY)


def touched_by(run: Run, changed: Changed) -> Touched:
    """From changed claims, customers and refunds to the keys that have to be computed again."""
    lake = run.lake
    reach = pa.table({"family": list(run.policy.reach), "reach_days": pa.array(run.policy.reach.values(), pa.int32())})
    acts = lake.keep(
        """
        SELECT customer_key, family, act_date FROM claims WHERE claim_kind <> 'refund'
        UNION SELECT customer_key, family, act_date FROM originals
        UNION SELECT customer_key, family, act_date FROM otherwise
        """,
        claims=changed.claims,
        originals=changed.originals,
        otherwise=changed.otherwise,
    )
    days = lake.keep(
        """
        WITH holders AS (SELECT customer_key, person_id FROM now UNION SELECT customer_key, person_id FROM before)
        SELECT DISTINCT h.person_id, a.family, a.act_date, r.reach_days
        FROM acts AS a
        JOIN holders AS h ON a.customer_key = h.customer_key
        JOIN reach AS r ON a.family = r.family
        """,
        acts=acts,
        now=members(run, acts),
        before=members_before(run, acts),
        reach=lake.from_arrow(reach),
    )
    whose = lake.keep("SELECT customer_key, person_id FROM members", members=members_of(run, days))
    key = ("person_id", "family")
    return Touched(spans(lake, days, "reach_days", key), spans(lake, days, "2 * reach_days", key), whose)


def outcomes_in_force(run: Run, touched: Touched, refunds: Frame) -> Frame:
    """The outcomes that hold of what is decided again: of claims on its days, of refunds, of what was withdrawn."""
    lake, log = run.lake, run.log("silver.activities", near=touched.decided)
    others = lake.keep(
        """
        SELECT claim_id, act_date FROM refunds
        UNION SELECT claim_id, act_date FROM changed WHERE NOT is_live
        """,
        refunds=refunds,
        changed=run.log("silver.claims").written,
    )
    ever = lake.keep(
        "SELECT claim_id, act_date FROM others UNION SELECT claim_id, act_date FROM decided",
        others=others,
        decided=semi(lake, log.rows, touched.decided, *DAY),
    )
    held = lake.keep("SELECT * FROM held", held=run.log("silver.activities", near=ever).in_force(ever))
    return lake.sql(
        "SELECT * FROM decided UNION SELECT * FROM others",
        decided=semi(lake, held, touched.decided, *DAY),
        others=semi(lake, held, others, "claim_id", "act_date"),
    )

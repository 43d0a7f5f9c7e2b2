"""What a run decides anew of claims: (person, family, act date), as far as one claim reaches another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from jobs.lake.frames import around, in_force, newest, semi

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.runs.run import Run


DAY = ("person_id", "family", "act_date")
KEY = ("claim_id", "act_date")


@dataclass(frozen=True)
class Touched:
    """What is computed again: (person_id, family, act_date).

    Attributes:
        decided: claims on these get their outcome.
        seen: claims on these are looked at, so that the decided ones come out as in a full computation.
    """

    decided: Frame
    seen: Frame


def touched_by(run: Run, members: Frame) -> Touched:
    """From changed claims, customers and refunds to the keys that have to be computed again."""
    lake = run.lake
    log = run.read("silver.claims")
    acts = "customer_key, family, act_date"
    if run.full:
        touched = lake.keep(f"SELECT DISTINCT {acts} FROM log WHERE claim_kind <> 'refund'", log=log)
    else:
        touched = lake.keep(
            f"""SELECT {acts} FROM changed WHERE claim_kind <> 'refund'
                UNION
                SELECT l.customer_key, l.family, l.act_date FROM log AS l LEFT SEMI JOIN (
                  SELECT refers_to_key FROM changed WHERE claim_kind = 'refund') AS r ON l.claim_id = r.refers_to_key
                WHERE l.claim_kind <> 'refund'
                UNION
                SELECT l.customer_key, l.family, l.act_date FROM log AS l LEFT SEMI JOIN (
                  SELECT customer_key FROM events WHERE event_kind = 'consent'
                  UNION SELECT customer_key FROM moved) AS c ON l.customer_key = c.customer_key
                WHERE l.claim_kind <> 'refund'""",
            log=log,
            changed=run.written("silver.claims"),
            events=run.written("silver.customer_events"),
            moved=run.written("silver.membership"),
        )
    reach = pa.table({"family": list(run.policy.reach), "reach_days": pa.array(run.policy.reach.values(), pa.int32())})
    wide = lake.keep(
        """SELECT DISTINCT p.person_id, t.family, t.act_date, r.reach_days FROM touched AS t
           JOIN (SELECT customer_key, person_id FROM members UNION SELECT customer_key, person_id FROM before) AS p
             ON t.customer_key = p.customer_key
           JOIN reach AS r ON t.family = r.family""",
        touched=touched,
        members=members,
        before=newest(lake, run.before("silver.membership"), "customer_key"),
        reach=lake.from_arrow(reach),
    )
    decided = around(lake, wide, "reach_days")
    return Touched(decided, around(lake, decided, "reach_days"))


def stored_outcomes(run: Run, scope: Touched, refunds: Frame) -> Frame:
    """Outcomes in force of what is decided again: claims in scope, refunds, and claims that this run withdrew."""
    lake = run.lake
    log = run.read("silver.activities")
    near = run.near("silver.activities", scope.decided)
    # A claim may since have gone to a person outside the scope: only its newest row says where it stands.
    ever = lake.keep("SELECT DISTINCT claim_id, act_date FROM ever", ever=semi(lake, near, scope.decided, *DAY))
    standing = semi(lake, in_force(lake, semi(lake, near, ever, *KEY), *KEY), scope.decided, *DAY)
    others = lake.keep(
        """SELECT l.claim_id, l.act_date FROM log AS l LEFT SEMI JOIN refunds AS r ON l.claim_id = r.claim_id
           UNION SELECT claim_id, act_date FROM changed WHERE NOT is_live""",
        log=log,
        refunds=refunds,
        changed=run.written("silver.claims"),
    )
    return lake.keep(
        "SELECT * FROM standing UNION SELECT * FROM others",
        standing=standing,
        others=in_force(lake, semi(lake, log, others, *KEY), *KEY),
    )

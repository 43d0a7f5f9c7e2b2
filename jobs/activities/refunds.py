"""The refunds that are decided again, with what they take back.

What names a purchase is found by a column that is null but for refunds, so that little is read of the months since.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from jobs.activities.originals import NEAR_DAYS, originals_of
from jobs.claims.consents import needs_until
from jobs.lake.frames import semi

if TYPE_CHECKING:
    from jobs.activities.changed import Changed
    from jobs.lake import Frame
    from jobs.lake.log import Log
    from jobs.runs.run import Run


def refunds_of(run: Run, changed: Changed, claims: Frame) -> Frame:
    """The refunds in force that are decided again, with the claim that each takes back where that has come, and its amount.

    They are those that changed, whose original did, of customers who are told otherwise, and of claims that are looked at.

    Args:
        claims: those that are looked at: claim_id, act_date, amount_fen.
    """
    lake = run.lake
    refunds = lake.keep("SELECT * FROM refunds", refunds=_in_force(run, changed, claims))
    return lake.keep(
        f"""
        WITH found AS (
            SELECT claim_id, amount_fen FROM claims
            UNION SELECT claim_id, amount_fen FROM named
            UNION SELECT claim_id, amount_fen FROM others
        ),
        originals AS (SELECT claim_id, max(amount_fen) AS amount_fen FROM found GROUP BY claim_id)
        SELECT r.*, f.scope,
            coalesce(f.is_brought, false) AS is_brought,
            r.occurred_at_unix AS start_unix, {needs_until("r")} AS needs_until_unix, o.claim_id AS original,
            o.amount_fen AS original_fen
        FROM refunds AS r
        LEFT JOIN feeds AS f
            ON r.scenario = f.family AND r.institution = f.institution AND r.feed = f.feed
            AND r.act_date >= f.valid_from AND r.act_date < f.valid_to
        LEFT JOIN originals AS o ON r.refers_to_key = o.claim_id
        """,
        refunds=refunds,
        feeds=lake.from_arrow(run.policy.feeds),
        claims=claims,
        named=changed.originals,
        others=_other_originals(run, refunds, changed, claims),
    )


def _in_force(run: Run, changed: Changed, claims: Frame) -> Frame:
    """Rows of silver.claims."""
    lake, log = run.lake, run.log("silver.claims")
    # Not the newest of the rows that say so: a correction may have made something else of one.
    said = log.where("claim_kind = 'refund'")
    if run.full:
        return lake.sql("SELECT * FROM rows WHERE claim_kind = 'refund'", rows=log.in_force(said.rows))
    named = lake.keep(
        """
        SELECT claim_id AS refers_to_key, act_date FROM claims
        UNION SELECT claim_id AS refers_to_key, act_date FROM changed
        """,
        claims=claims,
        changed=changed.claims,
    )
    days = lake.keep(
        """
        SELECT act_date FROM naming
        UNION SELECT act_date FROM changed WHERE claim_kind = 'refund'
        UNION SELECT act_date FROM otherwise WHERE family = ''
        """,
        naming=semi(lake, _since(run, said, named).rows, named, "refers_to_key"),
        changed=changed.claims,
        otherwise=changed.otherwise,
    )
    near = run.log("silver.claims", near=days)
    keys = lake.keep(
        """
        SELECT r.claim_id, r.act_date
        FROM refunds AS r
        LEFT SEMI JOIN named AS n ON r.refers_to_key = n.refers_to_key
        UNION
        SELECT r.claim_id, r.act_date
        FROM refunds AS r
        LEFT SEMI JOIN otherwise AS o ON r.customer_key = o.customer_key AND r.act_date = o.act_date
        UNION
        SELECT claim_id, act_date FROM changed WHERE claim_kind = 'refund'
        """,
        refunds=near.where("claim_kind = 'refund'").rows,
        named=named,
        otherwise=changed.otherwise,
        changed=changed.claims,
    )
    return lake.sql("SELECT * FROM rows WHERE claim_kind = 'refund'", rows=near.in_force(keys))


def _since(run: Run, log: Log, named: Frame) -> Log:
    """The rows by months from which on something may name a claim: none is taken back a month before it was paid."""
    (found,) = run.lake.ask(dict, "SELECT min(act_date) AS first FROM named", named=named)
    if found["first"] is None:
        return log.where("false")
    return log.where(f"act_month >= '{found['first'] - timedelta(days=NEAR_DAYS):%Y-%m}'")


def _other_originals(run: Run, refunds: Frame, changed: Changed, claims: Frame) -> Frame:
    """Originals that are not looked at, of refunds that this run did not change."""
    lake = run.lake
    others = lake.keep(
        """
        SELECT r.refers_to_key, r.act_date
        FROM refunds AS r
        LEFT ANTI JOIN changed AS c ON r.claim_id = c.claim_id AND r.act_date = c.act_date
        LEFT ANTI JOIN claims AS s ON r.refers_to_key = s.claim_id
        """,
        refunds=refunds,
        changed=changed.claims,
        claims=claims,
    )
    return originals_of(run, others)

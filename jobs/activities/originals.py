"""The purchases that refunds take back.

A refund that names its original may do so after any time, so what is not found about the months of the refund is looked
for in all: few are.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.lake.log import Log
    from jobs.runs.run import Run

NEAR_DAYS = 31
"""How old most originals are at most when they are taken back."""


def originals_of(run: Run, refunds: Frame) -> Frame:
    """The purchases in force that refunds take back: claim_id, customer_key, family, act_date, amount_fen.

    Args:
        refunds: refers_to_key and act_date; rows that name nothing tell nothing.
    """
    lake, log = run.lake, run.log("silver.claims")
    named = lake.keep(
        """
        SELECT DISTINCT refers_to_key AS claim_id, act_date
        FROM refunds
        WHERE refers_to_key IS NOT NULL
        """,
        refunds=refunds,
    )
    found = _purchases(log if run.full else log.of_months(_months_near(run, named)), named)
    missing = lake.keep(
        "SELECT n.claim_id FROM named AS n LEFT ANTI JOIN found AS f ON n.claim_id = f.claim_id",
        named=named,
        found=found,
    )
    if run.full or not lake.has_rows(missing):
        return found
    return lake.union(found, _purchases(log, missing))


def _purchases(log: Log, named: Frame) -> Frame:
    """Those whose claim_id stands in a frame."""
    ids = log.lake.sql("SELECT claim_id FROM named", named=named)
    return log.lake.keep(
        """
        SELECT DISTINCT claim_id, customer_key, family, act_date, amount_fen
        FROM claims
        WHERE claim_kind <> 'refund'
        """,
        claims=log.in_force(ids),
    )


def _months_near(run: Run, refunds: Frame) -> set[str]:
    """The months (yyyy-MM) in which most originals of some refunds lie."""
    dates = run.dates(refunds)
    return {f"{day - timedelta(days=away):%Y-%m}" for day in dates for away in (0, NEAR_DAYS)}

"""Acts made of several rows: taps paired into rides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.claims.rides import pair
from jobs.claims.touched import Touched, records_on, touched_days
from jobs.lake.frames import around

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.runs.run import Run


@dataclass(frozen=True)
class Grouped:
    """Acts made of several rows, for the customers and days that were computed again.

    Attributes:
        rows: landed rows with what the group makes of them: `claim_kind`, `disposition`, `code`.
        days: (customer_key, act_date) for which the group's claims are the whole truth.
    """

    rows: Frame
    days: Frame


def taps_of(run: Run, touched: Touched) -> Grouped:
    """Taps paired into rides. A tap can change rides led on the days beside its own."""
    lake = run.lake
    days = around(lake, touched_days(run, touched, "tap", "true"), "1")
    records = records_on(run, touched, "tap", around(lake, days, "1"))
    paired = pair(lake, records, lake.from_arrow(run.policy.pairing), lake.from_arrow(run.policy.distances))
    rows = lake.keep(
        """
        SELECT p.*
        FROM paired AS p
        LEFT SEMI JOIN days AS d ON p.customer_key = d.customer_key AND p.lead_date = d.act_date
        """,
        paired=paired,
        days=days,
    )
    return Grouped(rows, days)

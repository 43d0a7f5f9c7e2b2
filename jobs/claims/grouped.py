"""Acts made of several rows: cumulative readings, and taps paired into rides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.claims.rides import pair
from jobs.claims.touched import Touched, records_on, touched_days
from jobs.lake.frames import around, listed

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


def readings_of(run: Run, touched: Touched) -> Grouped:
    """Cumulative counts: the highest reading of a customer's day leads, the others support it."""
    days = touched_days(run, touched, "act", "claim_kind = 'reading'")
    records = records_on(run, touched, "act", days)
    columns = listed([name for name in records.columns if name != "disposition"])
    rows = run.lake.keep(
        f"""
        WITH ranked AS (
            SELECT *,
                row_number() OVER (
                    PARTITION BY customer_key, institution, feed, scenario, act_date
                    ORDER BY quantity_micro DESC, occurred_at_unix, record_key
                ) AS rank
            FROM records
            WHERE claim_kind = 'reading'
        )
        SELECT {columns},
            CASE WHEN rank = 1 THEN 'record' ELSE 'supporting' END AS disposition,
            CAST(NULL AS string) AS code
        FROM ranked
        """,
        records=records,
    )
    return Grouped(rows, days)


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

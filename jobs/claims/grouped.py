"""Acts made of several rows: taps paired into rides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.claims.rides import pair
from jobs.claims.touched import Touched, old_files_on, records_on, touched_days
from jobs.lake.frames import around

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.landing.manifests import Manifest
    from jobs.runs.run import Run


@dataclass(frozen=True)
class Grouped:
    """Acts made of several rows, for the customers and days that were computed again.

    Attributes:
        rows: landed rows with what the group makes of them: `claim_kind`, `disposition`, `code`.
        days: (customer_key, act_date) for which the group's claims are the whole truth.
        files: those of earlier runs that rows stand in.
    """

    rows: Frame
    days: Frame
    files: list[Manifest]


def taps_of(run: Run, touched: Touched) -> Grouped:
    """Taps paired into rides. A tap can change rides led on the days beside its own."""
    lake = run.lake
    days = around(lake, touched_days(run, touched, "tap", "true"), "1")
    seen = around(lake, days, "1")
    near = old_files_on(run, "tap", run.dates(seen))
    records = records_on(run, touched, "tap", seen, near)
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
    return Grouped(rows, days, near)

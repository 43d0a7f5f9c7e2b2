"""Ledger → balances of persons, their records by month, and which statements the figures rest on.

Reads gold.ledger, silver.activities, silver.customer_events, silver.membership and the run's files. Writes gold.balances
anew; appends to gold.coverage and gold.carbon_records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.accounts.carbon_records import carbon_records
from jobs.accounts.coverage import coverage
from jobs.lake.frames import listed

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.runs.run import Run


def account(run: Run) -> dict[str, Frame]:
    """The new gold.balances, and this run's rows of gold.coverage and gold.carbon_records."""
    return {
        "gold.balances": balances(run),
        "gold.coverage": coverage(run),
        "gold.carbon_records": carbon_records(run),
    }


def balances(run: Run) -> Frame:
    """Last publication's balances plus this run's entries; balances that became zero stay, as zero."""
    key = listed(run.lake.tables["gold.balances"].key)
    return run.lake.keep(
        f"""
        WITH parts AS (
            SELECT {key}, amount, entries, changed_in_seq FROM held
            UNION ALL SELECT {key}, amount, 1 AS entries, publication_seq AS changed_in_seq FROM new
        )
        SELECT {key}, CAST(sum(amount) AS bigint) AS amount, CAST(sum(entries) AS bigint) AS entries,
            CAST(max(changed_in_seq) AS bigint) AS changed_in_seq
        FROM parts
        GROUP BY {key}
        """,
        held=run.read("gold.balances"),
        new=run.log("gold.ledger").written,
    )

"""Ledger → balances of persons, their records by month, and which statements the figures rest on.

Reads gold.ledger, silver.activities, silver.customer_events, silver.membership and the run's files. Writes gold.balances
anew; appends to gold.coverage and gold.carbon_records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.accounts.carbon_records import carbon_records
from jobs.accounts.coverage import coverage
from jobs.lake.frames import keys_equal, listed, semi

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
    """Last publication's balances and this run's entries; balances that became zero stay, as zero.

    Of what nobody touched not a row is looked at: all but the touched are passed on as they are while they are written.
    """
    lake, held, key = run.lake, run.read("gold.balances"), run.lake.tables["gold.balances"].key
    new = lake.keep(f"SELECT {listed(key)}, amount, publication_seq FROM new", new=run.log("gold.ledger").written)
    touched = lake.keep(
        f"""
        WITH parts AS (
            SELECT {listed(key)}, amount, entries, changed_in_seq FROM was
            UNION ALL
            SELECT {listed(key)}, amount, 1 AS entries, publication_seq AS changed_in_seq FROM new
        )
        SELECT {listed(key)}, CAST(sum(amount) AS bigint) AS amount, CAST(sum(entries) AS bigint) AS entries,
            CAST(max(changed_in_seq) AS bigint) AS changed_in_seq
        FROM parts
        GROUP BY {listed(key)}
        """,
        was=semi(lake, held, new, *key),
        new=new,
    )
    others = lake.sql(
        f"SELECT h.* FROM held AS h LEFT ANTI JOIN touched AS t ON {keys_equal('h', 't', key)}",
        held=held,
        touched=touched,
    )
    return lake.union(others, touched)

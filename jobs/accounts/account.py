"""Ledger → balances of persons, their records by month, and which statements the figures rest on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.accounts.carbon_records import TABLE, carbon_records
from jobs.accounts.coverage import coverage
from jobs.lake.frames import listed

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.runs.run import Run


BALANCE_KEY = ("person_id", "measure", "scenario", "institution")


def account(run: Run) -> dict[str, Frame]:
    """The new gold.balances, and this run's rows of gold.coverage and gold.carbon_records."""
    return {"gold.balances": balances(run), "gold.coverage": coverage(run), TABLE: carbon_records(run)}


def balances(run: Run) -> Frame:
    """Last publication's balances plus this run's entries; balances that became zero stay, as zero."""
    key = listed(BALANCE_KEY)
    return run.lake.keep(
        f"""SELECT {key}, CAST(sum(amount) AS bigint) AS amount, CAST(sum(entries) AS bigint) AS entries,
                   CAST(max(changed_in_seq) AS bigint) AS changed_in_seq
            FROM (SELECT {key}, amount, entries, changed_in_seq FROM held
                  UNION ALL SELECT {key}, amount, 1 AS entries, publication_seq AS changed_in_seq FROM new) AS both
            GROUP BY {key}""",
        held=run.read("gold.balances"),
        new=run.written("gold.ledger"),
    )

"""Whose months a run records anew."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from jobs.accounts.grades import ReportedMonth
from jobs.lake.frames import listed
from jobs.persons.members import members, reported_otherwise, since_told
from jobs.policy.arrow import table
from schemas.ledger import EMISSION, REDUCTION

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake
    from jobs.runs.run import Run


RECORDS = "gold.carbon_records"
MEASURED = f"measure IN ('{REDUCTION}', '{EMISSION}')"
"""SQL: an entry is of kilograms, which is what a carbon record tells."""


def touched_by(run: Run, regraded: Collection[ReportedMonth]) -> Frame:
    """(person_id, act_month) that have to be computed again, as they were before and as they are after.

    Args:
        regraded: institutions' months whose grade this run changed.
    """
    lake, activities, records = run.lake, run.log("silver.activities"), run.log(RECORDS)
    if run.full or not lake.has_rows(records.rows):  # a lake of before there were records gets them all at once
        return lake.keep(
            """
            SELECT person_id, act_month FROM activities
            UNION SELECT person_id, act_month FROM records
            """,
            activities=activities.rows,
            records=records.rows,
        )
    changed = lake.keep(f"SELECT {listed(activities.table.identity)} FROM written", written=activities.written)
    outcomes = run.log(activities.name, near=changed).of(changed, *activities.table.identity)
    return lake.keep(
        f"""
        SELECT person_id, act_month FROM entries WHERE {MEASURED}
        UNION SELECT person_id, act_month FROM outcomes
        UNION SELECT person_id, act_month FROM otherwise
        UNION SELECT person_id, act_month FROM regraded
        """,
        entries=run.log("gold.ledger").written,
        outcomes=outcomes.rows,
        otherwise=since_told(records, reported_otherwise(run), "person_id"),
        regraded=_records_of(run, regraded),
    )


def _records_of(run: Run, reported: Collection[ReportedMonth]) -> Frame:
    """The records of whoever ever gave a consent at an institution, of its months."""
    lake = run.lake
    rows = [{"institution": institution, "act_month": month} for institution, month in reported]
    given = lake.sql(
        """
        SELECT e.customer_key, r.act_month
        FROM events AS e
        JOIN reported AS r ON e.institution = r.institution
        WHERE e.event_kind = 'consent' AND e.is_given
        """,
        events=run.log("silver.customer_events").rows,
        reported=lake.from_arrow(table({"institution": str, "act_month": str}, rows)),
    )
    people = lake.sql(
        """
        SELECT m.person_id, g.act_month
        FROM given AS g
        JOIN members AS m ON g.customer_key = m.customer_key
        """,
        given=given,
        members=members(run, given),
    )
    records = run.log(RECORDS).of_months({month for _, month in reported})
    return records.of(people, *records.table.identity).rows


def months_of(lake: Lake, rows: Frame) -> list[str]:
    """The months of a frame; their number does not grow with people."""
    return sorted(row["act_month"] for row in lake.ask(dict, "SELECT DISTINCT act_month FROM rows", rows=rows))

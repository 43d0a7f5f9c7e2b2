"""Bills that people bring: of those of a customer and feed that cover a day the whole one exported last is in force."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa

from jobs.landing.manifests import Bill, Manifest

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake
    from jobs.runs.run import Run


KIND = "payment"
"""The kind of feed that bills are."""


def stirred(run: Run) -> list[Manifest]:
    """Earlier bills in force that share customer, feed and days with a bill that this run brings or takes away.

    Bills are few beside the rows of daily exports: they are compared here, not on the engine.
    """
    moved: dict[tuple[str, str], list[Bill]] = defaultdict(list)
    since: dict[str, date] = {}
    for file in (*run.new_files, *run.superseded_files):
        if file.bill:
            moved[file.bill.customer_key, file.feed].append(file.bill)
            since[file.institution] = min(file.bill.first_day, since.get(file.institution, file.bill.first_day))
    new = {file.file_id for file in run.new_files}
    customers = {customer for customer, _ in moved}
    return [
        file
        for institution, first in since.items()
        for file in run.bills_in_force_of(institution, first, customers)  # no bill tells of days after it was brought
        if file.bill
        and file.file_id not in new
        and any(
            other.first_day <= file.bill.last_day and file.bill.first_day <= other.last_day
            for other in moved.get((file.bill.customer_key, file.feed), ())
        )
    ]


def whole_bills(run: Run, rows: Frame) -> Frame:
    """file_id, customer_key, feed, first_day, last_day and rank of the unfiltered bills in force that may cover days of rows.

    Of a feed's bills that cover a day the one with the highest rank is in force: the last exported. A bank's bill of a card
    tells nothing of an account.
    """
    bills = [(file, file.bill) for file in _bills_beside(run, rows) if file.bill and file.bill.is_whole]
    bills.sort(key=lambda one: (one[1].exported_at, one[0].business_date, one[0].revision, one[0].part))
    return run.lake.from_arrow(
        pa.table(
            {
                "file_id": pa.array([file.file_id for file, _ in bills], pa.string()),
                "customer_key": pa.array([bill.customer_key for _, bill in bills], pa.string()),
                "feed": pa.array([file.feed for file, _ in bills], pa.string()),
                "first_day": pa.array([bill.first_day for _, bill in bills], pa.date32()),
                "last_day": pa.array([bill.last_day for _, bill in bills], pa.date32()),
                "rank": pa.array(range(len(bills)), pa.int32()),
            }
        )
    )


def _bills_beside(run: Run, rows: Frame) -> list[Manifest]:
    """The bills in force of the customers whose bills the rows are of, those of before left out that cover no day of theirs.

    To the driver: one row per customer of whom there is a bill.
    """
    told = run.lake.ask(
        dict,
        """
        SELECT institution, customer_key, min(least(act_date, business_date)) AS since
        FROM rows
        GROUP BY institution, customer_key
        """,
        rows=rows,
    )
    customers: dict[str, set[str]] = defaultdict(set)
    since: dict[str, date] = {}
    for row in told:
        customers[row["institution"]].add(row["customer_key"])
        since[row["institution"]] = min(row["since"], since.get(row["institution"], row["since"]))
    return [file for one in customers for file in run.bills_in_force_of(one, since[one], customers[one])]


def beaten(run: Run, *rows: Frame) -> Frame:
    """(file_id, line) of the rows of whole bills on a day that a later exported whole bill of customer and feed covers."""
    feeds = [
        (one.id, name) for one in run.registry.sources.values() for name, feed in one.feeds.items() if feed.is_bill
    ]
    is_bill = " OR ".join(f"(institution = '{one}' AND feed = '{name}')" for one, name in feeds) or "false"
    of_bills = run.lake.keep(
        f"""
        SELECT file_id, line, institution, customer_key, act_date, business_date
        FROM rows
        WHERE {is_bill}
        """,
        rows=run.lake.union(*rows),
    )
    return run.lake.keep(
        """
        SELECT DISTINCT r.file_id, r.line
        FROM rows AS r
        JOIN bills AS b ON r.file_id = b.file_id
        JOIN bills AS o
            ON b.customer_key = o.customer_key AND b.feed = o.feed AND o.rank > b.rank AND r.act_date >= o.first_day
            AND r.act_date <= o.last_day
        """,
        rows=of_bills,
        bills=whole_bills(run, of_bills),
    )


def marked(lake: Lake, kind: str, rows: Frame, beaten: Frame) -> Frame:
    """Landed rows of a kind with `is_beaten`; only bills can be."""
    if kind != KIND:
        return lake.sql("SELECT *, false AS is_beaten FROM rows", rows=rows)
    return lake.sql(
        """
        SELECT r.*, b.line IS NOT NULL AS is_beaten
        FROM rows AS r
        LEFT JOIN beaten AS b ON r.file_id = b.file_id AND r.line = b.line
        """,
        rows=rows,
        beaten=beaten,
    )

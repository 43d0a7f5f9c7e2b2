"""Ledger → balances of persons, their records by month, and which statements the figures rest on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.carbon_records import TABLE, carbon_records
from jobs.frames import listed
from schemas.days import ready_by

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.manifests import Manifest
    from jobs.pull import Receipt
    from jobs.run import Run

WHOLE_DELIVERY = "*"
"""Feed of a delivery that was refused as a whole."""

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
            FROM (SELECT {key}, amount, entries, changed_in_seq FROM {{held}}
                  UNION ALL SELECT {key}, amount, 1 AS entries, publication_seq AS changed_in_seq FROM {{new}}) AS both
            GROUP BY {key}""",
        held=run.read("gold.balances"),
        new=run.written("gold.ledger"),
    )


def coverage(run: Run) -> Frame:
    """One row per statement part first used in this run, refused in it, or missing for its date."""
    said = _said_to_be_missing(run)
    rows = [_file(run, file, "consumed") for file in run.fresh]
    rows += [_file(run, file, "refused", code) for file, code in run.refused]
    rows += [_delivery(run, receipt) for receipt in run.turned_away]
    rows += [
        {
            "institution": institution,
            "feed": feed,
            "business_date": run.business_date,
            "revision": 0,
            "part": 0,
            "file_id": "",
            "landing": 0,
            "file_state": "missing",
            "is_late": True,
            "row_count": 0,
            "publication_seq": run.seq,
        }
        for institution, feed in missing(run)
        if (institution, feed) not in said
    ]
    return run.lake.rows("gold.coverage", rows)


def _said_to_be_missing(run: Run) -> set[tuple[str, str]]:
    """(institution, feed) that an earlier publication of the same date reported as missing."""
    if run.last.business_date != run.business_date:
        return set()
    reported = run.lake.sql(
        f"""SELECT DISTINCT institution, feed FROM {{coverage}}
            WHERE file_state = 'missing' AND business_date = DATE '{run.business_date}'""",
        coverage=run.before("gold.coverage"),
    )
    return {(row["institution"], row["feed"]) for row in run.lake.to_arrow(reported).to_pylist()}


def missing(run: Run) -> list[tuple[str, str]]:
    """(institution, feed) that owe a statement for the run's date and have none in force; nobody owes a bill."""
    there = {(file.institution, file.feed) for file in run.files_in_force if file.business_date == run.business_date}
    return sorted(
        (source.id, feed)
        for source in run.registry.sources.values()
        for feed, contract in source.feeds.items()
        if (source.id, feed) not in there and not contract.is_bill
    )


def _delivery(run: Run, receipt: Receipt) -> dict[str, Any]:
    """A delivery that was refused as a whole, as one row for all its feeds."""
    return {
        "institution": receipt.institution,
        "feed": WHOLE_DELIVERY,
        "business_date": receipt.business_date or run.business_date,
        "revision": receipt.revision or 0,
        "part": 0,
        "file_id": receipt.delivery_id,
        "landing": 0,
        "file_state": "refused",
        "is_late": False,
        "received_at_unix": int(receipt.received_at.timestamp()),
        "row_count": 0,
        "code": receipt.errors[0].code,
        "publication_seq": run.seq,
    }


def _file(run: Run, file: Manifest, state: str, code: str | None = None) -> dict[str, Any]:
    return {
        "institution": file.institution,
        "feed": file.feed,
        "business_date": file.business_date,
        "revision": file.revision,
        "part": file.part,
        "file_id": file.file_id,
        "landing": file.landing,
        "file_state": state,
        "is_late": is_late(run, file),
        "received_at_unix": int(file.received_at.timestamp()),
        "row_count": file.rows,
        "code": code or (file.errors[0].code if file.errors else None),
        "publication_seq": run.seq,
    }


def is_late(run: Run, file: Manifest) -> bool:
    """Whether a statement came after its institution's ready-by time on the day after its date."""
    return file.received_at > ready_by(run.registry.sources[file.institution], file.business_date)

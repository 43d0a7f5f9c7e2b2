"""Which statements the figures rest on: used, refused, or missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.landing.arrivals import is_late
from jobs.runs.settled import COVERAGE
from schemas.ledger import SPANNING

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.landing.manifests import Manifest
    from jobs.landing.receipts import Receipt
    from jobs.runs.run import Run


NO_FILE = {"revision": 0, "part": 0, "file_id": "", "landing": 0, "row_count": 0}
"""Of a row that is of no file."""


def coverage(run: Run) -> Frame:
    """One row per statement part first used in this run, refused in it, or missing for its date."""
    said = _said_to_be_missing(run)
    rows = [
        *(_file(run, file, "consumed") for file in run.fresh),
        *(_file(run, file, "refused", code) for file, code in run.refused),
        *(_delivery(run, receipt) for receipt in run.turned_away),
        *(_missing(run, institution, feed) for institution, feed in missing(run) if (institution, feed) not in said),
    ]
    return run.lake.rows(COVERAGE, [{**row, "publication_seq": run.seq} for row in rows])


def missing(run: Run) -> list[tuple[str, str]]:
    """(institution, feed) that are expected to send a statement for the run's date and have none in force."""
    day = run.business_date
    return sorted(one for one in {*run.owed} if not run.files_in_force_of(*one, day, day))


def _said_to_be_missing(run: Run) -> set[tuple[str, str]]:
    """(institution, feed) that an earlier publication of the same date reported as missing."""
    if run.last.business_date != run.business_date:
        return set()
    reported = run.lake.ask(
        dict,
        f"""
        SELECT DISTINCT institution, feed
        FROM coverage
        WHERE file_state = 'missing' AND business_date = DATE '{run.business_date}'
        """,
        coverage=run.log(COVERAGE).before.rows,
    )
    return {(row["institution"], row["feed"]) for row in reported}


def _file(run: Run, file: Manifest, state: str, code: str | None = None) -> dict[str, Any]:
    """A part of a statement."""
    return {
        "institution": file.institution,
        "feed": file.feed,
        "business_date": file.business_date,
        "revision": file.revision,
        "part": file.part,
        "file_id": file.file_id,
        "landing": file.landing,
        "file_state": state,
        "is_late": is_late(run.registry.sources[file.institution], file),
        "received_at_unix": int(file.received_at.timestamp()),
        "row_count": file.rows,
        "code": code or (file.errors[0].code if file.errors else None),
    }


def _delivery(run: Run, receipt: Receipt) -> dict[str, Any]:
    """A delivery that was refused as a whole, as one row for all its feeds."""
    return {
        **NO_FILE,
        "institution": receipt.institution,
        "feed": SPANNING,
        "business_date": receipt.business_date or run.business_date,
        "revision": receipt.revision or 0,
        "file_id": receipt.delivery_id,
        "file_state": "refused",
        "is_late": False,
        "received_at_unix": int(receipt.received_at.timestamp()),
        "code": receipt.errors[0].code,
    }


def _missing(run: Run, institution: str, feed: str) -> dict[str, Any]:
    """A statement that has not come."""
    return {
        **NO_FILE,
        "institution": institution,
        "feed": feed,
        "business_date": run.business_date,
        "file_state": "missing",
        "is_late": True,
    }

"""What one publication says, as sums: read from the logs as they stood when it was made, whenever that is asked.

Only aggregates leave the engine: nothing here grows with people, and no person, customer or claim is named.
"""

from __future__ import annotations

from jobs.reading.report.accounts import people
from jobs.reading.report.claims import Claims, Duplicates
from jobs.reading.report.coverage import Coverage, Rows
from jobs.reading.report.kilograms import Amount, Kilograms
from jobs.reading.report.whole import DAYS, Imprint, Report, Verdict, report

__all__ = [
    "DAYS",
    "Amount",
    "Claims",
    "Coverage",
    "Duplicates",
    "Imprint",
    "Kilograms",
    "Report",
    "Rows",
    "Verdict",
    "people",
    "report",
]

"""Per institution and business date: what was received, what of it was used, and what is late, held back or missing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from schemas.ledger import SPANNING

if TYPE_CHECKING:
    from jobs.lake import Lake
    from jobs.landing.manifests import Manifest
    from jobs.landing.receipts import Receipt


@dataclass
class Intake:
    """One institution's business date.

    Attributes:
        deliveries: how many arrived; of these `turned_away` were refused as a whole and `repeats` had come before.
        files: that were landed; of these `accepted` may be used and `refused` may not. `held` are accepted, but
            unlike the last ones: they wait for somebody to answer for them.
        consumed: files that a publication used; of these `late` came after the institution's ready-by time.
        missing: feeds that a publication missed and that have not come since.
    """

    institution: str
    business_date: date
    deliveries: int = 0
    turned_away: int = 0
    repeats: int = 0
    files: int = 0
    accepted: int = 0
    refused: int = 0
    held: int = 0
    consumed: int = 0
    late: int = 0
    missing: list[str] = field(default_factory=list)


def intakes(
    lake: Lake, receipts: Iterable[Receipt], manifests: Iterable[Manifest], day: date | None = None
) -> list[Intake]:
    """Every institution and business date of which anything is known, or those of one date, in their order.

    To the driver: one row per institution, feed and date, and one per file that is refused or held.
    """
    found: dict[tuple[date, str], Intake] = {}

    def of(institution: str, business_date: date) -> Intake:
        return found.setdefault((business_date, institution), Intake(institution, business_date))

    for receipt in receipts:
        if receipt.business_date:
            one = of(receipt.institution, receipt.business_date)
            one.deliveries += 1
            one.turned_away += receipt.state == "refused"
            one.repeats += receipt.state == "duplicate"
    unusable = set()
    for file in manifests:
        one = of(file.institution, file.business_date)
        one.files += 1
        if file.state == "accepted":
            one.accepted += 1
        else:
            one.refused += 1
            unusable.add(file.file_id)
    consumed = defaultdict(set)
    for row in _coverage(lake, day):
        one = of(row["institution"], row["business_date"])
        if row["file_state"] == "consumed":
            one.consumed += row["files"]
            one.late += row["late_files"]
            consumed[row["institution"], row["business_date"]].add(row["feed"])
        else:
            one.missing.append(row["feed"])
    for row in _unused(lake, day):
        of(row["institution"], row["business_date"]).held += row["file_id"] not in unusable
    for (business_date, institution), one in found.items():
        one.missing = sorted(set(one.missing) - consumed[institution, business_date])
    return [found[key] for key in sorted(found) if day in (None, key[0])]


def _coverage(lake: Lake, day: date | None) -> list[dict[str, Any]]:
    """Files that were used and feeds that were missed, by institution, feed and date."""
    return lake.ask(
        dict,
        f"""
        SELECT institution, business_date, feed, file_state, count(DISTINCT file_id) AS files,
            count(DISTINCT CASE WHEN is_late THEN file_id END) AS late_files
        FROM coverage
        WHERE file_state <> 'refused' AND {_on("business_date", day)}
        GROUP BY institution, business_date, feed, file_state
        """,
        coverage=lake.read("gold.coverage"),
    )


def _unused(lake: Lake, day: date | None) -> list[dict[str, Any]]:
    """Files that a publication refused and none has used since."""
    return lake.ask(
        dict,
        f"""
        WITH used AS (SELECT file_id FROM coverage WHERE file_state = 'consumed')
        SELECT DISTINCT r.institution, r.business_date, r.file_id
        FROM coverage AS r
        LEFT ANTI JOIN used AS u ON r.file_id = u.file_id
        WHERE r.file_state = 'refused' AND r.feed <> '{SPANNING}' AND {_on("r.business_date", day)}
        """,
        coverage=lake.read("gold.coverage"),
    )


def _on(column: str, day: date | None) -> str:
    """A condition on a date."""
    return f"{column} = DATE '{day}'" if day else "true"

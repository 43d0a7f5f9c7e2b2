"""Who delivered in time: from the receipts alone, so that a scheduler may ask at any minute."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from jobs.files import read_ours
from jobs.landing.receipts import RECEIPTS, Receipt, load_receipts
from schemas.days import ready_by

if TYPE_CHECKING:
    from jobs.landing.manifests import Manifest
    from schemas.deployment import Deployment
    from schemas.sources import Source


@dataclass(frozen=True)
class Arrival:
    """An institution's delivery for a business date.

    ready_by: when the contract expects it. arrived_at: of the first delivery that pull accepted; where all were
    refused, of the last of those; null where none came. state: `refused` where none was accepted, `not_expected` where the
    deployment does not wait for any.
    """

    institution: str
    business_date: date
    ready_by: datetime
    arrived_at: datetime | None
    state: Literal["on_time", "late", "missing", "refused", "not_expected"]


def arrival(source: Source, landing: Path, business_date: date, deployment: Deployment | None = None) -> Arrival:
    """How an institution delivered for a date. A delivery whose control file cannot be read is of no date.

    Args:
        deployment: who is expected; where nobody says so, whoever delivered something of an earlier date.
    """
    due = ready_by(source, business_date)
    receipts = load_receipts(source, landing, business_date)
    first = next((one for one in receipts if one.state == "accepted"), receipts[-1] if receipts else None)
    arrived_at = first.received_at if first else None
    state: Literal["on_time", "late", "missing", "refused", "not_expected"]
    if deployment and not deployment.expects(source.id, business_date):
        state = "not_expected"
    elif first is None:
        state = "missing" if deployment or _came_before(source, landing, business_date) else "not_expected"
    elif first.state != "accepted":
        state = "refused"
    else:
        state = "late" if first.received_at > due else "on_time"
    return Arrival(source.id, business_date, due, arrived_at, state)


def _came_before(source: Source, landing: Path, business_date: date) -> bool:
    """Whether a delivery of an earlier date was accepted; the oldest receipts tell."""
    paths = sorted((landing / RECEIPTS / source.id).glob("????-??-??-r*.json"))
    earlier = (read_ours(Receipt, path) for path in paths if path.name[:10] < business_date.isoformat())
    return any(receipt.state == "accepted" for receipt in earlier if receipt)


def is_late(source: Source, file: Manifest) -> bool:
    """Whether a statement came after its institution's ready-by time on the day after its date."""
    return file.received_at > ready_by(source, file.business_date)

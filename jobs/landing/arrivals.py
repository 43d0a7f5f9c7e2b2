"""Who delivered in time: from the receipts alone, so that a scheduler may ask at any minute."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from jobs.landing.receipts import load_receipts
from schemas.days import ready_by

if TYPE_CHECKING:
    from jobs.landing.manifests import Manifest
    from schemas.sources import Source


@dataclass(frozen=True)
class Arrival:
    """An institution's delivery for a business date.

    ready_by: when the contract expects it. arrived_at: of the first delivery that pull accepted; where all were
    refused, of the last of those; null where none came. state: `refused` where none was accepted.
    """

    institution: str
    business_date: date
    ready_by: datetime
    arrived_at: datetime | None
    state: Literal["on_time", "late", "missing", "refused"]


def arrival(source: Source, landing: Path, business_date: date) -> Arrival:
    """How an institution delivered for a date. A delivery whose control file cannot be read is of no date."""
    expected = ready_by(source, business_date)
    receipts = load_receipts(source, landing, business_date)
    for receipt in receipts:
        if receipt.state == "accepted":
            state: Literal["late", "on_time"] = "late" if receipt.received_at > expected else "on_time"
            return Arrival(source.id, business_date, expected, receipt.received_at, state)
    if receipts:
        return Arrival(source.id, business_date, expected, receipts[-1].received_at, "refused")
    return Arrival(source.id, business_date, expected, None, "missing")


def is_late(source: Source, file: Manifest) -> bool:
    """Whether a statement came after its institution's ready-by time on the day after its date."""
    return file.received_at > ready_by(source, file.business_date)

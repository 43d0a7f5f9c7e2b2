"""Manifests of statements that nobody landed, for what is judged by manifests alone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta, timezone
from typing import Any

from jobs.landing.hold import Used
from jobs.landing.manifests import Manifest

FIRST = date(2026, 11, 1)


def manifest(day: int, rows: int, **said: Any) -> Manifest:
    """The one part of a statement `day` days after FIRST; institution, feed, kind and profile are to be said."""
    told = {
        "file_id": f"{day:016x}",
        "business_date": FIRST + timedelta(days=day),
        "revision": 0,
        "part": 1,
        "parts": 1,
        "received_at": datetime(2026, 11, 2, tzinfo=timezone.utc) + timedelta(days=day),
        "sha256": "0" * 64,
        "path": "",
        "rows": rows,
        "accepted_rows": rows,
        "quarantined_rows": 0,
        "rejected_rows": 0,
        "sums": {},
        "act_dates": {},
        "state": "accepted",
        "errors": [],
        "contract_hash": "",
    }
    return Manifest.model_validate({**told, **said})


def used(files: Iterable[Manifest]) -> Used:
    """Statements of one part each, as what earlier runs used."""
    ordered = sorted(files, key=lambda file: file.business_date)

    def asked(institution: str, feed: str, first: date, last: date, count: int) -> list[list[Manifest]]:
        of_feed = [one for one in ordered if (one.institution, one.feed) == (institution, feed) and one.bill is None]
        before = [one for one in of_feed if one.business_date < first]
        return [[one] for one in (*before[-count:], *(one for one in of_feed if first <= one.business_date <= last))]

    return asked

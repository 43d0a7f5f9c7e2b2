"""Contracts made by hand: one feed in one layout, for tests of how files are split into rows and values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jobs.landing.land import land
from jobs.landing.manifests import Manifest
from jobs.landing.pull import pull
from jobs.landing.receipts import Receipt
from jobs.landing.tokens import Tokens
from schemas.sources import Source
from tests.support.landing import RECORD_KEY, TOKEN_KEY

FIELDS = ["no", "paid", "who", "yuan"]
TIMES = {"%Y-%m-%d %H:%M:%S": "second", "%Y-%m-%d": "day"}
CSV = {"layout": "delimited", "encoding": "utf-8", "line_ending": "lf", "delimiter": ",", "quoting": "minimal"}


def source(format: object, *, file: str | list[str] = "bills_{date}_{part}.csv", **feed: Any) -> Source:
    """An institution with one feed of payments, a bill unless `completeness` says otherwise."""
    is_bill = feed.get("completeness", "bill") == "bill"
    columns = {
        "customer": None if is_bill else "who",
        "occurred_at": {"column": "paid", "formats": TIMES},
        "scenario": {"column": "who", "cases": [{"scenario": "spending", "pattern": ".", "claim_kind": "payment"}]},
        "amount": {"column": "yuan", "unit": "yuan"},
        "rows": [{"when": {"no": ".+"}, "means": "purchase"}],
    }
    return Source.model_validate(
        {
            "id": "made_up",
            "name": "虚构",
            "name_en": "Made up",
            "kind": "payment_app",
            "region": "330100",
            "customers": ".{1,20}",
            "time_zone": "Asia/Shanghai",
            "ready_by": "05:30",
            "feeds": {
                "bills": {
                    "kind": "payment",
                    "file": file,
                    "completeness": "bill",
                    "format": format,
                    "fields": FIELDS,
                    "natural_key": ["no"],
                    "required": ["no", "paid", *(["who"] if not is_bill else [])],
                    "oldest_days": 100,
                    "volume": {"most_rows": 1_000_000},
                    "columns": columns,
                    **feed,
                }
            },
        }
    )


def sent(
    home: Path,
    contract: Source,
    data: bytes,
    rows: int,
    *,
    suffix: str = ".csv",
    stated: Mapping[str, Any] | None = None,
    stamp: str = "20261102T010000Z",
) -> tuple[Receipt, list[Manifest]]:
    """Deliver one file of 1 November 2026 and land it: its receipt, and the manifest if it was accepted."""
    folder = home / "exports/made_up" / stamp
    folder.mkdir(parents=True)
    name = f"bills_20261101_1{suffix}"
    (folder / name).write_bytes(data)
    entry = {
        "name": name,
        "feed": "bills",
        "part": 1,
        "parts": 1,
        "rows": rows,
        "sha256": hashlib.sha256(data).hexdigest(),
        **({"customer": "c1"} if contract.feeds["bills"].is_bill else {}),
        **(stated or {}),
    }
    control = {"institution": "made_up", "business_date": "2026-11-01", "revision": 0, "files": [entry]}
    (folder / "control.json").write_text(json.dumps(control), encoding="utf-8")
    (receipt,) = pull(contract, home / "exports", home / "landing")
    return receipt, land(contract, home, Tokens(TOKEN_KEY, RECORD_KEY))


def codes(told: Receipt | Manifest) -> list[str]:
    """What is wrong with a delivery or a file."""
    return [error.code for error in told.errors]


def columns_of(batches: Sequence[Any]) -> dict[str, list[Any]]:
    """Batches of a file together."""
    together: dict[str, list[Any]] = {}
    for batch in batches:
        for name, values in batch.columns.items():
            together.setdefault(name, []).extend(values)
    return together

"""A payment that a platform tells of, the wallet that it went through, and the bank behind that: one, whoever reports it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from jobs.activities.assignment import groups_of
from jobs.lake import open_lake
from tests.support.registries import shipped

CLAIM = {
    "person_id": "p", "family": "spending", "is_evidence": False, "is_spend": True, "is_proven": False, "is_day": False,
    "act_date": date(2026, 11, 1), "amount_fen": 2600, "lag_days": 0, "window_seconds": 300, "matches_amount": True,
    "wallet": "wechat_pay", "start_unix": 1_000, "end_unix": 1_000,
}  # fmt: skip
PLATFORM = {"claim_id": "platform", "institution": "meals", "slot": 0}
WALLET = {"claim_id": "wallet", "institution": "wechat_pay", "slot": 1, "start_unix": 1_003, "end_unix": 1_003}
BANK = {"claim_id": "bank", "institution": "icbc", "slot": 2, "is_day": True, "lag_days": 1}
OTHER = {**WALLET, "institution": "alipay", "wallet": "alipay"}


@pytest.mark.parametrize(
    ("claims", "payments"),
    [
        ([PLATFORM, WALLET], 1),
        ([PLATFORM, BANK], 1),
        ([PLATFORM, WALLET, BANK], 1),
        ([PLATFORM, OTHER], 2),
        ([PLATFORM, {**WALLET, "amount_fen": 2700}], 2),
        ([{**PLATFORM, "wallet": None}, WALLET], 2),
    ],
)
def test_a_platforms_payment_is_the_wallets(tmp_path: Path, claims: list[dict[str, Any]], payments: int) -> None:
    lake = open_lake("embedded", tmp_path / "lake", shipped())
    rows = pa.Table.from_pylist([{**CLAIM, **one} for one in claims])
    small = [(one.name, pa.int32() if one.name in ("slot", "lag_days") else one.type) for one in rows.schema]
    groups = groups_of(lake, lake.from_arrow(rows.cast(pa.schema(small))))
    found = lake.to_arrow(groups).to_pylist()
    assert len({one["group_id"] for one in found}) == payments
    lake.close()

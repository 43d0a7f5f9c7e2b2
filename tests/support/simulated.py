"""A simulated world in which everything happens, and what the institutions' exports call its customers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from simulator import Summary, simulate
from tests.support.reader import deliveries

PEOPLE, DAYS, SEED = 700, 6, 11
HOSTILE = {
    **{"coupons": 0.2, "late_clocks": 0.3, "same_fares": 0.15, "equal_bookings": 0.3, "restated": 0.05},
    **{"bound_cards": 0.5, "bad_phones": 0.05, "mergers": 0.5, "repeated_rows": 0.1},
}
"""Every kind of hostile day, often enough that a small world holds it."""
CITIZEN_ID = ("cert_no", "证件号码", "idCard", "idNumber", "idcard", "CARDNUMBER")
PHONE = ("mobile", "手机号", "phone", "TELPHONE")
CUSTOMER = ("account_did", "客户号", "userID", "account", "openid", "userId", "member_id", "LOGINID", "用户号")
SINCE = ("registered_at", "开户时间", "createTime", "openedAt", "created", "joined_at", "CREATE_TIME", "注册时间")


@dataclass(frozen=True)
class World:
    out: Path
    summary: Summary

    def truth(self, table: str) -> list[dict[str, Any]]:
        return pq.read_table(self.out / "truth" / f"{table}.parquet").to_pylist()

    def deliveries(self) -> list[tuple[Path, dict[str, Any]]]:
        return [(delivery.folder, delivery.control) for delivery in deliveries(self.out)]


def busy_world(out: Path) -> World:
    """Of enough people and days that every fate befalls some delivery and some row."""
    shares = {"late": 0.15, "corrected": 0.2, "duplicated": 0.2, "shared_phones": 0.05, "bills": 0.25}
    return World(out, simulate(out, PEOPLE, DAYS, SEED, **shares))


def first_of(row: dict[str, Any], names: tuple[str, ...]) -> str:
    """What the institution calls it, "" where it does not know it."""
    return next((str(row[name]) for name in names if row.get(name)), "")


def cards_of(row: dict[str, Any]) -> set[str]:
    return {*row.get("bound_cards", ()), row.get("卡号", ""), row.get("card", "")} - {""}

"""Bills that people bring: consent by bringing, the latest export in force, filtered ones that only add, refunds."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from jobs.lake import Lake
from tests.support.worlds import embedded_lake, land_world, rows, run_days

OPENID = "oPENID0000000001"
HEADER = "交易时间,交易类型,交易对方,商品,收/支,金额(元),支付方式,当前状态,交易单号,商户单号,备注"
POWER, METRO = "国网浙江省电力有限公司", "杭州地铁集团有限公司"
UTILITY_MG = 89_000


@dataclass(frozen=True)
class Payment:
    """One row of a bill."""

    number: int
    at: str
    yuan: str = "10.00"
    shop: str = POWER
    state: str = "支付成功"
    way: str = "支出"


@dataclass(frozen=True)
class WechatBill:
    """A bill: brought on `brought`, covering [first, last] of November."""

    brought: int
    first: int
    last: int
    payments: tuple[Payment, ...]
    selection: str = "全部"

    def text(self) -> str:
        """As the wallet exports it."""
        above = [
            "微信支付账单明细",
            "微信昵称：[某人]",
            f"起始时间：[2026-11-{self.first:02} 00:00:00] 终止时间：[2026-11-{self.last:02} 23:59:59]",
            f"导出类型：[{self.selection}]",
            f"导出时间：[2026-11-{self.brought:02} 10:00:00]",
            "",
            f"共{len(self.payments)}笔记录",
            "----------------------微信支付账单明细列表--------------------",
        ]
        body = [
            f"{one.at},商户消费,{one.shop},/,{one.way},¥{one.yuan},零钱,{one.state},{one.number:028}\t,/,/"
            for one in self.payments
        ]
        return "\r\n".join([*(f"{line}{',' * 10}" for line in above), HEADER, *body, ""])


def deliver(home: Path, day: int, *bills: WechatBill, revision: int = 0, arrived: int | None = None) -> None:
    """The portal's delivery of a business date in November, at four in the morning after it unless told."""
    stamp = f"202611{arrived or day:02}T2000{revision:02}Z"
    folder = home / "exports/wechat_pay" / stamp
    folder.mkdir(parents=True)
    files: list[dict[str, Any]] = []

    def add(feed: str, text: str, number: int, of: int, count: int, **more: Any) -> None:
        path = folder / f"{feed}_202611{day:02}_{number}.csv"
        path.write_bytes(text.encode())
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        files.append(
            {"name": path.name, "feed": feed, "part": number, "parts": of, "rows": count, "sha256": digest, **more}
        )

    add(
        "registrations",
        f"openid,idcard,phone,kind,created\n{OPENID},,13812345601,personal,2026-10-01 08:00:00\n",
        1,
        1,
        1,
    )
    add("consents", "openid,scope,status,time\n", 1, 1, 0)
    for number, bill in enumerate(bills, 1):
        total = f"{sum(float(one.yuan) for one in bill.payments):.2f}"
        size = len(bill.payments)
        add("bills", bill.text(), number, len(bills), size, sums={"金额(元)": total}, customer=OPENID)
    control = {"institution": "wechat_pay", "business_date": f"2026-11-{day:02}", "revision": revision, "files": files}
    (folder / "control.json").write_text(json.dumps(control, ensure_ascii=False), encoding="utf-8")


def account_for(home: Path, *days: int) -> Lake:
    land_world(home)
    lake = embedded_lake(home)
    run_days(lake, home, [date(2026, 11, day) for day in days])
    return lake


def standing(lake: Lake) -> dict[date, int]:
    """Milligrams that stand, by act date."""
    found: Counter[date] = Counter()
    for row in rows(lake, "gold.ledger"):
        if row["measure"] == "reduction_mg":
            found[row["act_date"]] += row["amount"]
    return {day: amount for day, amount in found.items() if amount}


def newest(lake: Lake, table: str, *key: str) -> list[dict[str, Any]]:
    last: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in sorted(rows(lake, table), key=lambda row: row["publication_seq"]):
        last[tuple(row[name] for name in key)] = row
    return list(last.values())


def dispositions(lake: Lake) -> Counter[str]:
    found = newest(lake, "silver.rows", "file_id", "line")
    return Counter(row["disposition"] for row in found if row["feed"] == "bills")


def outcomes(lake: Lake) -> Counter[str]:
    found = newest(lake, "silver.activities", "claim_id", "act_date")
    return Counter(row["outcome"] for row in found if row["is_live"])


def on(day: int) -> date:
    return date(2026, 11, day)


def test_bringing_a_bill_is_consent_and_a_fare_is_evidence(tmp_path: Path) -> None:
    payments = (Payment(1, "2026-11-03 08:00:00"), Payment(2, "2026-11-03 09:00:00", "4.00", METRO))
    deliver(tmp_path, 5, WechatBill(5, 1, 4, payments))
    lake = account_for(tmp_path, 5)
    assert standing(lake) == {on(3): UTILITY_MG}
    assert outcomes(lake) == {"credited": 1, "evidence": 1}


OLDER = WechatBill(
    5, 1, 4, (Payment(1, "2026-11-02 08:00:00"), Payment(2, "2026-11-04 08:00:00"), Payment(3, "2026-11-04 21:00:00"))
)
NEWER = WechatBill(8, 3, 7, (Payment(2, "2026-11-04 08:00:00"), Payment(4, "2026-11-06 08:00:00")))
FILTERED = WechatBill(9, 3, 7, (Payment(5, "2026-11-05 08:00:00"), Payment(4, "2026-11-06 08:00:00")), "支出")


@pytest.mark.parametrize("order", list(itertools.permutations((5, 8, 9))), ids=str)
def test_the_bill_exported_last_is_in_force_whatever_comes_first(tmp_path: Path, order: tuple[int, ...]) -> None:
    """On the fourth the newer bill does not know payment 3 any more; the filtered one only adds payment 5."""
    bills = {5: OLDER, 8: NEWER, 9: FILTERED}
    for arrived, day in enumerate(order, 10):
        deliver(tmp_path, day, bills[day], arrived=arrived)
    lake = account_for(tmp_path, 10, 11, 12)
    assert standing(lake) == {on(2): UTILITY_MG, on(4): UTILITY_MG, on(5): UTILITY_MG, on(6): UTILITY_MG}
    # Payment 4 stands in two bills in force: the later statement's row is the record.
    assert dispositions(lake) == {"record": 4, "superseded": 2, "repeat": 1}


def test_an_older_bill_is_in_force_again_when_a_newer_is_taken_back(tmp_path: Path) -> None:
    deliver(tmp_path, 5, OLDER)
    deliver(tmp_path, 8, NEWER)
    deliver(tmp_path, 8, revision=1, arrived=9)
    lake = account_for(tmp_path, 5, 8, 9)
    assert standing(lake) == {on(2): UTILITY_MG, on(4): 2 * UTILITY_MG}
    assert dispositions(lake) == {"record": 3, "superseded": 2}


def test_a_payment_that_was_fully_taken_back_earns_nothing(tmp_path: Path) -> None:
    payments = (
        Payment(1, "2026-11-02 08:00:00", state="已全额退款"),
        Payment(2, "2026-11-03 08:00:00", state="已退款(￥1.20)"),
        Payment(3, "2026-11-03 09:00:00", way="收入"),
    )
    deliver(tmp_path, 5, WechatBill(5, 1, 4, payments))
    lake = account_for(tmp_path, 5)
    assert standing(lake) == {on(3): UTILITY_MG}
    assert outcomes(lake) == {"refunded": 1, "credited": 1}


def test_one_broken_bill_holds_back_no_other(tmp_path: Path) -> None:
    whole = WechatBill(5, 1, 4, (Payment(1, "2026-11-02 08:00:00"),))
    broken = WechatBill(5, 4, 1, (Payment(2, "2026-11-03 08:00:00"),))
    deliver(tmp_path, 5, whole, broken)
    lake = account_for(tmp_path, 5)
    assert standing(lake) == {on(2): UTILITY_MG}
    refused = [row for row in rows(lake, "gold.coverage") if row["file_state"] == "refused"]
    assert [(row["feed"], row["part"], row["code"]) for row in refused] == [("bills", 2, "bad_preamble")]


def test_no_name_of_a_customer_leaves_landing(tmp_path: Path) -> None:
    deliver(tmp_path, 5, OLDER)
    account_for(tmp_path, 5)
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and "exports" not in path.parts]
    named = [path for path in kept if OPENID.encode() in path.read_bytes()]
    assert {path.relative_to(tmp_path).parts[:2] for path in named} == {("landing", "wechat_pay")}

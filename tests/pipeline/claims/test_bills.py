"""Bills that people bring: consent by bringing, the latest export in force, filtered ones that only add, refunds."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from jobs.lake import Lake
from jobs.landing.tokens import Tokens
from tests.support.worlds import embedded_lake, land_world, rows, run_days

OPENID, PHONE = "oPENID0000000001", "13812345601"
HEADER = "交易时间,交易类型,交易对方,商品,收/支,金额(元),支付方式,当前状态,交易单号,商户单号,备注"
POWER, METRO = "国网浙江省电力有限公司", "杭州地铁集团有限公司"
UTILITY_MG = 89_000


@dataclass(frozen=True)
class Payment:
    """One row of a bill; the wallet numbers payments of all its customers."""

    number: int
    at: str
    yuan: str = "10.00"
    shop: str = POWER
    state: str = "支付成功"
    way: str = "支出"


@dataclass(frozen=True)
class WechatBill:
    """A bill: brought on `brought`, covering [first, last] of November; `customer` is the place of who brought it."""

    brought: int
    first: int
    last: int
    payments: tuple[Payment, ...]
    selection: str = "全部"
    customer: int = 0
    total: str | None = None
    """What the control file states, where it is not what the payments add up to."""

    @property
    def openid(self) -> str:
        return openid(self.customer)

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
            f"{one.at},商户消费,{one.shop},/,{one.way},¥{one.yuan},零钱,{one.state},"
            f"{self.customer * 100 + one.number:028}\t,/,/"
            for one in self.payments
        ]
        return "\r\n".join([*(f"{line}{',' * 10}" for line in above), HEADER, *body, ""])


def openid(customer: int) -> str:
    return f"{OPENID[:-2]}{int(OPENID[-2:]) + customer:02}"


def deliver(home: Path, day: int, *bills: WechatBill, revision: int = 0, arrived: int | None = None) -> None:
    """The portal's delivery of a business date in November, at four in the morning after it unless told."""
    stamp = f"202611{arrived or day:02}T20{day:02}{revision:02}Z"
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

    customers = sorted({0, *(bill.customer for bill in bills)})
    registered = [f"{openid(one)},,{int(PHONE) + one},personal,2026-10-01 08:00:00" for one in customers]
    add("registrations", "\n".join(["openid,idcard,phone,kind,created", *registered, ""]), 1, 1, len(registered))
    add("consents", "openid,scope,status,time\n", 1, 1, 0)
    for number, bill in enumerate(bills, 1):
        total = bill.total or f"{sum(float(one.yuan) for one in bill.payments):.2f}"
        size = len(bill.payments)
        add("bills", bill.text(), number, len(bills), size, sums={"金额(元)": total}, customer=bill.openid)
    control = {"institution": "wechat_pay", "business_date": f"2026-11-{day:02}", "revision": revision, "files": files}
    (folder / "control.json").write_text(json.dumps(control, ensure_ascii=False), encoding="utf-8")


def account_for(home: Path, *days: int) -> Lake:
    land_world(home)
    lake = embedded_lake(home)
    run_days(lake, home, [date(2026, 11, day) for day in days])
    return lake


def standing(lake: Lake, person: str | None = None) -> dict[date, int]:
    """Milligrams that stand, by act date; of one person where told."""
    found: Counter[date] = Counter()
    for row in rows(lake, "gold.ledger"):
        if row["measure"] == "reduction_mg" and person in (None, row["person_id"]):
            found[row["act_date"]] += row["amount"]
    return {day: amount for day, amount in found.items() if amount}


def newest(lake: Lake, table: str, *key: str) -> list[dict[str, Any]]:
    last: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in sorted(rows(lake, table), key=lambda row: row["publication_seq"]):
        last[tuple(row[name] for name in key)] = row
    return list(last.values())


def dispositions(lake: Lake, files: Collection[str] | None = None) -> Counter[str]:
    """Of the rows of bills, of these files where told."""
    found = newest(lake, "silver.rows", "file_id", "line")
    return Counter(
        row["disposition"] for row in found if row["feed"] == "bills" and (files is None or row["file_id"] in files)
    )


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


ORDERS = list(itertools.permutations((OLDER, NEWER, FILTERED)))


def day_of(bill: WechatBill, place: int) -> int:
    """The date of the delivery with a bill that is the first, second or third of its customer's: later for later bills."""
    return 5 + 3 * (OLDER, NEWER, FILTERED).index(bill) + place


@pytest.fixture(scope="module")
def in_all_orders(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A customer per order, each of whom brings the three bills in it."""
    home = tmp_path_factory.mktemp("orders")
    for place, arrived in enumerate((20, 21, 22)):
        for bill in (OLDER, NEWER, FILTERED):
            bringing = [customer for customer, order in enumerate(ORDERS) if order[place] == bill]
            theirs = [replace(bill, customer=customer) for customer in bringing]
            deliver(home, day_of(bill, place), *theirs, arrived=arrived)
    return account_for(home, 20, 21, 22)


@pytest.mark.parametrize("customer", range(len(ORDERS)), ids=[str([one.brought for one in order]) for order in ORDERS])
def test_the_bill_exported_last_is_in_force_whatever_comes_first(in_all_orders: Lake, customer: int) -> None:
    """On the fourth the newer bill does not know payment 3 any more; the filtered one only adds payment 5."""
    key = Tokens.from_env().customer_key("wechat_pay", openid(customer))
    [person] = {row["person_id"] for row in rows(in_all_orders, "silver.membership") if row["customer_key"] == key}
    assert standing(in_all_orders, person) == dict.fromkeys((on(2), on(4), on(5), on(6)), UTILITY_MG)
    # Payment 4 stands in two bills in force: the later statement's row is the record.
    of_files = {
        (row["business_date"], row["part"]): row["file_id"]
        for row in rows(in_all_orders, "gold.coverage")
        if row["feed"] == "bills"
    }
    files = set()
    for place, bill in enumerate(ORDERS[customer]):
        same = [one for one, order in enumerate(ORDERS) if order[place] == bill]
        files.add(of_files[on(day_of(bill, place)), same.index(customer) + 1])
    assert dispositions(in_all_orders, files) == {"record": 4, "superseded": 2, "repeat": 1}


def test_an_older_bill_is_in_force_again_when_a_newer_is_taken_back(tmp_path: Path) -> None:
    deliver(tmp_path, 5, OLDER)
    deliver(tmp_path, 8, NEWER)
    deliver(tmp_path, 8, revision=1, arrived=9)
    lake = account_for(tmp_path, 5, 8, 9)
    assert standing(lake) == {on(2): UTILITY_MG, on(4): 2 * UTILITY_MG}
    assert dispositions(lake) == {"record": 3, "superseded": 2}


UNKNOWN = replace(NEWER, payments=tuple(replace(one, state="未知") for one in NEWER.payments))
"""No row of it says what it is."""
UNREADABLE = {
    "wrong sum": (replace(NEWER, total="1.00"), "wrong_sum"),
    "no preamble": (replace(NEWER, first=31), "bad_preamble"),
    "no row that can be used": (UNKNOWN, "no_usable_row"),
}


@pytest.mark.parametrize("why", UNREADABLE)
def test_a_bill_does_not_fall_to_one_that_cannot_be_read(tmp_path: Path, why: str) -> None:
    """Somebody else's bill comes with it, and counts; so does a readable one, when it comes in the end."""
    unreadable, code = UNREADABLE[why]
    other = WechatBill(8, 5, 6, (Payment(1, "2026-11-05 08:00:00"),), customer=1)
    deliver(tmp_path, 8, NEWER)
    deliver(tmp_path, 8, other, unreadable, revision=1, arrived=9)
    deliver(tmp_path, 8, replace(NEWER, payments=NEWER.payments[:1]), revision=2, arrived=10)
    lake = account_for(tmp_path, 8, 9)
    refused = [row for row in rows(lake, "gold.coverage") if row["file_state"] == "refused"]
    assert [(row["feed"], row["part"], row["code"]) for row in refused] == [("bills", 2, code)]
    assert standing(lake) == dict.fromkeys((on(4), on(5), on(6)), UTILITY_MG)
    run_days(lake, tmp_path, [on(10)])
    assert standing(lake) == {on(4): UTILITY_MG}, "the third delivery has no bill of the other customer"


def test_a_bill_of_which_nothing_can_be_used_covers_no_day(tmp_path: Path) -> None:
    """It was exported later, and would replace what the older bill says of its days."""
    deliver(tmp_path, 5, OLDER)
    deliver(tmp_path, 8, UNKNOWN)
    assert standing(account_for(tmp_path, 5, 8)) == {on(2): UTILITY_MG, on(4): 2 * UTILITY_MG}


def test_a_refused_bill_that_is_landed_again_replaces_what_it_corrects(tmp_path: Path) -> None:
    """Its former stood while it was refused, and falls with it."""
    from jobs.landing.land import replay
    from tests.support.registries import changed

    rows_of = replace(NEWER, payments=(Payment(6, "2026-11-05 08:00:00", state="已到账"),))
    deliver(tmp_path, 8, NEWER)
    deliver(tmp_path, 8, rows_of, revision=1, arrived=9)
    lake = account_for(tmp_path, 8, 9)
    assert standing(lake) == dict.fromkeys((on(4), on(6)), UTILITY_MG)
    mended = changed(tmp_path / "root", {"sources/wechat_pay.yaml": [("支付成功|已转账|", "支付成功|已到账|已转账|")]})
    replay(mended.sources["wechat_pay"], tmp_path, Tokens.from_env())
    run_days(embedded_lake(tmp_path, mended), tmp_path, [on(10)])
    assert standing(lake) == {on(5): UTILITY_MG}


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

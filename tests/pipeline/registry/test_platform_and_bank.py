"""A platform and a bank whose bills people bring: what they tell of one payment is spent once, and a meal without cutlery counts.

Every figure is worked out by hand; what a category emits is in micrograms a fen, by the oracle's own arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest

from jobs.lake import Lake
from tests.oracle.oracle_spend import micrograms_per_fen
from tests.support.exports import CARD, CITIZEN, CONSENTED, PHONE, REGISTERED, Part, deliver, lines, part, table
from tests.support.sent import wechat_bill
from tests.support.worlds import days, embedded_lake, land_world, rows, run_days

D1, D2, D3, D4, D5 = days(5)
OPENID, EATER, HOLDER = "oPENID0000000001", "MT1", "M1"
RESTAURANT, SUPERMARKET = "5812", "5411"
MEAL = 23_000
"""Milligrams of a meal without cutlery: the floor of Beijing's campaign."""

Told = tuple[str, str, str, int | None]
"""Institution, outcome, reason and fen spent of a claim."""


# -- what is sent


def send(home: Path, institution: str, brought: date, *parts: Part) -> None:
    deliver(home, institution, *parts, stamp=f"{brought:%Y%m%d}T210000Z", business_date=str(brought))


def meituan(home: Path, brought: date, *paid: tuple[int, str, str, str, str, str]) -> None:
    """A bill from the first to the day before: (number, time, kind, title, paid with, yuan) each."""
    head = f"起始时间：[{D1}] 终止时间：[{brought - timedelta(days=1)}]\n导出交易类型：[全部]\n导出时间：[{brought} 10:00:00]\n"
    names = "交易创建时间,交易成功时间,交易类型,订单标题,收/支,支付方式,订单金额,实付金额,交易单号,商家单号,备注\n"
    body = "".join(
        f'{at},{at},{kind},{title},{"收入" if kind == "退款" else "支出"},{how},¥{yuan},¥{yuan},"{number}\t",/,/\n'
        for number, at, kind, title, how, yuan in paid
    )
    total = f"{sum(float(one[-1]) for one in paid):.2f}"
    bill = Part("bills", f"美团交易账单明细\n{head}{names}{body}".encode(), len(paid), total, customer=EATER)
    send(home, "meituan", brought, bill, *eater())


def eater(*scopes: str) -> list[Part]:
    """Who eats there, and what she consents to."""
    known = {"user_id": EATER, "phone": PHONE[0], "subject": "PERSON", "created_at": REGISTERED}
    given = [{"user_id": EATER, "scope": one, "status": "GRANTED", "time": CONSENTED} for one in scopes]
    return [part("meituan", "registrations", lines(known)), part("meituan", "consents", lines(*given))]


def wechat(home: Path, brought: date, *paid: tuple[int, str, str, str, str]) -> None:
    bill = wechat_bill(OPENID, D1, brought - timedelta(days=1), f"{brought} 10:00:00", *paid)
    known = table("wechat_pay", "registrations", f"{OPENID},{CITIZEN[0]},{PHONE[0]},personal,{REGISTERED}")
    send(home, "wechat_pay", brought, known, bill)


def flow(*booked: tuple[str, str, str, str, str]) -> Callable[[Path, date], None]:
    """The flow of an account, to be brought: (day, come in, spent, kind, note) each."""
    head = '"# 招商银行交易记录"\n"# 导出时间: [ {} 09:00:00]"\n"# 币    种: [ 人民币]"\n'
    body = "".join(
        f'"\t{day}","\t12:00:09","{come}","{spent}","0.00","\t{kind}","\t{note}"\n'
        for day, come, spent, kind, note in booked
    )
    names = '"交易日期","交易时间","收入","支出","余额","交易类型","交易备注"\n'

    def bring(home: Path, brought: date) -> None:
        days_ = f'"# 起始日期: [{D1:%Y%m%d}]   终止日期: [{brought - timedelta(days=1):%Y%m%d}]"\n"# 过滤设置:  无"\n\n'
        text = head.format(brought) + days_ + names + body + '"# 收入合计: 0笔"\n'
        cmb(home, brought, Part("account_bills", text.encode(), len(booked), customer=HOLDER))

    return bring


def cmb(home: Path, brought: date, *bills: Part) -> None:
    known = f"{HOLDER},{CITIZEN[0]},{PHONE[0]},{CARD[0]},personal,{REGISTERED}"
    send(home, "cmb", brought, table("cmb", "registrations", known), *bills)


# -- what is told


def accounted(home: Path, dates: Sequence[date]) -> Lake:
    land_world(home)
    lake = embedded_lake(home)
    run_days(lake, home, dates)
    return lake


def told(lake: Lake) -> list[Told]:
    """The claims in force, in the order of their institutions."""
    newest = {}
    for row in sorted(rows(lake, "silver.activities"), key=lambda row: int(row["publication_seq"])):
        newest[row["claim_id"], row["act_date"]] = row
    live = [row for row in newest.values() if row["is_live"]]
    return sorted((one["institution"], one["outcome"], one["reason"], one["spend_fen"]) for one in live)


def emitted(lake: Lake) -> dict[str, int]:
    """Merchant code → milligrams that stand in the ledger."""
    found: dict[str, int] = {}
    for row in rows(lake, "gold.ledger"):
        if row["measure"] == "emission_mg":
            code = row["factor_id"].split(":")[1]
            found[code] = found.get(code, 0) + row["amount"]
    return {code: amount for code, amount in found.items() if amount}


def milligrams(code: str, *fens: int) -> int:
    """Each payment rounded up."""
    return sum(-(-fen * micrograms_per_fen(code) // 1_000) for fen in fens)


def meal(home: Path, brought: date, *, at: str = "12:00:05", how: str = "微信支付") -> None:
    meituan(home, brought, (1, f"{D1} {at}", "支付", "知味观代金券", how, "30.00"))


def paid_by_wechat(home: Path, brought: date) -> None:
    wechat(home, brought, (1, f"{D1} 12:00:00", "美团", "30.00", "支付成功"))


ONCE = [("meituan", "evidence", "spend", 3_000), ("wechat_pay", "absorbed", "same_act", None)]


@pytest.mark.parametrize("order", [(meal, paid_by_wechat), (paid_by_wechat, meal)])
def test_what_platform_and_wallet_report_is_spent_once(
    tmp_path: Path, order: tuple[Callable[[Path, date], None], ...]
) -> None:
    """Whichever bill comes first, and with a run between them."""
    for day, bring in zip((D2, D3), order):
        bring(tmp_path, day)
        lake = accounted(tmp_path, [day])
    assert told(lake) == ONCE
    assert emitted(lake) == {RESTAURANT: milligrams(RESTAURANT, 3_000)}


def test_the_bank_behind_both_counts_no_third_time(tmp_path: Path) -> None:
    meal(tmp_path, D2)
    paid_by_wechat(tmp_path, D2)
    flow((f"{D2:%Y%m%d}", "", "30.00", "快捷支付", "财付通-美团"))(tmp_path, D3)
    lake = accounted(tmp_path, [D2, D3])
    assert told(lake) == [("cmb", "absorbed", "same_act", None), *ONCE]
    assert emitted(lake) == {RESTAURANT: milligrams(RESTAURANT, 3_000)}


@pytest.mark.parametrize(
    ("at", "how", "yuan"),
    [
        ("12:05:01", "微信支付", "30.00"),  # five minutes and a second later
        ("12:00:05", "支付宝", "30.00"),  # through another wallet
        ("12:00:05", "招商银行储蓄卡(0122)", "30.00"),  # by card
        ("12:00:05", "美团月付", "30.00"),  # on the platform's own credit: nobody else reports it
        ("12:00:05", "微信支付", "30.01"),  # another amount
    ],
)
def test_what_may_be_another_payment_counts_by_itself(tmp_path: Path, at: str, how: str, yuan: str) -> None:
    meituan(tmp_path, D2, (1, f"{D1} {at}", "支付", "知味观代金券", how, yuan))
    paid_by_wechat(tmp_path, D2)
    lake = accounted(tmp_path, [D2])
    fen = int(yuan.replace(".", ""))
    assert told(lake) == [("meituan", "evidence", "spend", fen), ("wechat_pay", "evidence", "spend", 3_000)]


@pytest.mark.parametrize("is_bank_first", [False, True])
def test_what_was_paid_there_by_card_the_bank_reports_as_well(tmp_path: Path, is_bank_first: bool) -> None:
    """The bank names the platform, and no wallet; it books a day later."""
    booked = flow((f"{D2:%Y%m%d}", "", "30.00", "快捷支付", "美团支付-美团"))
    first, second = (D3, D4) if is_bank_first else (D4, D3)
    booked(tmp_path, first)
    meal(tmp_path, second, how="招商银行储蓄卡(0122)")
    lake = accounted(tmp_path, [D3, D4])
    assert told(lake) == [("cmb", "absorbed", "same_act", None), ("meituan", "evidence", "spend", 3_000)]
    assert emitted(lake) == {RESTAURANT: milligrams(RESTAURANT, 3_000)}


def test_of_two_meals_at_one_price_the_wallets_is_the_one_through_the_wallet(tmp_path: Path) -> None:
    """One by card and one through the wallet: each row of the bank joins its own."""
    meituan(
        tmp_path,
        D2,
        (1, f"{D1} 12:00:05", "支付", "知味观代金券", "招商银行储蓄卡(0122)", "30.00"),
        (2, f"{D1} 18:00:05", "支付", "知味观代金券", "微信支付", "30.00"),
    )
    day = f"{D1:%Y%m%d}"
    flow((day, "", "30.00", "快捷支付", "美团支付-美团"), (day, "", "30.00", "快捷支付", "财付通-美团"))(tmp_path, D2)
    lake = accounted(tmp_path, [D2])
    assert [one[1] for one in told(lake)] == ["absorbed", "absorbed", "evidence", "evidence"]
    assert emitted(lake) == {RESTAURANT: milligrams(RESTAURANT, 3_000, 3_000)}


def test_a_refund_takes_back_its_purchase_by_title_and_amount(tmp_path: Path) -> None:
    """One is taken back whole, of one a part; one refund is of nothing that was bought."""
    meituan(
        tmp_path,
        D5,
        (1, f"{D1} 12:00:05", "支付", "知味观代金券", "微信支付", "30.00"),
        (2, f"{D1} 18:00:00", "支付", "奎元馆代金券", "美团月付", "50.00"),
        (3, f"{D2} 09:00:00", "退款", "知味观代金券", "微信支付", "30.00"),
        (4, f"{D2} 10:00:00", "退款", "奎元馆代金券", "美团月付", "20.00"),
        (5, f"{D2} 11:00:00", "退款", "楼外楼代金券", "美团月付", "20.00"),
    )
    wechat(tmp_path, D5, (1, f"{D1} 12:00:00", "美团", "30.00", "已全额退款"))
    lake = accounted(tmp_path, [D5])
    assert told(lake) == [
        ("meituan", "evidence", "refund_by_match", None),
        ("meituan", "evidence", "refund_by_match", None),
        ("meituan", "evidence", "spend", 3_000),
        ("meituan", "pending", "no_purchase_matches", None),
        ("meituan", "refunded", "payment_taken_back_by_match", 0),
        ("wechat_pay", "refunded", "payment_taken_back", None),
    ]
    assert emitted(lake) == {RESTAURANT: milligrams(RESTAURANT, 3_000)}


def test_a_meal_without_cutlery_is_credited_and_one_with_it_is_not(tmp_path: Path) -> None:
    orders = [
        {"order_id": f"O{number}", "user_id": EATER, "finished_at": f"{D1} 12:{number}0:00", "status": status,
         "cutlery": cutlery}
        for number, (status, cutlery) in enumerate([("FINISHED", "NONE"), ("FINISHED", "2"), ("CANCELLED", "NONE")])
    ]  # fmt: skip
    send(tmp_path, "meituan", D1, part("meituan", "orders", lines(*orders)), *eater("LIVING"))
    lake = accounted(tmp_path, [D1])
    assert told(lake) == [("meituan", "credited", "act", None)]
    [entry] = [row for row in rows(lake, "gold.ledger") if row["measure"] == "reduction_mg"]
    assert (entry["scenario"], entry["amount"], entry["match_quality"]) == ("no_cutlery", MEAL, "proxy")


def test_what_was_bought_at_shops_counts_by_category(tmp_path: Path) -> None:
    """From an account and a card: a refund, other currencies, and money that is moved and not spent."""
    flow(
        (f"{D1:%Y%m%d}", "", "64.91", "银联在线支付", "银联在线支付，（特约）拼多多"),
        (f"{D2:%Y%m%d}", "64.91", "", "退款", "银联在线支付，（特约）拼多多"),
        (f"{D1:%Y%m%d}", "", "80.00", "银联在线支付", "世纪联华超市"),
        (f"{D2:%Y%m%d}", "", "1,000.00", "转账汇款", "王某"),
        (f"{D2:%Y%m%d}", "", "48.12", "快捷支付", "美团月付"),
        (f"{D2:%Y%m%d}", "9,000.00", "", "代发工资", "某公司"),
    )(tmp_path, D3)
    names = "记账日期,货币,交易金额,联机余额,交易摘要,对手信息,客户摘要\n"
    listed = f"{D1},USD,-10.00,0,境外消费,小吃店,境外消费\n{D1},CNY,-30.00,0,快捷支付,知味观 888888,知味观\n"
    lists = Part("account_lists", f"{names}{listed}".encode(), 2, customer=HOLDER)
    credit = f"招商银行信用卡对账单\n交易日,记账日,交易摘要,人民币金额,卡号末四位,交易地金额\n{D1:%m/%d},,知味观,20.00,0122,20.00\n"
    cmb(tmp_path, D4, lists, Part("credit_bills", credit.encode(), 1, customer=HOLDER))
    lake = accounted(tmp_path, [D3, D4])
    # 10 dollars × 6.68499037 yuan, the mean of October, rounded to whole fen
    assert sorted(one[3] for one in told(lake) if one[2] == "spend" and one[3]) == [2_000, 3_000, 6_685, 8_000]
    assert [one for one in told(lake) if one[2] != "spend"] == [
        ("cmb", "evidence", "refund_by_match", None),
        ("cmb", "refunded", "payment_taken_back_by_match", 0),
    ]
    assert emitted(lake) == {
        RESTAURANT: milligrams(RESTAURANT, 2_000, 3_000, 6_685),
        SUPERMARKET: milligrams(SUPERMARKET, 8_000),
    }

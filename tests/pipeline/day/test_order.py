"""The same exports in any order of arrival: the same persons, outcomes and balances."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.support.exports import (
    CARD,
    CITIZEN,
    CONSENTED,
    PHONE,
    REGISTERED,
    Part,
    alipay_acts,
    alipay_consents,
    alipay_registrations,
    as_sent,
    table,
    wallet,
)
from tests.support.lakes import rows
from tests.support.order import Statement, account_for, newest, reduced
from tests.support.registries import shipped

REGISTRY = shipped()
RUN_DAYS = [date(2026, 11, day) for day in (4, 5, 6, 7)]
"""After all business dates, so that any statement may come to any run."""

BILL = """起始时间：[2026-11-01 00:00:00]    终止时间：[2026-11-02 23:59:59]
导出交易类型：[全部]
导出时间：[2026-11-03 10:00:00]
交易时间,交易分类,交易对方,对方账号,商品说明,收/支,金额,收/付款方式,交易状态,交易订单号,商家订单号,备注,
2026-11-02 12:00:00,餐饮美食,知味观,/,餐,支出,30.00,花呗,交易成功,2026110222001100000000000001,/,,
"""
WALLET_CUSTOMERS = [
    alipay_registrations(
        (1, CITIZEN[0], PHONE[0], [], REGISTERED),
        (2, "", PHONE[1], [CARD[1]], REGISTERED),
        (3, CITIZEN[2], PHONE[2], [], REGISTERED),
        (4, "", PHONE[2], [], REGISTERED),
    ),
    alipay_consents(*((customer, "ALL", "AUTHORIZED", CONSENTED) for customer in (1, 2, 3, 4))),
]
"""Both revisions of the first day say the same of the customers."""
STATEMENTS: dict[str, Statement] = {
    "wallet 1": ("alipay", "2026-11-01", 0, [
        *WALLET_CUSTOMERS,
        alipay_acts(
            (1, 1, "2026-11-01 08:00:20", "ditiechuxing", "4"),
            (2, 2, "2026-11-01 08:30:10", "ditiechuxing", "5"),
            (3, 1, "2026-11-01 15:00:00", "shenghuojiaofei", "60"),
            (4, 1, "2026-11-01 12:00:00", "xingzou", "9000"),
            (5, 3, "2026-11-01 12:00:00", "lvsezhengwu", "1"),
            (6, 2, "2026-11-01 18:30:00", "ditiechuxing", "5"),
            (7, 4, "2026-11-01", "ditiechuxing", "3"),
        ),
    ]),
    # The wallet takes a ride of customer 4 back, and had counted too few steps.
    "wallet 1 corrected": ("alipay", "2026-11-01", 1, [
        *WALLET_CUSTOMERS,
        alipay_acts(
            (1, 1, "2026-11-01 08:00:20", "ditiechuxing", "4"),
            (2, 2, "2026-11-01 08:30:10", "ditiechuxing", "5"),
            (3, 1, "2026-11-01 15:00:00", "shenghuojiaofei", "60"),
            (4, 1, "2026-11-01 12:00:00", "xingzou", "12000"),
            (5, 3, "2026-11-01 12:00:00", "lvsezhengwu", "1"),
            (6, 2, "2026-11-01 18:30:00", "ditiechuxing", "5"),
        ),
    ]),
    # A later reading of the day before, above the cap; one act sent twice; a day-precise ride.
    "wallet 2": ("alipay", "2026-11-02", 0, [
        alipay_acts(
            (8, 1, "2026-11-01 23:59:00", "xingzou", "20000"),
            (3, 1, "2026-11-01 15:00:00", "shenghuojiaofei", "60"),
            (9, 3, "2026-11-02", "ditiechuxing", "4"),
        ),
    ]),
    # A withdrawal that comes two days late: the evening ride of customer 2 was without consent. And the bill of
    # customer 1, whose meal the bank saw as well.
    "wallet 3": ("alipay", "2026-11-03", 0, [
        Part("bills", as_sent("alipay", BILL, "bills"), 1, "30.00", customer=wallet(1)),
        alipay_consents((2, "GREEN_TRAVEL", "CANCELLED", "2026-11-01 12:00:00")),
        alipay_registrations((3, CITIZEN[2], PHONE[4], [], "2026-11-03 10:00:00")),
    ]),
    "bank 1": ("citic_bank", "2026-11-01", 0, [
        table("citic_bank", "registrations", f"C1|{CITIZEN[0]}|{PHONE[3]}|{CARD[0]}|个人|{REGISTERED}",
              f"C3|{CITIZEN[2]}|{PHONE[2]}|{CARD[2]}|个人|{REGISTERED}"),
        table("citic_bank", "consents", f"C1|全部|授权|{CONSENTED}", f"C2|全部|授权|{CONSENTED}",
              f"C3|全部|授权|{CONSENTED}"),
        table("citic_bank", "acts", "C1|电子账单|20261101|2||", "C2|电子账单|20261101|1||"),
    ]),
    # The purchase, and the registration that makes one person of wallet 2, metro 2 and bank 2.
    "bank 2": ("citic_bank", "2026-11-02", 0, [
        table("citic_bank", "registrations", f"C2|{CITIZEN[1]}|{PHONE[3]}|{CARD[1]}|个人|{REGISTERED}"),
        table("citic_bank", "card_transactions",
              f"T1|C1|{CARD[0]}|20261102|60.00|消费|支付宝-国网浙江省电力有限公司||",
              f"T2|C2|{CARD[1]}|20261102|5.00|消费|支付宝-杭州地铁（扫码乘车）||",
              f"T3|C3|{CARD[2]}|20261102|88.00|消费|国网浙江省电力有限公司||",
              f"T7|C1|{CARD[0]}|20261102|30.00|消费|支付宝-知味观||",
              f"T8|C1|{CARD[0]}|20261102|12.00|消费|世纪联华超市|302331054110008|", total="195.00"),
        table("citic_bank", "acts", "C3|线上缴费（电费）|20261102|1|88.00|", total="88.00"),
    ]),
    "bank 3": ("citic_bank", "2026-11-03", 0, [
        table("citic_bank", "card_transactions",
              f"T4|C1|{CARD[0]}|20261103|-60.00|冲正|支付宝-国网浙江省电力有限公司||T1",
              f"T5|C2|{CARD[1]}|20261103|-5.00|冲正|支付宝-杭州地铁（扫码乘车）||T2",
              f"T6|C3|{CARD[2]}|20261103|-10.00|冲正|国网浙江省电力有限公司||T0",
              f"T9|C1|{CARD[0]}|20261103|-10.00|部分退款|支付宝-知味观||T7", total="-85.00"),
    ]),
    "metro 1": ("hangzhou_metro", "2026-11-01", 0, [
        table("hangzhou_metro", "registrations", f"H1,,{PHONE[0]},P,{REGISTERED}",
              f"H2,{CITIZEN[1]},,P,{REGISTERED}", f"H4,{CITIZEN[3]},{PHONE[2]},P,{REGISTERED}"),
        table("hangzhou_metro", "consents", f"H1,all,grant,{CONSENTED}", f"H2,travel,grant,{CONSENTED}",
              "H4,travel,grant,2026-11-01 09:00:00"),
        table("hangzhou_metro", "taps",
              "2026-11-01 08:00:00,1,S01,D1,1,H1,3,0", "2026-11-01 08:25:00,1,S05,D1,0,H1,3,400",
              "2026-11-01 08:30:00,1,S02,D1,1,H2,3,0", "2026-11-01 09:00:00,1,S09,D1,0,H2,3,500",
              "2026-11-01 18:30:00,1,S09,D1,1,H2,3,0", "2026-11-01 19:00:00,1,S02,D1,0,H2,3,500",
              "2026-11-01 08:40:00,1,S03,D1,1,H4,3,0", "2026-11-01 08:55:00,1,S04,D1,0,H4,3,300",
              "2026-11-01 23:50:00,1,S05,D1,1,H1,3,0", total="1700"),
    ]),
    "metro 2": ("hangzhou_metro", "2026-11-02", 0, [
        table("hangzhou_metro", "taps", "2026-11-02 00:15:00,1,S01,D1,0,H1,3,400",
              "2026-11-02 09:00:00,1,S03,D1,1,H4,3,0", "2026-11-02 09:20:00,1,S08,D1,0,H4,3,400", total="800"),
    ]),
    # The exit after midnight was at another station, and the morning's ride never was.
    "metro 2 corrected": ("hangzhou_metro", "2026-11-02", 1, [
        table("hangzhou_metro", "taps", "2026-11-02 00:15:00,1,S02,D1,0,H1,3,400", total="400"),
    ]),
    "metro 3": ("hangzhou_metro", "2026-11-03", 0, []),
}  # fmt: skip

NATURAL = list(STATEMENTS)


def shuffled(seed: int) -> list[list[str]]:
    chance = random.Random(seed)
    names = chance.sample(NATURAL, len(NATURAL))
    cut = sorted(chance.sample(range(1, len(names)), 2))
    return [names[: cut[0]], names[cut[0] : cut[1]], names[cut[1] :]]


def last(*late: str) -> list[list[str]]:
    return [[name for name in NATURAL if name not in late], list(late)]


HISTORIES = {
    "as the days go": [
        ["wallet 1", "bank 1", "metro 1"],
        ["wallet 2", "bank 2", "metro 2", "wallet 1 corrected"],
        ["wallet 3", "bank 3", "metro 3", "metro 2 corrected"],
    ],
    "refund before purchase": last("bank 2"),
    "correction before what it corrects": last("wallet 1", "metro 2"),
    "corrections late": last("wallet 1 corrected", "metro 2 corrected"),
    "withdrawal late": last("wallet 3"),
    "consents and half of a night ride late": last("metro 1"),
    "backwards": [NATURAL[::-1][:4], NATURAL[::-1][4:8], NATURAL[::-1][8:]],
    **{f"shuffled with seed {seed}": shuffled(seed) for seed in (3,)},
}


def arrived(home: Path, runs: Sequence[Sequence[str]]) -> Path:
    """The lake after these statements came to these runs."""
    return account_for(home, STATEMENTS, runs, RUN_DAYS).path


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return arrived(tmp_path_factory.mktemp("order"), [NATURAL])


@pytest.fixture(scope="module")
def expected(at_once: Path) -> dict[str, Any]:
    return reduced(at_once)


def test_the_history_holds_what_it_is_for(at_once: Path, expected: dict[str, Any]) -> None:
    outcomes = [
        (row["scenario"], row["outcome"]) for row in newest(at_once, "silver.activities", "claim_id", "act_date")
    ]
    assert {outcome for _, outcome in outcomes} >= {
        "credited", "absorbed", "evidence", "no_consent", "no_factor", "refunded", "pending"
    }  # fmt: skip
    assert ("utility_payment", "refunded") in outcomes
    assert {outcome for scenario, outcome in outcomes if scenario == "spending"} == {"evidence", "absorbed"}
    spent = [row["spend_fen"] for row in newest(at_once, "silver.activities", "claim_id", "act_date")]
    assert {2_000, 1_200} <= set(spent), "a meal of 30 yuan less 10 given back, and a shop"
    assert max(len(group) for group in expected["persons"]) == 3
    dispositions = {row["disposition"] for row in newest(at_once, "silver.rows", "file_id", "line")}
    assert dispositions == {"record", "supporting", "repeat", "superseded"}
    caps = [row for row in rows(at_once, REGISTRY.tables["gold.ledger"]).to_pylist() if row["position_kind"] == "cap"]
    assert caps


@pytest.mark.parametrize("name", HISTORIES)
def test_any_order_of_arrival(tmp_path: Path, expected: dict[str, Any], name: str) -> None:
    runs = HISTORIES[name]
    assert sorted(name for run in runs for name in run) == sorted(NATURAL)
    found = reduced(arrived(tmp_path, runs))
    for part_of_it, value in expected.items():
        assert found[part_of_it] == value, part_of_it


def test_late_registration_merged_two_persons(tmp_path: Path) -> None:
    lake = arrived(tmp_path, [["wallet 1", "metro 1", "bank 1"], ["bank 2"]])
    log = rows(lake, REGISTRY.tables["silver.identity_log"]).to_pylist()
    merged = [row for row in log if row["change"] == "merged"]
    assert len(merged) == 2, "of three who had an account each, one took over"
    assert {row["publication_seq"] for row in merged} == {2}

"""Statements of two banks, as MT940 and as camt.053, until what the account says of the person's spending.

Milligrams are of the merchants' categories, worked out by the oracle's terms; rates are those of October 2026.
"""

from __future__ import annotations

from collections import Counter

import pytest

from jobs.lake import Lake
from tests.oracle.oracle_spend import micrograms_per_fen
from tests.support.exports import CITIZEN, CONSENTED, PHONE, REGISTERED, Part, alipay_registrations, part, table
from tests.support.one_person import World, in_force
from tests.support.worlds import days, rows

D1, D2 = days(2)
BOC, BOC_USD, HSBC, HSBC_EUR = "347900000001", "347900000055", "088123456001", "088123456099"
POWER, MARKET, EATING, COFFEE = "4900", "5411", "5812", "5814"
WALLET = "did:alipay:2088000000000001"


def known(institution: str, *accounts: str) -> list[Part]:
    """The person's accounts, with consent to everything since before."""
    return [
        table(institution, "registrations", *(f"{one},{CITIZEN[0]},{PHONE[0]},,P,{REGISTERED}" for one in accounts)),
        table(institution, "consents", *(f"{one},ALL,Y,{CONSENTED}" for one in accounts)),
    ]


def message(account: str, currency: str, opening: str, closing: str, *lines: tuple[str, str]) -> str:
    """A statement; of each line what follows the entry date, and its details."""
    booked = "".join(f":61:2611011101{line}\n:86:{details}\n" for line, details in lines)
    balances = (f":60F:C261031{currency}{opening}\n", f":62F:C261101{currency}{closing}\n-\n")
    return f":20:S{account[-4:]}{currency}\n:25:{account}\n:28C:1/1\n{balances[0]}{booked}{balances[1]}"


def statements(total: str, count: int, *messages: str) -> Part:
    return part("boc", "statements", "".join(messages), total, rows=count)


MT940 = statements(
    "434.00",
    9,
    message(
        BOC, "CNY", "1000,00", "648,00",
        ("D66,00NTRFNONREF//NONREF", "106?00缴费?20电费?32国网浙江省电力?33有限公司"),
        ("D30,00NTRFNONREF//NONREF", "106?00消费?32永辉超市"),
        ("D30,00NTRFNONREF//NONREF", "106?00消费?32永辉超市"),
        ("D26,00NTRFNONREF//NONREF", "106?00消费?32支付宝-知味观"),
        ("D200,00NTRFNONREF//NONREF", "106?00转账?20转账?32李明"),
        ("D40,00NTRFNONREF//NONREF", "106?00消费?32星巴克"),
        ("RD40,00NTRFNONREF//NONREF", "106?00冲正?32星巴克"),
        ("ED1,00NTRFNONREF//NONREF", "106?00消费?32星巴克"),
    ),
    message(BOC_USD, "USD", "100,00", "99,00", ("D1,00NTRFNONREF", "/NAME/STARBUCKS/REMI/LATTE")),
)  # fmt: skip
"""66 for power, twice 30 in one shop, 26 through a wallet, 200 to a friend, 40 and back, 1 expected; a dollar."""


def entry(yuan: str, creditor: str, *, direction: str = "DBIT", currency: str = "CNY", is_back: bool = False) -> str:
    back = "<RvslInd>true</RvslInd>" if is_back else ""
    return (
        f'<Ntry><Amt Ccy="{currency}">{yuan}</Amt><CdtDbtInd>{direction}</CdtDbtInd>{back}<Sts><Cd>BOOK</Cd></Sts>'
        "<BookgDt><Dt>2026-11-01</Dt></BookgDt><AcctSvcrRef>NONREF</AcctSvcrRef><NtryDtls><TxDtls><RltdPties><Cdtr>"
        f"<Pty><Nm>{creditor}</Nm></Pty></Cdtr></RltdPties></TxDtls></NtryDtls></Ntry>"
    )


def of_account(account: str, *entries: str) -> str:
    return f"<Stmt><Id>1</Id><Acct><Id><Othr><Id>{account}</Id></Othr></Id></Acct>{''.join(entries)}</Stmt>\n"


CAMT = part(
    "hsbc_china",
    "statements",
    of_account(
        HSBC,
        entry("50.00", "支付宝-永辉超市"),
        entry("80.00", "知味观"),
        entry("30.00", "知味观", direction="CRDT", is_back=True),
        entry("5.00", "国网浙江省电力有限公司", is_back=True),  # a credit taken back
    )
    + of_account(HSBC_EUR, entry("10.50", "STARBUCKS", currency="EUR")),
    "175.50",
    rows=5,
)
"""50 through a wallet, 80 of which 30 come back; ten and a half euros."""


def alipay_bill(*paid: tuple[int, str, str, str]) -> Part:
    """The person's own, of the first day: number, time, merchant, yuan."""
    above = [
        f"起始时间：[{D1} 00:00:00]    终止时间：[{D1} 23:59:59]",
        "导出交易类型：[全部]",
        f"导出时间：[{D2} 10:12:01]",
        "交易时间,交易分类,交易对方,对方账号,商品说明,收/支,金额,收/付款方式,交易状态,交易订单号,商家订单号,备注,",
    ]
    body = [
        f"{D1} {at},餐饮美食,{merchant},/,/,支出,{yuan},储蓄卡,交易成功,{20261101 * 10**20 + number}\t,/,,"
        for number, at, merchant, yuan in paid
    ]
    total = f"{sum(float(one[3]) for one in paid):.2f}"
    text = "".join(f"{line}\r\n" for line in (*above, *body))
    return Part("bills", text.encode("gb18030"), len(body), total, customer=WALLET, suffix=".csv")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Both banks' first day, and the wallet's bill of it, which came on the second."""
    world = World(tmp_path_factory.mktemp("banks"))
    world.send("boc", D1, *known("boc", BOC, BOC_USD), MT940)
    world.send("hsbc_china", D1, *known("hsbc_china", HSBC, HSBC_EUR), CAMT)
    bill = alipay_bill((1, "12:00:00", "知味观", "26.00"), (2, "18:30:00", "永辉超市", "50.00"))
    world.send("alipay", D2, alipay_registrations((1, CITIZEN[0], PHONE[0], [], REGISTERED)), bill)
    return world.run(D1, D2)


def test_what_every_row_became(lake: Lake) -> None:
    found = Counter((row["institution"], row["outcome"], row["reason"]) for row in in_force(lake))
    assert found == {
        # the wallet's own bill leads, and what the banks say of the same money counts no more
        ("alipay", "evidence", "spend"): 2,
        ("boc", "absorbed", "same_act"): 1,
        ("hsbc_china", "absorbed", "same_act"): 1,
        # twice the same in one shop, and a dollar
        ("boc", "evidence", "spend"): 3,
        # a bill paid from an account is no act: it may have been paid anywhere
        ("boc", "evidence", "payment_alone"): 1,
        # all of 40 is taken back, 30 of 80
        ("boc", "refunded", "payment_taken_back_by_match"): 1,
        ("boc", "evidence", "refund_by_match"): 1,
        ("hsbc_china", "evidence", "refund_by_match"): 1,
        ("hsbc_china", "evidence", "spend"): 2,
    }


def spent(lake: Lake) -> dict[tuple[str, int], int]:
    """(category, fen) → milligrams that stand; two alike would be told as twice as much."""
    found: Counter[tuple[str, int]] = Counter()
    for row in rows(lake, "gold.ledger"):
        if row["measure"] == "emission_mg":
            found[row["factor_id"].split(":")[1], row["quantity_micro"] // 10_000] += row["amount"]
    return +found


def emitted(code: str, fen: int, times: int = 1) -> int:
    """Milligrams, each payment's rounded up."""
    return times * -(-fen * micrograms_per_fen(code) // 1_000)


def test_what_was_spent_and_emitted(lake: Lake) -> None:
    assert spent(lake) == {
        (POWER, 6_600): emitted(POWER, 6_600),
        (MARKET, 3_000): emitted(MARKET, 3_000, times=2),
        (MARKET, 5_000): emitted(MARKET, 5_000),
        (EATING, 2_600): emitted(EATING, 2_600),
        (EATING, 5_000): emitted(EATING, 5_000),
        (COFFEE, 668): emitted(COFFEE, 668),  # 1 × 6.68499037 yuan
        (COFFEE, 7_863): 3_753_514,  # 10.50 × 7.48828636 yuan, 477,364 micrograms a fen
    }
    assert {row["measure"] for row in rows(lake, "gold.ledger")} == {"emission_mg"}, "nothing is earned by paying"


def test_nobody_is_twice_and_nothing_is_quarantined(lake: Lake) -> None:
    assert [row for row in rows(lake, "silver.rows") if row["disposition"] in ("quarantined", "rejected")] == []
    assert len({row["person_id"] for row in rows(lake, "gold.ledger")}) == 1

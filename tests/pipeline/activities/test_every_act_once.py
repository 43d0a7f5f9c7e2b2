"""Acts that were once credited twice, or lost: by hand, through the real jobs, what each earns once.

In every world one person rides the metro, pays with two wallets and has cards of two banks. Kilograms are told in
milligrams by scenario: a metro ride of which the gate knows nothing earns the network's shortest trip, a utility bill
89 g, a step 0.02 g.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from jobs.lake import Lake
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
    deliver,
    part,
    table,
)
from tests.support.worlds import days, embedded_lake, land_world, rows, run_days

D1, D2, D3, D4 = days(4)
BILL = 89_000
STEP = 20
OPENID = "oPENID0000000001"
"""The same person at the second wallet."""
BILL_HEAD = "交易时间,交易类型,交易对方,商品,收/支,金额(元),支付方式,当前状态,交易单号,商户单号,备注"


@dataclass
class World:
    """Exports, the lake that the runs so far left, and whoever is known from the first day on."""

    home: Path
    sent: int = 0

    def send(self, institution: str, day: date, *parts: Part, revision: int = 0, arrives: date | None = None) -> None:
        """A delivery, by the order of the calls; it belongs to the run of the day that it arrives for."""
        self.sent += 1
        at = arrives or day
        stamp = f"{at:%Y%m%d}T20{self.sent:02}00Z"
        deliver(self.home, institution, *parts, stamp=stamp, business_date=str(day), revision=revision)

    def run(self, *dates: date, full: bool = False) -> Lake:
        land_world(self.home)
        lake = embedded_lake(self.home)
        run_days(lake, self.home, dates, **({"full": True} if full else {}))
        return lake


@pytest.fixture
def world(tmp_path: Path) -> World:
    """The person's accounts, with consent to everything since before."""
    made = World(tmp_path)
    made.send("alipay", D1, *wallet_customers(1), arrives=D1)
    known = table("hangzhou_metro", "registrations", f"H1,{CITIZEN[0]},{PHONE[0]},P,{REGISTERED}")
    made.send("hangzhou_metro", D1, known, table("hangzhou_metro", "consents", f"H1,all,grant,{CONSENTED}"))
    known = table("citic_bank", "registrations", f"C1|{CITIZEN[0]}|{PHONE[0]}|{CARD[0]}|个人|{REGISTERED}")
    made.send("citic_bank", D1, known, table("citic_bank", "consents", f"C1|全部|授权|{CONSENTED}"))
    known = table("icbc", "registrations", f"I1,{CITIZEN[0]},{PHONE[0]},,P,{REGISTERED}")
    made.send("icbc", D1, known, table("icbc", "consents", f"I1,ALL,Y,{CONSENTED}"))
    return made


def wallet_customers(*numbers: int, at: str = CONSENTED) -> list[Part]:
    """Wallet accounts of the person, with consent from a moment on."""
    known = ((number, CITIZEN[0], PHONE[0], [], REGISTERED) for number in numbers)
    return [alipay_registrations(*known), alipay_consents(*((number, "ALL", "AUTHORIZED", at) for number in numbers))]


def ride(day: date, entry: str, leave: str, fen: int = 400) -> Iterable[str]:
    return f"{day} {entry},1,S01,D1,1,H1,3,0", f"{day} {leave},1,S05,D1,0,H1,3,{fen}"


def taps(*passages: Iterable[str]) -> Part:
    lines = [line for both in passages for line in both]
    return table("hangzhou_metro", "taps", *lines, total=str(sum(int(line.rsplit(",", 1)[1]) for line in lines)))


def cards(*bought: tuple[int, date, str, str]) -> Part:
    """Rows of the first bank: number, booked, yuan, merchant; a negative amount takes back the row numbered one less."""
    lines = [
        f"T{number}|C1|{CARD[0]}|{day:%Y%m%d}|{yuan}|{'冲正|' if yuan.startswith('-') else '消费|'}{merchant}||"
        + (f"T{number - 1}" if yuan.startswith("-") else "")
        for number, day, yuan, merchant in bought
    ]
    return table("citic_bank", "card_transactions", *lines, total=f"{sum(float(one[2]) for one in bought):.2f}")


def statements(*booked: tuple[int, str, str, str]) -> Part:
    """Entries of the second bank: number, moment of booking, yuan, creditor."""
    text = "".join(
        f'<Stmt><Acct><Id><Othr><Id>I1</Id></Othr></Id></Acct><Ntry><Amt Ccy="CNY">{yuan}</Amt>'
        f"<CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><DtTm>{at}</DtTm></BookgDt><NtryDtls><TxDtls>"
        f"<Refs><AcctSvcrRef>R{number}</AcctSvcrRef></Refs><RltdPties><Cdtr><Nm>{creditor}</Nm></Cdtr></RltdPties>"
        "</TxDtls></NtryDtls></Ntry></Stmt>\n"
        for number, at, yuan, creditor in booked
    )
    return part("icbc", "statements", text, f"{sum(float(one[2]) for one in booked):.2f}", rows=len(booked))


def bill(*paid: tuple[int, str, str, str], last: date = D1) -> Part:
    """The second wallet's bill of the person: number, time, merchant, yuan."""
    above = [
        "微信支付账单明细",
        f"起始时间：[{D1} 00:00:00] 终止时间：[{last} 23:59:59]",
        "导出类型：[全部]",
        f"导出时间：[{last} 23:59:59]",
        BILL_HEAD,
    ]
    body = [
        f"{at},商户消费,{merchant},/,支出,¥{yuan},零钱,支付成功,{number:028}\t,/,/"
        for number, at, merchant, yuan in paid
    ]
    total = f"{sum(float(one[3]) for one in paid):.2f}"
    return Part("bills", "\r\n".join([*above, *body, ""]).encode(), len(body), total, customer=OPENID)


def second_wallet() -> Part:
    return table("wechat_pay", "registrations", f"{OPENID},{CITIZEN[0]},{PHONE[0]},personal,{REGISTERED}")


def stands(lake: Lake, measure: str = "reduction_mg") -> Counter[str]:
    """What stands in the ledger of a measure, by scenario."""
    found: Counter[str] = Counter()
    for row in rows(lake, "gold.ledger"):
        found[row["scenario"]] += row["amount"] if row["measure"] == measure else 0
    return +found


def credits(lake: Lake) -> Counter[str]:
    """How many acts are credited, by scenario."""
    return Counter(row["scenario"] for row in in_force(lake) if row["outcome"] == "credited")


def outcomes(lake: Lake) -> Counter[tuple[str, str]]:
    """Institution and outcome of every claim in force."""
    return Counter((row["institution"], row["outcome"]) for row in in_force(lake))


def in_force(lake: Lake) -> list[dict[str, object]]:
    newest = {}
    for row in sorted(rows(lake, "silver.activities"), key=lambda row: int(row["publication_seq"])):
        newest[row["claim_id"], row["act_date"]] = row
    return [row for row in newest.values() if row["is_live"]]


def spent(lake: Lake) -> int:
    return sum(int(str(row["spend_fen"] or 0)) for row in in_force(lake))


# -- a correction touches what was and what is -------------------------------------------------------


def again(world: World, *dates: date) -> None:
    """A full recomputation posts nothing."""
    lake = embedded_lake(world.home)
    before = stands(lake), credits(lake)
    posted = len(rows(lake, "gold.ledger"))
    run_days(lake, world.home, dates[-1:], full=True)
    assert len(rows(lake, "gold.ledger")) == posted
    assert (stands(lake), credits(lake)) == before


def test_a_corrected_scenario_frees_what_it_had_absorbed(world: World) -> None:
    """The leading wallet's bill becomes a ride under its own number: the bank's report is an act again."""
    world.send("alipay", D1, alipay_acts((1, 1, f"{D1}", "shenghuojiaofei", "50")), *wallet_customers(1), revision=1)
    acts = table("citic_bank", "acts", f"C1|线上缴费（电费）|{D1:%Y%m%d}|1|50.00|", total="50.00")
    world.send("citic_bank", D2, acts, arrives=D1)
    world.send("alipay", D2, alipay_acts((1, 1, f"{D1} 10:00:00", "xingzou", "50")), arrives=D2)
    assert credits(world.run(D1)) == {"utility_payment": 1}
    assert credits(world.run(D2)) == {"utility_payment": 1, "walking": 1}
    again(world, D2)


def test_a_corrected_customer_frees_what_it_had_absorbed(world: World) -> None:
    """The wallet's bill was somebody else's, under its own number."""
    world.send(
        "citic_bank",
        D2,
        table("citic_bank", "acts", f"C1|线上缴费（电费）|{D1:%Y%m%d}|1|50.00|", total="50.00"),
        arrives=D1,
    )
    world.send("alipay", D1, alipay_acts((1, 1, f"{D1}", "shenghuojiaofei", "50")), *wallet_customers(1), revision=1)
    other = alipay_registrations((2, CITIZEN[1], PHONE[1], [], REGISTERED))
    consent = alipay_consents((2, "ALL", "AUTHORIZED", CONSENTED))
    world.send("alipay", D2, alipay_acts((1, 2, f"{D1}", "shenghuojiaofei", "50")), other, consent, arrives=D2)
    assert stands(world.run(D1)) == {"utility_payment": BILL}
    assert stands(world.run(D2)) == {"utility_payment": 2 * BILL}
    again(world, D2)


def test_a_corrected_original_is_paid_again(world: World) -> None:
    """The reversal named the wrong payment."""
    utility = "国网浙江省电力有限公司"
    acts = table("citic_bank", "acts", f"C1|线上缴费（电费）|{D1:%Y%m%d}|1|50.00|", total="50.00")
    paid = cards((1, D1, "50.00", utility), (3, D1, "60.00", "杭州地铁"))
    world.send("citic_bank", D2, acts, paid, arrives=D1)

    def reversal(original: int) -> Part:
        line = f"T9|C1|{CARD[0]}|{D2:%Y%m%d}|-50.00|冲正|{utility}||T{original}"
        return table("citic_bank", "card_transactions", line, total="-50.00")

    world.send("citic_bank", D3, reversal(1), arrives=D2)
    assert credits(world.run(D1, D2)) == {}
    world.send("citic_bank", D4, reversal(3), arrives=D3)
    lake = world.run(D3)
    assert credits(lake) == {"utility_payment": 1}
    gone = {row["claim_id"]: row for row in in_force(lake) if row["outcome"] == "refunded"}
    amounts = {
        row["claim_id"]: row["amount_fen"] for row in rows(lake, "silver.claims") if row["claim_kind"] == "payment"
    }
    assert {amounts[claim] for claim in gone if claim in amounts} == {6_000}
    again(world, D3)


def test_a_corrected_consent_was_anothers(world: World) -> None:
    """Under its own number a consent goes to another customer: whose it was, earns nothing any more."""
    # The consent's natural key holds its customer, so a correction is a revision that no longer has it.
    world.send("alipay", D1, alipay_acts((1, 1, f"{D1}", "shenghuojiaofei", "50")), *wallet_customers(1), revision=1)
    assert credits(world.run(D1)) == {"utility_payment": 1}
    acts = alipay_acts((1, 1, f"{D1}", "shenghuojiaofei", "50"))
    known = alipay_registrations((1, CITIZEN[0], PHONE[0], [], REGISTERED))
    world.send("alipay", D1, acts, known, revision=2, arrives=D2)
    assert credits(world.run(D2)) == {}
    again(world, D2)


# -- one to one, the most pairs -----------------------------------------------------------------------


def test_two_rides_of_one_fare_are_two(world: World) -> None:
    """The wallet books each six minutes after its exit, which is four before the next one's."""
    passages = taps(ride(D1, "08:00:00", "08:20:00"), ride(D1, "08:25:00", "08:31:00"))
    world.send("hangzhou_metro", D2, passages, arrives=D1)
    paid = alipay_acts((1, 1, f"{D1} 08:26:00", "ditiechuxing", "4"), (2, 1, f"{D1} 08:37:00", "ditiechuxing", "4"))
    world.send("alipay", D2, paid, arrives=D1)
    assert credits(world.run(D1)) == {"metro": 2}


def test_equal_bills_of_two_days_booked_a_day_later_are_two(world: World) -> None:
    wallet = alipay_acts((1, 1, f"{D1}", "shenghuojiaofei", "50"), (2, 1, f"{D2}", "shenghuojiaofei", "50"))
    world.send("alipay", D2, wallet, arrives=D3)
    booked = [f"C1|线上缴费（电费）|{day:%Y%m%d}|1|50.00|" for day in (D2, D3)]
    world.send("citic_bank", D3, table("citic_bank", "acts", *booked, total="100.00"), arrives=D3)
    assert stands(world.run(D3)) == {"utility_payment": 2 * BILL}


def test_three_lunches_are_three(world: World) -> None:
    paid = [(number, f"{day} 12:00:00", "知味观", "15.00") for number, day in enumerate((D1, D2, D3))]
    world.send("wechat_pay", D4, second_wallet(), bill(*paid, last=D3), arrives=D4)
    booked = [(number, day, "15.00", "财付通-知味观") for number, day in enumerate((D2, D3, D4), 1)]
    world.send("citic_bank", D4, cards(*booked), arrives=D4)
    assert spent(world.run(D4)) == 4_500


def test_a_week_of_lunches_that_grows_day_by_day(world: World) -> None:
    """Each run sees one more booking; the last has them all as one run would."""
    week = days(6)
    for day, after in pairwise(week):
        known = [second_wallet()] if day == D1 else []
        paid = bill(*((one.day, f"{one} 12:00:00", "知味观", "15.00") for one in week if one <= day), last=day)
        world.send("wechat_pay", day, *known, paid, arrives=day)
        world.send("citic_bank", after, cards((day.day, after, "15.00", "财付通-知味观")), arrives=after)
    lake = world.run(*week)
    assert spent(lake) == 7_500
    assert outcomes(lake) == {("wechat_pay", "evidence"): 5, ("citic_bank", "absorbed"): 5}
    again(world, *week)


# -- amounts, wallets, clocks -------------------------------------------------------------------------


def test_a_coupon_lowers_what_the_wallet_was_asked_for(world: World) -> None:
    world.send("hangzhou_metro", D2, taps(ride(D1, "08:00:00", "08:20:00", 400)), arrives=D1)
    world.send("alipay", D2, alipay_acts((1, 1, f"{D1} 08:20:05", "ditiechuxing", "3")), arrives=D1)
    world.send("citic_bank", D2, cards((1, D1, "3.00", "支付宝-杭州地铁")), arrives=D1)
    lake = world.run(D1)
    assert credits(lake) == {"metro": 1}
    assert outcomes(lake) == {
        ("hangzhou_metro", "credited"): 1,
        ("alipay", "absorbed"): 1,
        ("citic_bank", "absorbed"): 1,
    }


def test_where_only_the_amount_tells_payments_apart_it_does(world: World) -> None:
    wallet = alipay_acts((1, 1, f"{D1} 15:00:00", "shenghuojiaofei", "50"))
    world.send("alipay", D2, wallet, arrives=D1)
    world.send(
        "wechat_pay", D2, second_wallet(), bill((1, f"{D1} 15:00:05", "国网浙江省电力有限公司", "51.00")), arrives=D1
    )
    assert credits(world.run(D1)) == {"utility_payment": 2}


def test_two_wallets_are_two_payments(world: World) -> None:
    wallet = alipay_acts((1, 1, f"{D1} 15:00:00", "shenghuojiaofei", "50"))
    world.send("alipay", D2, wallet, arrives=D1)
    world.send(
        "wechat_pay", D2, second_wallet(), bill((1, f"{D1} 15:08:00", "国网浙江省电力有限公司", "50.00")), arrives=D1
    )
    assert credits(world.run(D1)) == {"utility_payment": 2}


def test_a_card_row_of_another_wallet_takes_nothing_back(world: World) -> None:
    """A row through the second wallet is not behind the first one's payment, and neither is its reversal."""
    world.send("alipay", D2, alipay_acts((1, 1, f"{D1} 15:00:00", "shenghuojiaofei", "50")), arrives=D1)
    utility = "财付通-国网浙江省电力有限公司"
    world.send("citic_bank", D2, cards((1, D1, "50.00", utility), (2, D2, "-50.00", utility)), arrives=D1)
    assert credits(world.run(D1)) == {"utility_payment": 1}


@pytest.mark.parametrize("at", ["12:00:40", "23:10:00"])
def test_a_banks_clock_is_of_booking(world: World, at: str) -> None:
    world.send("wechat_pay", D2, second_wallet(), bill((1, f"{D1} 12:00:00", "知味观", "30.00")), arrives=D1)
    world.send("icbc", D2, statements((1, f"{D1}T{at}", "30.00", "财付通-知味观")), arrives=D1)
    assert spent(world.run(D1)) == 3_000


def test_a_banks_clock_of_the_morning_after(world: World) -> None:
    world.send("hangzhou_metro", D2, taps(ride(D1, "23:00:00", "23:20:00")), arrives=D2)
    world.send("icbc", D2, statements((1, f"{D2}T02:10:00", "4.00", "杭州地铁")), arrives=D2)
    assert outcomes(world.run(D2)) == {("hangzhou_metro", "credited"): 1, ("icbc", "absorbed"): 1}


# -- cumulative readings ------------------------------------------------------------------------------


def steps(*readings: tuple[int, str, str]) -> Part:
    """(customer, time, steps)."""
    return alipay_acts(*((number, who, at, "xingzou", count) for number, (who, at, count) in enumerate(readings, 1)))


Readings = tuple[tuple[int, str, str], ...]


@pytest.mark.parametrize(
    ("consents", "readings", "counted"),
    [
        pytest.param(
            [("AUTHORIZED", f"{D1} 19:59:00")],
            [(1, f"{D1} 12:00:00", "8900"), (1, f"{D1} 20:10:00", "9000"), (1, f"{D1} 22:00:00", "9400")],
            400,
            id="consent in the evening",
        ),
        pytest.param(
            [("AUTHORIZED", f"{D1} 19:59:00")],
            [(1, f"{D1} 12:00:00", "8900"), (1, f"{D1} 20:10:00", "9000")],
            0,
            id="one reading since consent",
        ),
        pytest.param(
            [("AUTHORIZED", CONSENTED), ("CANCELLED", f"{D1} 21:00:00")],
            [(1, f"{D1} 20:00:00", "9000")],
            9_000,
            id="withdrawn later",
        ),
        pytest.param(
            [("AUTHORIZED", CONSENTED), ("CANCELLED", f"{D1} 21:00:00")],
            [(1, f"{D1} 20:00:00", "9000"), (1, f"{D1} 23:00:00", "9500")],
            9_000,
            id="a reading after the withdrawal",
        ),
        pytest.param(
            [("AUTHORIZED", CONSENTED), ("CANCELLED", f"{D1} 10:00:00"), ("AUTHORIZED", f"{D1} 15:00:00")],
            [
                (1, f"{D1} 09:00:00", "2000"),
                (1, f"{D1} 12:00:00", "5000"),
                (1, f"{D1} 16:00:00", "6000"),
                (1, f"{D1} 22:00:00", "8000"),
            ],
            4_000,
            id="two intervals",
        ),
    ],
)
def test_steps_are_counted_within_consent(
    tmp_path: Path, consents: list[tuple[str, str]], readings: Readings, counted: int
) -> None:
    world = World(tmp_path)
    known = alipay_registrations((1, CITIZEN[0], PHONE[0], [], REGISTERED))
    given = alipay_consents(*((1, "ALL", status, at) for status, at in consents))
    world.send("alipay", D1, known, given, steps(*readings))
    assert stands(world.run(D1)) == Counter({"walking": counted * STEP} if counted else {})


def test_a_late_reading_takes_no_credit_away(tmp_path: Path) -> None:
    world = World(tmp_path)
    known = alipay_registrations((1, CITIZEN[0], PHONE[0], [], REGISTERED))
    given = alipay_consents((1, "ALL", "AUTHORIZED", CONSENTED), (1, "ALL", "CANCELLED", f"{D1} 21:00:00"))
    world.send("alipay", D1, known, given, steps((1, f"{D1} 20:00:00", "9000")))
    assert stands(world.run(D1)) == {"walking": 9_000 * STEP}
    late = alipay_acts((7, 1, f"{D1} 23:00:00", "xingzou", "9500"))
    world.send("alipay", D2, late)
    assert stands(world.run(D2)) == {"walking": 9_000 * STEP}
    again(world, D2)


def test_two_accounts_of_one_phone_count_its_steps_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.send(
        "alipay", D1, *wallet_customers(1, 2), steps((1, f"{D1} 21:00:00", "6000"), (2, f"{D1} 22:00:00", "6500"))
    )
    assert stands(world.run(D1)) == {"walking": 6_500 * STEP}

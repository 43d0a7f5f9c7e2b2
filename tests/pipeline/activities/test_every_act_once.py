"""Acts that were once credited twice, or lost: by hand, through the real jobs, what each earns once."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

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
    table,
)
from tests.support.one_person import (
    BILL,
    D1,
    D2,
    D3,
    D4,
    World,
    again,
    bill,
    cards,
    credits,
    in_force,
    known_world,
    outcomes,
    ride,
    second_wallet,
    spent,
    stands,
    statements,
    taps,
    wallet_customers,
)
from tests.support.worlds import days, rows


@pytest.fixture
def world(tmp_path: Path) -> World:
    return known_world(tmp_path)


# -- a correction touches what was and what is -------------------------------------------------------


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


def test_a_refund_that_was_a_purchase_takes_nothing_back(world: World) -> None:
    """The bank had typed the row wrongly: under its own number it is a purchase."""
    shop = "知味观"
    world.send("citic_bank", D2, cards((1, D1, "50.00", shop)), arrives=D1)
    line = f"T9|C1|{CARD[0]}|{D2:%Y%m%d}|-50.00|冲正|{shop}||T1"
    world.send("citic_bank", D3, table("citic_bank", "card_transactions", line, total="-50.00"), arrives=D2)
    assert spent(world.run(D1, D2)) == 0
    line = f"T9|C1|{CARD[0]}|{D2:%Y%m%d}|20.00|消费|{shop}||"
    world.send("citic_bank", D4, table("citic_bank", "card_transactions", line, total="20.00"), arrives=D3)
    assert spent(world.run(D3)) == 7_000
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


def test_a_payment_belongs_to_the_ride_whose_end_is_nearer(world: World) -> None:
    """Not to the one whose other end is: of two rides that follow each other it is that of the exit just before."""
    world.send(
        "hangzhou_metro", D2, taps(ride(D1, "08:00:00", "08:20:00"), ride(D1, "08:22:00", "08:36:00")), arrives=D1
    )
    world.send("alipay", D2, alipay_acts((1, 1, f"{D1} 08:20:30", "ditiechuxing", "4")), arrives=D1)
    lake = world.run(D1)
    exits = {
        row["claim_id"]: row["ended_at_unix"] for row in rows(lake, "silver.claims") if row["claim_kind"] == "ride"
    }
    [paid] = [row for row in in_force(lake) if row["institution"] == "alipay" and row["scenario"] == "metro"]
    assert exits[paid["activity_id"]] == min(exits.values())


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
    assert spent(lake) == 300  # what was paid, and not the fare
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

"""The oracle's payments: which reports of wallets, bills and banks tell of one act or payment, and which are taken back."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from tests.oracle.oracle_pairs import best_pairs
from tests.oracle.oracle_terms import (
    DAY,
    WINDOW,
    Act,
    Acts,
    Consents,
    Credit,
    Paid,
    Who,
    booked,
    date_of,
    fen_of,
    seconds,
)
from tests.support.reader import Payment, payments, records

BANK = {"电子账单": "e_statement", "电子信用卡申请": "e_card"}
UTILITIES = ("国网", "水务", "燃气")
WORDS = {"杭州地铁": "metro", "杭州公交": "bus", **dict.fromkeys(UTILITIES, "utility_payment")}
CODES = {"地铁": "4111", "公交": "4111", **dict.fromkeys(UTILITIES, "4900"), "超市": "5411", "盒马": "5411",
         "知味观": "5812", "奎元馆": "5812", "外婆家": "5812", "咖啡": "5814", "购物城": "5311",
         "加油站": "5541"}  # fmt: skip
"""What a word in a merchant's name says it is."""
FAR = 1_000_000
"""Seconds: more than any two reports of one act lie apart."""
WALLETS = {"支付宝-": "alipay", "财付通-": "wechat_pay"}


def scenario_of(payee: str) -> str:
    return next((scenario for word, scenario in WORDS.items() if word in payee), "spending")


def codes_of(payee: str, number: str = "") -> list[tuple[int, str]]:
    """By the number's eighth to eleventh digit, which are a category unless all zero; by the name."""
    told = [(0, number[7:11])] if len(number) == 15 and number[7:11] != "0000" else []
    return told + [(1, code) for word, code in CODES.items() if word in payee]


@dataclass(frozen=True, order=True)
class Told:
    """A payment as a wallet reports it."""

    when: int
    who: Who
    scenario: str
    fen: int
    wallet: str = "alipay"


@dataclass
class _Report:
    """A booking-dated row that looks for its act."""

    who: Who
    scenario: str
    day: int
    fen: int | None
    number: str = ""
    paid: Paid | None = None
    act: Act | None = field(default=None)


def meet(told: list[Told], feed: str, acts: Acts) -> list[Act | None]:
    """The act that each precise payment is of: as many as can be, then those of the same amount, then the nearest.

    Where taps prove a ride what it cost is what the first payment says; the gate's fare may be more.
    """
    pairs = [
        {
            "claim_id": place,
            "group_id": (one.who, one.scenario, number),
            "distance": act.away(one.when) + (0 if act.fen == one.fen else FAR),
            "claim_at": one.when,
            "group_at": act.start,
        }
        for place, one in enumerate(told)
        for number, act in enumerate(acts[one.who, one.scenario])
        if act.span and act.span[0] <= one.when <= act.span[1]
        and (act.fen == one.fen or act.feeds == {"taps"})
        and feed not in act.feeds and act.wallet in ("", one.wallet)
    ]  # fmt: skip
    found: list[Act | None] = [None] * len(told)
    for place, (who, scenario, number) in best_pairs(pairs):
        act = found[place] = acts[who, scenario][number]
        act.feeds.add(feed)
        act.wallet, act.fen = told[place].wallet, told[place].fen
    return found


def _meet_by_day(told: list[Told], acts: Acts) -> Iterator[Act | None]:
    """The act that each payment is of which only the day is told: one that is known to be the wallet's before others."""
    for one in told:
        fits = [
            act
            for act in acts[one.who, one.scenario]
            if (act.day, act.fen) == (one.when // DAY, one.fen)
            if "wallet" not in act.feeds and act.wallet in ("", one.wallet)
        ]
        act = min(fits, key=lambda act: not act.wallet, default=None)
        if act is not None:
            act.feeds.add("wallet")
            act.wallet = one.wallet
        yield act


def join_wallet(told: dict[bool, list[Told]], is_day: bool, acts: Acts, shortest: Decimal, alone: list[Paid]) -> None:
    """Metro and utilities: the act that they fit, else their own; with it the wallet's bill that stood alone that day."""
    ours = sorted(told[is_day])
    for one, met in zip(ours, _meet_by_day(ours, acts) if is_day else meet(ours, "wallet", acts)):
        if met is None:
            quantity = shortest if one.scenario == "metro" else Decimal(1)
            span = None if is_day else (one.when - WINDOW, one.when + WINDOW)
            act = Act(one.when // DAY, one.fen, quantity, {"wallet"}, span, wallet="alipay")
            acts[one.who, one.scenario].append(act)
            bill = next((bill for bill in alone if is_day and _is_same(bill, one)), None)
            if bill:
                alone.remove(bill)
                act.paid.append(bill)
                act.feeds.add("bill")


def _is_same(bill: Paid, one: Told) -> bool:
    key = (one.who, one.scenario, one.when // DAY, one.fen, "alipay")
    return (bill.who, bill.scenario, bill.day, bill.fen, bill.wallet) == key


def add_bills(home: Path, person: dict[str, Who], acts: Acts, alone: list[Paid]) -> None:
    """A utility that a bill lists joins the act that it fits, or is one; what else was paid is evidence alone.

    The bills of both wallets are taken together.
    """
    listed = [(row, wallet) for wallet in WALLETS.values() for row in payments(home, wallet)]
    back: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row, wallet in listed:
        if row.state == "退款成功":
            back[wallet, row.number.split("_")[0]] += row.amount
    ours = sorted((one for one in listed if _is_paid(one[0])), key=lambda one: one[0].at)
    told = [
        Told(seconds(row.at), person[row.customer], scenario_of(row.party), int(row.amount * 100), wallet)
        for row, wallet in ours
    ]
    for (row, wallet), one, met in zip(ours, told, meet(told, "bill", acts)):
        given_back, act = max(row.given_back, back[wallet, row.number]), met
        paid = Paid(one.who, one.scenario, one.when // DAY, one.fen, {wallet}, codes_of(row.party), wallet=wallet)
        paid.backs.append(int(given_back * 100))
        paid.is_gone = given_back >= row.amount
        if act is None and one.scenario != "utility_payment":
            alone.append(paid)
            continue
        if act is None:
            span = (one.when - WINDOW, one.when + WINDOW)
            act = Act(one.when // DAY, one.fen, Decimal(1), {"bill"}, span, wallet=wallet)
            acts[one.who, one.scenario].append(act)
        act.paid.append(paid)
        if one.scenario == "utility_payment":
            act.is_refunded |= paid.is_gone


def _is_paid(row: Payment) -> bool:
    """Money that went out, and to no friend."""
    return row.flow == "支出" and row.state not in ("交易关闭", "退款成功") and "*" not in row.party


def add_bank(home: Path, person: dict[str, Who], consents: Consents, acts: Acts, result: Counter[Credit]) -> None:
    """Statements and cards are acts of the bank alone; bills join the wallet's, or stand by themselves."""
    reports = []
    for row in records(home, "citic_bank", "acts"):
        customer, day = row["客户号"], booked(row["记账日期"])
        scenario = BANK.get(row["业务场景"], "utility_payment")
        if not consents.all_day(customer, scenario, day):
            continue
        if scenario == "utility_payment":
            fen = fen_of(row["金额"]) if row["金额"] else None
            reports.append(_Report(person[customer], scenario, day, fen))
        else:
            result[person[customer], scenario, date_of(day), Decimal(row["笔数"]), True] += 1
    _book("bank", sorted(reports, key=lambda report: report.fen is None), acts)
    for report in reports:
        if report.act is None:
            acts[report.who, report.scenario].append(Act(report.day, report.fen, Decimal(1), {"bank"}, is_placed=True))


@dataclass(frozen=True)
class _Card:
    """A purchase with a bank's card, or what was taken back: `takes_back` is its number.

    is_part: only a part was taken back.
    """

    customer: str
    number: str
    day: int
    fen: int
    payee: str
    takes_back: str = ""
    merchant: str = ""
    is_part: bool = False


def _citic_cards(home: Path) -> Iterator[_Card]:
    """Purchases, reversals and partial refunds."""
    for row in records(home, "citic_bank", "card_transactions"):
        day, fen = booked(row["记账日期"]), fen_of(row["交易金额"])
        yield _Card(
            row["客户号"],
            row["流水号"],
            day,
            abs(fen),
            row["商户名称"],
            row["原流水号"],
            row["商户号"],
            is_part=row["交易类型"] == "部分退款",
        )


def _icbc_cards(home: Path) -> Iterator[_Card]:
    """Booked debits in yuan, and the credits that reverse them."""
    for row in records(home, "icbc", "statements"):
        is_debit = row["CdtDbtInd"] == "DBIT"
        if row["Sts"] == "BOOK" and row["Ccy"] == "CNY" and is_debit != row["RvslInd"]:
            day, original = seconds(row["date"]) // DAY, "" if is_debit else row["original"]
            number = row["AcctSvcrRef"]
            yield _Card(row["account"], number, day, fen_of(row["Amt"]), row["Cdtr"], original)


def add_cards(home: Path, person: dict[str, Who], consents: Consents, acts: Acts, alone: list[Paid]) -> None:
    """Card rows earn nothing; one that is reversed takes a bill back, never a ride. Behind a payment lies one card."""
    feed, cards = "card", [*_citic_cards(home), *_icbc_cards(home)]
    reversed_ = {card.takes_back for card in cards if not card.is_part}
    parts: Counter[str] = Counter()
    for card in cards:
        parts[card.takes_back] += card.fen if card.is_part else 0
    reports = []
    for card in cards:
        scenario = scenario_of(card.payee)
        if card.takes_back or not card.payee or not consents.all_day(card.customer, scenario, card.day):
            continue
        paid = Paid(person[card.customer], scenario, card.day, card.fen, {feed}, codes_of(card.payee, card.merchant))
        paid.backs.append(parts[card.number])
        paid.is_gone = card.number in reversed_
        paid.wallet = next((wallet for prefix, wallet in WALLETS.items() if card.payee.startswith(prefix)), "")
        reports.append(_Report(paid.who, scenario, card.day, card.fen, card.number, paid))
    _book(feed, reports, acts)
    for report in reports:
        if report.act is not None and report.number in reversed_ and report.scenario == "utility_payment":
            report.act.is_refunded = True
    _book_alone(feed, [report.paid for report in reports if report.act is None and report.paid], alone)


def _book(feed: str, reports: list[_Report], acts: Acts) -> None:
    """Give every report an act of its booking day or the day before: as many as can be, then the nearest.

    Of one day those first that name the wallet through which the act was paid; one of another wallet never.
    """
    waiting: defaultdict[tuple[Who, str], list[_Report]] = defaultdict(list)
    for report in reports:
        waiting[report.who, report.scenario].append(report)
    for key, theirs in waiting.items():
        free = sorted((act for act in acts[key] if feed not in act.feeds), key=lambda act: act.start)
        ranked = _ranked([(one.day, one.fen) for one in theirs]), _ranked([(act.day, act.fen) for act in free])
        pairs = [
            {
                "claim_id": place,
                "group_id": other,
                "distance": (report.day - act.day) * 2_000
                + (1_000 if wallet != act.wallet else 0)
                + abs(ranked[0][place] - ranked[1][other]),
                "claim_at": report.day,
                "group_at": act.day,
            }
            for place, report in enumerate(theirs)
            for other, act in enumerate(free)
            for wallet in (report.paid.wallet if report.paid else "",)
            if 0 <= report.day - act.day <= 1 and _may_be(report.fen, act.fen) and _may_be(wallet, act.wallet)
        ]
        for place, other in best_pairs(pairs):
            report, act = theirs[place], free[other]
            act.feeds.add(feed)
            act.paid += [report.paid] if report.paid else []
            act.wallet = act.wallet or (report.paid.wallet if report.paid else "")
            act.fen = report.fen if act.fen is None else act.fen
            report.act = act


def _may_be(one: object, other: object) -> bool:
    """Whether two reports can say this of one payment: nothing, or the same."""
    return one in (None, "") or other in (None, "") or one == other


def _ranked(kinds: list[tuple[int, int | None]]) -> list[int]:
    """The place of each among those of its kind."""
    seen: Counter[tuple[int, int | None]] = Counter()
    places = []
    for kind in kinds:
        places.append(seen[kind])
        seen[kind] += 1
    return places


def _book_alone(feed: str, cards: list[Paid], alone: list[Paid]) -> None:
    """Cards without an act: the row of a bill of the wallet that was paid through, else a payment by themselves."""
    bills = [one for one in alone if one.wallet in one.feeds and feed not in one.feeds]
    of: defaultdict[tuple[object, ...], list[int]] = defaultdict(list)
    for place, one in enumerate(bills):
        of[one.who, one.scenario, one.fen, one.wallet, one.day].append(place)
    pairs = [
        {"claim_id": place, "group_id": bill, "distance": lag, "claim_at": card.day, "group_at": card.day - lag}
        for place, card in enumerate(cards)
        for lag in (0, 1)
        for bill in of[card.who, card.scenario, card.fen, card.wallet, card.day - lag]
    ]
    joined = dict(best_pairs(pairs))
    for place, card in enumerate(cards):
        if place in joined:
            bills[joined[place]].join(card)
        else:
            alone.append(card)

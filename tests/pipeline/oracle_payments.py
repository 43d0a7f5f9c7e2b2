"""The oracle's payments: which reports of wallets, bills and banks tell of one act, and which are taken back."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from tests.pipeline.oracle_terms import DAY, WINDOW, Act, Acts, Consents, Credit, Who, booked, date_of, fen_of, seconds
from tests.reader import Payment, payments, records

BANK = {"电子账单": "e_statement", "电子信用卡申请": "e_card"}
UTILITIES = ("国网", "水务", "燃气")


@dataclass(frozen=True, order=True)
class Paid:
    """A payment that the wallet reports as an act."""

    when: int
    who: Who
    scenario: str
    fen: int


@dataclass
class _Report:
    """A booking-dated row that looks for its act."""

    who: Who
    scenario: str
    day: int
    fen: int | None
    number: str = ""
    act: Act | None = field(default=None)


def join_wallet(paid: dict[bool, list[Paid]], is_day: bool, acts: Acts, shortest: Decimal) -> None:
    """Metro and utilities: the act that they fit, else their own."""
    for one in sorted(paid[is_day]):
        for act in acts[one.who, one.scenario]:
            fits = act.day == one.when // DAY if is_day else act.span and act.span[0] <= one.when <= act.span[1]
            if fits and act.fen == one.fen and "wallet" not in act.feeds:
                act.feeds.add("wallet")
                break
        else:
            quantity = shortest if one.scenario == "metro" else Decimal(1)
            span = None if is_day else (one.when - WINDOW, one.when + WINDOW)
            acts[one.who, one.scenario].append(Act(one.when // DAY, one.fen, quantity, {"wallet"}, span))


def add_bills(home: Path, wallet: str, person: dict[str, Who], acts: Acts) -> None:
    """A utility that a bill lists joins the act that it fits, or is one; a ride's fare is evidence alone."""
    listed = list(payments(home, wallet))
    back: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in listed:
        if row.state == "退款成功":
            back[row.number.split("_")[0]] += row.amount
    for row in sorted(listed, key=lambda one: one.at):
        if not _is_utility(row):
            continue
        when, who, fen = seconds(row.at), person[row.customer], int(row.amount * 100)
        found = acts[who, "utility_payment"]
        fitting = (a for a in found if a.fen == fen and a.span and a.span[0] <= when <= a.span[1])
        act = next((a for a in fitting if wallet not in a.feeds), None)
        if act is None:
            act = Act(when // DAY, fen, Decimal(1), set(), (when - WINDOW, when + WINDOW))
            found.append(act)
        act.feeds.add(wallet)
        act.is_refunded |= max(row.given_back, back[row.number]) >= row.amount


def _is_utility(row: Payment) -> bool:
    is_paid = row.flow == "支出" and row.state not in ("交易关闭", "退款成功")
    return is_paid and any(word in row.party for word in UTILITIES)


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
            result[person[customer], scenario, date_of(day), Decimal(row["笔数"])] += 1
    _book("bank", sorted(reports, key=lambda report: report.fen is None), acts)
    for report in reports:
        if report.act is None:
            acts[report.who, report.scenario].append(Act(report.day, report.fen, Decimal(1), {"bank"}))


@dataclass(frozen=True)
class _Card:
    """A purchase with a bank's card, or one taken back: `takes_back` is its number."""

    customer: str
    number: str
    day: int
    fen: int
    payee: str
    takes_back: str = ""


def _citic_cards(home: Path) -> Iterator[_Card]:
    """Purchases and reversals; partial refunds take nothing back."""
    for row in records(home, "citic_bank", "card_transactions"):
        original = row["原流水号"] if row["交易类型"] == "冲正" else ""
        if original or row["交易类型"] == "消费":
            day, fen = booked(row["记账日期"]), fen_of(row["交易金额"])
            yield _Card(row["客户号"], row["流水号"], day, fen, row["商户名称"], original)


def _icbc_cards(home: Path) -> Iterator[_Card]:
    """Booked debits in yuan, and the credits that reverse them."""
    for row in records(home, "icbc", "statements"):
        is_debit = row["CdtDbtInd"] == "DBIT"
        if row["Sts"] == "BOOK" and row["Ccy"] == "CNY" and is_debit != row["RvslInd"]:
            day, original = seconds(row["date"]) // DAY, "" if is_debit else row["original"]
            yield _Card(row["account"], row["AcctSvcrRef"], day, fen_of(row["Amt"]), row["Cdtr"], original)


def add_cards(home: Path, person: dict[str, Who], consents: Consents, acts: Acts) -> None:
    """Card rows earn nothing; one that is reversed takes a bill back, never a ride."""
    for feed, cards in (("citic", list(_citic_cards(home))), ("icbc", list(_icbc_cards(home)))):
        _add_cards(feed, cards, person, consents, acts)


def _add_cards(feed: str, cards: list[_Card], person: dict[str, Who], consents: Consents, acts: Acts) -> None:
    reversed_ = {card.takes_back for card in cards}
    reports = []
    for card in cards:
        is_bill = not card.takes_back and any(word in card.payee for word in UTILITIES)
        if is_bill and consents.all_day(card.customer, "utility_payment", card.day):
            reports.append(_Report(person[card.customer], "utility_payment", card.day, card.fen, card.number))
    _book(feed, reports, acts)
    for report in reports:
        if report.act is not None and report.number in reversed_:
            report.act.is_refunded = True


def _book(feed: str, reports: list[_Report], acts: Acts) -> None:
    """Give every report the act of its booking day, those left over one of the day before."""
    for lag in (0, 1):
        for report in reports:
            if report.act is not None:
                continue
            for act in acts[report.who, report.scenario]:
                fits = report.fen is None or act.fen is None or report.fen == act.fen
                if fits and act.day == report.day - lag and feed not in act.feeds:
                    act.feeds.add(feed)
                    report.act = act
                    break

"""What everybody's account must say, computed from the exports by brute force.

Who is who is taken from the truth; consents, pairing, matching, refunds, factors and caps are worked out
here, person by person, from the policy's text. Nothing of `jobs`, `schemas` or the simulator is imported.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq

from tests.reader import records

NETWORK = Path(__file__).parents[2] / "simulator/network.csv"
EPOCH = datetime(2026, 1, 1)
DAY = 86_400
WALLET = {"ditiechuxing": "metro", "xingzou": "walking", "shenghuojiaofei": "utility_payment",
          "dianzizhangdan": "e_statement", "lvsezhengwu": "online_government"}  # fmt: skip
BANK = {"电子账单": "e_statement", "电子信用卡申请": "e_card"}
SCOPE = {"metro": "travel", "walking": "travel", "utility_payment": "living", "online_government": "living",
         "e_statement": "finance", "e_card": "finance"}  # fmt: skip
SCOPES = {"ALL": "all", "GREEN_TRAVEL": "travel", "GREEN_LIFE": "living", "GREEN_FINANCE": "finance",
          "全部": "all", "出行": "travel", "生活": "living", "金融": "finance",
          "all": "all", "travel": "travel"}  # fmt: skip
GRAMS = {
    "metro": Decimal("46.7"),
    "walking": Decimal("0.02"),
    "utility_payment": Decimal("89"),
    "e_statement": Decimal("24"),
    "e_card": Decimal("89"),
}
"""Per kilometre, step, payment, statement and card; online government services have no factor."""
WALKING_CAP_MG = 296_000
POINT_MG = 1_000

Who = int
Credit = tuple[Who, str, date, Decimal]
"""Person number, scenario, act date, quantity in the scenario's unit."""
Account = dict[tuple[Who, str, date], tuple[int, int]]
"""(person number, scenario, act date) → (milligrams, points)."""


@dataclass
class _Act:
    """A real act as far as its reports tell; `span` is when a precise report may lie."""

    day: int
    fen: int | None
    quantity: Decimal
    feeds: set[str]
    span: tuple[int, int] | None = None
    is_refunded: bool = False


@dataclass
class _Report:
    """A booking-dated row that looks for its act."""

    who: Who
    scenario: str
    day: int
    fen: int | None
    number: str = ""
    act: _Act | None = field(default=None)


def accounts(credits: Counter[Credit]) -> Account:
    """Credits times factor, rounded once per act, the day's walking capped."""
    found: defaultdict[tuple[Who, str, date], list[int]] = defaultdict(list)
    for (who, scenario, day, quantity), times in credits.items():
        found[who, scenario, day] += [int(quantity * GRAMS[scenario] * 1_000)] * times
    return {key: _capped(key[1], amounts) for key, amounts in found.items()}


def _capped(scenario: str, amounts: list[int]) -> tuple[int, int]:
    excess = max(0, sum(amounts) - WALKING_CAP_MG) if scenario == "walking" else 0
    points = sum(amount // POINT_MG for amount in amounts)
    return sum(amounts) - excess, points - -(-excess // POINT_MG)


def credited(home: Path) -> Counter[Credit]:
    """Every act that must be credited."""
    customers = pq.read_table(home / "truth/customers.parquet").to_pylist()
    person = {row["customer_id"]: row["person_no"] for row in customers}
    consents = _Consents(home)
    acts: defaultdict[tuple[Who, str], list[_Act]] = defaultdict(list)
    result: Counter[Credit] = Counter()
    shortest = _add_rides(home, person, consents, acts)
    _add_wallet(home, person, consents, acts, shortest, result)
    _add_bank(home, person, consents, acts, result)
    _add_cards(home, person, consents, acts)
    for (who, scenario), found in acts.items():
        for act in found:
            if not act.is_refunded:
                result[who, scenario, _date(act.day), act.quantity] += 1
    return result


def network() -> dict[frozenset[str], int]:
    """Metres of the shortest trip between every two stations."""
    with NETWORK.open(encoding="utf-8") as file:
        return {frozenset((one, other)): int(metres) for one, other, metres in list(csv.reader(file))[1:]}


class _Consents:
    """Every consent event: the latest that names the scope or all decides, withdrawal first."""

    def __init__(self, home: Path) -> None:
        self._events: defaultdict[str, list[tuple[int, bool, str]]] = defaultdict(list)
        for institution in ("alipay", "citic_bank", "hangzhou_metro"):
            for row in records(home, institution, "consents"):
                customer, scope, status, at = row.values()
                is_given = status in ("AUTHORIZED", "授权", "grant")
                self._events[customer].append((_seconds(at), not is_given, SCOPES[scope]))

    def at(self, customer: str, scenario: str, when: int) -> bool:
        told = [event for event in self._events[customer] if event[0] <= when and event[2] in ("all", SCOPE[scenario])]
        return bool(told) and not max(told)[1]

    def all_day(self, customer: str, scenario: str, day: int) -> bool:
        changes = [event[0] for event in self._events[customer] if day * DAY < event[0] < (day + 1) * DAY]
        return all(self.at(customer, scenario, when) for when in [day * DAY, *changes])


def _add_rides(
    home: Path,
    person: dict[str, Who],
    consents: _Consents,
    acts: defaultdict[tuple[Who, str], list[_Act]],
) -> Decimal:
    """Entry and next exit within four hours; the kilometres of the network's shortest trip."""
    metres = network()
    taps: defaultdict[str, list[tuple[int, str, str, int]]] = defaultdict(list)
    for row in records(home, "hangzhou_metro", "taps"):
        taps[row["userID"]].append((_seconds(row["time"]), row["stationID"], row["status"], int(row["fare"])))
    for user, passages in taps.items():
        for entry, leave in pairwise(_without_double(sorted(passages))):
            is_ride = (entry[2], leave[2]) == ("1", "0") and leave[0] - entry[0] <= 4 * 3_600
            if is_ride and consents.at(user, "metro", entry[0]):
                kilometres = Decimal(metres[frozenset((entry[1], leave[1]))]) / 1_000
                span = (entry[0] - 600, leave[0] + 600)
                acts[person[user], "metro"].append(_Act(entry[0] // DAY, leave[3], kilometres, {"taps"}, span))
    return Decimal(min(metres.values())) / 1_000


def _without_double(passages: Iterable[tuple[int, str, str, int]]) -> Iterator[tuple[int, str, str, int]]:
    last: tuple[int, str, str, int] | None = None
    for passage in passages:
        is_double = last is not None and last[1:3] == passage[1:3] and passage[0] - last[0] <= 60
        if not is_double:
            yield passage
            last = passage


def _add_wallet(
    home: Path,
    person: dict[str, Who],
    consents: _Consents,
    acts: defaultdict[tuple[Who, str], list[_Act]],
    shortest: Decimal,
    result: Counter[Credit],
) -> None:
    """Steps: the day's highest reading. Metro and bills: the act that they fit, else their own."""
    steps: defaultdict[tuple[Who, int], Decimal] = defaultdict(Decimal)
    waiting: list[tuple[bool, int, Who, str, int]] = []
    for row in records(home, "alipay", "acts"):
        customer, at = row["account_did"], row["occurrent_time"]
        scenario, is_day = WALLET[row["scenario_code"].rsplit("_", 1)[1]], len(at) == 10
        when, amount = _seconds(at), Decimal(row["active_data_list"][0]["item_amount"])
        if not (consents.all_day(customer, scenario, when // DAY) if is_day else consents.at(customer, scenario, when)):
            continue
        who = person[customer]
        if scenario == "walking":
            steps[who, when // DAY] = max(steps[who, when // DAY], amount)
        elif scenario == "e_statement":
            result[who, scenario, _date(when // DAY), amount] += 1
        elif scenario != "online_government":
            waiting.append((is_day, when, who, scenario, int(amount * 100)))
    for (who, day), count in steps.items():
        result[who, "walking", _date(day), count] += 1
    for is_day, when, who, scenario, fen in sorted(waiting):
        for act in acts[who, scenario]:
            fits = act.day == when // DAY if is_day else act.span and act.span[0] <= when <= act.span[1]
            if fits and act.fen == fen and "wallet" not in act.feeds:
                act.feeds.add("wallet")
                break
        else:
            quantity = shortest if scenario == "metro" else Decimal(1)
            acts[who, scenario].append(_Act(when // DAY, fen, quantity, {"wallet"}))


def _add_bank(
    home: Path,
    person: dict[str, Who],
    consents: _Consents,
    acts: defaultdict[tuple[Who, str], list[_Act]],
    result: Counter[Credit],
) -> None:
    """Statements and cards are acts of the bank alone; bills join the wallet's, or stand by themselves."""
    reports = []
    for row in records(home, "citic_bank", "acts"):
        customer, day = row["客户号"], _booked(row["记账日期"])
        scenario = BANK.get(row["业务场景"], "utility_payment")
        if not consents.all_day(customer, scenario, day):
            continue
        if scenario == "utility_payment":
            fen = _fen(row["金额"]) if row["金额"] else None
            reports.append(_Report(person[customer], scenario, day, fen))
        else:
            result[person[customer], scenario, _date(day), Decimal(row["笔数"])] += 1
    _book("bank", sorted(reports, key=lambda report: report.fen is None), acts)
    for report in reports:
        if report.act is None:
            acts[report.who, report.scenario].append(_Act(report.day, report.fen, Decimal(1), {"bank"}))


def _add_cards(
    home: Path,
    person: dict[str, Who],
    consents: _Consents,
    acts: defaultdict[tuple[Who, str], list[_Act]],
) -> None:
    """Card rows earn nothing; one that is reversed takes a bill back, never a ride."""
    reports, reversed_ = [], set()
    for row in records(home, "citic_bank", "card_transactions"):
        if row["交易类型"] == "冲正":
            reversed_.add(row["原流水号"])
        is_bill = any(word in row["商户名称"] for word in ("国网", "水务", "燃气"))
        if row["交易类型"] != "消费" or not is_bill:
            continue
        customer, day = row["客户号"], _booked(row["记账日期"])
        if consents.all_day(customer, "utility_payment", day):
            reports.append(_Report(person[customer], "utility_payment", day, _fen(row["交易金额"]), row["流水号"]))
    _book("card", reports, acts)
    for report in reports:
        if report.act is not None and report.number in reversed_:
            report.act.is_refunded = True


def _book(feed: str, reports: list[_Report], acts: defaultdict[tuple[Who, str], list[_Act]]) -> None:
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


def _seconds(text: str) -> int:
    """Local seconds since `EPOCH`, of a moment or of a day's midnight."""
    return int((datetime.fromisoformat(text) - EPOCH).total_seconds())


def _booked(text: str) -> int:
    return (datetime.strptime(text, "%Y%m%d") - EPOCH).days


def _date(day: int) -> date:
    return EPOCH.date() + timedelta(days=day)


def _fen(yuan: str) -> int:
    return int(Decimal(yuan.replace(",", "")) * 100)

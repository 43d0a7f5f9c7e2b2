"""Histories of hostile days, made at random: few people, who ride, pay and walk where everything can be mistaken.

Equal fares minutes apart, coupons, wallets whose clock is late, bookings of the day after, two wallets and two banks,
running totals around a withdrawal, corrections under the same number of what a row says and of whose it is, days that are
sent anew, identifiers that join people and no longer do. What comes out must not depend on the order of arrival.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

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
)  # fmt: skip
from tests.support.order import Statement
from tests.support.sent import icbc_statements, wechat_bill

DATES = [date(2026, 11, day) for day in (1, 2, 3)]
RUN_DATES = [date(2026, 11, day) for day in (4, 5, 6, 7)]
"""After all business dates, so that any statement may come to any run."""
PEOPLE = (0, 1)
STATIONS = ("S01", "S02", "S05", "S09")
METRO, UTILITY, LUNCH = "杭州地铁", "国网浙江省电力有限公司", "知味观"
PREFIX = {"alipay": "支付宝-", "wechat_pay": "财付通-", "": ""}


@dataclass
class _Day:
    """What an institution has to send of a business date, by feed."""

    rows: defaultdict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))

    def copy(self) -> _Day:
        return _Day(defaultdict(list, {feed: list(rows) for feed, rows in self.rows.items()}))


class History:
    """The statements of a history; the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._days: defaultdict[tuple[str, date], _Day] = defaultdict(_Day)
        self._bills: list[tuple[int, datetime, str, int, int]] = []
        self._number = 0
        for who in PEOPLE:
            self._known(who)
            for day in DATES:
                self._rides(who, day)
                self._utilities(who, day)
                self._lunches(who, day)
                self._steps(who, day)
        self._days["wechat_pay", DATES[-1]].rows["bills"] += PEOPLE
        self.statements = dict(self._statements())

    def _may(self, share: float) -> bool:
        return self._chance.random() < share

    def _next(self) -> int:
        self._number += 1
        return self._number

    # -- who is known, and agrees --------------------------------------------------------------------

    def _known(self, who: int) -> None:
        """Accounts everywhere; of the second person one that for a time looks like the first's."""
        chance, first = self._chance, DATES[0]
        for account in (who + 1, who + 3):  # two accounts at the wallet
            shared = PHONE[0] if self._may(0.3) else PHONE[who]
            citizen = CITIZEN[who] if account < 3 or self._may(0.5) else ""
            self._days["alipay", first].rows["registrations"].append((account, citizen, shared, REGISTERED))
            if self._may(0.4):
                again = (account, citizen, PHONE[who], f"{DATES[1]} 10:00:00")
                self._days["alipay", chance.choice(DATES[1:])].rows["registrations"].append(again)
            self._consents(account)
        known = {
            "hangzhou_metro": [f"H{who},{CITIZEN[who]},{PHONE[who]},P,{REGISTERED}", f"H{who},all,grant,{CONSENTED}"],
            "citic_bank": [
                f"C{who}|{CITIZEN[who]}|{PHONE[who]}|{CARD[who]}|个人|{REGISTERED}",
                f"C{who}|全部|授权|{CONSENTED}",
            ],
            "icbc": [f"I{who},{CITIZEN[who]},{PHONE[who]},,P,{REGISTERED}", f"I{who},ALL,Y,{CONSENTED}"],
            "wechat_pay": [f"oPENID000000000{who},{CITIZEN[who]},{PHONE[who]},personal,{REGISTERED}"],
        }
        for institution, (registration, *consent) in known.items():
            self._days[institution, first].rows["registrations"].append(registration)
            self._days[institution, first].rows["consents"] += consent

    def _consents(self, account: int) -> None:
        """Given since long ago; by some withdrawn at noon of a day, and given anew."""
        self._days["alipay", DATES[0]].rows["consents"].append((account, "AUTHORIZED", CONSENTED))
        if self._may(0.4):
            day = self._chance.choice(DATES)
            self._days["alipay", DATES[-1]].rows["consents"].append((account, "CANCELLED", f"{day} 12:00:00"))
            if self._may(0.5):
                self._days["alipay", DATES[-1]].rows["consents"].append((account, "AUTHORIZED", f"{day} 18:00:00"))

    # -- what was done -------------------------------------------------------------------------------

    def _rides(self, who: int, day: date) -> None:
        at = datetime.combine(day, datetime.min.time()) + timedelta(hours=8)
        for _ in range(self._chance.choice((0, 1, 2, 3))):
            leaves = at + timedelta(minutes=self._chance.choice((5, 9, 20)))
            fare = self._chance.choice((300, 400))
            if self._may(0.85):
                start, end = self._chance.sample(STATIONS, 2)
                taps = self._days["hangzhou_metro", day].rows["taps"]
                taps += [f"{at},1,{start},D1,1,H{who},3,0", f"{leaves},1,{end},D1,0,H{who},3,{fare}"]
            paid = fare - 100 if self._may(0.2) else fare
            moment = leaves + timedelta(seconds=self._chance.choice((-30, 5, 120, 360, 540)))
            self._pay(who, moment, paid, METRO, "ditiechuxing")
            at = leaves + timedelta(minutes=self._chance.choice((2, 4, 15, 300)))

    def _utilities(self, who: int, day: date) -> None:
        for _ in range(self._chance.choice((0, 0, 1, 2))):
            moment = datetime.combine(day, datetime.min.time()) + timedelta(
                hours=15, minutes=self._chance.choice((0, 3, 8))
            )
            fen = self._chance.choice((5000, 5000, 6000))
            self._pay(who, moment, fen, UTILITY, "shenghuojiaofei")
            if self._may(0.4):
                booked = day + timedelta(days=self._chance.choice((0, 1)))
                told = "" if self._may(0.2) else f"{fen / 100:.2f}"
                self._book(
                    "citic_bank", "acts", booked, (f"C{who}|线上缴费（电费）|{booked:%Y%m%d}|1|{told}|", told or "0")
                )

    def _lunches(self, who: int, day: date) -> None:
        if self._may(0.6):
            self._pay(who, datetime.combine(day, datetime.min.time()) + timedelta(hours=12), 1500, LUNCH, "")

    def _pay(self, who: int, moment: datetime, fen: int, merchant: str, scenario: str) -> None:
        """A payment, by a wallet, by card, or both; some rows are corrected under their number, some taken back."""
        through = self._chance.choice(("alipay", "alipay", "wechat_pay", "") if scenario else ("wechat_pay", ""))
        if through == "alipay":
            told = str(moment.date()) if self._may(0.15) else str(moment)
            self._wallet_act(self._next(), who + 1, moment.date(), told, scenario, fen // 100)
        if through == "wechat_pay" and self._may(0.8):
            self._bills.append((who, moment, merchant, fen, self._next()))
        if not through or self._may(0.6):
            self._card(who, moment.date(), fen, PREFIX[through] + merchant)

    def _wallet_act(self, number: int, account: int, day: date, told: str, scenario: str, amount: int) -> None:
        self._days["alipay", day].rows["acts"].append((number, account, told, scenario, amount))
        if day < DATES[-1] and self._may(0.15):  # the day after says it otherwise
            other = {
                "account": (number, 5 - account, told, scenario, amount),
                "scenario": (number, account, told, "shenghuojiaofei", amount),
                "amount": (number, account, told, scenario, amount + 1),
            }[self._chance.choice(("account", "scenario", "amount"))]
            self._days["alipay", day + timedelta(days=1)].rows["acts"].append(other)

    def _card(self, who: int, day: date, fen: int, merchant: str) -> None:
        number, booked = self._next(), day + timedelta(days=self._chance.choice((0, 0, 1)))
        yuan = f"{fen / 100:.2f}"
        if self._may(0.5):
            clock = f"{booked}T{self._chance.choice(('12:00:40', '23:10:00'))}"
            self._book("icbc", "statements", booked, (f"I{who}", number, clock, yuan, merchant))
            return
        row = f"T{number}|C{who}|{CARD[who]}|{booked:%Y%m%d}|{yuan}|消费|{merchant}||"
        self._book("citic_bank", "card_transactions", booked, (row, yuan))
        if self._may(0.15):
            later = booked + timedelta(days=1)
            row = f"T{self._next()}|C{who}|{CARD[who]}|{later:%Y%m%d}|-{yuan}|冲正|{merchant}||T{number}"
            self._book("citic_bank", "card_transactions", later, (row, f"-{yuan}"))

    def _book(self, institution: str, feed: str, booked: date, row: tuple[Any, ...]) -> None:
        """Nobody books beyond the last date here."""
        if booked <= DATES[-1]:
            self._days[institution, booked].rows[feed].append(row)

    def _steps(self, who: int, day: date) -> None:
        """The phone's running total, told by both accounts of some."""
        total = 0
        for hour in (9, 13, 20, 23):
            total += self._chance.choice((1000, 4000))
            for account in (who + 1, who + 3):
                if self._may(0.4):
                    told = f"{day} {hour}:0{account}:00"
                    self._days["alipay", day].rows["acts"].append((self._next(), account, told, "xingzou", total))

    # -- how it is sent ------------------------------------------------------------------------------

    def _statements(self) -> Iterator[tuple[str, Statement]]:
        """Every day of every institution; some are sent anew, with a row less or more."""
        for (institution, day), made in sorted(self._days.items(), key=lambda one: str(one[0])):
            yield f"{institution} {day}", (institution, str(day), 0, self._parts(institution, day, made))
            if self._may(0.25):
                other = made.copy()
                for feed, rows in other.rows.items():
                    if feed not in ("registrations", "consents") and rows and self._may(0.7):
                        rows.remove(self._chance.choice(rows))
                yield f"{institution} {day} anew", (institution, str(day), 1, self._parts(institution, day, other))

    def _parts(self, institution: str, day: date, made: _Day) -> list[Part]:
        parts = {
            "alipay": _alipay,
            "hangzhou_metro": _metro,
            "citic_bank": _citic,
            "icbc": _icbc,
            "wechat_pay": _wechat,
        }[institution](made.rows)
        return parts + [sent for who in made.rows["bills"] if (sent := self._bill(who))]

    def _bill(self, who: int) -> Part | None:
        """What the person's second wallet lists of the whole time."""
        paid = [one for one in self._bills if one[0] == who]
        if not paid:
            return None
        payments = ((number, at, merchant, f"{fen / 100:.2f}", "支付成功") for _, at, merchant, fen, number in paid)
        sent = wechat_bill(f"oPENID000000000{who}", DATES[0], DATES[-1], f"{DATES[-1]} 23:59:59", *payments)
        return replace(sent, part=who + 1)


Rows = defaultdict[str, list[Any]]


def _alipay(rows: Rows) -> list[Part]:
    return [
        alipay_acts(*((*told, str(amount)) for *told, amount in rows["acts"])),
        alipay_registrations(*((*told, [], at) for *told, at in rows["registrations"])),
        alipay_consents(*((account, "ALL", status, at) for account, status, at in rows["consents"])),
    ]


def _metro(rows: Rows) -> list[Part]:
    fares = sum(int(row.rsplit(",", 1)[1]) for row in rows["taps"])
    return [
        table("hangzhou_metro", "taps", *rows["taps"], total=str(fares)),
        table("hangzhou_metro", "registrations", *rows["registrations"]),
        table("hangzhou_metro", "consents", *rows["consents"]),
    ]


def _citic(rows: Rows) -> list[Part]:
    return [
        *(
            table(
                "citic_bank",
                feed,
                *(row for row, _ in rows[feed]),
                total=f"{sum(float(yuan) for _, yuan in rows[feed]):.2f}",
            )
            for feed in ("acts", "card_transactions")
        ),
        table("citic_bank", "registrations", *rows["registrations"]),
        table("citic_bank", "consents", *rows["consents"]),
    ]


def _icbc(rows: Rows) -> list[Part]:
    return [
        icbc_statements(*rows["statements"]),
        table("icbc", "registrations", *rows["registrations"]),
        table("icbc", "consents", *rows["consents"]),
    ]


def _wechat(rows: Rows) -> list[Part]:
    return [table("wechat_pay", "registrations", *rows["registrations"])]


def in_order(history: History) -> list[list[str]]:
    """Business date by business date, what is sent anew with the last."""
    names = list(history.statements)
    runs = [[name for name in names if name.endswith(str(day))] for day in DATES]
    return [*runs, [name for name in names if name.endswith("anew")]]


def shuffled(history: History, seed: int) -> list[list[str]]:
    """In any order, over three runs."""
    chance = random.Random(seed)
    names = chance.sample(list(history.statements), len(history.statements))
    first, second = sorted(chance.sample(range(1, len(names)), 2))
    return [names[:first], names[first:second], names[second:]]

"""What the oracle's parts share: acts, the clock, and who agrees to what."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from tests.reader import records

EPOCH = datetime(2026, 1, 1)
DAY = 86_400
WINDOW = 600
WASTE = {"纸": "recycling_paper", "塑料": "recycling_plastic", "玻璃": "recycling_glass",
         "织物": "recycling_textile", "金属": "recycling_metal"}  # fmt: skip
SCOPE = {"metro": "travel", "walking": "travel", "utility_payment": "living", "online_government": "living",
         "e_statement": "finance", "e_card": "finance", "shared_bike": "travel",
         **dict.fromkeys(WASTE.values(), "living")}  # fmt: skip
SCOPES = {"ALL": "all", "GREEN_TRAVEL": "travel", "GREEN_LIFE": "living", "GREEN_FINANCE": "finance",
          "全部": "all", "出行": "travel", "生活": "living", "金融": "finance",
          "TRAVEL": "travel", "LIVING": "living", "FINANCE": "finance",
          "all": "all", "travel": "travel", "living": "living", "finance": "finance"}  # fmt: skip
GIVEN = {"AUTHORIZED", "授权", "grant", "Y", "on", "granted"}
INSTITUTIONS = ("alipay", "citic_bank", "hangzhou_metro", "icbc", "huge_recycling", "hellobike", "zheliban")
"""Those whose consents matter: bringing a bill is consent."""

Who = int
Credit = tuple[Who, str, date, Decimal]
"""Person number, scenario, act date, quantity in the scenario's unit."""


@dataclass
class Act:
    """A real act as far as its reports tell; `span` is when a precise report may lie."""

    day: int
    fen: int | None
    quantity: Decimal
    feeds: set[str]
    span: tuple[int, int] | None = None
    is_refunded: bool = False


Acts = defaultdict[tuple[Who, str], list[Act]]
"""By person number and scenario."""


class Consents:
    """Every consent event: the latest that names the scope or all decides, withdrawal first."""

    def __init__(self, home: Path) -> None:
        self._events: defaultdict[str, list[tuple[int, bool, str]]] = defaultdict(list)
        for institution in INSTITUTIONS:
            for row in records(home, institution, "consents"):
                customer, scope, status, at = row.values()
                self._events[customer].append((seconds(at), status not in GIVEN, SCOPES[scope]))

    def at(self, customer: str, scenario: str, when: int) -> bool:
        told = [event for event in self._events[customer] if event[0] <= when and event[2] in ("all", SCOPE[scenario])]
        return bool(told) and not max(told)[1]

    def all_day(self, customer: str, scenario: str, day: int) -> bool:
        changes = [event[0] for event in self._events[customer] if day * DAY < event[0] < (day + 1) * DAY]
        return all(self.at(customer, scenario, when) for when in [day * DAY, *changes])


def seconds(text: str) -> int:
    """Local seconds since `EPOCH`, of a moment or of a day's midnight."""
    return int((datetime.fromisoformat(text) - EPOCH).total_seconds())


def booked(text: str) -> int:
    return (datetime.strptime(text, "%Y%m%d") - EPOCH).days


def date_of(day: int) -> date:
    return EPOCH.date() + timedelta(days=day)


def fen_of(yuan: str) -> int:
    return int(Decimal(yuan.replace(",", "")) * 100)

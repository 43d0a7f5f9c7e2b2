"""What the oracle's parts share: acts, the clock, and who agrees to what."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from tests.support.reader import records

EPOCH = datetime(2026, 1, 1)
DAY = 86_400
WINDOW = 600
WASTE = {"纸": "recycling_paper", "塑料": "recycling_plastic", "玻璃": "recycling_glass",
         "织物": "recycling_textile", "金属": "recycling_metal"}  # fmt: skip
SCOPE = {"metro": "travel", "bus": "travel", "spending": "finance",
         "walking": "travel", "utility_payment": "living", "online_government": "living",
         "e_statement": "finance", "e_card": "finance", "shared_bike": "travel", "e_bike": "travel",
         **dict.fromkeys(WASTE.values(), "living")}  # fmt: skip
SCOPES = {"ALL": "all", "GREEN_TRAVEL": "travel", "GREEN_LIFE": "living", "GREEN_FINANCE": "finance",
          "全部": "all", "出行": "travel", "生活": "living", "金融": "finance",
          "TRAVEL": "travel", "LIVING": "living", "FINANCE": "finance",
          "all": "all", "travel": "travel", "living": "living", "finance": "finance"}  # fmt: skip
GIVEN = {"AUTHORIZED", "授权", "grant", "Y", "on", "granted"}
INSTITUTIONS = ("alipay", "citic_bank", "hangzhou_metro", "icbc", "huge_recycling", "hellobike", "zheliban")
"""Those whose consents matter: bringing a bill is consent."""

USUAL = {"metro": "4111", "bus": "4111", "utility_payment": "4900"}
"""The merchant of an act, whether a report names it or not."""
Who = int
Credit = tuple[Who, str, date, Decimal, bool]
"""Person number, scenario, act date, quantity in the scenario's unit, and whether its leading report tells a place."""


@dataclass
class Paid:
    """A payment as its reports tell it.

    codes: what a number (0) or a name (1) says of the merchant. backs: fen that each report says were given back.
    wallet: through whose bill it is known. is_gone: taken back whole.
    """

    who: Who
    scenario: str
    day: int
    fen: int | None
    feeds: set[str] = field(default_factory=set)
    codes: list[tuple[int, str]] = field(default_factory=list)
    backs: list[int] = field(default_factory=list)
    wallet: str = ""
    is_gone: bool = False

    def join(self, other: Paid) -> None:
        """Another report of the same payment."""
        self.feeds |= other.feeds
        self.codes += other.codes
        self.backs += other.backs
        self.is_gone |= other.is_gone
        self.fen = other.fen if self.fen is None else self.fen

    @property
    def spent(self) -> int | None:
        """Fen, once: two reports of a refund are of the same money."""
        if self.fen is None:
            return None
        return 0 if self.is_gone else max(0, self.fen - max(self.backs, default=0))

    @property
    def code(self) -> str | None:
        return min(self.codes)[1] if self.codes else USUAL.get(self.scenario)


@dataclass
class Act:
    """A real act as far as its reports tell; `span` is when a precise report may lie.

    paid: what they say of money. wallet: through which it was paid. is_placed: its leading report tells where it was.
    """

    day: int
    fen: int | None
    quantity: Decimal
    feeds: set[str]
    span: tuple[int, int] | None = None
    is_refunded: bool = False
    wallet: str = ""
    paid: list[Paid] = field(default_factory=list)
    is_placed: bool = False

    @property
    def start(self) -> int:
        """The earliest second that a report may state; of what is known by the day, its midnight."""
        return self.day * DAY if self.span is None else self.span[0]

    def away(self, when: int) -> int:
        """Seconds from the nearer end of a precise act."""
        assert self.span is not None
        return min(abs(when - self.span[0] - WINDOW), abs(when - self.span[1] + WINDOW))

    def payment(self, who: Who, scenario: str) -> Paid:
        """All that the reports say of money, as one."""
        whole = Paid(who, scenario, self.day, self.fen)
        for one in self.paid:
            whole.join(one)
        return whole


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

    def changes(self, customer: str, scenario: str, day: int) -> list[int]:
        """Seconds of a day at which consent begins or ends."""
        events = {at for at, _, scope in self._events[customer] if scope in ("all", SCOPE[scenario])}
        return [
            at
            for at in sorted(events)
            if day * DAY < at < (day + 1) * DAY
            and self.at(customer, scenario, at) != self.at(customer, scenario, at - 1)
        ]

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

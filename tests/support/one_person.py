"""One person who rides the metro, pays with two wallets and has cards of two banks, by hand and through the real jobs.

Kilograms are told in milligrams by scenario: a utility bill earns 89 g, a step 0.02 g.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from jobs.lake import Lake
from tests.support.exports import (
    CARD,
    CITIZEN,
    CONSENTED,
    PHONE,
    REGISTERED,
    Part,
    alipay_consents,
    alipay_registrations,
    deliver,
    table,
)
from tests.support.sent import icbc_statements, wechat_bill
from tests.support.worlds import days, embedded_lake, land_world, rows, run_days

D1, D2, D3, D4 = days(4)
BILL = 89_000
STEP = 20
OPENID = "oPENID0000000001"
"""The same person at the second wallet."""


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


def known_world(home: Path) -> World:
    """The person's accounts, with consent to everything since before."""
    made = World(home)
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
    return icbc_statements(*(("I1", *one) for one in booked))


def bill(*paid: tuple[int, str, str, str], last: date = D1) -> Part:
    """The second wallet's bill of the person: number, time, merchant, yuan."""
    return wechat_bill(OPENID, D1, last, f"{last} 23:59:59", *((*one, "支付成功") for one in paid))


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


def again(world: World, *dates: date) -> None:
    """A full recomputation posts nothing."""
    lake = embedded_lake(world.home)
    before = stands(lake), credits(lake)
    posted = len(rows(lake, "gold.ledger"))
    run_days(lake, world.home, dates[-1:], full=True)
    assert len(rows(lake, "gold.ledger")) == posted
    assert (stands(lake), credits(lake)) == before

"""What the canteens send: CSV of drinks at the till and of trays given back."""

from __future__ import annotations

from typing import Any

from simulator.formats.feed import Customers, Feed, Writer, customers, header, listed, separated, yuan
from simulator.people import Block
from simulator.rows import CANTEEN, Rows

ORDER = "orderNo,memberNo,canteen,choice,state,payTime,payAmount"
TRAY = "trayNo,memberNo,canteen,returnTime,leftGrams,result"
CHOICES = ("OWN_CUP", "PAPER_CUP", "STANDARD", "SMALL")
GIVEN_BACK = 2
RESULTS = ("CLEAN", "LEFT", "UNKNOWN")
LEFT_GRAMS = ("4", "85", "")

CUSTOMERS = Customers(
    CANTEEN,
    registration={
        "memberNo": "customer",
        "idCard": "citizen_id",
        "phone": "phone",
        "memberKind": "kind",
        "joinTime": "at",
    },
    kinds=("P", "B"),
    consent=("memberNo", "scope", "action", "time"),
    scopes=("", "living", "", "all"),
    states=("grant", "revoke"),
)


class HangzhouCanteen(Writer):
    """The canteens' feeds."""

    def feeds(self) -> list[Feed]:
        """All of them."""
        keyed: dict[str, Any] = {"first_line": 2, "is_keyed": True, "is_of_acts": True}
        return [
            Feed(CANTEEN, "orders", ".csv", self._orders, header=header(ORDER), **keyed),
            Feed(CANTEEN, "trays", ".csv", self._trays, header=header(TRAY), **keyed),
            *(separated(table, ".csv") for table in CUSTOMERS.tables(self._calendar)),
        ]

    def _orders(self, rows: Rows, block: Block) -> list[str]:
        return [
            f"SO{serial:016d},{member},西溪,{CHOICES[choice]},{'REFUNDED' if choice == GIVEN_BACK else 'PAID'},{at},{yuan(fen)}"
            for serial, member, choice, at, fen in zip(
                rows["serial"].tolist(),
                customers(CANTEEN, rows, block),
                rows["choice"].tolist(),
                self._calendar.moments(rows["at"]),
                rows["fen"].tolist(),
                strict=True,
            )
        ]

    def _trays(self, rows: Rows, block: Block) -> list[str]:
        return [
            f"TR{serial:016d},{member},西溪,{at},{LEFT_GRAMS[left]},{RESULTS[left]}"
            for serial, member, left, at in zip(
                rows["serial"].tolist(),
                customers(CANTEEN, rows, block),
                *listed(rows, "left"),
                self._calendar.moments(rows["at"]),
                strict=True,
            )
        ]

"""What the charging operator sends: gzipped JSON lines, an order inside each."""

from __future__ import annotations

from simulator.formats.feed import Customers, Feed, Writer, customers, json_lines, listed, short, yuan
from simulator.people import Block
from simulator.rows import TELD, Rows

AREAS = ("330106", "330782", "310115")
"""Counties of stations and of starts: in the city, in the province, elsewhere."""
CARS = ("BEV", "HEV", "ICE", "PHEV", "EBIKE")
"""By kind of car; the last of what is none."""

CUSTOMERS = Customers(
    TELD,
    registration={
        "UserID": "customer",
        "IDCard": "citizen_id",
        "Mobile": "phone",
        "UserType": "kind",
        "RegTime": "at",
    },
    kinds=("P", "E"),
    consent=("UserID", "Scope", "State", "Time"),
    scopes=("TRAVEL", "", "", "ALL"),
    states=("1", "0"),
)


class Teld(Writer):
    """The charging operator's feeds."""

    def feeds(self) -> list[Feed]:
        """All of them."""
        orders = Feed(
            *(TELD, "orders", ".jsonl.gz", self._orders),
            sum_column="TotalPower",
            sum_places=2,
            is_keyed=True,
            is_of_acts=True,
        )
        return [orders, *map(json_lines, CUSTOMERS.tables(self._calendar))]

    def _orders(self, rows: Rows, block: Block) -> list[str]:
        return [
            f'{{"OperatorID":"MA00305A7","UserID":"{user}","AreaCode":"{AREAS[area]}","CarType":"{CARS[car]}",'
            f'"Order":{{"StartChargeSeq":"MA00305A7{serial:018d}","ConnectorID":"{AREAS[area]}0014110P5F0101",'
            f'"StartTime":"{start}","EndTime":"{end}","TotalPower":{short(power, 2)},"TotalMoney":{yuan(fen)},'
            f'"StopReason":2}}}}'
            for user, area, car, serial, power, fen, start, end in zip(
                customers(TELD, rows, block),
                *listed(rows, "area", "car", "serial", "total", "fen"),
                self._calendar.moments(rows["at"] - rows["minutes"] * 60),
                self._calendar.moments(rows["at"]),
                strict=True,
            )
        ]

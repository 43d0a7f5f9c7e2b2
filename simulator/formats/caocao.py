"""What the ride operator sends: gzipped JSON lines of rides and of rentals, times as numbers."""

from __future__ import annotations

from typing import Any

from simulator.formats.feed import Customers, Feed, Writer, customers, json_lines, listed, short, yuan
from simulator.formats.teld import AREAS
from simulator.people import Block
from simulator.rows import CAOCAO, DAY, Column, Rows

CANCELLED, UNPAID, POOLED, PETROL = range(1, 5)

CUSTOMERS = Customers(
    CAOCAO,
    registration={
        "PassengerId": "customer",
        "PassengerPhone": "phone",
        "PassengerType": "kind",
        "RegisterDate": "at",
    },
    kinds=("1", "2"),
    consent=("PassengerId", "Scope", "State", "Time"),
    scopes=("travel", "", "", "all"),
    states=("1", "0"),
)


class Caocao(Writer):
    """The ride operator's feeds."""

    def feeds(self) -> list[Feed]:
        """All of them."""
        acts: dict[str, Any] = {"sum_column": "DriveMile", "is_keyed": True, "is_of_acts": True}
        return [
            Feed(CAOCAO, "rides", ".jsonl.gz", self._rides, sum_places=1, **acts),
            Feed(CAOCAO, "rentals", ".jsonl.gz", self._rentals, **acts),
            *map(json_lines, CUSTOMERS.tables(self._calendar)),
        ]

    def _numbers(self, at: Column) -> list[str]:
        return [text.translate({45: None, 58: None, 32: None}) for text in self._calendar.moments(at)]

    def _rides(self, rows: Rows, block: Block) -> list[str]:
        return [
            f'{{"CompanyId":"CCZC","OrderId":"CC{serial:020d}","OnArea":{AREAS[area]},"PassengerId":"{who}",'
            f'"VehicleNo":"浙AD{serial % 100_000:05d}","FuelType":"{"A" if why == PETROL else "C"}","DepTime":{start},'
            f'"DestTime":{end},"DriveMile":{short(tenths, 1)},"WaitMile":1.4,"FactPrice":{yuan(fen)},'
            f'"IsPool":{int(why == POOLED)},"CancelState":{int(why == CANCELLED)},'
            f'"PayState":{int(why not in (CANCELLED, UNPAID))}}}'
            for serial, area, who, why, start, end, tenths, fen in zip(
                *listed(rows, "serial", "area"),
                customers(CAOCAO, rows, block),
                rows["why"].tolist(),
                self._numbers(rows["at"] - 60 * (5 + rows["total"] // 8)),
                self._numbers(rows["at"]),
                *listed(rows, "total", "fen"),
                strict=True,
            )
        ]

    def _rentals(self, rows: Rows, block: Block) -> list[str]:
        return [
            f'{{"CompanyId":"CCZC","RentalId":"ZC{serial:016d}","OnArea":{AREAS[area]},"PassengerId":"{who}",'
            f'"VehicleNo":"浙AD{serial % 100_000:05d}","FuelType":"{"A" if why == PETROL else "C"}","DepTime":{start},'
            f'"ReturnTime":{end},"DepMile":20100,"ReturnMile":{20_100 + km},"DriveMile":{km},"FactPrice":{days * 199},'
            f'"PayState":{int(why != UNPAID)}}}'
            for serial, area, who, why, start, end, km, days in zip(
                *listed(rows, "serial", "area"),
                customers(CAOCAO, rows, block),
                rows["why"].tolist(),
                self._numbers(rows["at"] - rows["days"] * DAY),
                self._numbers(rows["at"]),
                *listed(rows, "total", "days"),
                strict=True,
            )
        ]

"""What the parcel carrier sends: gzipped CSV of parcels and of cartons, quoted where a value holds a comma."""

from __future__ import annotations

from typing import Any

from simulator.formats.feed import Customers, Feed, Writer, customers, header, listed, separated, yuan
from simulator.people import Block
from simulator.rows import ZTO, Rows

PARCEL = "billCode,orderCode,memberId,sheetType,status,pickupTime,siteName,freight"
CARTON = "recordId,billCode,memberId,cartonType,scanTime,siteName"
SHEETS = ("电子面单", "电子面单（一联）")
ON_PAPER, CALLED_OFF = 1, 2
STATUSES = ("已揽收", "运输中", "已签收", "退回")
CARTONS = ("旧箱", "新箱", "回箱")
SITES = ("杭州西湖", '"杭州,拱墅"', "杭州滨江")

CUSTOMERS = Customers(
    ZTO,
    registration={
        "memberId": "customer",
        "idNo": "citizen_id",
        "mobile": "phone",
        "memberType": "kind",
        "registerTime": "at",
    },
    kinds=("散客", "商家"),
    consent=("memberId", "scope", "status", "time"),
    scopes=("", "生活", "", "全部"),
    states=("同意", "撤销"),
)


class Zto(Writer):
    """The carrier's feeds."""

    def feeds(self) -> list[Feed]:
        """All of them."""
        keyed: dict[str, Any] = {"first_line": 2, "is_keyed": True, "is_of_acts": True}
        return [
            Feed(ZTO, "parcels", ".csv.gz", self._parcels, header=header(PARCEL), **keyed),
            Feed(ZTO, "cartons", ".csv.gz", self._cartons, header=header(CARTON), **keyed),
            *(separated(table, ".csv.gz") for table in CUSTOMERS.tables(self._calendar)),
        ]

    def _parcels(self, rows: Rows, block: Block) -> list[str]:
        return [
            f"73{serial:012d},O{serial:012d},{member},{'纸质五联单' if sheet == ON_PAPER else SHEETS[serial % 2]},"
            f"{'已取消' if sheet == CALLED_OFF else STATUSES[serial % 4]},{'' if sheet == CALLED_OFF else at},"
            f"{SITES[serial % 3]},{yuan(fen) if fen >= 0 else ''}"
            for serial, member, sheet, at, fen in zip(
                rows["serial"].tolist(),
                customers(ZTO, rows, block),
                rows["sheet"].tolist(),
                self._calendar.moments(rows["at"]),
                rows["fen"].tolist(),
                strict=True,
            )
        ]

    def _cartons(self, rows: Rows, block: Block) -> list[str]:
        return [
            f"X{serial:016d},73{serial:012d},{member},{CARTONS[kind]},{at},{SITES[serial % 3]}"
            for serial, member, kind, at in zip(
                rows["serial"].tolist(),
                customers(ZTO, rows, block),
                *listed(rows, "kind"),
                self._calendar.moments(rows["at"]),
                strict=True,
            )
        ]

"""What the platform of used things sends: gzipped text parted by tabs, payments of buyers and phones of sellers."""

from __future__ import annotations

from typing import Any

from simulator.formats.feed import Customers, Feed, Writer, customers, header, listed, separated, short, yuan
from simulator.people import Block
from simulator.rows import ZHUANZHUAN, Rows

DEAL = (
    *("flow_no", "order_no", "buyer_uid", "seller_uid", "category", "condition", "flow_type"),
    *("pay_time", "amount", "avoided_kg", "replace_rate"),
)
PHONE = (
    *("order_no", "imei_hash", "seller_uid", "model", "grade", "fate"),
    *("channel", "sold_time", "price", "replace_rate"),
)
CATEGORIES = ("图书", "家具", "家电", "电脑", "相机", "母婴", "运动", "其他", "女装")
GARMENT = 8
FLOWS = ("PAY", "CLOSE", "REFUND")
FATES = ("RESOLD", "DISMANTLED", "MATERIAL", "RETURNED", "STOCK")

CUSTOMERS = Customers(
    ZHUANZHUAN,
    registration={"uid": "customer", "mobile": "phone", "user_type": "kind", "register_time": "at"},
    kinds=("personal", "shop"),
    consent=("uid", "scope", "status", "time"),
    scopes=("", "living", "", "all"),
    states=("agree", "cancel"),
)


class Zhuanzhuan(Writer):
    """The platform's feeds."""

    def feeds(self) -> list[Feed]:
        """All of them."""
        keyed: dict[str, Any] = {"first_line": 2, "is_keyed": True, "is_of_acts": True}
        return [
            Feed(
                *(ZHUANZHUAN, "deals", ".tsv.gz", self._deals),
                header=header("\t".join(DEAL)),
                sum_column="amount",
                sum_places=2,
                **keyed,
            ),
            Feed(ZHUANZHUAN, "phones", ".tsv.gz", self._phones, header=header("\t".join(PHONE)), **keyed),
            *(separated(table, ".tsv.gz", "\t") for table in CUSTOMERS.tables(self._calendar)),
        ]

    def _deals(self, rows: Rows, block: Block) -> list[str]:
        return [
            f"{'TK' if original else 'ZZ'}{serial:016d}\t{f'ZZ{original:016d}' if original else ''}\t{buyer}\t"
            f"{serial % 10**10:010d}\t{CATEGORIES[category]}\t95新\t{FLOWS[flow]}\t{at}\t{yuan(fen)}\t"
            f"{short(grams, 3) if grams > 0 and category != GARMENT else ''}\t"
            f"{short(hundredths, 2) if hundredths > 0 else ''}"
            for serial, original, buyer, category, flow, at, fen, grams, hundredths in zip(
                *listed(rows, "serial", "original"),
                customers(ZHUANZHUAN, rows, block),
                *listed(rows, "category", "flow"),
                self._calendar.moments(rows["at"]),
                *listed(rows, "total", "grams", "hundredths"),
                strict=True,
            )
        ]

    def _phones(self, rows: Rows, block: Block) -> list[str]:
        return [
            f"HS{serial:016d}\t{serial % 65_536:04x}\t{seller}\tiPhone 13\tB\t{FATES[fate]}\tC2B\t{at}\t1680\t"
            f"{short(rate, 2)}"
            for serial, seller, fate, at, rate in zip(
                rows["serial"].tolist(),
                customers(ZHUANZHUAN, rows, block),
                rows["fate"].tolist(),
                self._calendar.moments(rows["at"]),
                rows["hundredths"].tolist(),
                strict=True,
            )
        ]

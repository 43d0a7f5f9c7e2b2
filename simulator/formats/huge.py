"""What the recycler sends: gzipped JSON lines, one per order and class of waste."""

from __future__ import annotations

from simulator.formats.feed import Customers, Feed, Writer, customers, json_lines
from simulator.people import Block
from simulator.rows import PAPER, RECYCLER, Rows

CATEGORIES = ("纸", "塑料", "玻璃", "织物", "金属", "电器")
"""By scenario, from recycling_paper on."""
UNITS = ("kg", "斤", "g")
STATUSES = ("已预约", "进行中", "已完成", "已取消")
BOOKED, UNDER_WAY, SETTLED, CANCELLED = range(4)


def _weight(hundredths: int) -> str:
    """As short as possible, with at most two decimals."""
    whole, rest = divmod(hundredths, 100)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".")


CUSTOMERS = Customers(
    RECYCLER,
    registration={"userId": "customer", "mobile": "phone", "userType": "kind", "createTime": "at"},
    kinds=("居民", "商户"),
    consent=("userId", "scope", "state", "time"),
    scopes=("", "living", "", "all"),
    states=("on", "off"),
)


class Huge(Writer):
    """The recycler's feeds."""

    def feeds(self) -> list[Feed]:
        """All of them."""
        orders = Feed(
            *(RECYCLER, "orders", ".jsonl.gz", self._orders),
            sum_column="settledWeight",
            sum_places=2,
            is_keyed=True,
            is_of_acts=True,
        )
        return [orders, *map(json_lines, CUSTOMERS.tables(self._calendar))]

    def _orders(self, rows: Rows, block: Block) -> list[str]:
        return [
            f'{{"orderNo":"HG{order:016d}","userId":"{user}","category":"{CATEGORIES[scenario - PAPER]}",'
            f'"estimatedWeight":"{_weight(estimated)}",'
            f'"settledWeight":{_text(_weight(total) if status == SETTLED else None)},'
            f'"unit":"{UNITS[unit]}","status":"{STATUSES[status]}","appointTime":"{booked}",'
            f'"settleTime":{_text(settled if status == SETTLED else None)}}}'
            for order, user, scenario, estimated, total, unit, status, booked, settled in zip(
                rows["serial"].tolist(),
                customers(RECYCLER, rows, block),
                rows["scenario"].tolist(),
                rows["estimated"].tolist(),
                rows["total"].tolist(),
                rows["unit"].tolist(),
                rows["status"].tolist(),
                self._calendar.moments(rows["booked_at"]),
                self._calendar.moments(rows["at"]),
                strict=True,
            )
        ]


def _text(value: str | None) -> str:
    return "null" if value is None else f'"{value}"'

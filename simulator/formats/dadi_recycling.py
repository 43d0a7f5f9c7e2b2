"""What the licensed dismantler sends: gzipped text in GB18030, a line of a receipt per row."""

from __future__ import annotations

from simulator.formats.feed import Customers, Feed, Writer, customers, header, listed, separated, short
from simulator.people import Block
from simulator.rows import DADI, Rows

RECEIPT = "回收单号|行号|会员号|品类|台数|重量|单位|完整性|去向|状态|拆解时间|拆解批次"
CLASSES = ("冰箱", "电视机", "洗衣机", "空调", "电脑", "热水器", "废钢铁")
FRIDGES, STEELS = 0, 6
STATES = ("已拆解", "待拆解", "已拆解", "已拆解")
WAYS = ("拆解", "拆解", "转售", "拆解")
WHOLE = ("完整", "完整", "完整", "缺件")
"""By fate: taken apart, stored, sold on, incomplete."""
STORED = 1

CUSTOMERS = Customers(
    DADI,
    registration={"会员号": "customer", "手机号": "phone", "会员类型": "kind", "注册时间": "at"},
    kinds=("个人", "商户"),
    consent=("会员号", "授权范围", "状态", "时间"),
    scopes=("", "生活", "", "全部"),
    states=("授权", "撤回"),
)


class DadiRecycling(Writer):
    """The dismantler's feeds."""

    def feeds(self) -> list[Feed]:
        """All of them."""
        form = ("gb18030", "\r\n")
        receipts = Feed(
            *(DADI, "receipts", ".txt.gz", self._receipts, *form),
            header=header(RECEIPT, "\r\n"),
            first_line=2,
            sum_column="重量",
            sum_places=1,
            is_keyed=True,
            is_of_acts=True,
        )
        return [receipts, *(separated(table, ".txt.gz", "|", *form) for table in CUSTOMERS.tables(self._calendar))]

    def _receipts(self, rows: Rows, block: Block) -> list[str]:
        return [
            f"HS{serial:012d}|1|{member}|{CLASSES[kind]}|{'' if kind == STEELS else units}|{short(tenths, 1)}|"
            f"{'斤' if is_in_jin else ('公斤', '千克', 'kg')[serial % 3]}|"
            f"{'不适用' if kind == STEELS and fate < STORED else WHOLE[fate]}|"
            f"{'破碎' if kind == STEELS and fate < STORED else WAYS[fate]}|{STATES[fate]}|"
            f"{'' if fate == STORED else at}|CJ{serial % 1_000:04d}"
            for serial, member, kind, units, tenths, is_in_jin, fate, at in zip(
                rows["serial"].tolist(),
                customers(DADI, rows, block),
                *listed(rows, "kind", "units", "total", "is_in_jin", "fate"),
                self._calendar.moments(rows["at"]),
                strict=True,
            )
        ]

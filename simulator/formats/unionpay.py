"""What the card network's app sends: text in GB18030, columns parted by bars; points given up, and no payments."""

from __future__ import annotations

from simulator.formats.feed import Customers, Feed, Writer, customers, header, separated
from simulator.people import Block
from simulator.rows import UNIONPAY, Rows

BENEFITS = (
    ("ZJ-JQ01", "西溪湿地门票"),
    ("ZJ-HB01", "云闪付红包（2元）"),
    ("ZJ-GY01", "捐一棵梭梭树"),
    ("DT-HB01", "低碳红包"),
    ("DT-GY01", "捐一片林"),
)
STATES = ("成功", "失败", "关闭")
DONE, FAILED, CLOSED = range(3)

CUSTOMERS = Customers(
    UNIONPAY,
    registration={"用户号": "customer", "手机号": "phone", "卡号": "card", "用户类型": "kind", "注册时间": "at"},
    kinds=("个人", "商户"),
    consent=("用户号", "授权范围", "状态", "时间"),
    scopes=("出行", "生活", "金融", "全部"),
    states=("开通", "关闭"),
)


class Unionpay(Writer):
    """The app's feeds."""

    def feeds(self) -> list[Feed]:
        """All of them."""
        form = ("gb18030", "\r\n")
        redemptions = Feed(
            *(UNIONPAY, "redemptions", ".txt", self._redemptions, *form),
            header=header("兑换单号|用户号|兑换时间|权益编码|权益名称|积分|状态", "\r\n"),
            first_line=2,
            sum_column="积分",
            is_keyed=True,
            is_of_acts=True,
        )
        return [redemptions, *(separated(table, ".txt", "|", *form) for table in CUSTOMERS.tables(self._calendar))]

    def _redemptions(self, rows: Rows, block: Block) -> list[str]:
        return [
            f"UR{serial:014d}|{customer}|{at}|{'|'.join(BENEFITS[benefit])}|{points}|{STATES[state]}"
            for serial, customer, at, benefit, points, state in zip(
                rows["serial"].tolist(),
                customers(UNIONPAY, rows, block),
                self._calendar.moments(rows["at"]),
                rows["benefit"].tolist(),
                rows["total"].tolist(),
                rows["state"].tolist(),
                strict=True,
            )
        ]

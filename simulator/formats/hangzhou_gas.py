"""What the gas company sends: CSV in GB18030, a row per reading of a meter."""

from __future__ import annotations

from typing import Any

from simulator.formats.feed import Customers, Feed, Writer, customers, header, listed, separated, short
from simulator.people import Block
from simulator.rows import GAS, Rows

READING = "账单编号,用户号,表号,抄表日期,上期示数,本期示数,用气量,上年同期用气量,用气性质,抄表方式"
WAYS = ("实抄", "自报", "远传")
ESTIMATED, WITHOUT_PAST = 1, 2

CUSTOMERS = Customers(
    GAS,
    registration={
        "用户号": "customer",
        "证件号码": "citizen_id",
        "手机号": "phone",
        "用户类型": "kind",
        "开户时间": "at",
    },
    kinds=("居民", "个体工商户"),
    consent=("用户号", "授权范围", "状态", "时间"),
    scopes=("", "生活", "", "全部"),
    states=("授权", "撤回"),
)


class HangzhouGas(Writer):
    """The gas company's feeds."""

    def feeds(self) -> list[Feed]:
        """All of them."""
        form: dict[str, Any] = {"encoding": "gb18030", "newline": "\r\n"}
        meters = Feed(
            *(GAS, "meters", ".csv.gz", self._meters),
            **form,
            header=header(READING, "\r\n"),
            first_line=2,
            sum_column="用气量",
            sum_places=1,
            is_keyed=True,
            is_of_acts=True,
        )
        return [meters, *(separated(table, ".csv", **form) for table in CUSTOMERS.tables(self._calendar))]

    def _meters(self, rows: Rows, block: Block) -> list[str]:
        return [
            f"RQ{serial:016d},{user},G4-{serial % 10**8:08d},{date if style else date.replace('-', '')},1500,"
            f"{short(15_000 + used, 1)},{short(used, 1)},{'' if how == WITHOUT_PAST else short(past, 1)},"
            f"{'非居民' if is_micro else ('居民', '居民', '居民采暖')[style]},"
            f"{'估抄' if how == ESTIMATED else WAYS[serial % 3]}"
            for serial, user, date, style, used, how, past, is_micro in zip(
                rows["serial"].tolist(),
                customers(GAS, rows, block),
                self._calendar.dates(rows["day"]),
                *listed(rows, "style", "total", "how", "past", "is_micro"),
                strict=True,
            )
        ]

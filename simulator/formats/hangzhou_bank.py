"""What the city's bank sends: text in GB18030, columns parted by bars: forms that were not printed, and its cards."""

from __future__ import annotations

from typing import Any

from simulator.formats.feed import Customers, Feed, Writer, customers, header, listed, separated, yuan
from simulator.people import Block
from simulator.rows import HZ_BANK, Rows

SERVICE = "流水号|客户号|业务|渠道|状态|办理时间|金额|免用纸张数"
CARD = "流水号|客户号|记账日期|借贷|摘要|商户名称|金额|原流水号"
BUSINESS = ("个人贷款", "贷款还款", "信用卡还款", "理财购买", "基金申购", "存款产品购买", "账户查询")
CHANNELS = ("手机银行", "网上银行", "微信银行")
AT_COUNTER, FAILED = 1, 2
AT_STATION, AT_TOLL_GATE = range(2)
PAYEES = (("消费", "特来电新能源股份有限公司"), ("ETC扣费", "浙江省高速公路ETC通行费"))

CUSTOMERS = Customers(
    HZ_BANK,
    registration={
        "客户号": "customer",
        "证件号码": "citizen_id",
        "手机号": "phone",
        "卡号": "card",
        "客户类型": "kind",
        "开户时间": "at",
    },
    kinds=("个人", "小微"),
    consent=("客户号", "授权范围", "状态", "时间"),
    scopes=("", "", "金融", "全部"),
    states=("授权", "撤回"),
)


class HangzhouBank(Writer):
    """The city bank's feeds."""

    def feeds(self) -> list[Feed]:
        """All of them."""
        form = ("gb18030", "\r\n")
        keyed: dict[str, Any] = {"first_line": 2, "is_keyed": True, "is_of_acts": True}
        return [
            Feed(*(HZ_BANK, "services", ".txt", self._services, *form), header=header(SERVICE, "\r\n"), **keyed),
            Feed(
                *(HZ_BANK, "card_transactions", ".txt", self._cards, *form),
                header=header(CARD, "\r\n"),
                sum_column="金额",
                sum_places=2,
                **keyed,
            ),
            *(separated(table, ".txt", "|", *form) for table in CUSTOMERS.tables(self._calendar)),
        ]

    def _services(self, rows: Rows, block: Block) -> list[str]:
        return [
            f"L{serial:016d}|{client}|{BUSINESS[business]}|{'柜面' if way == AT_COUNTER else CHANNELS[serial % 3]}|"
            f"{'失败' if way == FAILED else '已放款' if business == 0 else '成功'}|{at}|{yuan(fen)}|"
            f"{sheets if sheets > 0 else ''}"
            for serial, client, business, way, at, fen, sheets in zip(
                rows["serial"].tolist(),
                customers(HZ_BANK, rows, block),
                *listed(rows, "business", "way"),
                self._calendar.moments(rows["at"]),
                *listed(rows, "fen", "sheets"),
                strict=True,
            )
        ]

    def _cards(self, rows: Rows, block: Block) -> list[str]:
        return [
            f"K{serial:016d}|{client}|{date.replace('-', '')}|D|{PAYEES[payee][0]}|{PAYEES[payee][1]}|{fen / 100:,.2f}|"
            for serial, client, date, payee, fen in zip(
                rows["serial"].tolist(),
                customers(HZ_BANK, rows, block),
                self._calendar.dates(rows["day"]),
                *listed(rows, "payee", "total"),
                strict=True,
            )
        ]

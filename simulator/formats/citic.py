"""What the first bank sends: text in GB18030, columns parted by bars."""

from __future__ import annotations

from simulator.formats.feed import Customers, Feed, Registration, Writer, customers, header, separated
from simulator.merchants import MERCHANTS, merchant_number
from simulator.people import Block
from simulator.rows import CITIC, Column, Rows

CARD_KINDS = ("消费", "冲正", "部分退款")
PURCHASE, REVERSAL, PARTIAL = range(3)
BANK_BUSINESS = ("线上缴费（水费）", "线上缴费（电费）", "线上缴费（燃气费）", "电子账单", "电子信用卡申请")
NOTES = ("", "手机银行", "本行卡代扣", "自助缴费")


def _yuan(fen: int) -> str:
    """A bank's amount with thousands commas."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"


def _citizen_id(row: Registration) -> str:
    """Some rows write the letter that may end it small."""
    return row.citizen_id.lower() if row.style == 0 else row.citizen_id


CUSTOMERS = Customers(
    CITIC,
    registration={
        "客户号": "customer",
        "证件号码": _citizen_id,
        "手机号": "phone",
        "卡号": "card",
        "客户类型": "kind",
        "开户时间": "at",
    },
    kinds=("个人", "小微"),
    consent=("客户号", "授权范围", "状态", "时间"),
    scopes=("出行", "生活", "金融", "全部"),
    states=("授权", "撤回"),
)


class Citic(Writer):
    """The first bank's feeds."""

    def feeds(self) -> list[Feed]:
        """All of them."""
        form = ("gb18030", "\r\n")
        return [
            Feed(
                *(CITIC, "acts", ".txt", self._acts, *form),
                header=header("客户号|业务场景|记账日期|笔数|金额|备注", "\r\n"),
                first_line=2,
                sum_column="金额",
                sum_places=2,
                repeats_rows=True,
                is_of_acts=True,
            ),
            Feed(
                *(CITIC, "card_transactions", ".txt", self._cards, *form),
                header=header("流水号|客户号|卡号|记账日期|交易金额|交易类型|商户名称|商户号|原流水号", "\r\n"),
                first_line=2,
                sum_column="交易金额",
                sum_places=2,
                is_keyed=True,
                is_of_acts=True,
            ),
            *(separated(table, ".txt", "|", *form) for table in CUSTOMERS.tables(self._calendar)),
        ]

    def _days(self, day: Column) -> list[str]:
        return [text.replace("-", "") for text in self._calendar.dates(day)]

    def _acts(self, rows: Rows, block: Block) -> list[str]:
        return [
            f"{customer}|{BANK_BUSINESS[business]}|{day}|{count}|{_yuan(fen) if known else ''}|{NOTES[note]}"
            for customer, business, day, count, fen, known, note in zip(
                customers(CITIC, rows, block),
                rows["business"].tolist(),
                self._days(rows["day"]),
                rows["count"].tolist(),
                rows["total"].tolist(),
                (~rows["has_no_amount"]).tolist(),
                rows["note"].tolist(),
                strict=True,
            )
        ]

    def _cards(self, rows: Rows, block: Block) -> list[str]:
        return [
            f"{serial:016d}|{customer}|{card}|{day}|{_yuan(fen)}|{CARD_KINDS[kind]}|{MERCHANTS[merchant]}|"
            f"{merchant_number(merchant, serial)}|" + (f"{original:016d}" if original else "")
            for serial, customer, card, day, fen, kind, merchant, original in zip(
                rows["serial"].tolist(),
                customers(CITIC, rows, block),
                block.card[rows["person"]],
                self._days(rows["day"]),
                rows["total"].tolist(),
                rows["kind"].tolist(),
                rows["merchant"].tolist(),
                rows["original"].tolist(),
                strict=True,
            )
        ]

"""The second wallet's bill as a person downloads it: XLSX, or the CSV of the years before."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime

import xlsxwriter

from simulator.formats.bill import EXPENSE, INCOME, NEUTRAL, NO_REFUND, Entry, File, Head, tally
from simulator.formats.feed import yuan
from simulator.merchants import FRIENDS, ITEMS, PARTIES

HEADER = (
    "交易时间",
    "交易类型",
    "交易对方",
    "商品",
    "收/支",
    "金额(元)",
    "支付方式",
    "当前状态",
    "交易单号",
    "商户单号",
    "备注",
)
FLOWS = ("支出", "收入", "/")
AMOUNT, NUMBERS = 5, (8, 9)
"""Columns of the amount, and of the numbers that end in a TAB in CSV."""
NOTES = (
    "1. 本明细仅供个人对账使用",
    "2. 零钱提现等不计入收入和支出",
    "3. 交易单号可用于查询",
    "4. 本账单中所有时间均为UTC+08:00时间",
    "5. 请妥善保管本文件",
)
CREATED = datetime(2026, 1, 1)
Cells = tuple[str, ...]


def wechat_bill(head: Head, entries: Sequence[Entry]) -> File:
    """The file; two thirds are XLSX."""
    preamble = _preamble(head, entries)
    rows = [_cells(entry) for entry in entries]
    first_line = len(preamble) + 2
    if head.form[1] < 2 / 3:
        return File(_xlsx(preamble, rows, entries), ".xlsx", first_line)
    lines = [line + "," * (len(HEADER) - 1) for line in preamble] + [",".join(HEADER)]
    for cells in rows:
        lines.append(",".join(_plain(k, cell) for k, cell in enumerate(cells)))
    text = "".join(line + "\r\n" for line in lines)
    return File(text.encode("utf-8-sig" if head.form[3] < 0.5 else "utf-8"), ".csv", first_line)


def _plain(column: int, cell: str) -> str:
    """A cell in CSV."""
    if column == AMOUNT:
        return "¥" + cell
    return cell + "\t" if column in NUMBERS else cell


def _preamble(head: Head, entries: Sequence[Entry]) -> list[str]:
    begin, end = head.period
    return [
        "微信支付账单明细",
        f"微信昵称：[{head.name}]",
        f"起始时间：[{begin}] 终止时间：[{end}]",
        f"导出类型：[{'支出' if head.is_filtered else '全部'}]",
        f"导出时间：[{head.exported_at}]",
        "",
        f"共{len(entries)}笔记录",
        f"收入：{tally(entries, INCOME, takes_refunds=INCOME)}",
        f"支出：{tally(entries, EXPENSE, takes_refunds=INCOME)}",
        f"中性交易：{tally(entries, NEUTRAL, takes_refunds=INCOME)}",
        "注：",
        *NOTES[: 3 + int(head.form[2] * 3)],
        "",
        "----------------------微信支付账单明细列表--------------------",
    ]


def _cells(entry: Entry) -> Cells:
    is_refund = entry.refund != NO_REFUND
    number = f"42000023{entry.serial:020d}"
    if is_refund:
        number = f"5030{entry.refund}023{entry.serial:020d}"
    return (
        entry.at,
        _kind(entry),
        PARTIES[entry.party],
        ITEMS[entry.party] if entry.flow == EXPENSE else "/",
        FLOWS[INCOME] if is_refund else FLOWS[entry.flow],
        yuan(entry.fen),
        "/" if is_refund or entry.flow == INCOME else ("零钱", "储蓄卡")[entry.serial % 2],
        _state(entry),
        number,
        f"M{entry.serial:020d}" if entry.flow == EXPENSE else "/",
        "/",
    )


def _kind(entry: Entry) -> str:
    if entry.refund != NO_REFUND:
        return "商户消费-退款"
    if entry.flow == EXPENSE and entry.party in FRIENDS:
        return "转账"
    if entry.flow == EXPENSE:
        return ("商户消费", "扫二维码付款")[entry.serial % 2]
    if entry.flow == INCOME:
        return ("微信红包", "转账")[entry.party == FRIENDS[0]]
    return "零钱提现"


def _state(entry: Entry) -> str:
    if entry.refund == NO_REFUND and entry.flow == INCOME:
        return "已存入零钱"
    if entry.flow == NEUTRAL:
        return "提现已到账"
    if not entry.given_back:
        return "支付成功"
    # a refund's row gives back the whole of itself
    is_full = entry.refund != NO_REFUND or entry.given_back >= entry.fen
    return "已全额退款" if is_full else f"已退款(￥{yuan(entry.given_back)})"


def _xlsx(preamble: Sequence[str], rows: Sequence[Cells], entries: Sequence[Entry]) -> bytes:
    """A workbook of text cells; the amount is a number."""
    data = io.BytesIO()
    with xlsxwriter.Workbook(data, {"in_memory": True}) as book:
        book.set_properties({"created": CREATED})
        sheet = book.add_worksheet("Sheet1")
        for place, line in enumerate(preamble):
            if line:
                sheet.write_string(place, 0, line)
        top = len(preamble)
        for column, name in enumerate(HEADER):
            sheet.write_string(top, column, name)
        for place, (cells, entry) in enumerate(zip(rows, entries, strict=True), top + 1):
            for column, cell in enumerate(cells):
                if column == AMOUNT:
                    sheet.write_number(place, column, entry.fen / 100)
                else:
                    sheet.write_string(place, column, cell)
    return data.getvalue()

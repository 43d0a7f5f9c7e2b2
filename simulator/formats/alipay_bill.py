"""The first wallet's bill as a person downloads it: CSV in GB18030, in the layout of today or the old one."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

from simulator.formats.bill import CLOSED, EXPENSE, INCOME, NEUTRAL, NO_REFUND, WAITING, Entry, File, Head, tally
from simulator.formats.feed import yuan
from simulator.merchants import FRIENDS, ITEMS, PARTIES

HEADER = "交易时间,交易分类,交易对方,对方账号,商品说明,收/支,金额,收/付款方式,交易状态,交易订单号,商家订单号,备注,"
OLD_HEADER = (
    "交易号,商家订单号,交易创建时间,付款时间,最近修改时间,交易来源地,类型,交易对方,商品名称,金额（元）,收/支,"
    "交易状态,服务费（元）,成功退款（元）,备注,资金状态,"
)
FLOWS = ("支出", "收入", "不计收支")
MASKS = ("rim***@qq.com", "/", "x4***6", "han***@163.com")
KINDS = ("交通出行", "生活缴费", "餐饮美食", "日用百货")
WAYS = ("余额宝", "花呗", "储蓄卡", "")
NOTES = (
    "1.本文件仅供本人核对，不作他用；",
    "2.金额以元为单位，时间为北京时间；",
    "3.退款单独成行，不计入收支；",
    "4.经银行卡快捷支付的交易，也可能出现在银行的账单中，请勿重复计算；",
    "5.交易关闭的订单没有实际付款；",
    "6.对方账号已做脱敏处理；",
    "7.如有疑问，请联系客服；",
    "8.本文件由用户自行下载。",
)
LINE = "-" * 24
YEAR_1980 = (1980, 1, 1, 0, 0, 0)


def alipay_bill(head: Head, entries: Sequence[Entry]) -> File:
    """The file; every third is zipped."""
    lines, first_line = _old(head, entries) if head.is_old else _new(head, entries)
    data = "".join(line + "\n" for line in lines).encode("gb18030")
    if head.form[1] >= 1 / 3:
        return File(data, ".csv", first_line)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        # no time of day, no system: the same world has the same bytes
        member = zipfile.ZipInfo("alipay_record.csv", YEAR_1980)
        member.compress_type, member.create_system = zipfile.ZIP_DEFLATED, 3
        archive.writestr(member, data)
    return File(packed.getvalue(), ".zip", first_line)


def _new(head: Head, entries: Sequence[Entry]) -> tuple[list[str], int]:
    begin, end = head.period
    preamble = [
        LINE * 3,
        "导出信息：",
        f"姓名：{head.name}",
        f"支付宝账户：{_account(head)}",
        f"起始时间：[{begin}]    终止时间：[{end}]",
        f"导出交易类型：[{'支出' if head.is_filtered else '全部'}]",
        f"导出时间：[{head.exported_at}]",
        f"共{len(entries)}笔记录",
        f"收入：{tally(entries, INCOME, takes_refunds=NEUTRAL)}",
        f"支出：{tally(entries, EXPENSE, takes_refunds=NEUTRAL)}",
        f"不计收支：{tally(entries, NEUTRAL, takes_refunds=NEUTRAL)}",
        "",
        "特别提示：",
        *NOTES[: 6 + int(head.form[2] * 3)],
        *[""] * (1 + int(head.form[3] * 3)),
        f"{LINE}支付宝（中国）网络技术有限公司  电子客户回单{LINE}",
    ]
    has_seconds = head.form[0] >= 0.2
    return [*preamble, HEADER, *(_new_row(entry, has_seconds) for entry in entries)], len(preamble) + 2


def _new_row(entry: Entry, has_seconds: bool) -> str:
    number, is_refund = _number(entry), entry.refund != NO_REFUND
    if is_refund:
        number += f"_{entry.serial % 10**9:09d}{entry.refund}"
        state, flow = "退款成功", FLOWS[NEUTRAL]
    else:
        state = {WAITING: "等待确认收货", CLOSED: "交易关闭"}.get(entry.state, "交易成功")
        flow = FLOWS[entry.flow]
    pad = " " * (entry.serial % 4)
    item = ("退款-" if is_refund else "") + ITEMS[entry.party]
    cells = (
        entry.at if has_seconds else entry.at[:16],
        _kind(entry) + pad,
        PARTIES[entry.party] + pad * 2,
        MASKS[entry.serial % 4],
        item + pad,
        flow,
        yuan(entry.fen) + pad,
        WAYS[entry.serial % 3 if entry.flow == EXPENSE else 3],
        state + pad,
        number + "\t",
        f"M{entry.serial:020d}\t",
        "",
    )
    return ",".join(cells) + ","


def _old(head: Head, entries: Sequence[Entry]) -> tuple[list[str], int]:
    begin, end = head.period
    preamble = [
        "支付宝交易记录明细查询",
        f"账号:[{_account(head)}]",
        f"起始日期:[{begin}]    终止日期:[{end}]",
        f"导出时间:[{head.exported_at}]",
        f"{LINE}交易记录明细列表{LINE}",
    ]
    footer = [
        LINE * 4,
        f"共{len(entries)}笔记录",
        f"已收入:{tally(entries, INCOME, takes_refunds=NEUTRAL)}",
        f"已支出:{tally(entries, EXPENSE, takes_refunds=NEUTRAL)}",
    ]
    return [*preamble, OLD_HEADER, *map(_old_row, entries), *footer], len(preamble) + 2


def _old_row(entry: Entry) -> str:
    pad = " " * (entry.serial % 5)
    cells = (
        _number(entry) + "\t ",
        f"M{entry.serial:020d}\t ",
        entry.at + " ",
        entry.at + " ",
        entry.at + " ",
        "其他（包括阿里巴巴和外部商家）",
        ("转账" if entry.party in FRIENDS else "即时到账交易") + pad,
        PARTIES[entry.party] + pad * 2,
        ITEMS[entry.party] + pad,
        yuan(entry.fen) + pad,
        FLOWS[entry.flow] + pad,
        ("等待确认收货" if entry.state == WAITING else "交易成功") + pad,
        "0.00" + pad,
        yuan(entry.given_back) + pad,
        pad,
        "已支出" if entry.flow == EXPENSE else "已收入",
    )
    return ",".join(cells) + ","


def _kind(entry: Entry) -> str:
    return "转账红包" if entry.party in FRIENDS else KINDS[entry.party % 4]


def _number(entry: Entry) -> str:
    """28 digits, the same in either layout."""
    return f"2026110122001{entry.serial:015d}"


def _account(head: Head) -> str:
    return f"138****{head.number % 10_000:04d}"

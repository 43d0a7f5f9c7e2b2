"""One small good file of each form in which an institution sends, to be damaged in every way that its form allows."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from jobs.landing.manifests import Manifest
from jobs.landing.receipts import Receipt, load_receipts
from tests.support.exports import FORMS, Part, as_sent, deliver
from tests.support.landing import SOURCES, take

Row = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """A file with two rows.

    form: `lines` (with `delimiter`), `json`, `xml` (one element a row, or `template`) or `sheet`. key: the field
    that numbers the rows. free: a field whose text is not kept. number: a field that must be a number. code: one
    with agreed codes.
    """

    name: str
    institution: str
    feed: str
    form: str
    row: Row
    key: str
    free: str
    number: str
    code: str
    time: str
    above: str = ""
    below: str = ""
    delimiter: str = ","
    template: str = ""
    suffix: str = ""
    customer: str | None = None
    amount: str = "0"
    business_date: str = "2026-11-01"
    element: str = ""

    def rows(self, *changes: Row) -> list[Row]:
        """Rows numbered from 1, each with changes."""
        return [{**self.row, self.key: f"{self.row[self.key]}{n}", **change} for n, change in enumerate(changes, 1)]

    def lines(self, *changes: Row) -> list[str]:
        """The rows as lines of readable text."""
        return [self._line(row) for row in self.rows(*changes)]

    def _line(self, row: Row) -> str:
        if self.form == "json":
            return json.dumps(row, ensure_ascii=False, separators=(",", ":"))
        if self.template:
            return self.template.format(**{name: escape(value) for name, value in row.items()})
        if self.form == "xml":
            cells = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in row.items())
            return f"<{self.element}>{cells}</{self.element}>"
        if self.form == "sheet" or self.delimiter == ",":
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerow(row.values())
            return text.getvalue()[:-1]
        return self.delimiter.join(row.values())

    def text(self, *changes: Row) -> str:
        """The readable file."""
        return self.above + "".join(f"{line}\n" for line in self.lines(*changes)) + self.below

    def pack(self, text: str) -> bytes:
        """A readable file as it is sent."""
        return as_sent(self.institution, text, self.feed, suffix=self.suffix)

    @property
    def first(self) -> int:
        """The line of the first row."""
        return 1 if self.form in ("json", "xml") else self.above.count("\n") + 1

    @property
    def packing(self) -> str:
        return (self.suffix or FORMS[self.institution][self.feed].suffix).rsplit(".", 1)[1]

    @property
    def encoding(self) -> str:
        return FORMS[self.institution][self.feed].encoding

    @property
    def ending(self) -> str:
        return FORMS[self.institution][self.feed].ending

    def __str__(self) -> str:
        return self.name


BILL_HEAD = """支付宝账户：138****1234
起始时间：[2026-10-25 00:00:00]    终止时间：[2026-10-31 23:59:59]
导出交易类型：[全部]
导出时间：[2026-11-01 10:12:01]
--------电子客户回单--------
交易时间,交易分类,交易对方,对方账号,商品说明,收/支,金额,收/付款方式,交易状态,交易订单号,商家订单号,备注,
"""
WECHAT_HEAD = """微信支付账单明细
起始时间：[2026-10-25 00:00:00] 终止时间：[2026-10-31 23:59:59]
导出类型：[全部]
导出时间：[2026-11-01 10:12:01]
----微信支付账单明细列表----
交易时间,交易类型,交易对方,商品,收/支,金额(元),支付方式,当前状态,交易单号,商户单号,备注
"""
BILL_ROW = {
    "交易时间": "2026-10-27 08:12:33", "交易分类": "生活", "交易对方": "国网浙江", "对方账号": "/", "商品说明": "电费",
    "收/支": "支出", "金额": "12.30", "收/付款方式": "花呗", "交易状态": "交易成功",
    "交易订单号": "202610272200140000000000001", "商家订单号": "/", "备注": "", "": "",
}  # fmt: skip
WECHAT_ROW = {
    "交易时间": "2026-10-27 08:12:33", "交易类型": "商户消费", "交易对方": "国网浙江", "商品": "电费", "收/支": "支出",
    "金额(元)": "12.30", "支付方式": "零钱", "当前状态": "支付成功", "交易单号": "420000260", "商户单号": "/", "备注": "/",
}  # fmt: skip
CASE_ROW = {
    "PROJID": "33010020261101", "LOGINID": "zlb_1", "SERVICECODE": "S1", "SERVICENAME": "居住证", "PROJECTNAME": "申请",
    "APPLYNAME": "王小明", "APPLY_CARDNUMBER": "", "APPLYFROM": "网上", "HANDLESTATE": "办结",
    "RECEIVETIME": "2026-10-30 09:00:00", "TRANSACT_TIME": "2026-11-01 15:04:05", "AREACODE": "330106",
}  # fmt: skip
ORDER_ROW = {
    "orderNo": "HG2026110100", "userId": "HG1", "category": "纸", "estimatedWeight": "5", "settledWeight": "3.05",
    "unit": "kg", "status": "已完成", "appointTime": "2026-10-31 09:00:00", "settleTime": "2026-11-01 10:00:00",
}  # fmt: skip
TRIP_ROW = {
    "ride_id": "HB20261101", "rideable_type": "bike", "started_at": "2026-11-01 08:00:00",
    "ended_at": "2026-11-01 08:12:00", "start_station_name": "", "start_station_id": "", "end_station_name": "",
    "end_station_id": "", "start_lat": "30.25", "start_lng": "120.16", "end_lat": "30.27", "end_lng": "120.16",
    "member_id": "M1",
}  # fmt: skip
TAP_ROW = {
    "time": "2026-11-01 08:00:05", "lineID": "1", "stationID": "S01", "deviceID": "D0101", "status": "0",
    "userID": "HM1", "payType": "3", "fare": "400",
}  # fmt: skip
CARD_ROW = {
    "流水号": "T2026110100", "客户号": "C1", "卡号": "", "记账日期": "20261101", "交易金额": "4.00", "交易类型": "消费",
    "商户名称": "杭州地铁集团", "商户号": "", "原流水号": "",
}  # fmt: skip
ACCOUNT_ROW = {
    "account": "622202120200000001", "idNumber": "", "mobile": "", "card": "", "customerType": "P",
    "openedAt": "2026-11-01 09:00:00",
}  # fmt: skip
ENTRY_ROW = {
    "account": "622202120200000001", "reference": "A0", "booked": "2026-11-01", "Amt": "4.00", "direction": "DBIT",
    "status": "BOOK", "creditor": "杭州地铁集团", "note": "",
}  # fmt: skip
ENTRY = (
    "<Stmt><Acct><Id><Othr><Id>{account}</Id></Othr></Id></Acct><Ntry><Amt Ccy='CNY'>{Amt}</Amt>"
    "<CdtDbtInd>{direction}</CdtDbtInd><Sts><Cd>{status}</Cd></Sts><BookgDt><Dt>{booked}</Dt></BookgDt><NtryDtls>"
    "<TxDtls><Refs><AcctSvcrRef>{reference}</AcctSvcrRef></Refs><RltdPties><Cdtr><Pty><Nm>{creditor}</Nm></Pty></Cdtr>"
    "</RltdPties><RmtInf><Ustrd>{note}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry></Stmt>"
)
ACT_ROW = {
    "acquisition_item_no": "2026110100000000000", "project_no": "CARBON2026", "account_did": "did:alipay:1",
    "occurrent_time": "2026-11-01 08:12:33", "scenario_code": "ENERGY_XUANJIAO_ditiechuxing",
    "active_data_list": [{"item_code": "PAY_AMOUNT", "item_amount": "4.00"}],
}  # fmt: skip


def _head(institution: str, feed: str) -> dict[str, str]:
    form = FORMS[institution][feed]
    return {"above": form.above, "below": form.below}


def _alipay_bill(name: str, suffix: str) -> Target:
    return Target(
        name, "alipay", "bills", "lines", BILL_ROW, "交易订单号", "商品说明", "金额", "交易状态", "交易时间",
        above=BILL_HEAD, suffix=suffix, customer="did:alipay:1", amount="12.30",
    )  # fmt: skip


def _wechat_bill(name: str, form: str, suffix: str) -> Target:
    return Target(
        name, "wechat_pay", "bills", form, WECHAT_ROW, "交易单号", "商品", "金额(元)", "当前状态", "交易时间",
        above=WECHAT_HEAD, suffix=suffix, customer="oWx1", amount="12.30",
    )  # fmt: skip


TARGETS = {
    target.name: target
    for target in (
        Target(
            "csv.gz", "hangzhou_metro", "taps", "lines", TAP_ROW, "userID", "deviceID", "fare", "status", "time",
            amount="400", **_head("hangzhou_metro", "taps"),
        ),
        Target(
            "csv", "hellobike", "trips", "lines", TRIP_ROW, "ride_id", "start_station_name", "end_lat",
            "rideable_type", "started_at", **_head("hellobike", "trips"),
        ),
        Target(
            "csv crlf", "icbc", "registrations", "lines", ACCOUNT_ROW, "account", "", "", "customerType", "openedAt",
            **_head("icbc", "registrations"),
        ),
        Target(
            "txt gb18030", "citic_bank", "card_transactions", "lines", CARD_ROW, "流水号", "卡号", "交易金额",
            "交易类型", "记账日期", delimiter="|", amount="4.00", **_head("citic_bank", "card_transactions"),
        ),
        Target(
            "jsonl.gz lists", "alipay", "acts", "json", ACT_ROW, "acquisition_item_no", "project_no", "",
            "scenario_code", "occurrent_time", amount="4.00",
        ),
        Target(
            "jsonl.gz", "huge_recycling", "orders", "json", ORDER_ROW, "orderNo", "appointTime", "settledWeight",
            "status", "settleTime", amount="3.05",
        ),
        Target(
            "xml", "zheliban", "cases", "xml", CASE_ROW, "PROJID", "PROJECTNAME", "", "HANDLESTATE", "TRANSACT_TIME",
            element="CASE", **_head("zheliban", "cases"),
        ),
        Target(
            "xml camt", "icbc", "statements", "xml", ENTRY_ROW, "reference", "note", "Amt", "status", "booked",
            template=ENTRY, amount="4.00", **_head("icbc", "statements"),
        ),
        _alipay_bill("bill csv", ".csv"),
        _alipay_bill("bill zip", ".zip"),
        _wechat_bill("bill csv utf-8", "lines", ".csv"),
        _wechat_bill("bill xlsx", "sheet", ".xlsx"),
    )
}  # fmt: skip


@dataclass
class Outcome:
    """What became of a delivery with one damaged file, and of the whole ones beside it."""

    receipt: Receipt | None
    manifest: Manifest | None
    others: list[Manifest] = field(default_factory=list)

    @property
    def codes(self) -> list[str]:
        return [error.code for error in (self.manifest.errors if self.manifest else self.receipt.errors)]  # type: ignore[union-attr]


def send(home: Path, target: Target, data: bytes, rows: int = 2, total: str | None = None, **how: Any) -> Outcome:
    """Deliver a file beside whole ones of its institution, and land all."""
    if total is None:
        total = f"{sum(float(target.amount) for _ in range(rows)):.2f}"
    sent = Part(target.feed, data, rows, total, customer=target.customer, suffix=target.suffix, **how)
    deliver(home, target.institution, sent, business_date=target.business_date)
    manifests = take(home, target.institution)
    mine = [manifest for manifest in manifests if manifest.feed == target.feed]
    others = [manifest for manifest in manifests if manifest.feed != target.feed]
    receipts = load_receipts(SOURCES[target.institution], home / "landing")
    return Outcome(receipts[-1] if receipts else None, mine[0] if mine else None, others)

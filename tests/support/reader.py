"""A small reader of the exports, for tests that compute what the jobs compute a second time.

It shares nothing with `jobs` and `schemas`: a checker that reads with the code it checks shares its mistakes.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import xml.etree.ElementTree as ET
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import takewhile
from pathlib import Path
from typing import Any

import openpyxl

Row = dict[str, Any]

NATURAL_KEYS: dict[tuple[str, str], tuple[str, ...]] = {
    ("alipay", "acts"): ("acquisition_item_no",),
    ("citic_bank", "card_transactions"): ("流水号",),
    ("hangzhou_metro", "taps"): ("userID", "time", "stationID", "status"),
    ("icbc", "statements"): ("AcctSvcrRef",),
    ("huge_recycling", "orders"): ("orderNo", "category"),
    ("hellobike", "trips"): ("ride_id",),
    ("zheliban", "cases"): ("PROJID",),
    ("unionpay", "redemptions"): ("兑换单号",),
}
"""Feeds of acts in which a row that is sent again can be recognised; bills are told apart by `payments`."""


@dataclass(frozen=True)
class Delivery:
    """A folder that arrived, and its control file."""

    folder: Path
    control: dict[str, Any]

    @property
    def institution(self) -> str:
        return str(self.control["institution"])

    @property
    def business_date(self) -> str:
        return str(self.control["business_date"])

    @property
    def revision(self) -> int:
        return int(self.control["revision"])

    def files(self, feed: str) -> list[dict[str, Any]]:
        """What is stated of the files of a feed."""
        return [file for file in self.control["files"] if file["feed"] == feed]

    def path(self, feed: str) -> Path:
        """The one file of a feed."""
        (file,) = self.files(feed)
        return self.folder / str(file["name"])


def deliveries(home: Path) -> list[Delivery]:
    """Everything that arrived, by institution and arrival."""
    found = sorted(home.glob("exports/*/*/control.json"))
    return [Delivery(path.parent, json.loads(path.read_text(encoding="utf-8"))) for path in found]


def newest(home: Path, institution: str) -> dict[str, Delivery]:
    """By business date the delivery of the highest revision."""
    highest: dict[str, Delivery] = {}
    for delivery in deliveries(home):
        day = delivery.business_date
        if delivery.institution == institution and (day not in highest or highest[day].revision <= delivery.revision):
            highest[day] = delivery
    return highest


def records(home: Path, institution: str, feed: str) -> Iterator[Row]:
    """A feed's rows in force, newest first: each date's highest revision, of equal keys the last row.

    Where rows have no key those that say the same are as many as the statement has of them that has most.
    """
    highest = newest(home, institution)
    key = NATURAL_KEYS.get((institution, feed))
    told: Counter[tuple[str, ...]] = Counter()
    for day in sorted(highest, reverse=True):
        here: Counter[tuple[str, ...]] = Counter()
        for _, row in reversed(rows_of(highest[day].path(feed))):
            values = tuple(str(row[column]) for column in key or row)
            here[values] += 1
            if here[values] > told[values] and (key is None or here[values] == 1):
                yield row
        told |= here


# -- files


def rows_of(path: Path) -> list[tuple[int, Row]]:
    """The number by which the truth calls it, and the values, of every data row.

    That is the physical line of text, the row of a sheet, and in XML the how manieth it is.
    """
    data = path.read_bytes()
    if path.name.startswith("bills_"):
        return bill_of(path).rows
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    if path.suffix == ".xml":
        root = ET.fromstring(data)
        is_statement = root.tag.endswith("}Document")
        found = _transactions(root) if is_statement else [{cell.tag: cell.text or "" for cell in row} for row in root]
        return list(enumerate(found, 1))
    if path.name.endswith(".txt"):
        lines = data.decode("gb18030").split("\r\n")[:-1]
        names = lines[0].split("|")
        return [(n, dict(zip(names, ln.split("|"), strict=True))) for n, ln in enumerate(lines[1:], 2)]
    lines = data.decode("utf-8").splitlines()
    if ".csv" in path.suffixes:
        return list(enumerate(csv.DictReader(lines), 2))
    return [(n, json.loads(line)) for n, line in enumerate(lines, 1)]


def _transactions(root: ET.Element) -> list[Row]:
    """The rows of account statements: every transaction, and every entry that has none.

    Namespaces differ by version; elements are found by their local names.
    """
    for element in root.iter():
        element.tag = element.tag.rsplit("}", 1)[-1]
    found = []
    for statement in root.iter("Stmt"):
        account = statement.findtext("Acct/Id/Othr/Id")
        for entry in statement.findall("Ntry"):
            for one in entry.findall("NtryDtls/TxDtls") or [entry]:
                amount = next(
                    part
                    for part in (one.find("Amt"), one.find("AmtDtls/TxAmt/Amt"), entry.find("Amt"))
                    if part is not None
                )
                creditors = [one.findtext(f"RltdPties/Cdtr/{place}Nm") for place in ("", "Pty/")]
                found.append(
                    {
                        "account": account,
                        "AcctSvcrRef": one.findtext("Refs/AcctSvcrRef") or one.findtext("AcctSvcrRef"),
                        "Amt": amount.text,
                        "Ccy": amount.get("Ccy"),
                        "CdtDbtInd": entry.findtext("CdtDbtInd"),
                        "RvslInd": entry.findtext("RvslInd") == "true",
                        "Sts": entry.findtext("Sts/Cd") or entry.findtext("Sts"),
                        "date": entry.findtext("BookgDt/Dt") or str(entry.findtext("BookgDt/DtTm"))[:10],
                        "clock": entry.findtext("BookgDt/DtTm") or "",
                        "Cdtr": next(filter(None, creditors), ""),
                        "original": one.findtext("Refs/Prtry/Ref") or "",
                    }
                )
    return found


# -- bills


@dataclass(frozen=True)
class Bill:
    """A bill as its file tells it: the period's dates, when it was exported, and the rows as they are."""

    first: str
    last: str
    exported_at: str
    is_filtered: bool
    rows: list[tuple[int, Row]]


@dataclass(frozen=True)
class Payment:
    """One row of a bill in force, whatever the layout.

    Attributes:
        at: `2026-11-03 08:12:33` or without seconds.
        flow: 支出, 收入, 不计收支 or /.
        given_back: what the row itself says of its refunds.
    """

    customer: str
    number: str
    at: str
    party: str
    flow: str
    state: str
    amount: Decimal
    given_back: Decimal


def bill_of(path: Path) -> Bill:
    """A bill of either wallet; the header is found by its first cell."""
    cells = _cells(path)
    top = next(n for n, row in enumerate(cells) if row and row[0] in ("交易时间", "交易号"))
    names = cells[top]
    told = "\n".join(str(cell) for row in cells[:top] for cell in row if cell)
    # The old layout ends in dashes and sums.
    body = takewhile(lambda row: not row[0].startswith("----"), cells[top + 1 :])
    rows = [(n, dict(zip(names, row, strict=True))) for n, row in enumerate(body, top + 2)]
    begin, end = (_bracketed(told, *words) for words in (("起始时间：", "起始日期:"), ("终止时间：", "终止日期:")))
    kind = _bracketed(told, "导出交易类型：", "导出类型：")
    return Bill(begin[:10], end[:10], _bracketed(told, "导出时间：", "导出时间:"), kind == "支出", rows)


def payments(home: Path, institution: str) -> Iterator[Payment]:
    """Every row of the bills in force once.

    Per customer and date the unfiltered bill exported last is in force, and every filtered one; of rows in
    force with one number the last counts.
    """
    brought: defaultdict[str, list[Bill]] = defaultdict(list)
    for _, delivery in sorted(newest(home, institution).items()):
        for file in delivery.files("bills"):
            brought[file["customer"]].append(bill_of(delivery.folder / file["name"]))
    for customer, bills in brought.items():
        found: dict[str, Payment] = {}
        for bill in bills:
            for _, row in bill.rows:
                payment = _payment(customer, row)
                day = payment.at[:10]
                whole = [b for b in bills if not b.is_filtered and b.first <= day <= b.last]
                if bill.is_filtered or bill is max(whole, key=lambda b: b.exported_at):
                    found[payment.number] = payment
        yield from found.values()


def _payment(customer: str, row: Row) -> Payment:
    def cell(*names: str) -> str:
        return next(str(row[name]).strip() for name in names if name in row)

    state = cell("交易状态", "当前状态")
    amount = Decimal(cell("金额", "金额（元）", "金额(元)").lstrip("¥"))
    given_back = Decimal(row["成功退款（元）"].strip()) if "成功退款（元）" in row else Decimal(0)
    if state == "已全额退款":
        given_back = amount
    elif state.startswith("已退款(￥"):
        given_back = Decimal(state[5:-1])
    return Payment(
        customer=customer,
        number=cell("交易订单号", "交易号", "交易单号"),
        at=cell("付款时间", "交易时间"),
        party=cell("交易对方"),
        flow=cell("收/支"),
        state=state,
        amount=amount,
        given_back=given_back,
    )


def _cells(path: Path) -> list[list[str]]:
    """All rows of a bill's file, preamble and all."""
    if path.suffix == ".xlsx":
        sheet = openpyxl.load_workbook(path).worksheets[0]
        return [["" if value is None else str(value) for value in row] for row in sheet.iter_rows(values_only=True)]
    data = path.read_bytes()
    if path.suffix == ".zip":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            (name,) = archive.namelist()
            data = archive.read(name)
    is_wechat = "wechat_pay" in path.parts
    text = data.decode("utf-8-sig" if is_wechat else "gb18030")
    lines = text.split("\r\n" if is_wechat else "\n")[:-1]
    return [line.split(",") for line in lines]


def _bracketed(text: str, *labels: str) -> str:
    """What stands in brackets after one of the labels, "" if none is there."""
    for label in labels:
        if label in text:
            return text.split(label, 1)[1].lstrip()[1:].split("]", 1)[0]
    return ""

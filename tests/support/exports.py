"""Exports for tests: the readable fixtures as an institution would send them, and hand-made deliveries.

Reads no contract and uses nothing of `jobs`: form and control sums are stated here and in `expected.yaml`.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any

import xlsxwriter
import yaml
from stdnum import luhn
from stdnum.cn import ric

FIXTURES = Path(__file__).parents[1] / "fixtures"


@dataclass(frozen=True)
class Form:
    """How the readable text of a feed is sent.

    suffix: end of the file's name. above, below: what stands around the data rows. total: the column whose sum
    the control file states. ordinal: lines are counted by rows, not by the text's lines. is_bill: there is only
    one where somebody brought it, for a customer.
    """

    suffix: str
    above: str = ""
    below: str = ""
    total: str | None = None
    encoding: str = "utf-8"
    ending: str = "\n"
    is_bill: bool = False


def _xml(root: str) -> dict[str, str]:
    return {"suffix": ".xml", "above": f"<{root}>\n", "below": f"</{root}>\n"}


CAMT = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>
<GrpHdr><MsgId>ICBC</MsgId></GrpHdr>
"""
BANK_TEXT = {"suffix": ".txt", "encoding": "gb18030", "ending": "\r\n"}
FORMS: dict[str, dict[str, Form]] = {
    "alipay": {
        "acts": Form(".jsonl.gz", total="item_amount"),
        "registrations": Form(".jsonl.gz"),
        "consents": Form(".jsonl.gz"),
        "bills": Form(".csv", total="金额", encoding="gb18030", is_bill=True),
    },
    "citic_bank": {
        "acts": Form(above="客户号|业务场景|记账日期|笔数|金额|备注\n", total="金额", **BANK_TEXT),
        "card_transactions": Form(
            above="流水号|客户号|卡号|记账日期|交易金额|交易类型|商户名称|商户号|原流水号\n",
            total="交易金额",
            **BANK_TEXT,
        ),
        "registrations": Form(above="客户号|证件号码|手机号|卡号|客户类型|开户时间\n", **BANK_TEXT),
        "consents": Form(above="客户号|授权范围|状态|时间\n", **BANK_TEXT),
    },
    "hangzhou_metro": {
        "taps": Form(".csv.gz", "time,lineID,stationID,deviceID,status,userID,payType,fare\n", total="fare"),
        "registrations": Form(".csv.gz", "userID,idCard,phone,userType,createTime\n"),
        "consents": Form(".csv.gz", "userID,scope,action,time\n"),
    },
    "hellobike": {
        "trips": Form(
            ".csv",
            "ride_id,rideable_type,started_at,ended_at,start_station_name,start_station_id,end_station_name,"
            "end_station_id,start_lat,start_lng,end_lat,end_lng,member_id\n",
        ),
        "registrations": Form(".csv", "member_id,mobile,member_type,joined_at\n"),
        "consents": Form(".csv", "member_id,scope,status,time\n"),
    },
    "huge_recycling": {
        "orders": Form(".jsonl.gz", total="settledWeight"),
        "registrations": Form(".jsonl.gz"),
        "consents": Form(".jsonl.gz"),
    },
    "icbc": {
        "statements": Form(".xml", CAMT, "</BkToCstmrStmt></Document>\n", total="Amt"),
        "registrations": Form(".csv", "account,idNumber,mobile,card,customerType,openedAt\n", ending="\r\n"),
        "consents": Form(".csv", "account,scope,status,time\n", ending="\r\n"),
    },
    "unionpay": {
        "redemptions": Form(above="兑换单号|用户号|兑换时间|权益编码|权益名称|积分|状态\n", total="积分", **BANK_TEXT),
        "registrations": Form(above="用户号|手机号|卡号|用户类型|注册时间\n", **BANK_TEXT),
        "consents": Form(above="用户号|授权范围|状态|时间\n", **BANK_TEXT),
    },
    "wechat_pay": {
        "bills": Form(".csv", total="金额(元)", ending="\r\n", is_bill=True),
        "registrations": Form(".csv", "openid,idcard,phone,kind,created\n"),
        "consents": Form(".csv", "openid,scope,status,time\n"),
    },
    "zheliban": {
        "cases": Form(**_xml("SERVICELOG")),
        "registrations": Form(**_xml("REGISTRATIONS")),
        "consents": Form(**_xml("CONSENTS")),
    },
}
"""Institution → feed → its form."""


def as_sent(institution: str, text: str, feed: str = "", *, suffix: str = "", has_mark: bool = False) -> bytes:
    """Readable text in the feed's encoding, line endings and packing (`suffix`: of a file that may have several)."""
    form = FORMS[institution][feed or next(iter(FORMS[institution]))]
    suffix = suffix or form.suffix
    if suffix == ".xlsx":
        return workbook(text)
    plain = text.replace("\n", form.ending).encode("utf-8-sig" if has_mark else form.encoding)
    if suffix.endswith(".gz"):
        return gzip.compress(plain, mtime=0)
    return zipped({f"{institution}_record.csv": plain}) if suffix == ".zip" else plain


def zipped(members: Mapping[str, bytes]) -> bytes:
    """A zip of these members, always the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 11, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def workbook(text: str) -> bytes:
    """Readable CSV as a workbook: `=…` a formula, `#1.5` a number, `@2026-11-01 08:00:00` a moment, all else text."""
    packed = io.BytesIO()
    with xlsxwriter.Workbook(packed, {"in_memory": True}) as book:
        book.set_properties({"created": datetime(2026, 11, 1, tzinfo=timezone.utc)})
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        sheet = book.add_worksheet()
        for row, cells in enumerate(csv.reader(io.StringIO(text))):
            for column, cell in enumerate(cells):
                if cell.startswith("="):
                    sheet.write_formula(row, column, cell, None, 4)
                elif cell.startswith("#"):
                    sheet.write_number(row, column, float(cell[1:]))
                elif cell.startswith("@"):
                    sheet.write_datetime(row, column, datetime.fromisoformat(cell[1:]), moment)
                else:
                    sheet.write_string(row, column, cell)
    return packed.getvalue()


@dataclass
class Part:
    """One file to send: its bytes and what the control file states of it."""

    feed: str
    data: bytes
    rows: int
    total: str = "0"
    part: int = 1
    parts: int = 1
    customer: str | None = None
    suffix: str = ""


def part(institution: str, feed: str, text: str, total: str = "0", **changes: Any) -> Part:
    """A file of the data rows in `text`, well packed; `changes` overrides what is stated or sent."""
    form = FORMS[institution][feed]
    data = as_sent(institution, form.above + text + form.below, feed)
    return Part(**{"feed": feed, "data": data, "rows": text.count("\n"), "total": total, **changes})


def deliver(
    home: Path,
    institution: str,
    *parts: Part,
    stamp: str = "20261102T010000Z",
    business_date: str = "2026-11-01",
    revision: int = 0,
    change: Mapping[str, Any] | None = None,
) -> Path:
    """Write one delivery with its control file; feeds that are not given are sent without rows."""
    folder = home / "exports" / institution / stamp
    folder.mkdir(parents=True)
    given = {sent.feed for sent in parts}
    empty = [
        part(institution, feed, "")
        for feed, form in FORMS[institution].items()
        if feed not in given and not form.is_bill
    ]
    files = []
    for sent in (*parts, *empty):
        form = FORMS[institution][sent.feed]
        name = f"{sent.feed}_{business_date.replace('-', '')}_{sent.part}{sent.suffix or form.suffix}"
        (folder / name).write_bytes(sent.data)
        files.append(
            {
                "name": name,
                "feed": sent.feed,
                "part": sent.part,
                "parts": sent.parts,
                "rows": sent.rows,
                "sums": {form.total: sent.total} if form.total else {},
                "sha256": hashlib.sha256(sent.data).hexdigest(),
                **({"customer": sent.customer} if sent.customer is not None else {}),
            }
        )
    control = {
        "institution": institution,
        "business_date": business_date,
        "revision": revision,
        "files": files,
        **(change or {}),
    }
    (folder / "control.json").write_text(json.dumps(control, ensure_ascii=False), encoding="utf-8")
    return folder


OUTCOMES = ("good", "ignored", "quarantined", "rejected")
"""What becomes of a line, in `expected.yaml`."""


@cache
def expected(institution: str) -> dict[str, dict[str, Any]]:
    """What each file of the institution's fixture becomes, by the name of the readable file."""
    text = (FIXTURES / institution / "expected.yaml").read_text(encoding="utf-8")
    files: dict[str, dict[str, Any]] = yaml.load(text, Loader=yaml.CSafeLoader)["files"]
    return files


def fixture_folders(institution: str) -> list[Path]:
    """The institution's deliveries, `<date>-r<revision>`, in order."""
    return sorted((FIXTURES / institution).glob("*-r*"))


def fixture_parts(institution: str, folder: Path) -> list[Part]:
    """The files of a delivery as they are sent.

    What the readable file cannot say, `expected.yaml` does: `sum`, `customer`, `suffix` (how a bill is packed)
    and `has_mark`.
    """
    told = expected(institution)
    names = sorted(path.name for path in folder.iterdir())
    parts = []
    for name in names:
        feed, _, number = name.split(".")[0].rsplit("_", 2)
        of = told[name]
        text = (folder / name).read_text(encoding="utf-8")
        suffix, has_mark = of.get("suffix", ""), of.get("has_mark", False)
        parts.append(
            Part(
                feed=feed,
                data=as_sent(institution, text, feed, suffix=suffix, has_mark=has_mark),
                rows=sum(len(of.get(outcome, {})) for outcome in OUTCOMES),
                total=of.get("sum", "0"),
                part=int(number),
                parts=sum(other.startswith(f"{feed}_2") for other in names),
                customer=of.get("customer"),
                suffix=suffix,
            )
        )
    return parts


def deliver_fixture(home: Path, institution: str) -> None:
    """Send the institution's fixture: each of its deliveries in the hours after its business date."""
    for number, folder in enumerate(fixture_folders(institution)):
        business_date, revision = folder.name.rsplit("-r", 1)
        arrival = date.fromordinal(date.fromisoformat(business_date).toordinal() + 1)
        deliver(
            home,
            institution,
            *fixture_parts(institution, folder),
            stamp=f"{arrival:%Y%m%d}T{number + 1:02}0000Z",
            business_date=business_date,
            revision=int(revision),
        )


# -- hand-made rows ----------------------------------------------------------------------------------

# Made up: people of Hangzhou, with the check digits that these numbers have.
CITIZEN = [(body := f"3301061990010{number}11{number}") + ric.calc_check_digit(body + "0") for number in range(1, 6)]
CARD = [(body := f"621700123456789{number}12") + luhn.calc_check_digit(body) for number in range(1, 6)]
PHONE = [f"1381234560{number}" for number in range(1, 6)]


def wallet(number: int) -> str:
    return f"did:alipay:208800000000000{number}"


def lines(*records: dict[str, Any]) -> str:
    return "".join(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n" for record in records)


def alipay_acts(*acts: tuple[int, int, str, str, str]) -> Part:
    """(serial number, customer, time, scenario, amount)."""
    item = {
        "ditiechuxing": "PAY_AMOUNT",
        "shenghuojiaofei": "PAY_AMOUNT",
        "xingzou": "STEP",
        "lvsezhengwu": "COUNT",
    }
    text = lines(
        *(
            {
                "acquisition_item_no": f"{serial:020}",
                "project_no": "CARBON2026",
                "account_did": wallet(customer),
                "occurrent_time": at,
                "scenario_code": f"ENERGY_XUANJIAO_{scenario}",
                "active_data_list": [{"item_code": item[scenario], "item_amount": amount}],
            }
            for serial, customer, at, scenario, amount in acts
        )
    )
    return part("alipay", "acts", text, str(sum(int(amount) for *_, amount in acts)))


def alipay_registrations(*known: tuple[int, str, str, list[str], str]) -> Part:
    """(customer, citizen id, phone, cards, time)."""
    names = ("cert_no", "mobile", "bound_cards")
    text = lines(
        *(
            {
                "account_did": wallet(one),
                **dict(zip(names, rest)),
                "subject_type": "PERSONAL",
                "registered_at": at,
            }
            for one, *rest, at in known
        )
    )
    return part("alipay", "registrations", text)


def alipay_consents(*events: tuple[int, str, str, str]) -> Part:
    """(customer, scope, status, time)."""
    names = ("auth_scope", "auth_status", "auth_time")
    text = lines(*({"account_did": wallet(one), **dict(zip(names, rest))} for one, *rest in events))
    return part("alipay", "consents", text)


def table(institution: str, feed: str, *records: str, total: str = "0") -> Part:
    return part(institution, feed, "".join(f"{record}\n" for record in records), total)


REGISTERED = "2026-10-01 09:00:00"
CONSENTED = "2026-10-01 09:00:01"

"""Exports for tests: the readable fixtures as an institution would send them, and hand-made deliveries.

Reads no contract and uses nothing of `jobs`: form and control sums are stated here and in `expected.yaml`.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from stdnum import luhn
from stdnum.cn import ric

FIXTURES = Path(__file__).parent / "fixtures"
SUMS = {
    ("alipay", "acts"): "item_amount",
    ("citic_bank", "acts"): "金额",
    ("citic_bank", "card_transactions"): "交易金额",
    ("hangzhou_metro", "taps"): "fare",
}
FEEDS = {
    "alipay": {"acts": "", "registrations": "", "consents": ""},
    "citic_bank": {
        "acts": "客户号|业务场景|记账日期|笔数|金额|备注\n",
        "card_transactions": "流水号|客户号|卡号|记账日期|交易金额|交易类型|商户名称|原流水号\n",
        "registrations": "客户号|证件号码|手机号|卡号|客户类型|开户时间\n",
        "consents": "客户号|授权范围|状态|时间\n",
    },
    "hangzhou_metro": {
        "taps": "time,lineID,stationID,deviceID,status,userID,payType,fare\n",
        "registrations": "userID,idCard,phone,userType,createTime\n",
        "consents": "userID,scope,action,time\n",
    },
}
"""Institution → feed → header."""
SUFFIX = {"alipay": ".jsonl.gz", "citic_bank": ".txt", "hangzhou_metro": ".csv.gz"}


def as_sent(institution: str, text: str) -> bytes:
    """Readable text in the institution's encoding, line endings and packing."""
    if institution == "citic_bank":
        return text.replace("\n", "\r\n").encode("gb18030")
    return gzip.compress(text.encode("utf-8"), mtime=0)


@dataclass
class Part:
    """One file to send: its bytes and what the control file states of it."""

    feed: str
    data: bytes
    rows: int
    total: str = "0"
    part: int = 1
    parts: int = 1


def part(institution: str, feed: str, text: str, total: str = "0", **changes: Any) -> Part:
    """A file of the data rows in `text`, well packed; `changes` overrides what is stated or sent."""
    data = as_sent(institution, FEEDS[institution][feed] + text)
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
    empty = [part(institution, feed, "") for feed in FEEDS[institution] if feed not in given]
    files = []
    for sent in (*parts, *empty):
        name = f"{sent.feed}_{business_date.replace('-', '')}_{sent.part}{SUFFIX[institution]}"
        (folder / name).write_bytes(sent.data)
        column = SUMS.get((institution, sent.feed))
        files.append(
            {
                "name": name,
                "feed": sent.feed,
                "part": sent.part,
                "parts": sent.parts,
                "rows": sent.rows,
                "sums": {column: sent.total} if column else {},
                "sha256": hashlib.sha256(sent.data).hexdigest(),
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


def expected(institution: str) -> dict[str, dict[str, Any]]:
    """What each file of the institution's fixture becomes, by the name of the readable file."""
    text = (FIXTURES / institution / "expected.yaml").read_text(encoding="utf-8")
    files: dict[str, dict[str, Any]] = yaml.safe_load(text)["files"]
    return files


def deliver_fixture(home: Path, institution: str) -> None:
    """Send the institution's fixture: one delivery for each of its `<date>-r<revision>` folders."""
    wanted = expected(institution)
    for number, folder in enumerate(sorted((FIXTURES / institution).glob("*-r*"))):
        business_date, revision = folder.name.rsplit("-r", 1)
        texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())}
        parts = []
        for name, text in texts.items():
            feed, _, number_and_suffix = name.rsplit("_", 2)
            parts.append(
                Part(
                    feed=feed,
                    data=as_sent(institution, text),
                    rows=text.count("\n") - (1 if FEEDS[institution][feed] else 0),
                    total=wanted[name].get("sum", "0"),
                    part=int(number_and_suffix.split(".")[0]),
                    parts=sum(other.startswith(f"{feed}_2") for other in texts),
                )
            )
        deliver(
            home,
            institution,
            *parts,
            stamp=f"2026110{number + 2}T010000Z",
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

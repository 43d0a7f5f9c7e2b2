"""Exports for tests: the readable fixtures as an institution would send them, and hand-made deliveries.

Uses nothing of `jobs`: how a feed is sent follows from its contract (`forms`), sums are stated in `expected.yaml`.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import xlsxwriter
from stdnum import luhn
from stdnum.cn import ric

from tests.support.forms import FIXTURES, FORMS, OUTCOMES, expected, fixture_folders, rows_told

__all__ = ["FIXTURES", "FORMS", "OUTCOMES", "expected", "fixture_folders"]


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
    """Write one delivery with its control file; feeds that are not given are sent without rows.

    Where nothing is given and nothing owed, the first bill of the fixture.
    """
    folder = home / "exports" / institution / stamp
    folder.mkdir(parents=True)
    if not parts and all(form.is_bill for form in FORMS[institution].values()):
        parts = (replace(fixture_parts(institution, fixture_folders(institution)[0])[0], parts=1),)
    given = {sent.feed for sent in parts}
    empty = [
        part(institution, feed, "")
        for feed, form in FORMS[institution].items()
        if feed not in given and not form.is_bill
    ]
    files = []
    for sent in (*parts, *empty):
        form = FORMS[institution][sent.feed]
        name = form.name(sent.feed, date.fromisoformat(business_date), sent.part, sent.suffix)
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
                rows=rows_told(of),
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
        "gongjiaochuxing": "PAY_AMOUNT",
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

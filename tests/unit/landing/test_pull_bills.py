"""Bills that people bring: the control file says whose they are, and nothing else does."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from jobs.landing.land import land
from jobs.landing.pull import pull
from jobs.landing.receipts import Receipt, customers_of
from jobs.landing.tokens import Tokens
from tests.support.exports import Part, deliver, deliver_fixture
from tests.support.landing import RECORD_KEY, SOURCES, TOKEN_KEY

BILL = "姓名：王小明\n".encode("gb18030")


def send_bills(home: Path, *customers: str | None, **how: Any) -> Path:
    parts = [
        Part("bills", BILL, 0, part=number, parts=len(customers), customer=customer)
        for number, customer in enumerate(customers, 1)
    ]
    return deliver(home, "alipay", *parts, **how)


def take_bills(home: Path) -> list[Receipt]:
    return pull(SOURCES["alipay"], home / "exports", home / "landing")


def test_a_bill_needs_its_customer_and_no_other_file_has_one(tmp_path: Path) -> None:
    send_bills(tmp_path, "did:alipay:1", None)
    assert [(receipt.state, [error.code for error in receipt.errors]) for receipt in take_bills(tmp_path)] == [
        ("refused", ["wrong_customer"])
    ]


def test_bills_may_be_left_out_and_may_be_packed(tmp_path: Path) -> None:
    send_bills(tmp_path)
    folder = send_bills(tmp_path, "did:alipay:1", stamp="20261102T020000Z", revision=1)
    control = json.loads((folder / "control.json").read_text())
    (folder / "bills_20261101_1.csv").rename(folder / "bills_20261101_1.zip")
    control["files"][0]["name"] = "bills_20261101_1.zip"
    (folder / "control.json").write_text(json.dumps(control))
    assert [receipt.state for receipt in take_bills(tmp_path)] == ["accepted", "accepted"]


def test_a_bill_of_somebody_else_is_another_statement(tmp_path: Path) -> None:
    send_bills(tmp_path, "did:alipay:1")
    send_bills(tmp_path, "did:alipay:1", stamp="20261102T020000Z")
    send_bills(tmp_path, "did:alipay:2", stamp="20261102T030000Z")
    assert [(receipt.state, [error.code for error in receipt.errors]) for receipt in take_bills(tmp_path)] == [
        ("accepted", []),
        ("duplicate", []),
        ("refused", ["changed_statement"]),
    ]


def test_the_customer_of_a_bill_stands_in_no_receipt(tmp_path: Path) -> None:
    send_bills(tmp_path, "did:alipay:2088000000000001")
    (receipt,) = take_bills(tmp_path)
    assert customers_of(receipt, tmp_path / "landing")["bills_20261101_1.csv"] == "did:alipay:2088000000000001"
    written = "".join(path.read_text() for path in (tmp_path / "landing/receipts").rglob("*.json"))
    assert "2088000000000001" not in written
    shutil.rmtree(tmp_path / "landing/alipay")
    assert customers_of(receipt, tmp_path / "landing") == {}


def test_a_bill_whose_customer_nobody_knows_any_more_is_refused(tmp_path: Path) -> None:
    """Landed late, or again, after the control file has gone from landing."""
    deliver_fixture(tmp_path, "alipay")
    receipts = take_bills(tmp_path)
    for control in (tmp_path / "landing/alipay").rglob("control.json"):
        control.unlink()
    bills = {file.file_id for receipt in receipts for file in receipt.files if file.feed == "bills"}
    source = SOURCES["alipay"]
    landed = land(source, tmp_path, Tokens(TOKEN_KEY, RECORD_KEY))
    refused = [manifest for manifest in landed if manifest.file_id in bills]
    assert len(refused) == len(bills) > 0
    assert {(manifest.state, manifest.errors[0].code) for manifest in refused} == {("refused", "wrong_customer")}
    assert {manifest.state for manifest in landed if manifest.file_id not in bills} == {"accepted"}

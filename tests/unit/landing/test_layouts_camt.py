"""Amounts of ISO 20022 statements in versions 02 to 08: of entries, of the transactions inside, and of both."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from jobs.landing.formats import xml
from jobs.landing.formats.batches import FileRefused
from jobs.landing.formats.read import open_export
from schemas.sources import Source
from tests.support.exports import Part
from tests.support.landing import SOURCES, land_one, rejects, rows

VERSIONS = ("02", "04", "08")
FEED = SOURCES["icbc"].feeds["statements"]
TARGETS_OF_ADDING = {"amount": "Amt", "currency": "currency", "direction": "direction"}


def document(version: str, *entries: str) -> bytes:
    """A statement as banks write it: balances before the entries, everything on lines of its own."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}">
 <BkToCstmrStmt>
  <GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-11-01T23:30:00</CreDtTm></GrpHdr>
  <Stmt>
   <Id>S1</Id><ElctrncSeqNb>1</ElctrncSeqNb>
   <Acct><Id><IBAN>6222021202000000011</IBAN></Id><Ccy>CNY</Ccy></Acct>
   <Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="CNY">0.00</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>
   <TxsSummry><TtlNtries><NbOfNtries>{len(entries)}</NbOfNtries><Sum>0</Sum></TtlNtries></TxsSummry>
   {"".join(entries)}
  </Stmt>
 </BkToCstmrStmt>
</Document>
""".encode()


def entry(version: str, amount: str, details: str = "", *, currency: str = "CNY", direction: str = "DBIT") -> str:
    status = "<Sts><Cd>BOOK</Cd></Sts>" if version == "08" else "<Sts>BOOK</Sts>"
    return f"""<Ntry>
     <NtryRef>1</NtryRef>
     <Amt Ccy="{currency}">{amount}</Amt>
     <CdtDbtInd>{direction}</CdtDbtInd>{status}
     <BookgDt><Dt>2026-11-01</Dt></BookgDt><ValDt><Dt>2026-11-01</Dt></ValDt>
     <AcctSvcrRef>E{amount}</AcctSvcrRef>
     <BkTxCd><Domn><Cd>PMNT</Cd></Domn></BkTxCd>
     {details}
    </Ntry>"""


def batch(*transactions: str, total: str = "") -> str:
    of = f'<Btch><NbOfTxs>{len(transactions)}</NbOfTxs><TtlAmt Ccy="CNY">{total}</TtlAmt></Btch>' if total else ""
    return f"<NtryDtls>{of}{''.join(transactions)}</NtryDtls>"


def transaction(
    version: str,
    number: int,
    amount: str | None = None,
    *,
    where: str = "TxAmt",
    currency: str = "CNY",
    direction: str = "",
) -> str:
    """A transaction whose amount stands in `Amt` itself, in `TxAmt`, in `InstdAmt`, or nowhere."""
    said = f'<Amt Ccy="{currency}">{amount}</Amt>'
    of = "" if amount is None else said if where == "Amt" else f"<AmtDtls><{where}>{said}</{where}></AmtDtls>"
    name = f"<Pty><Nm>某店{number}</Nm></Pty>" if version == "08" else f"<Nm>某店{number}</Nm>"
    sign = f"<CdtDbtInd>{direction}</CdtDbtInd>" if direction else ""
    return f"""<TxDtls>
      <Refs><AcctSvcrRef>T{number}</AcctSvcrRef></Refs>
      {of if where == "Amt" else ""}{sign}{of if where != "Amt" else ""}
      <RltdPties><Cdtr>{name}</Cdtr></RltdPties>
     </TxDtls>"""


def read(tmp_path: Path, data: bytes) -> tuple[list[tuple[str, str, str, str]], list[tuple[int, str]]]:
    """(reference, amount, currency, creditor) of every row, and the rejected ones."""
    path = tmp_path / "statements_20261101_1.xml"
    path.write_bytes(data)
    with open_export(path, FEED) as export:
        batches = list(export.batches)
    names = ("reference", "Amt", "currency", "creditor")
    found = [row for one in batches for row in zip(*(one.columns[name] for name in names))]
    return found, [(one.line, one.code) for of in batches for one in of.rejects]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("where", ["Amt", "TxAmt", "InstdAmt"])
def test_the_amount_of_a_transaction(tmp_path: Path, version: str, where: str) -> None:
    data = document(version, entry(version, "7.00", batch(transaction(version, 1, "7.00", where=where))))
    assert read(tmp_path, data) == ([("T1", "7.00", "CNY", "某店1")], [])


@pytest.mark.parametrize("version", VERSIONS)
def test_an_entry_without_details_or_with_a_count_alone(tmp_path: Path, version: str) -> None:
    data = document(version, entry(version, "7.00"), entry(version, "9.00", batch(total="9.00")))
    assert read(tmp_path, data) == ([("E7.00", "7.00", "CNY", ""), ("E9.00", "9.00", "CNY", "")], [])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("where", ["Amt", "TxAmt", "InstdAmt"])
def test_several_transactions_with_amounts_of_their_own(tmp_path: Path, version: str, where: str) -> None:
    details = batch(*(transaction(version, n, amount, where=where) for n, amount in ((1, "4.00"), (2, "3.50"))))
    found, rejected = read(tmp_path, document(version, entry(version, "7.5", details), entry(version, "1.00")))
    assert [row[:2] for row in found] == [("T1", "4.00"), ("T2", "3.50"), ("E1.00", "1.00")] and not rejected


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "amounts", [(None, None), ("4.00", None), ("4.00", "4.00"), ("7.00", "7.00"), ("4.00", "x"), ("4.00", "3.001")]
)
def test_transactions_that_do_not_add_up_to_their_entry_count_not_at_all(
    tmp_path: Path, version: str, amounts: tuple[str | None, ...]
) -> None:
    details = batch(*(transaction(version, number, amount) for number, amount in enumerate(amounts, 1)))
    data = document(version, entry(version, "1.00"), entry(version, "7.00", details), entry(version, "2.00"))
    found, rejected = read(tmp_path, data)
    assert [row[:2] for row in found] == [("E1.00", "1.00"), ("E2.00", "2.00")]
    assert rejected == [(2, "unbalanced_entry"), (3, "unbalanced_entry")]


def test_a_single_transaction_without_an_amount_has_that_of_its_entry(tmp_path: Path) -> None:
    data = document("02", entry("02", "7.00", batch(transaction("02", 1))))
    assert read(tmp_path, data) == ([("T1", "7.00", "CNY", "某店1")], [])


def test_a_single_transaction_with_another_amount_is_refused(tmp_path: Path) -> None:
    data = document("04", entry("04", "7.00", batch(transaction("04", 1, "6.00"))))
    assert read(tmp_path, data) == ([], [(1, "unbalanced_entry")])


def test_of_a_single_transaction_abroad_counts_what_the_account_paid(tmp_path: Path) -> None:
    details = batch(transaction("08", 1, "10.00", where="InstdAmt", currency="USD"))
    assert read(tmp_path, document("08", entry("08", "72.10", details)))[0] == [("T1", "72.10", "CNY", "某店1")]


def test_of_several_transactions_in_two_currencies_nothing_adds_up(tmp_path: Path) -> None:
    both = [transaction("08", 1, "10.00", currency="USD"), transaction("08", 2, "5.00")]
    found, rejected = read(tmp_path, document("08", entry("08", "77.10", batch(*both))))
    assert [row[1:3] for row in found] == [("10.00", "USD"), ("5.00", "CNY")] and not rejected
    both[1] = transaction("08", 2)
    assert read(tmp_path, document("08", entry("08", "77.10", batch(*both))))[1] == [
        (1, "unbalanced_entry"),
        (2, "unbalanced_entry"),
    ]


def test_what_goes_the_other_way_is_taken_off(tmp_path: Path) -> None:
    details = batch(transaction("08", 1, "10.00"), transaction("08", 2, "3.00", direction="CRDT"))
    assert len(read(tmp_path, document("08", entry("08", "7.00", details)))[0]) == 2
    assert len(read(tmp_path, document("08", entry("08", "13.00", details)))[1]) == 2


def test_details_may_stand_in_several_groups(tmp_path: Path) -> None:
    details = batch(transaction("08", 1, "4.00")) + batch(transaction("08", 2, "3.00"))
    assert len(read(tmp_path, document("08", entry("08", "7.00", details)))[0]) == 2


@pytest.mark.parametrize("version", VERSIONS)
def test_a_long_statement_loses_nothing(tmp_path: Path, version: str) -> None:
    """Longer than a block that is read at once, and than a batch of rows."""
    details = batch(transaction(version, 1, "4.00"), transaction(version, 2, "3.00"))
    found, rejected = read(tmp_path, document(version, *[entry(version, "7.00", details)] * 11_000))
    assert (len(found), rejected) == (22_000, [])
    assert sum(Decimal(amount) for _, amount, _, _ in found) == 77_000


def test_an_entry_is_held_only_so_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml, "MOST_INSIDE", 3)
    details = batch(*(transaction("08", number, "1.00") for number in range(4)))
    with pytest.raises(FileRefused, match="line_too_long"):
        read(tmp_path, document("08", entry("08", "4.00", details)))


def test_an_entry_that_does_not_add_up_is_told(tmp_path: Path) -> None:
    details = batch(transaction("08", 1), transaction("08", 2))
    data = document("08", entry("08", "7.00", details), entry("08", "1.00", batch(transaction("08", 3))))
    manifest = land_one(tmp_path, "icbc", Part("statements", data, 3, "1.00"))[1]
    assert manifest.state == "accepted"
    assert {line: code for line, (code, _) in rejects(tmp_path, manifest).items()} == dict.fromkeys(
        (1, 2), "unbalanced_entry"
    )
    assert rows(tmp_path, manifest)[3]["amount_fen"] == 100


@pytest.mark.parametrize("field", ["amount", "currency", "direction"])
def test_what_adds_up_stands_in_both(field: str) -> None:
    contract = SOURCES["icbc"].model_dump(mode="json")
    contract["feeds"]["statements"]["format"]["adds_up"] = {**TARGETS_OF_ADDING, field: "creditor"}
    with pytest.raises(ValidationError, match="adds_up: creditor has a place in the row and one in what is inside"):
        Source.model_validate(contract)

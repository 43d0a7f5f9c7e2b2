"""What the second bank sends: account statements as ISO 20022 camt.053 XML, in several versions by date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from simulator.formats.feed import Customers, Feed, Writer, customers, separated, yuan
from simulator.merchants import MERCHANTS
from simulator.people import Block
from simulator.rows import DAY, ICBC, Column, Rows

VERSIONS = ("02", "04", "08", "12")
"""By day number, in turn."""
BUYS, REVERSES, EARNS, TAKES_BACK = range(4)
"""A debit, a reversed debit (which is a credit), a credit, and a reversed credit (which is a debit)."""
CURRENCIES = ("CNY", "USD", "HKD", "EUR")
CODES = {BUYS: "PURC", REVERSES: "RVSL", EARNS: "SALA", TAKES_BACK: "ADJT"}
XML = '<?xml version="1.0" encoding="UTF-8"?>\n'


@dataclass(frozen=True)
class _Row:
    """One row of a statement: a transaction of its own, or one of an entry's batch."""

    serial: int
    day: int
    amount: int
    kind: int
    merchant: int
    original: int
    currency: int
    is_pending: bool
    has_time: bool
    is_bare: bool

    @property
    def reference(self) -> str:
        return f"{self.serial:018d}"


CUSTOMERS = Customers(
    ICBC,
    registration={
        "account": "customer",
        "idNumber": "citizen_id",
        "mobile": "phone",
        "card": "card",
        "customerType": "kind",
        "openedAt": "at",
    },
    kinds=("P", "C"),
    consent=("account", "scope", "status", "time"),
    scopes=("TRAVEL", "LIVING", "FINANCE", "ALL"),
    states=("Y", "N"),
)


class Icbc(Writer):
    """The second bank's feeds."""

    def feeds(self) -> list[Feed]:
        """All of them."""
        statements = Feed(
            *(ICBC, "statements", ".xml", _no_lines),
            header=self._head,
            footer="</BkToCstmrStmt></Document>\n",
            sum_column="Amt",
            sum_places=2,
            is_keyed=True,
            is_of_acts=True,
            arrange=self._statements,
        )
        known = CUSTOMERS.tables(self._calendar)
        return [statements, *(separated(table, ".csv", newline="\r\n") for table in known)]

    def _head(self, day: int) -> str:
        date = self._calendar.date(day)
        return (
            f'{XML}<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{_version(day)}"><BkToCstmrStmt>\n'
            f"<GrpHdr><MsgId>ICBC{date:%Y%m%d}</MsgId><CreDtTm>{date}T23:59:59</CreDtTm></GrpHdr>\n"
        )

    def _statements(self, rows: Rows, block: Block, day: int) -> tuple[Column, list[str]]:
        """A statement per account, in it an entry per row or per batch; every row's text holds what opens before it."""
        entry = np.where(rows["entry"] > 0, rows["entry"], rows["serial"])
        order = np.lexsort((rows["serial"], entry, rows["person"]))
        sorted_ = rows.take(order)
        accounts = customers(ICBC, sorted_, block)
        entries = entry[order].tolist()
        batches = (sorted_["entry"] > 0).tolist()
        names = (
            "serial",
            "day",
            "total",
            "kind",
            "merchant",
            "original",
            "currency",
            "is_pending",
            "has_time",
            "is_bare",
        )
        values = [_Row(*row) for row in zip(*(sorted_[name].tolist() for name in names), strict=True)]
        texts: list[str] = []
        first = 0
        while first < len(values):
            last = first + 1
            while last < len(values) and entries[last] == entries[first] and accounts[last] == accounts[first]:
                last += 1
            chunk = values[first:last]
            made = self._batch(chunk, entries[first], day) if batches[first] else [self._simple(chunk[0], day)]
            if first == 0 or accounts[first - 1] != accounts[first]:
                made[0] = self._opening(accounts[first], day) + made[0]
            if last == len(values) or accounts[last] != accounts[first]:
                made[-1] += "\n</Stmt>"
            texts += made
            first = last
        return order, texts

    def _opening(self, account: str, day: int) -> str:
        date = self._calendar.date(day)
        return (
            f"<Stmt><Id>{account}-{date:%Y%m%d}</Id><CreDtTm>{date}T23:59:59</CreDtTm>"
            f"<Acct><Id><Othr><Id>{account}</Id></Othr></Id><Ccy>CNY</Ccy></Acct>\n"
        )

    def _entry(self, row: _Row, reference: str, amount: int, version: str) -> str:
        """An entry up to its details."""
        status = "PDNG" if row.is_pending else "BOOK"
        if version in ("08", "12"):
            status = f"<Cd>{status}</Cd>"
        date = str(self._calendar.date(row.day))
        booked = f"<Dt>{date}</Dt>"
        if row.has_time:
            clock = str(timedelta(seconds=clock_of(0, row.serial))).zfill(8)
            booked = f"<DtTm>{date}T{clock}</DtTm>"
        reverses = "<RvslInd>true</RvslInd>" if row.kind in (REVERSES, TAKES_BACK) else ""
        if not reverses and row.serial % 5 == 0:
            reverses = "<RvslInd>false</RvslInd>"
        side = "DBIT" if row.kind in (BUYS, TAKES_BACK) else "CRDT"
        return (
            f'<Ntry><NtryRef>{row.serial % 1_000_000}</NtryRef><Amt Ccy="{CURRENCIES[row.currency]}">{yuan(amount)}</Amt>'
            f"<CdtDbtInd>{side}</CdtDbtInd>{reverses}<Sts>{status}</Sts><BookgDt>{booked}</BookgDt>"
            f"<ValDt><Dt>{date}</Dt></ValDt><AcctSvcrRef>{reference}</AcctSvcrRef>"
            f"<BkTxCd><Prtry><Cd>{CODES[row.kind]}</Cd></Prtry></BkTxCd>"
        )

    def _simple(self, row: _Row, day: int) -> str:
        version = _version(day)
        entry = self._entry(row, row.reference, row.amount, version)
        if row.is_bare:
            return entry + "</Ntry>"
        # every third states its amount in the transaction as well as in the entry
        details = _details(row, version, row.serial % 3 == 0)
        return f"{entry}<NtryDtls>{details}</NtryDtls></Ntry>"

    def _batch(self, rows: list[_Row], number: int, day: int) -> list[str]:
        version = _version(day)
        total = sum(row.amount for row in rows)
        texts = [_details(row, version, True) for row in rows]
        texts[0] = (
            self._entry(rows[0], f"{number:018d}", total, version)
            + f"<NtryDtls><Btch><NbOfTxs>{len(rows)}</NbOfTxs></Btch>{texts[0]}"
        )
        texts[-1] += "</NtryDtls></Ntry>"
        return texts


def clock_of(day: Any, serial: Any) -> Any:
    """When a row with a clock was booked, of a day and serial number or of columns of them: nobody's time."""
    return day * DAY + serial % 24 * 3_600 + serial % 60 * 60 + 7


def _version(day: int) -> str:
    return VERSIONS[day % len(VERSIONS)]


def _no_lines(rows: Rows, block: Block) -> list[str]:
    """What a row says depends on the version of its file: `arrange` writes it."""
    return [""] * len(rows)


def _details(row: _Row, version: str, has_amount: bool) -> str:
    """One transaction of an entry."""
    origin = f"<Prtry><Tp>ORIG</Tp><Ref>{row.original:018d}</Ref></Prtry>" if row.kind == REVERSES else ""
    amount = f'<Amt Ccy="{CURRENCIES[row.currency]}">{yuan(row.amount)}</Amt>' if has_amount else ""
    if amount and version == "02":
        amount = f"<AmtDtls><TxAmt>{amount}</TxAmt></AmtDtls>"
    name = f"<Nm>{MERCHANTS[row.merchant]}</Nm>"
    party = f"<Pty>{name}</Pty>" if version in ("08", "12") else name
    return (
        f"<TxDtls><Refs><AcctSvcrRef>{row.reference}</AcctSvcrRef>{origin}</Refs>{amount}"
        f"<RltdPties><Cdtr>{party}</Cdtr></RltdPties></TxDtls>"
    )

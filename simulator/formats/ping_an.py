"""What the insurer sends: gzipped JSON lines, strings alone."""

from __future__ import annotations

from simulator.formats.feed import Customers, Feed, Writer, customers, json_lines, listed
from simulator.people import Block
from simulator.rows import PING_AN, Rows

KINDS = ("POLICY", "ENDORSEMENT", "INVOICE", "LETTER")
MEDIA = ("ELECTRONIC", "PAPER", "ELECTRONIC")
STATES = ("ISSUED", "ISSUED", "VOID")
"""By way: it counts, it is on paper, it is void."""

CUSTOMERS = Customers(
    PING_AN,
    registration={
        "clientNo": "customer",
        "certNo": "citizen_id",
        "mobile": "phone",
        "clientType": "kind",
        "createdAt": "at",
    },
    kinds=("PERSON", "SHOP"),
    consent=("clientNo", "scope", "status", "updatedAt"),
    scopes=("", "LIVING", "FINANCE", "ALL"),
    states=("AGREED", "REVOKED"),
)


class PingAn(Writer):
    """The insurer's feeds."""

    def feeds(self) -> list[Feed]:
        """All of them."""
        documents = Feed(PING_AN, "documents", ".jsonl.gz", self._documents, is_keyed=True, is_of_acts=True)
        return [documents, *map(json_lines, CUSTOMERS.tables(self._calendar))]

    def _documents(self, rows: Rows, block: Block) -> list[str]:
        return [
            f'{{"docNo":"PA{serial:016d}","clientNo":"{client}","docType":"{KINDS[kind]}","medium":"{MEDIA[way]}",'
            f'"status":"{STATES[way]}","issuedAt":"{at.replace(" ", "T")}{"+0800" if has_offset else ""}"'
            + (f',"sheets":"{sheets}"}}' if sheets > 0 else "}")
            for serial, client, kind, way, at, has_offset, sheets in zip(
                rows["serial"].tolist(),
                customers(PING_AN, rows, block),
                *listed(rows, "kind", "way"),
                self._calendar.moments(rows["at"]),
                *listed(rows, "has_offset", "sheets"),
                strict=True,
            )
        ]

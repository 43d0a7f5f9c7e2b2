"""What the issuer of toll cards sends: gzipped CSV in the words of the toll network, amounts in fen."""

from __future__ import annotations

from simulator.formats.feed import Customers, Feed, Writer, customers, header, listed, separated
from simulator.people import Block
from simulator.rows import ETC, Rows

PASSAGE = (
    "ID,PASSID,USERID,CARDID,OBUID,EXVLPC,ENTIME,ENTOLLSTATIONNAME,EXTIME,EXTOLLSTATIONNAME,MEDIATYPE,PAYTYPE,"
    "SERVICETYPE,TRANSTYPE,FEE,PAYFEE"
)
BLUE, GREEN = 0, 4
"""Colours of plates: a car that burns petrol, and one that needs none."""

CUSTOMERS = Customers(
    ETC,
    registration={
        "USERID": "customer",
        "USERIDNUM": "citizen_id",
        "TEL": "phone",
        "BANKCARDID": "card",
        "USERTYPE": "kind",
        "REGISTEREDTIME": "at",
    },
    kinds=("1", "2"),
    consent=("USERID", "SCOPE", "STATUS", "OPTIME"),
    scopes=("TRAVEL", "", "", "ALL"),
    states=("1", "2"),
)


class ZhejiangEtc(Writer):
    """The toll cards' feeds."""

    def feeds(self) -> list[Feed]:
        """All of them."""
        passages = Feed(
            *(ETC, "passages", ".csv.gz", self._passages),
            header=header(PASSAGE),
            first_line=2,
            sum_column="PAYFEE",
            is_keyed=True,
            is_of_acts=True,
        )
        return [passages, *(separated(table, ".csv.gz") for table in CUSTOMERS.tables(self._calendar))]

    def _passages(self, rows: Rows, block: Block) -> list[str]:
        return [
            f"G{serial:019d},0133{serial:020d},{user},{user},3301{serial:012d},{GREEN if is_green else BLUE},{enters},"
            f"杭州北,{leaves},嘉兴,1,1,{service},01,{fee},{paid}"
            for serial, user, is_green, service, fee, paid, enters, leaves in zip(
                rows["serial"].tolist(),
                customers(ETC, rows, block),
                *listed(rows, "is_green", "service", "fee", "total"),
                self._calendar.moments(rows["at"] - rows["minutes"] * 60),
                self._calendar.moments(rows["at"]),
                strict=True,
            )
        ]

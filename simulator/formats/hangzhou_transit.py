"""What the city's buses send: gzipped text parted by semicolons, a row per tap, fares in fen."""

from __future__ import annotations

from simulator.formats.feed import Customers, Feed, Writer, customers, header, listed, separated
from simulator.people import Block
from simulator.rows import TRANSIT, Rows

RIDE = "tradeSeq;cardNo;mediaType;tradeType;cardKind;lineCode;busCode;deviceCode;tradeTime;originalFare;actualFare"
MEDIA = ("IC", "QR", "UP")
TRADES = ("06", "86", "02", "06")
CARDS = ("01", "01", "01", "91")
"""By kind of row: a ride, one taken back, money put onto the card, staff."""

CUSTOMERS = Customers(
    TRANSIT,
    registration={
        "cardNo": "customer",
        "certNo": "citizen_id",
        "mobile": "phone",
        "holderType": "kind",
        "openTime": "at",
    },
    kinds=("P", "U"),
    consent=("cardNo", "scope", "action", "time"),
    scopes=("travel", "", "", "all"),
    states=("1", "0"),
)


class HangzhouTransit(Writer):
    """The buses' feeds."""

    def feeds(self) -> list[Feed]:
        """All of them."""
        rides = Feed(
            *(TRANSIT, "rides", ".txt.gz", self._rides),
            header=header(RIDE),
            first_line=2,
            sum_column="actualFare",
            is_keyed=True,
            is_of_acts=True,
        )
        return [rides, *(separated(table, ".txt.gz", ";") for table in CUSTOMERS.tables(self._calendar))]

    def _rides(self, rows: Rows, block: Block) -> list[str]:
        return [
            f"GJ{serial:016d};{card};{MEDIA[media]};{'09' if is_change and not kind else TRADES[kind]};{CARDS[kind]};"
            f"0007;80123;POS0123401;{at if serial % 5 == 0 else at.translate({45: None, 58: None, 32: None})};200;{fen}"
            for serial, card, media, is_change, kind, at, fen in zip(
                rows["serial"].tolist(),
                customers(TRANSIT, rows, block),
                *listed(rows, "media", "is_change", "kind"),
                self._calendar.moments(rows["at"]),
                rows["total"].tolist(),
                strict=True,
            )
        ]

"""What the metro sends: gzipped CSV, a row per passage of a gate."""

from __future__ import annotations

from simulator.formats.feed import Customers, Feed, Writer, customers, header, separated
from simulator.network import Network
from simulator.people import Block
from simulator.rows import METRO, Calendar, Rows

CUSTOMERS = Customers(
    METRO,
    registration={
        "userID": "customer",
        "idCard": "citizen_id",
        "phone": "phone",
        "userType": "kind",
        "createTime": "at",
    },
    kinds=("P", "M"),
    consent=("userID", "scope", "action", "time"),
    scopes=("travel", "", "", "all"),
    states=("grant", "revoke"),
)


class Metro(Writer):
    """The metro's feeds.

    Args:
        calendar: the world's days as text.
        network: names of the stations.
    """

    def __init__(self, calendar: Calendar, network: Network) -> None:
        super().__init__(calendar)
        self._stations = network.stations

    def feeds(self) -> list[Feed]:
        """All of them."""
        taps = Feed(
            *(METRO, "taps", ".csv.gz", self._taps),
            header=header("time,lineID,stationID,deviceID,status,userID,payType,fare"),
            first_line=2,
            sum_column="fare",
            is_keyed=True,
            is_of_acts=True,
        )
        return [taps, *(separated(table, ".csv.gz") for table in CUSTOMERS.tables(self._calendar))]

    def _taps(self, rows: Rows, block: Block) -> list[str]:
        return [
            f"{at},{1 + station // 10},{self._stations[station]},G{station:02d}{device:02d},{status},{user},"
            f"{pay},{fare}"
            for at, station, device, status, user, pay, fare in zip(
                self._calendar.moments(rows["at"]),
                rows["station"].tolist(),
                rows["device"].tolist(),
                rows["status"].tolist(),
                customers(METRO, rows, block),
                rows["pay"].tolist(),
                rows["total"].tolist(),
                strict=True,
            )
        ]

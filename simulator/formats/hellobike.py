"""What the bike operator sends: CSV, a row per trip with the coordinates of its ends."""

from __future__ import annotations

from simulator.formats.feed import Customers, Feed, Writer, customers, header, separated
from simulator.people import Block
from simulator.rows import BIKES, E_BIKE, Rows

TRIP = (
    "ride_id,rideable_type,started_at,ended_at,start_station_name,start_station_id,end_station_name,end_station_id,"
    "start_lat,start_lng,end_lat,end_lng,member_id"
)
STATIONS = ("文三路口", "凤起路地铁站", "西湖文化广场", "城西银泰", "钱江新城", "滨江宝龙", "黄龙体育中心", "武林门")


CUSTOMERS = Customers(
    BIKES,
    registration={"member_id": "customer", "mobile": "phone", "member_type": "kind", "joined_at": "at"},
    kinds=("personal", "business"),
    consent=("member_id", "scope", "status", "time"),
    scopes=("travel", "", "", "all"),
    states=("granted", "withdrawn"),
)


class Hellobike(Writer):
    """The bike operator's feeds."""

    def feeds(self) -> list[Feed]:
        """All of them."""
        trips = Feed(
            *(BIKES, "trips", ".csv", self._trips),
            header=header(TRIP),
            first_line=2,
            is_keyed=True,
            is_of_acts=True,
        )
        return [trips, *(separated(table, ".csv") for table in CUSTOMERS.tables(self._calendar))]

    def _trips(self, rows: Rows, block: Block) -> list[str]:
        return [
            f"HB{serial:014d},{'ebike' if scenario == E_BIKE else 'bike'},{start},{end},{_station(one)},{_station(other)},"
            f"{_degrees(start_lat)},{_degrees(start_lng)},{_degrees(end_lat)},{_degrees(end_lng)},{member}"
            for serial, scenario, start, end, one, other, start_lat, start_lng, end_lat, end_lng, member in zip(
                rows["serial"].tolist(),
                rows["scenario"].tolist(),
                self._calendar.moments(rows["at"]),
                self._calendar.moments(rows["until"]),
                rows["start_station"].tolist(),
                rows["end_station"].tolist(),
                *(rows[name].tolist() for name in ("start_lat", "start_lng", "end_lat", "end_lng")),
                customers(BIKES, rows, block),
                strict=True,
            )
        ]


def _station(number: int) -> str:
    """Name and id; a bike that was left anywhere has neither."""
    return f"{STATIONS[number]},HZ{number + 1:04d}" if number >= 0 else ","


def _degrees(micro: int) -> str:
    return f"{micro // 1_000_000}.{micro % 1_000_000:06d}"

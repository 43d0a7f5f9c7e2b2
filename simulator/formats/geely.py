"""What the car maker sends: gzipped JSON lines, a row per car and day driven, and per time at rest."""

from __future__ import annotations

from simulator.formats.feed import Customers, Feed, Writer, customers, json_lines, listed, short
from simulator.people import Block
from simulator.rows import GEELY, Rows

TRAINS = ("BEV", "HEV", "ICE", "PHEV")

CUSTOMERS = Customers(
    GEELY,
    registration={
        "ownerId": "customer",
        "certNo": "citizen_id",
        "mobile": "phone",
        "ownerType": "kind",
        "boundAt": "at",
    },
    kinds=("PRIVATE", "BUSINESS"),
    consent=("ownerId", "scope", "state", "time"),
    scopes=("TRAVEL", "", "", "ALL"),
    states=("ON", "OFF"),
)


class Geely(Writer):
    """The car maker's feeds; a row has no number of its own, so that a correction only leaves some out."""

    def feeds(self) -> list[Feed]:
        """All of them."""
        return [
            Feed(GEELY, "drives", ".jsonl.gz", self._drives, sum_column="mileage", sum_places=1, is_keyed=True),
            Feed(GEELY, "stands", ".jsonl.gz", self._stands, is_keyed=True),
            *map(json_lines, CUSTOMERS.tables(self._calendar)),
        ]

    def _drives(self, rows: Rows, block: Block) -> list[str]:
        return [
            f'{{"vin":"LB37622S{block.first + person:09d}","ownerId":"{owner}","date":"{date}",'
            f'"powertrain":"{TRAINS[car]}","use":"{"HIRE" if for_others else "PRIVATE"}","odometer":{odometer},'
            f'"mileage":{short(tenths, 1)}}}'
            for person, owner, date, car, for_others, odometer, tenths in zip(
                rows["person"].tolist(),
                customers(GEELY, rows, block),
                self._calendar.dates(rows["day"]),
                *listed(rows, "car", "for_others", "odometer", "total"),
                strict=True,
            )
        ]

    def _stands(self, rows: Rows, block: Block) -> list[str]:
        return [
            f'{{"vin":"LB37622S{block.first + person:09d}","ownerId":"{owner}","from":"{since}","until":"{until}",'
            f'"powertrain":"{TRAINS[car]}","displacement":{2.0 if is_large else 1.5},"odometerFrom":60120,'
            f'"odometerUntil":60120,"wholeDays":{int(is_whole)}}}'
            for person, owner, since, until, car, is_large, is_whole in zip(
                rows["person"].tolist(),
                customers(GEELY, rows, block),
                self._calendar.moments(rows["since"]),
                self._calendar.moments(rows["at"]),
                *listed(rows, "car", "is_large", "is_whole"),
                strict=True,
            )
        ]

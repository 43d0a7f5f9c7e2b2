"""A small reader of the exports, for tests that compute what the jobs compute a second time.

It shares nothing with `jobs` and `schemas`: a checker that reads with the code it checks shares its mistakes.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = dict[str, Any]

NATURAL_KEYS: dict[tuple[str, str], tuple[str, ...]] = {
    ("alipay", "acts"): ("acquisition_item_no",),
    ("citic_bank", "card_transactions"): ("流水号",),
    ("hangzhou_metro", "taps"): ("userID", "time", "stationID", "status"),
}
"""Feeds of acts in which a row that is sent again can be recognised."""


@dataclass(frozen=True)
class Delivery:
    """A folder that arrived, and its control file."""

    folder: Path
    control: dict[str, Any]

    @property
    def institution(self) -> str:
        return str(self.control["institution"])

    @property
    def business_date(self) -> str:
        return str(self.control["business_date"])

    @property
    def revision(self) -> int:
        return int(self.control["revision"])

    def path(self, feed: str) -> Path:
        """The one file of a feed."""
        (name,) = [file["name"] for file in self.control["files"] if file["feed"] == feed]
        return self.folder / name


def deliveries(home: Path) -> list[Delivery]:
    """Everything that arrived, by institution and arrival."""
    found = sorted(home.glob("exports/*/*/control.json"))
    return [Delivery(path.parent, json.loads(path.read_text(encoding="utf-8"))) for path in found]


def rows_of(path: Path) -> list[tuple[int, Row]]:
    """Physical line and values of every data row."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    if path.name.endswith(".txt"):
        lines = data.decode("gb18030").split("\r\n")[:-1]
        names = lines[0].split("|")
        return [(n, dict(zip(names, ln.split("|"), strict=True))) for n, ln in enumerate(lines[1:], 2)]
    lines = data.decode("utf-8").split("\n")[:-1]
    if path.name.endswith(".csv.gz"):
        return list(enumerate(csv.DictReader(lines), 2))
    return [(n, json.loads(line)) for n, line in enumerate(lines, 1)]


def records(home: Path, institution: str, feed: str) -> Iterator[Row]:
    """A feed's rows in force, newest first: each date's highest revision, of equal keys the last row."""
    highest: dict[str, Delivery] = {}
    for delivery in deliveries(home):
        day = delivery.business_date
        if delivery.institution == institution and (day not in highest or highest[day].revision <= delivery.revision):
            highest[day] = delivery
    key = NATURAL_KEYS.get((institution, feed))
    seen: set[tuple[str, ...]] = set()
    for day in sorted(highest, reverse=True):
        for _, row in reversed(rows_of(highest[day].path(feed))):
            if key is not None:
                values = tuple(row[column] for column in key)
                if values in seen:
                    continue
                seen.add(values)
            yield row

"""Source contracts: what an institution sends, in which form, and what each field means.

One YAML file per institution. Encodings, units, zones, precision, separators and keys stand there;
jobs know only the closed set of layouts and converters declared here and in `columns`.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from schemas.base import ROOT, Pattern, Strict, load_folder
from schemas.errors import RegistryError
from schemas.scenarios.parts import InstitutionKind
from schemas.sources.feeds import ActFeed, ConsentFeed, Feed, PaymentFeed, RedemptionFeed, RegistrationFeed, TapFeed
from schemas.sources.layouts import Format
from schemas.spending.merchants import Merchants, load_merchants

__all__ = [
    "FOLDER",
    "UNPLACED",
    "ActFeed",
    "ConsentFeed",
    "Feed",
    "PaymentFeed",
    "RedemptionFeed",
    "RegistrationFeed",
    "Source",
    "TapFeed",
    "load_distances",
    "load_sources",
    "load_stations",
]

FOLDER = "sources"
UNPLACED = "000000"
"""Region of an act somewhere in the country: the export does not tell where."""


class Source(Strict):
    """One institution and all that it sends.

    name, name_en: what people call it, in Chinese and in English.
    kind: the role by which scenarios rank its reports. region: GB/T 2260 code of its acts, `000000` where its
        exports do not tell the place.
    customers: the whole of a customer's name: where columns are shifted, it is another.
    ready_by: local time of the day after the business date by which a delivery is expected.
    latest_days: how many days after its business date a statement may arrive; what is older is a slip of the date.
    format: of every feed that names no other.
    merchants: the words of merchants' names, filled by the loader where a feed needs them.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: str
    name_en: str
    kind: InstitutionKind
    region: str = Field(pattern=r"^\d{6}$")
    time_zone: str
    customers: Pattern = "[!-~]([ -~]{0,62}[!-~])?"
    ready_by: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    latest_days: int = Field(default=1_100, gt=0, le=3_660, exclude=True)
    format: Format | None = None
    feeds: dict[str, Feed] = Field(min_length=1)
    merchants: Merchants | None = Field(default=None, exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _format_for_all(cls, content: Any) -> Any:
        if isinstance(content, dict) and isinstance(content.get("feeds"), dict) and "format" in content:
            feeds = {
                name: {"format": content["format"], **feed} if isinstance(feed, dict) else feed
                for name, feed in content["feeds"].items()
            }
            return {**content, "feeds": feeds}
        return content

    @field_validator("customers")
    @classmethod
    def _repeats_no_group(cls, customers: str) -> str:
        if re.search(r"\)[*+{]", customers):
            raise ValueError("repeat characters, and no group: every row's customer is held against it")
        return customers

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, time_zone: str) -> str:
        try:
            ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"unknown time zone {time_zone!r}") from error
        return time_zone

    @model_validator(mode="after")
    def _banks_say_their_clock(self) -> Source:
        for name, feed in self.feeds.items():
            if self.kind != "bank" or not isinstance(feed, PaymentFeed):
                continue
            if "tells" not in feed.columns.occurred_at.model_fields_set:
                raise ValueError(f"feeds.{name}.columns.occurred_at: say what a bank's time tells: act or booking")
        return self

    @property
    def owed(self) -> list[str]:
        """Feeds of which the institution owes a statement for every day; nobody owes a bill."""
        return [name for name, feed in self.feeds.items() if not feed.is_bill]

    def region_of(self, feed: str) -> str:
        """GB/T 2260 code of a feed's acts."""
        return self.feeds[feed].region or self.region

    def merchants_of(self, feed: str) -> Merchants | None:
        """The words by which a feed's merchants are known; None where their names tell nothing."""
        contract = self.feeds[feed]
        is_named = isinstance(contract, PaymentFeed) and contract.columns.merchant and contract.columns.merchant.name
        return self.merchants if is_named else None

    @property
    def contract_hash(self) -> str:
        """SHA-256 over the contract's content: says under which contract a file was landed."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()


def load_sources(root: Path = ROOT) -> dict[str, Source]:
    """Every contract of the registry, by institution id, in name order.

    Raises:
        RegistryError: a file cannot be used, or is not named after its institution.
    """
    sources, merchants = {}, load_merchants(root)
    for path, source in load_folder(root / FOLDER, Source):
        if path.stem != source.id:
            raise RegistryError(f"{path}: id: {source.id!r} belongs into {source.id}.yaml")
        sources[source.id] = source.model_copy(update={"merchants": merchants})
    return sources


def load_distances(source: Source, root: Path = ROOT) -> dict[tuple[str, str], int]:
    """Metres between stations by (from, to), both ways, of the source's tap feeds; empty without one.

    Raises:
        RegistryError: the table is missing, or a row is not two stations and positive whole metres.
    """
    distances: dict[tuple[str, str], int] = {}
    for feed in source.feeds.values():
        if not isinstance(feed, TapFeed):
            continue
        path = root / FOLDER / feed.pairing.station_table
        try:
            with path.open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    start, end, metres = row["from_station"], row["to_station"], int(row["distance_m"])
                    if metres <= 0:
                        raise ValueError(f"{start}-{end}: distance {metres}")
                    distances[start, end] = distances[end, start] = metres
            if not distances:
                raise ValueError("no rows")
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise RegistryError(f"{path}: not a station table: {error}") from error
    return distances


def load_stations(source: Source, root: Path = ROOT) -> frozenset[str]:
    """Every station code of the source's station tables; empty for a source without taps."""
    return frozenset(station for pair in load_distances(source, root) for station in pair)

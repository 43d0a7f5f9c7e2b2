"""Source contracts: what an institution sends, in which form, and what each field means.

One YAML file per institution. Encodings, units, zones, precision, separators and keys stand there;
jobs know only the closed set of layouts and converters declared here and in `columns`.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from schemas.base import ROOT, Pattern, Strict, load_folder
from schemas.errors import RegistryError
from schemas.scenarios.parts import InstitutionKind
from schemas.sources.columns import Lookup
from schemas.sources.feeds import ActFeed, ConsentFeed, Feed, PaymentFeed, RedemptionFeed, RegistrationFeed, TapFeed
from schemas.sources.layouts import Format
from schemas.spending.merchants import Merchants, load_merchants
from schemas.spending.rates import ExchangeRates, load_rates
from schemas.units import MICRO, micro_of

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

_SHARED = ("file", "format", "fields", "completeness", "bill", "control_sum")
"""What a feed has from the one in whose files its rows stand."""


class Source(Strict):
    """One institution and all that it sends.

    name, name_en: what people call it, in Chinese and in English.
    kind: the role by which scenarios rank its reports. region: GB/T 2260 code of its acts, `000000` where its
        exports do not tell the place.
    customers: the whole of a customer's name: where columns are shifted, it is another.
    ready_by: local time of the day after the business date by which a delivery is expected.
    latest_days: how many days after its business date a statement may arrive; what is older is a slip of the date.
    format: of every feed that names no other.
    merchants, rates, lookups: the words of merchants' names, the exchange rates, and the tables that quantities are looked up
        in, by file; filled by the loader.
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
    rates: ExchangeRates | None = Field(default=None, exclude=True)
    lookups: dict[str, dict[tuple[str, ...], int]] = Field(default={}, exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _said_once(cls, content: Any) -> Any:
        """The format of all feeds, and what a feed shares with the one in whose files it stands."""
        if not isinstance(content, dict) or not isinstance(content.get("feeds"), dict):
            return content
        feeds = {name: {**feed} if isinstance(feed, dict) else feed for name, feed in content["feeds"].items()}
        for feed in feeds.values():
            if isinstance(feed, dict):
                host: Any = feeds.get(feed.get("in_files_of")) or {}
                if not host and feed.get("in_files_of"):
                    raise ValueError(f"in_files_of: {feed['in_files_of']}: name a feed that has files of its own")
                for name in _SHARED:
                    if name in host:
                        feed.setdefault(name, host[name])
                if "format" in content:
                    feed.setdefault("format", content["format"])
        return {**content, "feeds": feeds}

    @model_validator(mode="after")
    def _hosts_have_files(self) -> Source:
        for name, feed in self.feeds.items():
            if feed.in_files_of is None:
                continue
            host = self.feeds.get(feed.in_files_of)
            if host is None or host.in_files_of or host is feed or not (host.only and feed.only):
                raise ValueError(
                    f"feeds.{name}.in_files_of: name a feed that has files of its own; both say `only` which rows are theirs"
                )
            if any(getattr(host, shared) != getattr(feed, shared) for shared in _SHARED):
                raise ValueError(f"feeds.{name}: {', '.join(_SHARED)} are those of {feed.in_files_of}: leave them out")
        return self

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

    def guests(self, feed: str) -> list[str]:
        """The feeds whose rows stand in a feed's files beside its own."""
        return [name for name, other in self.feeds.items() if other.in_files_of == feed]

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
        """SHA-256 over the contract's content and its tables: says under which contract a file was landed."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
        if self.lookups:
            content += repr(sorted((name, sorted(table.items())) for name, table in self.lookups.items()))
        return hashlib.sha256(content.encode()).hexdigest()


def load_sources(root: Path = ROOT) -> dict[str, Source]:
    """Every contract of the registry, by institution id, in name order.

    Raises:
        RegistryError: a file cannot be used, or is not named after its institution.
    """
    sources, merchants, rates = {}, load_merchants(root), load_rates(root)
    for path, source in load_folder(root / FOLDER, Source):
        if path.stem != source.id:
            raise RegistryError(f"{path}: id: {source.id!r} belongs into {source.id}.yaml")
        lookups = {one.table: load_lookup(one, root) for one in _lookups(source)}
        sources[source.id] = source.model_copy(update={"merchants": merchants, "rates": rates, "lookups": lookups})
    return sources


def _lookups(source: Source) -> Iterator[Lookup]:
    quantities = (case.quantity for feed in source.feeds.values() for case in feed.cases)
    yield from (one for one in quantities if isinstance(one, Lookup))


def load_lookup(lookup: Lookup, root: Path = ROOT) -> dict[tuple[str, ...], int]:
    """What a table says: the looked-up texts (numbers in millionths, as text) → millionths of the scenario's unit.

    Raises:
        RegistryError: it is missing, has other columns, a row twice, or a quantity that is none or above `at_most`.
    """
    path = root / FOLDER / lookup.table
    found: dict[tuple[str, ...], int] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            if set(rows.fieldnames or ()) != {*lookup.columns, "quantity"}:
                raise ValueError(f"name its columns {[*lookup.columns, 'quantity']}")
            for line, row in enumerate(rows, 2):
                key = tuple(
                    str(micro_of(row[name])) if name in lookup.numbers else row[name] for name in lookup.columns
                )
                quantity = micro_of(row["quantity"])
                if key in found or not 0 <= quantity <= lookup.at_most * MICRO:
                    raise ValueError(f"line {line}: each row once, with a quantity of at most {lookup.at_most}")
                found[key] = quantity
        if not found:
            raise ValueError("no rows")
    except (OSError, TypeError, ValueError) as error:
        raise RegistryError(f"{path}: not a table to look up quantities in: {error}") from error
    return found


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

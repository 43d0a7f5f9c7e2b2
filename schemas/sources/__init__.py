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
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, Field, field_validator, model_validator

from schemas.base import ROOT, RegistryError, Strict, load_folder
from schemas.sources.columns import Classes, Codes, Items, Number, Refunds, Scenario, Sum, Time

FOLDER = "sources"
DIRECTIONS = {"entry", "exit"}
SUBJECT_KINDS = {"resident", "micro_enterprise"}
CONSENTS = {"given", "withdrawn"}


class JsonLines(Strict):
    """One JSON object a line, with exactly the feed's fields."""

    layout: Literal["json_lines"]
    encoding: Literal["utf-8", "gb18030"]
    compression: Literal["gzip", "none"]
    line_ending: Literal["lf", "crlf"]


class Delimited(Strict):
    """One row a line under one header line that names the feed's fields.

    quoting: `minimal` lets a value stand in double quotes (RFC 4180) within its line; `none` knows no quotes.
    """

    layout: Literal["delimited"]
    encoding: Literal["utf-8", "gb18030"]
    compression: Literal["gzip", "none"]
    line_ending: Literal["lf", "crlf"]
    delimiter: str = Field(min_length=1, max_length=1)
    quoting: Literal["none", "minimal"]


Format = Annotated[JsonLines | Delimited, Field(discriminator="layout")]


def _check_values(codes: Codes, allowed: set[str]) -> Codes:
    unknown = set(codes.codes.values()) - allowed
    if unknown:
        raise ValueError(f"{sorted(unknown)}: use {sorted(allowed)}")
    return codes


class ActColumns(Strict):
    """An act that the institution reports as such. Quantity and amount stand with the scenario's cases."""

    customer: str
    occurred_at: Time
    scenario: Scenario


class TapColumns(Strict):
    """A gate passage. `amount` counts on the exit; an entry has none."""

    customer: str
    occurred_at: Time
    direction: Codes
    station: str
    amount: Number

    @field_validator("direction")
    @classmethod
    def _directions(cls, direction: Codes) -> Codes:
        return _check_values(direction, DIRECTIONS)


class CardColumns(Strict):
    """A card payment or what takes it back."""

    customer: str
    booked_on: Time
    scenario: Scenario
    amount: Number
    refunds: Refunds
    wallet: Classes | None = None


class Identifiers(Strict):
    """Which field holds which identifier. `card` may be a JSON list of at most two."""

    citizen_id: str | None = None
    phone: str | None = None
    card: str | None = None


class RegistrationColumns(Strict):
    """What an institution knows of a customer; a later one replaces the earlier."""

    customer: str
    registered_at: Time
    subject_kind: Codes
    identifiers: Identifiers

    @field_validator("subject_kind")
    @classmethod
    def _kinds(cls, subject_kind: Codes) -> Codes:
        return _check_values(subject_kind, SUBJECT_KINDS)


class ConsentColumns(Strict):
    """A consent given or withdrawn for a scope."""

    customer: str
    at: Time
    scope: Codes
    consent: Codes

    @field_validator("consent")
    @classmethod
    def _consents(cls, consent: Codes) -> Codes:
        return _check_values(consent, CONSENTS)


class Pairing(Strict):
    """How taps become rides.

    scenario: the act that a ride is.
    max_ride_minutes: an exit later than this after its entry is not of that ride.
    duplicate_seconds: the same passage written again within this time is a repetition.
    station_table: CSV beside the contracts, `from_station,to_station,distance_m`, each pair once.
    """

    scenario: str
    max_ride_minutes: int = Field(gt=0)
    duplicate_seconds: int = Field(ge=0)
    station_table: str


class _Feed(Strict):
    """What all feeds share.

    file: name of a file with `{date}` (%Y%m%d of the business date) and `{part}`.
    completeness: a statement is complete for its `day` (a higher revision replaces it whole), or only adds.
    fields: every field, in header order. What is neither mapped nor a key is named in `not_kept`.
    natural_key: the fields that name a row for ever; null where the institution has none.
    booking_lag_days: how many days after the act a row may be booked, at most.
    """

    file: str
    completeness: Literal["day", "additions"]
    format: Format
    fields: list[str] = Field(min_length=1)
    natural_key: list[str] | None
    not_kept: list[str] = []
    items: Items | None = None
    control_sum: Sum | None = None
    booking_lag_days: int = Field(default=0, ge=0, le=31)

    @field_validator("file")
    @classmethod
    def _file_pattern(cls, file: str) -> str:
        if file.count("{date}") != 1 or file.count("{part}") != 1 or not re.fullmatch(r"[\w.{}-]+", file):
            raise ValueError("use {date} and {part} once each, and no folder")
        return file

    @model_validator(mode="after")
    def _fields_accounted_for(self) -> _Feed:
        if self.items and (self.format.layout != "json_lines" or not self.natural_key):
            raise ValueError("items need layout json_lines and a natural_key")
        mapped = set(_columns_of(getattr(self, "columns", None)))
        keys = set(self.natural_key or ())
        listed = {self.items.column} if self.items else set()
        sums = {self.control_sum.column} if self.control_sum else set()
        unknown = (mapped | keys | listed | set(self.not_kept)) - set(self.fields)
        unknown |= sums - set(self.fields) - ({self.items.value} if self.items else set())
        if unknown:
            raise ValueError(f"no such field: {sorted(unknown)}")
        forgotten = set(self.fields) - mapped - keys - listed - set(self.not_kept)
        if forgotten:
            raise ValueError(f"map these fields or name them in not_kept: {sorted(forgotten)}")
        both = set(self.not_kept) & mapped
        if both:
            raise ValueError(f"mapped and not_kept: {sorted(both)}")
        return self

    @property
    def is_keyed(self) -> bool:
        """True when rows carry a natural key; otherwise equal rows are told apart by an ordinal."""
        return self.natural_key is not None

    @property
    def key_fields(self) -> list[str]:
        """The fields whose values make the record key: the natural key, else all that are kept."""
        return self.natural_key or [field for field in self.fields if field not in self.not_kept]

    def file_name(self, business_date: date, part: int) -> str:
        """The agreed name of one part."""
        return self.file.format(date=business_date.strftime("%Y%m%d"), part=part)


def _columns_of(model: object) -> Iterator[str]:
    """Every field that a columns model reads, however deep."""
    if isinstance(model, BaseModel):
        for name in type(model).model_fields:
            value = getattr(model, name)
            is_field = isinstance(value, str) and (
                name in ("column", "customer", "station", "original") or isinstance(model, Identifiers)
            )
            if is_field:
                yield value
            else:
                yield from _columns_of(value)
    elif isinstance(model, list):
        for entry in model:
            yield from _columns_of(entry)


class ActFeed(_Feed):
    """Acts."""

    kind: Literal["act"]
    columns: ActColumns

    @model_validator(mode="after")
    def _known_items(self) -> ActFeed:
        known = set(self.items.known) if self.items else set()
        numbers = [n for case in self.columns.scenario.cases for n in (case.quantity, case.amount) if n]
        unknown = {number.item for number in numbers if number.item} - known
        if unknown:
            raise ValueError(f"items that are not known: {sorted(unknown)}")
        return self


class TapFeed(_Feed):
    """Gate passages, to be paired into rides."""

    kind: Literal["tap"]
    columns: TapColumns
    pairing: Pairing


class CardFeed(_Feed):
    """Card transactions. Refunds name their original by its natural key."""

    kind: Literal["card"]
    columns: CardColumns

    @model_validator(mode="after")
    def _originals(self) -> CardFeed:
        if len(self.natural_key or ()) != 1:
            raise ValueError("refunds name one field of the original: the natural key has exactly one field")
        return self


class RegistrationFeed(_Feed):
    """Registrations."""

    kind: Literal["registration"]
    columns: RegistrationColumns


class ConsentFeed(_Feed):
    """Consents."""

    kind: Literal["consent"]
    columns: ConsentColumns


Feed = Annotated[ActFeed | TapFeed | CardFeed | RegistrationFeed | ConsentFeed, Field(discriminator="kind")]


class Source(Strict):
    """One institution and all that it sends.

    kind: the role by which scenarios rank its reports. region: GB/T 2260 code of its acts.
    ready_by: local time of the day after the business date by which a delivery is expected.
    format: of every feed that names no other.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: str
    kind: Literal["transit", "payment_app", "bank"]
    region: str = Field(pattern=r"^\d{6}$")
    time_zone: str
    ready_by: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    format: Format
    feeds: dict[str, Feed] = Field(min_length=1)

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

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, time_zone: str) -> str:
        try:
            ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"unknown time zone {time_zone!r}") from error
        return time_zone

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
    sources = {}
    for path, source in load_folder(root / FOLDER, Source):
        if path.stem != source.id:
            raise RegistryError(f"{path}: id: {source.id!r} belongs into {source.id}.yaml")
        sources[source.id] = source
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

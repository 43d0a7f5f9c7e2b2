"""The chain of publications: what readers see – versions, rows and checksums – each bound to the one before by hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from jobs.errors import NotFound
from jobs.lake.frames import content_hash
from jobs.logs import log

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake

PUBLICATIONS = "gold.publications"
QUALITY = "gold.quality"
Kind = Literal["run", "maintenance", "migration"]
"""What made a publication."""


@dataclass(frozen=True)
class Pin:
    """Where a table stood in a publication."""

    version: int
    rows: int
    checksum: int


@dataclass(frozen=True)
class Publication:
    """The last publication, as far as the next one needs it. Number 0 is the empty lake."""

    seq: int
    business_date: date | None
    state: str
    hash: str
    pins: dict[str, Pin]


def last_publication(lake: Lake) -> Publication:
    """The newest publication; number 0 where nothing was published yet."""
    newest = lake.sql(
        "SELECT * FROM record WHERE publication_seq = (SELECT max(publication_seq) FROM record)",
        record=lake.read(PUBLICATIONS),
    )
    rows = lake.to_arrow(newest).to_pylist()
    if not rows:
        return Publication(0, None, "", "", {name: Pin(0, 0, 0) for name in lake.tables if name != PUBLICATIONS})
    pins = {row["table_name"]: Pin(row["table_version"], row["row_count"], row["checksum"]) for row in rows}
    one = rows[0]
    return Publication(
        one["publication_seq"], one["business_date"], one["publication_state"], one["publication_hash"], pins
    )


def restore_pins(lake: Lake, last: Publication, but: Collection[str] = ()) -> None:
    """Bring every table that is beyond the last publication's pin back to it; `but` are left as they are."""
    for name, pin in last.pins.items():
        if name not in but and lake.version(name) != pin.version:
            lake.restore(name, pin.version)
            log.warning("table_restored", table=name, version=pin.version)


def publication_rows(
    lake: Lake, last: Publication, kind: Kind, business_date: date, state: str, pins: dict[str, Pin]
) -> list[dict[str, Any]]:
    """The rows of the publication after `last`: one per pinned table."""
    content = {
        "publication_seq": last.seq + 1,
        "publication_kind": kind,
        "business_date": business_date.isoformat(),
        "publication_state": state,
        "registry_hash": lake.registry.digest,
        "schema_version": len(lake.registry.migrations),
        "previous_hash": last.hash,
    }
    digest = publication_hash(content, pins)
    return [
        {
            **content,
            "business_date": business_date,
            "table_name": name,
            "table_version": pin.version,
            "row_count": pin.rows,
            "checksum": pin.checksum,
            "publication_hash": digest,
        }
        for name, pin in sorted(pins.items())
    ]


def counted(lake: Lake, frames: dict[str, Frame]) -> dict[str, tuple[int, int]]:
    """Table → rows and checksum of a frame with its columns, in one query."""
    names = list(frames)
    parts = [
        f"""SELECT {number} AS number, row_count, checksum
            FROM ({checksum_sql(list(lake.tables[name].types), f"rows_{number}")}) AS sums"""
        for number, name in enumerate(names)
    ]
    query = lake.sql(" UNION ALL ".join(parts), **{f"rows_{number}": frames[name] for number, name in enumerate(names)})
    return {names[row["number"]]: (row["row_count"], row["checksum"]) for row in lake.to_arrow(query).to_pylist()}


def checksum_sql(columns: list[str], relation: str) -> str:
    """The checksum in SQL that every reader's engine runs.

    A row's number is the first 8 hexadecimal digits of the MD5 of its columns' text, in declared order, joined by
    `|`, null as `~`. The checksum is the sum over all rows: rows may come in any order, and a log's sum is continued
    with the rows that are added.
    """
    digits = " + ".join(
        f"CAST(instr('0123456789abcdef', substring(digest, {place}, 1)) - 1 AS bigint) * {16 ** (8 - place)}"
        for place in range(1, 9)
    )
    return f"""SELECT count(1) AS row_count, coalesce(CAST(sum({digits}) AS bigint), 0) AS checksum
               FROM (SELECT {content_hash(columns)} AS digest FROM {relation}) AS digests"""


def publication_hash(content: dict[str, Any], pins: dict[str, Pin]) -> str:
    """SHA-256 over the record's content and the hash before, as JSON with sorted keys.

    Versions are left out: they say where the rows lie. A run that was killed and run again has other versions and
    the same publication. A record that is older than migration 1 has no kind and no version of its schema.
    """
    if not content["schema_version"]:
        content = {key: value for key, value in content.items() if key not in ("publication_kind", "schema_version")}
    said = {**content, "pins": {name: [pin.rows, pin.checksum] for name, pin in pins.items()}}
    return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def publication_for(lake: Lake, business_date: date) -> int:
    """The newest publication of a business date.

    Raises:
        NotFound: the date was not published.
    """
    rows = lake.to_arrow(
        lake.sql(
            f"SELECT max(publication_seq) AS seq FROM record WHERE business_date = DATE '{business_date}'",
            record=lake.read(PUBLICATIONS),
        )
    ).to_pylist()
    if rows[0]["seq"] is None:
        raise NotFound(f"{business_date} was not published; `tanzhang publications` lists what was")
    return int(rows[0]["seq"])

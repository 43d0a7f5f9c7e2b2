"""The chain of publications: what readers see – versions, rows and checksums – each bound to the one before by hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from jobs.errors import NotFound
from jobs.lake.frames import content_hash
from jobs.lake.log import Log
from jobs.lake.seals import sealed
from jobs.logs import log
from schemas.tables import PUBLICATIONS, SEQ

if TYPE_CHECKING:
    from jobs.lake.base import Frame, Lake

QUALITY = "gold.quality"
Kind = Literal["run", "maintenance", "migration"]
"""What made a publication."""

COLUMNS = {
    "seq": SEQ,
    "business_date": "business_date",
    "state": "publication_state",
    "hash": "publication_hash",
    "kind": "publication_kind",
    "registry_hash": "registry_hash",
    "schema_version": "schema_version",
    "previous_hash": "previous_hash",
    "seal": "publication_seal",
}
"""What a publication says of itself → the column, the same in the rows of all its tables."""


@dataclass(frozen=True)
class Pin:
    """Where a table stood in a publication. root: of all its files; empty in publications of before there were any."""

    version: int
    rows: int
    checksum: int
    root: str = ""


@dataclass(frozen=True)
class Publication:
    """What readers see. Number 0 is the empty lake, of no date."""

    seq: int
    business_date: date | None
    state: str
    hash: str
    pins: dict[str, Pin]
    kind: Kind = "run"
    registry_hash: str = ""
    schema_version: int = 0
    previous_hash: str = ""
    seal: str = ""

    @property
    def digest(self) -> str:
        """What its hash must be: SHA-256 over what it says and the hash before, as JSON with sorted keys.

        Versions are left out: they say where the rows lie. A run that was killed and run again has other versions and
        the same publication. One that is older than migration 1 has no kind and no version of its schema.
        """
        said: dict[str, Any] = {
            SEQ: self.seq,
            "business_date": str(self.business_date),
            "publication_state": self.state,
            "registry_hash": self.registry_hash,
            "previous_hash": self.previous_hash,
            "pins": {name: [pin.rows, pin.checksum] for name, pin in self.pins.items()},
        }
        if self.schema_version:
            said |= {"publication_kind": self.kind, "schema_version": self.schema_version}
        return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def publications(lake: Lake, which: str = "true") -> list[Publication]:
    """The publications for which a Spark SQL condition on `chain` holds, in order; older code may have written them.

    To the driver: one row per publication and table. Rows of one number that do not say the same are several.
    """
    chain = lake.read(PUBLICATIONS)
    found: dict[tuple[Any, ...], Publication] = {}
    for row in lake.ask(dict, f"SELECT * FROM chain WHERE {which} ORDER BY {SEQ}", chain=chain):
        said = {name: row[column] for name, column in COLUMNS.items() if row.get(column) is not None}
        one = found.setdefault(tuple(said.values()), Publication(**said, pins={}))
        root = row.get("file_root") or ""
        one.pins[row["table_name"]] = Pin(row["table_version"], row["row_count"], row["checksum"], root)
    return list(found.values())


def last_publication(lake: Lake) -> Publication:
    """The newest publication; number 0 where nothing was published yet."""
    found = publications(lake, f"{SEQ} = (SELECT max({SEQ}) FROM chain)")
    nothing = {name: Pin(0, 0, 0) for name in lake.tables if name != PUBLICATIONS}
    return found[-1] if found else Publication(0, None, "", "", nothing)


def publication_for(lake: Lake, business_date: date) -> int:
    """The newest publication of a business date.

    Raises:
        NotFound: the date was not published.
    """
    found = publications(lake, f"business_date = DATE '{business_date}'")
    if not found:
        raise NotFound(f"{business_date} was not published; `tanzhang publications` lists what was")
    return found[-1].seq


def published(lake: Lake, table: str, seq: int | None = None) -> Log:
    """A log as a publication left it; unless told which, as it stands."""
    stands = Log(lake, lake.tables[table], lake.read(table), seq or 0)
    return stands if seq is None else stands.where(f"{SEQ} <= {seq}")


def restore_pins(lake: Lake, last: Publication, but: Collection[str] = ()) -> None:
    """Bring every table that is beyond the last publication's pin back to it; `but` are left as they are."""
    for name, pin in last.pins.items():
        if name not in but and lake.version(name) != pin.version:
            lake.restore(name, pin.version)
            log.warning("table_restored", table=name, version=pin.version)


@dataclass(frozen=True)
class Next:
    """What the publication after `last` is to be.

    Attributes:
        landed: path below the landed folder → file, of what it is the first to use.
    """

    last: Publication
    kind: Kind
    business_date: date
    state: str
    pins: dict[str, Pin]
    landed: Mapping[str, Path] = field(default_factory=dict)


@contextmanager
def sealed_rows(lake: Lake, to_be: Next) -> Iterator[Frame]:
    """The rows of a publication, one per pinned table, to be committed within: then its seal counts."""
    last, pins = to_be.last, to_be.pins
    said = Publication(
        seq=last.seq + 1,
        business_date=to_be.business_date,
        state=to_be.state,
        hash="",
        pins=pins,
        kind=to_be.kind,
        registry_hash=lake.registry.digest,
        schema_version=len(lake.registry.migrations),
        previous_hash=last.hash,
    )
    hashed = replace(said, hash=said.digest)
    versions = {name: pin.version for name, pin in pins.items()}
    looks_back = to_be.kind != "run"
    numbered = (last.seq, last.seal), (hashed.seq, hashed.hash)
    with sealed(lake, *numbered, versions, to_be.landed, looks_back=looks_back) as seal:
        new = replace(hashed, seal=seal.digest)
        rows = [
            {
                **{column: getattr(new, name) for name, column in COLUMNS.items()},
                "table_name": name,
                "table_version": pin.version,
                "row_count": pin.rows,
                "checksum": pin.checksum,
                "file_root": seal.roots[name],
            }
            for name, pin in sorted(pins.items())
        ]
        yield lake.rows(PUBLICATIONS, rows)


def counted(lake: Lake, frames: dict[str, Frame]) -> dict[str, tuple[int, int]]:
    """Table → rows and checksum of a frame with its columns, in one query."""
    names = list(frames)
    parts = [
        f"""
        SELECT {number} AS number, row_count, checksum
        FROM ({_summed(list(lake.tables[name].types), f"rows_{number}", _NUMBER)}) AS sums
        """
        for number, name in enumerate(names)
    ]
    numbered = {f"rows_{number}": frames[name] for number, name in enumerate(names)}
    found = lake.ask(dict, " UNION ALL ".join(parts), **numbered)
    return {names[row["number"]]: (row["row_count"], row["checksum"]) for row in found}


_NUMBER = "CAST(conv(substring(digest, 1, 8), 16, 10) AS bigint)"
"""SQL: the number of a row as both of our engines read it from its digest; readers' engines have no `conv`."""


def checksum_sql(columns: list[str], relation: str) -> str:
    """The checksum in SQL that every reader's engine runs.

    A row's number is the first 8 hexadecimal digits of the MD5 of its columns' text, in declared order, joined by
    `|`, null as `~`. The checksum is the sum over all rows: rows may come in any order, and a log's sum is continued
    with the rows that are added.
    """
    digits = " + ".join(
        f"CAST(instr('0123456789abcdef', substring(digest, {nth}, 1)) - 1 AS bigint) * {16 ** (8 - nth)}"
        for nth in range(1, 9)
    )
    return _summed(columns, relation, digits)


def _summed(columns: list[str], relation: str, digits: str) -> str:
    """Rows and the sum of their numbers. digits: SQL for a row's number, of its `digest`."""
    return f"""
        SELECT count(1) AS row_count, coalesce(CAST(sum({digits}) AS bigint), 0) AS checksum
        FROM (SELECT {content_hash(columns)} AS digest FROM {relation}) AS digests
    """

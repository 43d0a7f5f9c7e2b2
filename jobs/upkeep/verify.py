"""Whether a lake is what its publications say: after a restore, a copy, or a doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.errors import NotAsPublished
from jobs.lake.chain import PUBLICATIONS, Pin, counted, last_publication, publication_hash

if TYPE_CHECKING:
    from jobs.lake import Lake


def check_pins(lake: Lake, pins: dict[str, Pin]) -> None:
    """Read tables at their pinned versions, and compare rows and checksums.

    Raises:
        NotAsPublished: a table differs.
    """
    found = counted(lake, {name: lake.read(name, pin.version) for name, pin in pins.items()})
    for name, pin in pins.items():
        if found[name] != (pin.rows, pin.checksum):
            raise NotAsPublished(
                f"{name}: version {pin.version} has {found[name][0]} rows with checksum {found[name][1]}; "
                f"published were {pin.rows} with {pin.checksum}"
            )


def verify(lake: Lake) -> int:
    """Check every table that the last publication pins, and the chain of all publications.

    Returns:
        How many publications are chained.

    Raises:
        NotAsPublished: a table, or the record of a publication, is not what it was.
    """
    check_pins(lake, last_publication(lake).pins)
    # To the driver: one row per publication and table.
    rows = lake.to_arrow(
        lake.sql("SELECT * FROM record ORDER BY publication_seq", record=lake.read(PUBLICATIONS))
    ).to_pylist()
    by_seq: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        by_seq.setdefault(row["publication_seq"], []).append(row)
    before = ""
    for seq, own in by_seq.items():
        keys = ("publication_seq", "publication_kind", "publication_state", "registry_hash", "schema_version")
        content = {key: own[0][key] for key in keys}
        content |= {"business_date": own[0]["business_date"].isoformat(), "previous_hash": before}
        pins = {row["table_name"]: Pin(row["table_version"], row["row_count"], row["checksum"]) for row in own}
        before = publication_hash(content, pins)
        if {row["publication_hash"] for row in own} != {before}:
            raise NotAsPublished(f"publication {seq} is not what was published: its hash is not that of its record")
    return len(by_seq)

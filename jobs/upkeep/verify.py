"""Whether a lake is what its publications say: after a restore, a copy, or a doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.errors import NotAsPublished
from jobs.lake.chain import Pin, counted, last_publication, publications

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
        NotAsPublished: a table, or a publication, is not what it was.
    """
    check_pins(lake, last_publication(lake).pins)
    chain, before = publications(lake), ""
    for one in chain:
        if (one.previous_hash, one.hash) != (before, one.digest):
            raise NotAsPublished(f"publication {one.seq} is not what was published: its hash is not that of its rows")
        before = one.hash
    return len(chain)

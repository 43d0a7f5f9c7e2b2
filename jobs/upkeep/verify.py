"""Whether a lake is what its publications say: after a restore, a copy, or a doubt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.errors import NotAsPublished
from jobs.lake.chain import Pin, Publication, counted, last_publication, publications
from jobs.lake.failures import told
from jobs.lake.intact import check_start, damages
from jobs.landing.manifests import LANDED
from jobs.publications.whole import broken_by
from schemas.tables import PUBLICATIONS

if TYPE_CHECKING:
    from jobs.lake import Lake


@dataclass(frozen=True)
class Verified:
    """How many publications are chained, and how many of them are sealed."""

    chained: int
    sealed: int


def check_pins(lake: Lake, pins: dict[str, Pin]) -> None:
    """Read tables at their pinned versions, and compare rows and checksums.

    Raises:
        NotAsPublished: a table differs, or cannot be read.
    """
    with told(", ".join(pins)):
        found = counted(lake, {name: lake.read(name, pin.version) for name, pin in pins.items()})
    for name, pin in pins.items():
        if found[name] != (pin.rows, pin.checksum):
            raise NotAsPublished(
                f"{name}: version {pin.version} has {found[name][0]} rows with checksum {found[name][1]}; "
                f"published were {pin.rows} with {pin.checksum}"
            )


def check_whole(lake: Lake, home: Path, last: Publication) -> None:
    """Ask of all that ever was posted what runs ask beside what they write.

    Raises:
        NotAsPublished: which invariants are broken, though every publication is what was published.
    """
    if found := list(broken_by(lake, home, last)):
        raise NotAsPublished("\n".join(found))


def verify(lake: Lake, home: Path, expect: str | None = None) -> Verified:
    """Check every published byte, the chain, the rows of every table that the last publication pins, the whole ledger.

    Args:
        expect: the hash or the seal of a publication, kept elsewhere: it must be in the chain.

    Raises:
        NotAsPublished: which files of which tables, or which publication, are not what was published.
    """
    found = list(damages(lake, home / LANDED))
    if found:
        raise NotAsPublished("\n".join(found))
    with told(PUBLICATIONS):
        chain = publications(lake)
    for broken in _unchained(chain):
        raise NotAsPublished(broken)
    if expect is not None and not any(expect in (one.hash, one.seal) for one in chain):
        raise NotAsPublished(
            f"no publication has the hash or seal {expect}: the chain of {lake.path} was cut short, or is another one"
        )
    last = last_publication(lake)
    check_start(lake, last)
    for name, pin in last.pins.items():  # one by one: a table that cannot be read is named
        check_pins(lake, {name: pin})
    check_whole(lake, home, last)
    return Verified(len(chain), sum(bool(one.seal) for one in chain))


def _unchained(chain: Sequence[Publication]) -> Iterator[str]:
    """Publications that do not follow from the one before."""
    before = ""
    for number, one in enumerate(chain, start=1):
        if (one.seq, one.previous_hash, one.hash) != (number, before, one.digest):
            yield f"{PUBLICATIONS}: publication {one.seq} is not what was published: its hash is not that of its rows"
        before = one.hash

"""One institution's deliveries, pulled and landed: whatever happens to them happens to nobody else's."""

from __future__ import annotations

import errno
from dataclasses import dataclass, field
from pathlib import Path

from jobs.landing.land import land
from jobs.landing.manifests import LANDING, Manifest
from jobs.landing.mistakes import internal
from jobs.landing.pull import pull
from jobs.landing.receipts import Receipt
from jobs.landing.tokens import Tokens
from schemas.deliveries import EXPORTS
from schemas.errors import Foreseen
from schemas.sources import Source
from schemas.sources.faults import Fault

OF_THE_MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
"""What a whole machine lacks: no institution's fault, and the same for the next one."""


@dataclass
class Ingested:
    """What a call made of an institution's deliveries.

    problem: why it ended early, where it did: what was not reached is taken up by the next call.
    """

    receipts: list[Receipt] = field(default_factory=list)
    manifests: list[Manifest] = field(default_factory=list)
    problem: Fault | None = None

    @property
    def refused(self) -> list[Receipt | Manifest]:
        """Deliveries and files that cannot be used."""
        every: list[Receipt | Manifest] = [*self.receipts, *self.manifests]
        return [one for one in every if one.state == "refused"]

    @property
    def is_flawed(self) -> bool:
        """Whether anything was refused or not reached."""
        return bool(self.problem or self.refused)

    @property
    def faults(self) -> list[Fault]:
        """Why things were refused or not reached, each code once for what it is of."""
        found = [fault for one in self.refused for fault in one.errors] + ([self.problem] if self.problem else [])
        return list({(fault.code, fault.column): fault for fault in found}.values())


def ingest_one(
    source: Source, home: Path, tokens: Tokens | None, stations: frozenset[str] = frozenset(), *, pulls: bool = True
) -> Ingested:
    """Pull an institution's deliveries, land them, or both.

    Args:
        tokens: to land with; without them nothing is landed.
        stations: the station codes that taps may name.

    Raises:
        Foreseen: somebody else is at it, or the settings cannot be used.
        OSError: the machine lacks something that every institution needs.
    """
    done = Ingested()
    try:
        if pulls:
            done.receipts = pull(source, home / EXPORTS, home / LANDING)
        if tokens:
            done.manifests = land(source, home, tokens, stations)
    except Foreseen:
        raise
    except Exception as problem:
        if isinstance(problem, OSError) and problem.errno in OF_THE_MACHINE:
            raise
        done.problem = internal(problem, "ingest_failed", institution=source.id)
    return done

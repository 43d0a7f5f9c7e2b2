"""The registry: everything that is declared rather than coded."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from schemas.base import ROOT, RegistryError
from schemas.factors import FactorFile, load_factors
from schemas.programmes import Programme, load_programmes
from schemas.scenarios import Scenario, load_scenarios
from schemas.sources import Source, load_sources
from schemas.tables import Field, Table, load_fields, load_tables

__all__ = ["Registry", "RegistryError", "load_registry"]


@dataclass(frozen=True)
class Registry:
    """All declared things by id, and the hash that a publication pins them with."""

    root: Path
    sources: dict[str, Source]
    scenarios: dict[str, Scenario]
    factors: dict[str, FactorFile]
    programmes: dict[str, Programme]
    tables: dict[str, Table]
    fields: dict[str, Field]
    digest: str = field(repr=False)


def load_registry(root: Path = ROOT) -> Registry:
    """Load and check every declarative file below `root`.

    Raises:
        RegistryError: one is broken; the text names the file, the key and the mend.
    """
    return Registry(
        root=root,
        sources=load_sources(root),
        scenarios=load_scenarios(root),
        factors=load_factors(root),
        programmes=load_programmes(root),
        tables=load_tables(root),
        fields=load_fields(root),
        digest=_digest(root),
    )


def _digest(root: Path) -> str:
    """SHA-256 over the path and the bytes of every declarative file."""
    total = hashlib.sha256()
    for path in sorted(path for kind in ("*.yaml", "*.csv") for path in root.rglob(kind)):
        total.update(path.relative_to(root).as_posix().encode() + b"\0")
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()

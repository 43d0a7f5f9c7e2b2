"""Taking exports through pull and land in tests, and reading what came of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from jobs.land import Manifest, land, landed_path, rejects_path
from jobs.pull import pull
from jobs.tokens import Tokens
from schemas.sources import load_sources
from tests.exports import deliver

SOURCES = load_sources()
TOKEN_KEY, RECORD_KEY = bytes(range(32)), bytes(range(32, 64))
STATIONS = frozenset(f"S{number:02d}" for number in range(1, 21))
TAP = "2026-11-01 08:00:05,1,S01,D0101,1,HM0000000001,3,0\n"
EXIT = "2026-11-01 08:25:40,1,S05,D0502,0,HM0000000001,3,400\n"


def take(home: Path, institution: str) -> list[Manifest]:
    source = SOURCES[institution]
    pull(source, home / "exports", home / "landing")
    return land(source, home, Tokens(TOKEN_KEY, RECORD_KEY, key_version=3), STATIONS)


def land_one(home: Path, institution: str, *parts: Any) -> dict[int, Manifest]:
    """Deliver parts of one feed and land them: manifests by part."""
    deliver(home, institution, *parts)
    return {manifest.part: manifest for manifest in take(home, institution) if manifest.feed == parts[0].feed}


def rows(home: Path, manifest: Manifest) -> dict[int, dict[str, Any]]:
    return {row["line"]: row for row in pq.read_table(landed_path(home, manifest)).to_pylist()}


def rejects(home: Path, manifest: Manifest) -> dict[int, tuple[str, str]]:
    table = pq.read_table(rejects_path(home, manifest)).to_pylist()
    assert all(row["file_id"] == manifest.file_id and row["error_column"] is None for row in table)
    return {row["line"]: (row["error_code"], row["error_shape"]) for row in table}

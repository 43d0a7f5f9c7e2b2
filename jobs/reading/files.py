"""The manifests of files that publications tell of, found by what the tables say of them: no others are opened."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from jobs.landing.manifests import Manifest, manifest_paths, manifests_at

if TYPE_CHECKING:
    from jobs.lake import Lake


def files_of(lake: Lake, home: Path, file_ids: Collection[str]) -> dict[str, Manifest]:
    """file_id → manifest; without those whose manifest is gone or damaged."""
    if not file_ids:
        return {}
    asked = pa.table({"file_id": pa.array(sorted(file_ids), pa.string())})
    places = lake.ask(
        dict,
        """
        SELECT DISTINCT c.institution, c.feed, c.business_date
        FROM coverage AS c
        LEFT SEMI JOIN asked AS a ON c.file_id = a.file_id
        """,
        coverage=lake.read("gold.coverage"),
        asked=lake.from_arrow(asked),
    )
    return {
        file.file_id: file
        for place in places
        for path in manifest_paths(home, place["institution"], place["feed"], place["business_date"])
        for file in manifests_at(path)
        if file.file_id in file_ids
    }

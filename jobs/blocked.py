"""Notes on publications that were blocked: what a run found is rolled back with it, and still has to be looked up."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from jobs.pull import write_whole

BLOCKED = "_blocked"
"""Folder beside the tables."""


def note_blocked(folder: Path, business_date: date, results: Sequence[dict[str, Any]]) -> None:
    """Keep every result of a blocked run, as rows of gold.quality; another attempt at the date replaces it."""
    text = json.dumps(results, default=date.isoformat, ensure_ascii=False, indent=1)
    write_whole(folder / BLOCKED / f"{business_date}.json", text.encode())


def load_blocked(folder: Path) -> list[dict[str, Any]]:
    """The results of every blocked run, as rows of gold.quality, in the order of their dates."""
    found = [row for path in sorted((folder / BLOCKED).glob("*.json")) for row in json.loads(path.read_bytes())]
    return [{**row, "business_date": date.fromisoformat(row["business_date"])} for row in found]

"""What of a registry's files past acts are credited by: the parts that are held once they were released.

Files are read as they are, not through today's models, so that a registry of an older shape can be compared. A lock
(`released.lock`) says the same as the folder that it was made of.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from schemas.base import LOADER
from schemas.errors import RegistryError
from schemas.factors import FOLDER as FACTORS
from schemas.programmes import FOLDER as PROGRAMMES
from schemas.scenarios import FOLDER as SCENARIOS
from schemas.sources import FOLDER as SOURCES
from schemas.sources.originals import WITHIN_DAYS
from schemas.spending.merchants import FOLDER as SPENDING

Raw = dict[str, Any]
Files = Mapping[str, Raw]
"""Path below the root → what the file says."""

KEPT = {
    SCENARIOS: (
        *("unit", "scope", "proof", "reported_by", "is_spend", "merchant_code", "quantification", "caps", "changes"),
        "excludes",
        *("precedence", "window_seconds", "match_amount", "unplaced", "missing_quantity"),
    ),
    PROGRAMMES: (
        *("kept", "region", "open_to", "valid_from", "valid_to"),
        *("earn", "tiers", "caps", "expiry", "coverage", "benefits"),
    ),
    SPENDING: ("applied", "rates", "prices", "unit", "region", "decimals", "status"),
}
"""Folder → keys by which the past is credited. Of factors all; of contracts see `_contract`."""

WORDS = {"name", "name_en", "source", "assumption", "note", "carried", "unproved", "correction", "why"}
"""What may be worded better, however deep it stands."""


@dataclass(frozen=True)
class Said:
    """A registry as its files say it.

    Attributes:
        on: the day of its release; None where a folder does not say.
    """

    files: Files
    on: date | None


def files_of(root: Path) -> Said:
    """The files of a registry's folder, or of a lock of one.

    Raises:
        RegistryError: a file cannot be read at all.
    """
    if root.is_file():
        lock = _content(root)
        return Said(lock["files"], lock["released"])
    found = {f"{FACTORS}/{path.name}": _content(path) for path in sorted((root / FACTORS).glob("*.yaml"))}
    for folder in (SCENARIOS, PROGRAMMES, SPENDING, f"{SPENDING}/sets"):
        for path in sorted((root / folder).glob("*.yaml")):
            said = _content(path)
            found[f"{folder}/{path.name}"] = {
                key: _bare(said[key]) for key in KEPT[folder.split("/")[0]] if key in said
            }
    for path in sorted((root / SOURCES).glob("*.yaml")):
        found[f"{SOURCES}/{path.name}"] = _contract(_content(path))
    for folder in (SOURCES, f"{SPENDING}/sets"):
        for path in sorted((root / folder).glob("*.csv")):
            found[f"{folder}/{path.name}"] = _table(path)
    return Said(found, None)


def _content(path: Path) -> Raw:
    try:
        said: Raw = yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)
    except (yaml.YAMLError, ValueError) as error:
        raise RegistryError(f"{path}: not valid YAML: {error}") from error
    return said


def _bare(said: Any) -> Any:
    """The same without words."""
    if isinstance(said, dict):
        return {key: _bare(value) for key, value in said.items() if key not in WORDS or key == "correction"}
    return [_bare(one) for one in said] if isinstance(said, list) else said


def _contract(said: Raw) -> Raw:
    """How a contract's claims are ranked, paired and matched. What its rows say is fixed when a file lands."""
    kept = ("kind", "completeness", "booking_lag_days", "changes", "pairing")
    feeds = {
        name: {key: feed[key] for key in kept if key in feed} | _refunds(feed) | {"reports": dict(_reported(feed))}
        for name, feed in said["feeds"].items()
    }
    return {"kind": said["kind"], "feeds": feeds}


def _refunds(feed: Raw) -> Raw:
    """How far back refunds that name no original may find one."""
    original = feed.get("columns", {}).get("original") or {}
    return {"within_days": original.get("within_days", WITHIN_DAYS)} if "matched_by" in original else {}


def _reported(feed: Raw) -> Iterator[tuple[str, str]]:
    """Scenarios that a feed's rows name; `payment` where all that they say of one are payments."""
    scenario = feed.get("columns", {}).get("scenario")
    cases = scenario.get("cases", []) if isinstance(scenario, dict) else []
    for name in dict.fromkeys(case["scenario"] for case in cases):
        kinds = {case.get("claim_kind", "act") for case in cases if case["scenario"] == name}
        yield name, "payment" if kinds == {"payment"} else "act"


def _table(path: Path) -> Raw:
    """What stands in the last column, by what stands in the first two; of stations the shortest trip too."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = {f"{row[0]}-{row[1]}": row[-1] for row in list(csv.reader(file))[1:]}
    if path.parent.name != SOURCES:
        return {"rows": rows}
    return {"rows": rows, "shortest": min(rows.values(), key=float, default=None)}

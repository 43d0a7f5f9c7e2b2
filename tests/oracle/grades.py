"""How well founded a figure is, read off the files as they are written: a second opinion on schemas/grades.py."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

WORST_LAST = ["regional", "national", "proxied", "derived", "programme", "foreign"]
SCHEMAS = Path(__file__).parents[2] / "schemas"


@cache
def _read(folder: str) -> dict[str, Any]:
    return {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in (SCHEMAS / folder).glob("*.yaml")}


@cache
def _series() -> dict[str, Any]:
    return {one["id"]: one for file in _read("factors").values() for one in file["series"]}


def grade_of(scenario: str, factor_id: str, match_quality: str) -> str:
    """The grade of what an entry of an act names; `rule` of what a rule makes of several."""
    if match_quality == "rule":
        return "rule"
    found = [_of(_series()[name], match_quality == "proxy") for name in factor_id.split("-")]
    said = _read("scenarios")[scenario].get("quantification") or {}
    if any(key.endswith("amount") for key in said):
        found.append("derived")
    return max(found, key=WORST_LAST.index)


def _of(one: dict[str, Any], is_lent: bool) -> str:
    place = str(one["region"])
    if len(place) == 2:
        return "foreign"
    if one.get("programme"):
        return "proxied" if is_lent else "programme"
    if one.get("derivation"):
        return "derived"
    if is_lent:
        return "proxied"
    return "national" if place == "000000" else "regional"

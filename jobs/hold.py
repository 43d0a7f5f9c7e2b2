"""Statements that are held back: whole by the control file, and still not like what the feed always sends.

A slip of the unit – fen for yuan, grams for kilograms – breaks no rule of a row; it shows in the median against
the last statements. A held statement is not used and the former revision stays in force, until a corrected one
comes or somebody who has asked the institution lets it pass.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.formats.profile import median, merged
from jobs.landed import in_force, statement
from jobs.manifests import LANDED, Manifest
from jobs.pull import write_whole
from schemas import Registry
from schemas.base import Strict
from schemas.sources.feeds import Volume

HISTORY = 30
"""With so many last statements of its feed a statement is compared."""
ENOUGH_STATEMENTS, ENOUGH_ROWS = 5, 200
"""Less than this says nothing about what is usual."""
ENOUGH_NUMBERS = 50
"""So many numbers a statement must have itself before its median says anything."""
RELEASES = "releases"


class Release(Strict):
    """Somebody answers for a held statement. reason: who said what."""

    file_ids: list[str]
    reason: str


@dataclass(frozen=True)
class Held:
    """Why a statement is held back: code, the number that stands out, and the median of the last statements."""

    code: str
    of: str
    found: float
    usual: float


def held(
    fresh: Sequence[Manifest], known: Iterable[Manifest], registry: Registry, released: frozenset[str]
) -> dict[str, Held]:
    """file_id of every part of every statement that is held back.

    Args:
        fresh: accepted files that a run would use first.
        known: files that earlier runs used.
        released: file_id of parts that may pass.
    """
    history: defaultdict[tuple[str, str], list[list[Manifest]]] = defaultdict(list)
    for parts in _statements(in_force(known)):
        history[parts[0].institution, parts[0].feed].append(parts)
    found: dict[str, Held] = {}
    # In the order of their dates, each beside those before it: whether statements come singly or together is the same.
    for parts in sorted(_statements(in_force(fresh)), key=lambda parts: parts[0].business_date):
        one = parts[0]
        feed = registry.sources[one.institution].feeds[one.feed]
        if feed.is_bill:
            continue
        before = [other for other in history[one.institution, one.feed] if other[0].business_date < one.business_date]
        why = _unusual(parts, sorted(before, key=lambda other: other[0].business_date)[-HISTORY:], feed.volume)
        if why is not None and not {file.file_id for file in parts} <= released:
            found |= dict.fromkeys((file.file_id for file in parts), why)
        else:
            history[one.institution, one.feed].append(parts)
    return found


def release(home: Path, files: Sequence[Manifest], reason: str) -> None:
    """Let a held statement pass from the next run on."""
    one = Release(file_ids=[file.file_id for file in files], reason=reason)
    path = home / LANDED / RELEASES / f"{files[0].file_id}.json"
    write_whole(path, one.model_dump_json(indent=1).encode())


def load_released(home: Path) -> frozenset[str]:
    """file_id of every part that somebody let pass."""
    paths = (home / LANDED / RELEASES).glob("*.json")
    return frozenset(name for path in paths for name in Release.model_validate_json(path.read_bytes()).file_ids)


def _statements(files: Iterable[Manifest]) -> list[list[Manifest]]:
    found: defaultdict[object, list[Manifest]] = defaultdict(list)
    for file in files:
        found[statement(file)].append(file)
    return list(found.values())


def _unusual(parts: Sequence[Manifest], before: Sequence[Sequence[Manifest]], volume: Volume) -> Held | None:
    """The first number of a statement that is out of bounds."""
    rows = sum(file.rows for file in parts)
    if rows > volume.most_rows:
        return Held("wrong_volume", "rows", rows, volume.most_rows)
    if volume.least is None and volume.most is None:
        return None
    usual_rows = [sum(file.rows for file in other) for other in before]
    if len(before) < ENOUGH_STATEMENTS or (middle := statistics.median(usual_rows)) < ENOUGH_ROWS:
        return None
    if not _within(rows, middle, volume):
        return Held("wrong_volume", "rows", rows, middle)
    usual = merged(file.profile for other in before for file in other).numbers
    for name, classes in merged(file.profile for file in parts).numbers.items():
        if sum(classes.values()) < ENOUGH_NUMBERS or _count(usual, name) < ENOUGH_ROWS:
            continue
        found, middle = median(classes), median(usual[name])
        if not _within(found, middle, volume):
            return Held("wrong_distribution", name, found, middle)
    return None


def _count(numbers: Mapping[str, Mapping[int, int]], name: str) -> int:
    return sum(numbers.get(name, {}).values())


def _within(found: float, usual: float, volume: Volume) -> bool:
    return (volume.least is None or found >= usual * volume.least) and (
        volume.most is None or found <= usual * volume.most
    )

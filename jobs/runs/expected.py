"""Under which deployment.yaml each publication came about: `<lake>/_deployments/<number>.json`, where it changed.

A run takes the file as it stands when it is opened. What was published as missing stays published so, whatever the
file says later; grades of past months are worked out anew where it says something else of them.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from jobs.files import read_ours, write_whole
from schemas.base import Strict
from schemas.deployment import Deployment, credits_of

FOLDER = "_deployments"


class Said(Strict):
    """What the file said; None where there was none."""

    deployment: Deployment | None


def note_deployment(lake: Path, seq: int, deployment: Deployment | None) -> None:
    """Note what the publication to come is made under, where that is other than before."""
    forget_after(lake, seq - 1)
    if deployment != deployment_of(lake, seq):
        path = lake / FOLDER / f"{seq:08}.json"
        write_whole(path, Said(deployment=deployment).model_dump_json(indent=1).encode())


def forget_after(lake: Path, seq: int) -> None:
    """Forget what was noted for publications that were never made."""
    for number, path in _noted(lake):
        if number > seq:
            path.unlink()


def deployment_of(lake: Path, seq: int) -> Deployment | None:
    """What a publication was made under; None also where nothing is known of it, as older code noted nothing."""
    newest = max(((number, path) for number, path in _noted(lake) if number <= seq), default=None)
    said = read_ours(Said, newest[1]) if newest else None
    return said.deployment if said else None


def _noted(lake: Path) -> list[tuple[int, Path]]:
    """Publication number and note."""
    paths = (lake / FOLDER).glob("*.json")
    return [(int(path.stem), path) for path in paths if path.stem.isdigit()]


def expected_otherwise(before: Deployment | None, now: Deployment | None, until: date | None) -> list[str]:
    """Institutions of which another file says other dates than the one before, among those until a date."""
    if until is None or before is None or now is None:
        return []
    one, other = before.until(until), now.until(until)
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def credited_otherwise(before: Deployment | None, now: Deployment | None, until: date | None) -> bool:
    """Whether other figures are credited than before, for act dates until one: a release run posts what that changes."""
    if until is None:
        return False
    one, other = credits_of(before), credits_of(now)
    return any(one.on(day) != other.on(day) for day in {date.min, *one.turns, *other.turns} if day <= until)

"""Files of a deployment, each damaged in every way: emptied, cut, swapped with another, deleted."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

WAYS = ("emptied", "cut", "swapped", "deleted", "changed")
NOTES = {".writer", "_open_run.json", "_keys.json", "_spark_session", "_deployments"}
"""Files beside the tables that no publication rests on; what becomes of a run without them has tests of its own."""


def published_files(home: Path, folder: str = "lake") -> list[Path]:
    """Every file of the lake that readers or later runs rest on, and of what publications used."""
    lake, landed = home / folder, home / "landed"
    sealed = [json.loads(path.read_bytes())["files"].get("landed", {}) for path in (lake / "_seals").glob("*.json")]
    used = [landed / name for paths in sealed for name in paths]
    found = {path for path in lake.rglob("*") if path.is_file() and not {path.name, path.parent.name} & NOTES}
    return sorted(found | {*used})


@contextmanager
def damaged(path: Path, way: str, others: list[Path]) -> Iterator[bool]:
    """Damage a file, and mend it after; says whether it is another one now."""
    partner = _partner(path, others) if way == "swapped" else None
    kept = {one: one.read_bytes() for one in (path, partner) if one is not None}
    modes = {one: one.stat() for one in kept}
    content = kept[path]
    try:
        if way == "deleted":
            path.unlink()
        elif partner is not None:
            path.write_bytes(kept[partner])
            partner.write_bytes(content)
        else:
            path.write_bytes(_DAMAGED[way](content) if way in _DAMAGED else content)
        yield not path.exists() or path.read_bytes() != content
    finally:
        for one, was in kept.items():
            one.write_bytes(was)
            os.utime(one, ns=(modes[one].st_atime_ns, modes[one].st_mtime_ns))


def _changed(content: bytes) -> bytes:
    """One bit in the middle is another."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


_DAMAGED: dict[str, Callable[[bytes], bytes]] = {
    "emptied": lambda _: b"",
    "cut": lambda content: content[: len(content) // 2],
    "changed": _changed,
}


def _partner(path: Path, others: list[Path]) -> Path | None:
    """Another file of the same kind with other bytes: of the same folder, or of one that is called alike."""
    alike = [one for one in others if one.suffix == path.suffix and one.parent.name == path.parent.name]
    other = [one for one in alike if one.read_bytes() != path.read_bytes()]
    return min(other, key=lambda one: one.parent != path.parent, default=None)

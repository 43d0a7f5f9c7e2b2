"""What was fetched before, one small file for each remote delivery; it holds hashes and stamps, no name.

`<exports>/<institution>/.fetched/<key>.json`, the key being the beginning of the SHA-256 of the delivery's name.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from schemas.base import Strict
from schemas.deliveries import STAMP

from .remote import Unreachable

FOLDER = ".fetched"


class Taken(Strict):
    """A delivery that stands in the exports folder, or stood there. content: over the SHA-256 of its files."""

    stamp: str
    content: str


class Begun(Strict):
    """A delivery whose stamp is given and whose transfer is not ended. content: once all its bytes are there."""

    stamp: str
    marks: str
    content: str | None = None


class Memory(Strict):
    """marks: over the listing as it was when the delivery was last dealt with."""

    taken: list[Taken] = []
    marks: str | None = None
    begun: Begun | None = None


class Memories:
    """All memories of an institution, read once, written one by one."""

    def __init__(self, exports: Path) -> None:
        """exports: the institution's own folder."""
        self._exports = exports
        paths = (exports / FOLDER).glob("*.json")
        self._by_key = {path.stem: Memory.model_validate_json(path.read_bytes()) for path in paths}

    def of(self, key: str) -> Memory:
        """What is known of a delivery; an empty memory of one never seen."""
        return self._by_key.get(key, Memory())

    def keep(self, key: str, memory: Memory) -> None:
        """Remember, so that a machine that stops has either the old or the new memory."""
        path = self._exports / FOLDER / f"{key}.json"
        temporary = path.with_suffix(".tmp")
        temporary.write_text(memory.model_dump_json(), encoding="utf-8")
        flush(temporary)
        os.replace(temporary, path)
        flush(path.parent)
        self._by_key[key] = memory

    def free_stamp(self, moment: datetime) -> str:
        """The stamp of a moment in UTC, or of the first second after it that no delivery of the institution has."""
        used = {taken.stamp for memory in self._by_key.values() for taken in memory.taken} | self.begun()
        used |= {path.name for path in self._exports.iterdir()}
        while (stamp := moment.strftime(STAMP)) in used:
            moment += timedelta(seconds=1)
        return stamp

    def begun(self) -> set[str]:
        """The stamps of all deliveries whose transfer is not ended."""
        return {memory.begun.stamp for memory in self._by_key.values() if memory.begun}


def key_of(name: str) -> str:
    """What a delivery is called where its name should not be read."""
    return hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()[:16]


@contextmanager
def alone(exports: Path) -> Iterator[None]:
    """Held by one fetch of an institution at a time.

    Raises:
        Unreachable: another one is at work.
    """
    (exports / FOLDER).mkdir(parents=True, exist_ok=True)
    with (exports / FOLDER / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Unreachable(f"another fetch of {exports.name} is at work") from None
        yield


def flush(path: Path) -> None:
    """Have the machine write a file, or the names in a folder, to its disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)

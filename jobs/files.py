"""Files that a reader sees whole or not at all, and one writer at a time: a lock that dies with its process."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.errors import Busy


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees all of it or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(content)
    os.replace(temporary, path)


@contextmanager
def one_writer(lock: Path, task: str) -> Iterator[None]:
    """Keep every other who takes the same lock away, in this process too.

    Holds among the processes of one machine; over a network file system only where that passes flock on (NFS 4).

    Args:
        lock: a file that stays, empty but for who held it last.
        task: what the others are told.

    Raises:
        Busy: somebody writes there already.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise Busy(f"{file.read() or 'another process'} is at work ({lock} is locked); try again later") from None
        file.truncate(0)
        file.write(f"{task} (process {os.getpid()})")
        file.flush()
        yield

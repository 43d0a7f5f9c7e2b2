"""One writer at a time, by a lock of the operating system: a process that dies leaves none behind."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = ".writer"


class Busy(Exception):
    """Another process writes there; the text says which."""


@contextmanager
def one_writer(folder: Path, task: str) -> Iterator[None]:
    """Keep every other writer away from a folder, in this process too.

    Holds among the processes of one machine; over a network file system only where that passes flock on (NFS 4).

    Args:
        task: what the others are told.

    Raises:
        Busy: somebody writes there already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise Busy(f"{folder} is being written by {file.read() or 'another process'}; try again later") from None
        file.truncate(0)
        file.write(f"{task} (process {os.getpid()})")
        file.flush()
        yield

"""The drop folder: a place that this machine has mounted."""

from __future__ import annotations

import os
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

from airflow.providers.standard.hooks.filesystem import FSHook
from pydantic import Field

from .remote import BLOCK_BYTES, Entry, Settings, Unreachable, file_error


class FolderSettings(Settings):
    """path: absolute. Who moves deliveries into the folder names them by their arrival, unless said otherwise."""

    path: str = Field(pattern="^/")
    arrival: Literal["named", "seen"] = "named"


class Folder:
    """A folder of folders; whatever links lead to is left alone."""

    def __init__(self, connection_id: str, settings: FolderSettings) -> None:
        self.settings = settings
        self._connection_id = connection_id

    def __enter__(self) -> Folder:
        self.root = Path(FSHook(self._connection_id).get_path())
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def list(self, folder: str = "") -> dict[str, Entry]:
        with self._told(folder), os.scandir(self.root / folder) as found:
            return {entry.name: _entry(entry.stat(follow_symlinks=False)) for entry in found}

    def read(self, folder: str, name: str, entry: Entry, offset: int) -> Generator[bytes, None, None]:
        path = self.root / folder / name
        with self._told(folder), os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            if _entry(os.fstat(file.fileno())) != entry:
                raise Unreachable(f"connection {self._connection_id}: a file changed while it was fetched")
            file.seek(offset)
            left = entry.size - offset
            while left and (block := file.read(min(left, BLOCK_BYTES))):
                left -= len(block)
                yield block

    @contextmanager
    def _told(self, folder: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise file_error(self._connection_id, error, folder) from None


def _entry(status: os.stat_result) -> Entry:
    if stat.S_ISDIR(status.st_mode):
        return Entry("folder")
    if not stat.S_ISREG(status.st_mode):
        return Entry("other")
    stored_at = datetime.fromtimestamp(status.st_mtime, timezone.utc)
    return Entry("file", status.st_size, f"{status.st_mtime_ns}-{status.st_ino}", stored_at)

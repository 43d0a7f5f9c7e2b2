"""Files that a reader sees whole or not at all, and one writer at a time: a lock that dies with its process."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from jobs.errors import Busy, NotAsPublished

if TYPE_CHECKING:
    from pydantic import BaseModel


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees all of it or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(content)
    os.replace(temporary, path)


def write_once(path: Path, content: bytes) -> None:
    """As `write_whole`, for what several may write at the same time and nobody else may read (mode 600)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def digest_of(path: Path) -> str:
    """SHA-256 of a file's bytes, read a megabyte at a time."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


Model = TypeVar("Model", bound="BaseModel")


def read_as(model: type[Model], path: Path) -> Model:
    """What a JSON file of ours says.

    Raises:
        NotAsPublished: it was written whole, and is not what was written.
    """
    try:
        return model.model_validate_json(path.read_bytes())
    except ValueError:
        raise NotAsPublished(f"{path} cannot be read: it was cut or changed. Restore it from the backup") from None


@contextmanager
def kept_private(*folders: Path) -> Iterator[None]:
    """What is written meanwhile is its owner's alone: files of mode 600 in folders of mode 700, these among them."""
    for folder in folders:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_mode & 0o077:  # made before this was so
            folder.chmod(0o700)
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


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

"""Files that a reader sees whole or not at all, and one writer at a time: a lock that dies with its process.

What has its name is on the disk, so the power may go; a file of somebody else is opened once and is a plain one. What
differs between a disk and a bucket is told apart here.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

from pydantic import BaseModel, ValidationError

from jobs.bucket import BucketPath
from jobs.errors import Busy, NotAsPublished
from jobs.lease import leased
from jobs.logs import log


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees all of it or none."""
    if isinstance(path, BucketPath):
        path.write_bytes(content)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_of(path)
    temporary.write_bytes(content)
    put_in_place({temporary: path})


def temporary_of(path: Path) -> Path:
    """What a file or folder is called until it is whole."""
    return path.with_name(f".{path.name}.tmp")


SYNCS = 8
"""Files that are synced at the same time: a disk writes what is asked of it together in one go."""


def put_in_place(written: Mapping[Path, Path]) -> None:
    """Give files and folders that are written whole their names, in order.

    So a name never stands for less after a crash. What is written first and put in place together costs less than one by
    one: a disk syncs many files in hardly more time than one.
    """
    files = [file for one in written for file in ([*one.iterdir(), one] if one.is_dir() else [one])]
    with ThreadPoolExecutor(SYNCS) as pool:
        list(pool.map(sync, files))
    for temporary, path in written.items():
        os.replace(temporary, path)
    for folder in {path.parent for path in written.values()}:
        sync(folder)


def sync(path: Path) -> None:
    """Have what a file holds, or what a folder lists, on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


M = TypeVar("M", bound=BaseModel)


def read_as(model: type[M], path: Path) -> M:
    """A file of ours without which nothing goes on.

    Raises:
        NotAsPublished: it was emptied or torn since it was written.
    """
    try:
        return model.model_validate_json(path.read_bytes())
    except ValidationError:
        raise NotAsPublished(f"{path} cannot be read: it was cut or changed. Restore it from the backup") from None


def read_ours(model: type[M], path: Path) -> M | None:
    """A file of ours that can be done without; None, and a line in the log, where it was emptied or torn since."""
    try:
        return read_as(model, path)
    except NotAsPublished:
        log.warning("file_damaged", path=f"{path.parent.name}/{path.name}")
        return None


def set_aside(path: Path) -> None:
    """Take a damaged file out of the way, so that it is made again; its bytes stay beside it."""
    path.replace(path.with_name(f".{path.name}.damaged"))


class NotPlain(Exception):
    """No file of its own: a link, hard or symbolic, a folder, a pipe or a device."""


def open_plain(path: Path) -> BinaryIO:
    """A file of somebody else to read, which is then the same however often its name is given to another.

    Raises:
        NotPlain: it is no plain file, or has a second name by which it can be changed. Nothing waits for a pipe.
        OSError: it cannot be opened.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise NotPlain from None
        raise
    told = os.fstat(handle)
    if not stat.S_ISREG(told.st_mode) or told.st_nlink != 1:
        os.close(handle)
        raise NotPlain
    return os.fdopen(handle, "rb")


def write_once(path: Path, content: bytes) -> None:
    """As `write_whole`, for what several may write at the same time and nobody else may read (mode 600)."""
    if isinstance(path, BucketPath):
        path.write_bytes(content)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        put_in_place({temporary: path})
    finally:
        temporary.unlink(missing_ok=True)


def digest_of(path: Path) -> str:
    """SHA-256 of a file's bytes, read a megabyte at a time."""
    digest = hashlib.sha256()
    for block in path.blocks() if isinstance(path, BucketPath) else _blocks(path):
        digest.update(block)
    return digest.hexdigest()


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            yield block


def sizes_of(folder: Path, names: Iterable[str]) -> dict[str, int]:
    """Name below the folder → bytes, of those files that are there; a bucket is asked for its list once."""
    if isinstance(folder, BucketPath):
        there = folder.sizes()
        return {name: there[name] for name in names if name in there}
    sizes = ((name, size_of(folder / name)) for name in names)
    return {name: size for name, size in sizes if size is not None}


def size_of(path: Path) -> int | None:
    """Bytes of a file; None where none is."""
    try:
        said = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return said.st_size if stat.S_ISREG(said.st_mode) else None


def size_below(folder: Path) -> tuple[int, int]:
    """Files and bytes below a folder."""
    if isinstance(folder, BucketPath):
        sizes = list(folder.sizes().values())
    else:
        sizes = [path.lstat().st_size for path in folder.rglob("*") if path.is_symlink() or path.is_file()]
    return len(sizes), sum(sizes)


def remove_tree(folder: Path) -> None:
    """Remove a folder with all that it holds, if it is there."""
    if isinstance(folder, BucketPath):
        folder.remove_tree()
    else:
        shutil.rmtree(folder, ignore_errors=True)


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
def one_writer(lock: Path, task: str) -> Iterator[Callable[[], None]]:
    """Keep every other who takes the same lock away, in this process too.

    On a disk it holds among the processes of one machine; over a network file system only where that passes flock on
    (NFS 4). In a bucket it is a lease.

    Args:
        lock: a file that stays, empty but for who held it last.
        task: what the others are told.

    Returns:
        What raises Busy once the lock was lost, as a lease may be: to be asked before each write that counts.

    Raises:
        Busy: somebody writes there already.
    """
    if isinstance(lock, BucketPath):
        with leased(lock, task) as hold:
            yield hold
        return
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
        yield lambda: None

"""Packed files as streams of bounded size: a small file that unpacks without end is refused, not read."""

from __future__ import annotations

import gzip
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from jobs.landing.formats.batches import FileRefused
from schemas.sources.faults import fault
from schemas.sources.feeds import PACKINGS

FREE_BYTES = 64 << 20
"""So much a file may unpack to in any case."""
MOST_RATIO = 200
"""Beyond it, so many times its packed size: text packs twenty-fold, a bomb a thousand-fold."""
ARCHIVE_BYTES = 8 << 20
"""A larger archive is not opened: its table of contents alone would fill the memory."""
DAMAGE = (
    EOFError,
    OSError,
    zlib.error,
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    ValueError,
    struct.error,
)
"""What reading a damaged archive, or one packed by another method, can raise."""
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Other methods let the archive say how much memory unpacking takes."""
IS_ENCRYPTED = 0x1
BLOCK_BYTES = 4 << 20


class Unpacked:
    """A stream that counts what it gives and refuses to give too much."""

    def __init__(self, stream: BinaryIO, packed_bytes: int, is_packed: bool) -> None:
        self._stream = stream
        self._most = max(FREE_BYTES, MOST_RATIO * packed_bytes) if is_packed else None
        self._given = 0

    def read(self, size: int = BLOCK_BYTES) -> bytes:
        """The next bytes, none at the end.

        Raises:
            FileRefused: the file is damaged, or unpacks to too much.
        """
        try:
            block = self._stream.read(size)
        except DAMAGE as error:
            raise FileRefused(fault("bad_compression")) from error
        self._given += len(block)
        if self._most is not None and self._given > self._most:
            raise FileRefused(fault("unpacks_to_too_much"))
        return block


@contextmanager
def unpacked(path: Path) -> Iterator[Unpacked]:
    """The content of a file, packed as the end of its name says.

    Raises:
        FileRefused: the archive is damaged, or is no archive of one plain file.
    """
    size = path.stat().st_size
    packing = PACKINGS.get(path.suffix)
    if packing == "zip":
        with _archive(path) as archive:
            member = the_member(archive)
            with open_member(archive, member) as stream:
                yield Unpacked(stream, size, True)
        return
    if packing == "gzip" and not size:  # gzip reads nothing as nothing
        raise FileRefused(fault("bad_compression"))
    with path.open("rb") as packed:
        stream = cast(BinaryIO, gzip.GzipFile(fileobj=packed)) if packing else packed
        yield Unpacked(stream, size, packing is not None)


def members_of(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of every member of an archive that another library will open, one after the other.

    Raises:
        FileRefused: the archive is damaged, all of it unpacks to more than `FREE_BYTES`, or it has a member with
            an unsafe name or two of the same.
    """
    seen, left = set(), FREE_BYTES
    with _archive(path) as archive:
        for member in archive.infolist():
            if not is_safe(member) or member.filename in seen:
                raise FileRefused(fault("bad_archive", found=member.filename))
            seen.add(member.filename)
            blocks = []
            with open_member(archive, member) as stream:
                content = Unpacked(stream, 0, True)
                while block := content.read():
                    left -= len(block)
                    if left < 0:
                        raise FileRefused(fault("unpacks_to_too_much"))
                    blocks.append(block)
            yield member.filename, b"".join(blocks)


@contextmanager
def open_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[BinaryIO]:
    """The content of a member.

    Raises:
        FileRefused: the archive is damaged.
    """
    try:
        stream = archive.open(member)
    except DAMAGE as error:
        raise FileRefused(fault("bad_compression")) from error
    with stream:
        yield cast(BinaryIO, stream)


def the_member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """The one file in an archive.

    Raises:
        FileRefused: there is none or another, it lies in a folder or beside one, or needs a password.
    """
    members = archive.infolist()
    if len(members) != 1 or not is_safe(members[0]) or "/" in members[0].filename:
        raise FileRefused(fault("bad_archive", found=members[0].filename if members else ""))
    return members[0]


def is_safe(member: zipfile.ZipInfo) -> bool:
    """No password, no strange method, no absolute path and no way out of the folder."""
    name = member.filename.replace("\\", "/")
    return not (
        member.flag_bits & IS_ENCRYPTED
        or member.compress_type not in METHODS
        or name.startswith("/")
        or ":" in name
        or ".." in name.split("/")
        or not name
    )


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    if path.stat().st_size > ARCHIVE_BYTES:
        raise FileRefused(fault("unpacks_to_too_much"))
    try:
        archive = zipfile.ZipFile(path)
    except DAMAGE as error:
        raise FileRefused(fault("bad_compression")) from error
    with archive:
        yield archive

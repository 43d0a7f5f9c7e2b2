"""What engines and the disk say when a file cannot be read or written, told as what it is.

Each engine has its own kinds of errors and its own words for the same: a full disk is `No space left on device` in all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from jobs.errors import Busy, NotAsPublished, StorageError
from schemas.errors import Foreseen

WRITING = {
    "No space left on device": "the disk is full",
    "Disk quota exceeded": "the disk's quota is used up",
    "File too large": "a file may not become that large",
    "Read-only file system": "the disk is mounted read-only",
    "Permission denied": "this user may not write, or read, there",
    "Input/output error": "the disk fails",
    "Too many open files": "too many files are open",
    "error sending request": "the object store does not answer",
    "AccessDenied": "the object store does not let these credentials do it",
    "InvalidAccessKeyId": "the object store does not know AWS_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "AWS_SECRET_ACCESS_KEY is another one than the object store's",
    "NoSuchBucket": "the object store has no such bucket",
}
"""What the system says, in every engine's words → what it means."""
BEATEN = re.compile(r"Failed to commit transaction: \d+\s*$", re.MULTILINE)
"""What delta-rs says where another commit came since the table was opened."""
ENGINES = ("obstore", "deltalake", "_internal", "duckdb", "_duckdb", "pyarrow", "py4j", "pyspark")
"""Modules whose errors about files are told."""
OF_TABLES = re.compile(r"_delta_log|\.parquet|_seals|landed")
"""In an error of Python's own: it is of a file of ours."""
READING = re.compile(
    rf"{OF_TABLES.pattern}|parquet|magic bytes|footer|snappy|zstd|thrift|log segment|delta table|no such file|not found"
    "|does not exist|invalid|json|checkpoint|corrupt|deserializ|EOF",
    re.IGNORECASE,
)
"""In an error of an engine: it is of a file, and not of a query."""


@contextmanager
def told(where: str) -> Iterator[None]:
    """Say in a sentence that the disk did not take or give a file; anything else passes as it is.

    Raises:
        StorageError: the disk is full, read-only, failing, or not ours.
        NotAsPublished: a file of a table is damaged or gone.
        Busy: another wrote to the tables, though this process had the lock; in a bucket a lock can be lost.
    """
    try:
        yield
    except Exception as error:
        meant = foreseen(where, error)
        if meant is None:
            raise
        raise meant from error


def foreseen(where: str, error: Exception) -> Foreseen | None:
    """What an error means, if it is the disk's or a file's; None if it is something else, or said already."""
    text = _text(error)
    if isinstance(error, Foreseen):
        return None
    for sign, meaning in WRITING.items():
        if sign in text:
            return StorageError(
                f"{where}: {meaning} ({sign}). What was published stands, and nothing of this attempt counts: mend that, "
                "then do the same again"
            )
    if BEATEN.search(text):
        return Busy(f"{where}: another process wrote to the tables. Nothing of this attempt counts: do the same again")
    return NotAsPublished(_damaged(where, error)) if _is_of_a_file(error, text) else None


def _is_of_a_file(error: BaseException, text: str) -> bool:
    if type(error).__module__.split(".")[0] in ENGINES:
        return READING.search(text) is not None
    return isinstance(error, (OSError, ValueError)) and OF_TABLES.search(text) is not None


def _text(error: BaseException) -> str:
    """What an error and those behind it say."""
    texts: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(texts) < 10:
        texts.append(str(seen))
        seen = seen.__cause__ or seen.__context__
    return "\n".join(texts)


def _damaged(where: str, error: BaseException) -> str:
    said = " ".join(str(error).split())[:300]
    return (
        f"{where} cannot be read: {said}\n`tanzhang publications --check` says which files are damaged; restore them from "
        "the backup (docs/operations.md)"
    )

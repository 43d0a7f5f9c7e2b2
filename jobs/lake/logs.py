"""The files of a Delta log, by their names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

LOG = "_delta_log"
RETENTION_DAYS = 30
"""How long a pinned version stays readable."""
_NAMED = re.compile(r"(\d{20})\..*(json|parquet|crc)")
"""What is never rewritten: commits, checkpoints, Spark's checksums of versions."""


def log_files(log: Path) -> Iterator[tuple[int, Path]]:
    """Version and path of the files of a log that are never rewritten."""
    for path in sorted(log.iterdir()):
        if found := _NAMED.fullmatch(path.name):
            yield int(found[1]), path

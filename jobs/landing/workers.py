"""Institutions, pulled and landed side by side where so much waits that processes are worth their start.

A process and not a thread: most of landing is Python's own work, and what may read a file is a process's (`umask`).
The keys go through the pipe by which a process is started – no command line, no environment, no file – and lines of the
log come back with what they are of, so that they stand in the same order as of one process.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from structlog.contextvars import bind_contextvars, get_contextvars

from jobs.landing.ingest import Ingested, ingest_one
from jobs.landing.manifests import LANDING
from jobs.landing.receipts import RECEIPTS
from jobs.landing.tokens import Tokens
from jobs.logs import NAME
from schemas.deliveries import EXPORTS
from schemas.sources import Source, load_stations

ARRIVAL = len("20261101T200000Z")
MUCH = 32 << 20
"""Bytes of new deliveries for which processes are started; less is landed in the time that they take to start."""


class Answer(NamedTuple):
    """What a process made of an institution's deliveries, and what it had to say of it."""

    done: Ingested
    lines: list[logging.LogRecord]


class Start(NamedTuple):
    """What a process is started with. keys: what makes its `Tokens`; said: what lines of the log are about."""

    home: Path
    keys: tuple[Any, ...]
    level: int
    said: dict[str, Any]


def ingest_all(
    sources: Mapping[str, Source], root: Path, home: Path, tokens: Tokens, progress: Callable[[str], None]
) -> dict[str, Ingested]:
    """Pull and land every institution's deliveries: the same as `ingest_one` of each in turn, whoever does it.

    Args:
        root: the registry's folder.
    """
    done = {}
    with _started(sources, root, home, tokens) as answers:
        for name, source in sources.items():
            progress(name)
            found = _heard(answers[name]) if name in answers else None
            done[name] = found or ingest_one(source, home, tokens, load_stations(source, root))
    return done


def waiting_bytes(source: Source, home: Path) -> int:
    """What an institution delivered and nobody took yet, by the names of receipts alone."""
    taken = {path.stem[-ARRIVAL:] for path in (home / LANDING / RECEIPTS / source.id).glob("*.json")}
    with suppress(OSError):  # whoever takes it says what is wrong with it
        new = [one for one in os.scandir(home / EXPORTS / source.id) if one.name not in taken]
        folders = [one.path for one in new if one.is_dir(follow_symlinks=False)]
        return sum(file.stat(follow_symlinks=False).st_size for folder in folders for file in os.scandir(folder))
    return 0


def cores() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _started(
    sources: Mapping[str, Source], root: Path, home: Path, tokens: Tokens
) -> Iterator[dict[str, Future[Answer]]]:
    """Processes at work on what is large, the largest first; none where little waits, or but one could work."""
    waiting = {name: size for name, source in sources.items() if (size := waiting_bytes(source, home))}
    workers = min(cores(), len(waiting))
    if workers < 2 or sum(waiting.values()) < MUCH:
        yield {}
        return
    start = Start(home, tokens.keys(), logging.getLogger(NAME).getEffectiveLevel(), get_contextvars())
    with ProcessPoolExecutor(workers, get_context("spawn"), _begin, (start,)) as pool:
        try:
            yield {
                name: pool.submit(_work, sources[name], load_stations(sources[name], root))
                for name in sorted(waiting, key=lambda name: -waiting[name])
            }
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _heard(answer: Future[Answer]) -> Ingested | None:
    """A process's answer, its lines said as if they were ours; None where it was ended: what it left is gone on with."""
    try:
        done, lines = answer.result()
    except BrokenProcessPool:
        return None
    for line in lines:
        logging.getLogger(NAME).handle(line)
    return done


# -- in a process of its own

_start: Start
_lines: list[logging.LogRecord] = []


class _Kept(logging.Handler):
    """Lines of the log, kept for whoever started this process."""

    def emit(self, record: logging.LogRecord) -> None:
        _lines.append(record)


def _begin(start: Start) -> None:
    global _start
    _start = start
    logging.getLogger(NAME).setLevel(start.level)
    logging.getLogger(NAME).addHandler(_Kept())
    bind_contextvars(**start.said)


def _work(source: Source, stations: frozenset[str]) -> Answer:
    _lines.clear()
    done = ingest_one(source, _start.home, Tokens.of_keys(_start.keys), stations)
    return Answer(done, list(_lines))

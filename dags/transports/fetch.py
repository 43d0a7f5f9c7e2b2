"""fetch: complete deliveries of a remote place → folders of the exports folder, from where pull takes them.

`<exports>/<institution>/<arrival stamp>/` appears by one rename, with all its files; until then the bytes lie in
`.partial-<arrival stamp>/` beside it. Nothing on the remote side is altered.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
from pydantic import ValidationError

from schemas.deliveries import CONTROL, CONTROL_BYTES, STAMP, Control, received_at

from .memory import FOLDER, Begun, Memories, Memory, Taken, alone, flush, key_of
from .opening import open_remote
from .remote import BLOCK_BYTES, Entry, Remote, Unreachable, Unusable

PARTIAL = ".partial-"
DONE = ".done"
LONGEST_NAME = 255
"""Bytes that file systems take."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fetched:
    """A delivery that this call put into the exports folder.

    size_bytes: of all its files. transferred_bytes: what this call moved of them; less, when it went on with an
    earlier one's work.
    """

    stamp: str
    files: int
    size_bytes: int
    transferred_bytes: int


def fetch(
    institution_id: str,
    connection_id: str,
    exports: Path,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
) -> list[Fetched]:
    """Fetch what an institution's remote place holds complete and was not fetched before.

    Without such a connection somebody else writes into the exports folder, and nothing is to do.

    Args:
        connection_id: of an Airflow connection of type `fs`, `sftp` or `aws`; docs/transports.md tells its extra.
        exports: the folder that holds one folder for each institution.
        clock: the present moment in UTC.

    Raises:
        Unreachable: the place, or one of its deliveries, could not be read to the end; call again.
        Unusable: the connection, or one of the deliveries, needs mending. Of either, all other deliveries were
            fetched before it is raised.
    """
    try:
        connection = BaseHook.get_connection(connection_id)
    except AirflowNotFoundException:
        log.info("No connection %s: deliveries come into the exports folder by themselves.", connection_id)
        return []
    folder = exports / institution_id
    with alone(folder), open_remote(connection) as remote:
        work = _Fetch(connection_id, remote, folder, clock)
        work.run()
    log.info("%s: %d fetched, %d not complete yet.", connection_id, len(work.fetched), work.waiting)
    if work.failures:
        kind = Unreachable if any(isinstance(failure, Unreachable) for failure in work.failures) else Unusable
        raise kind("; ".join(map(str, work.failures)))
    return work.fetched


class _Fetch:
    """One call's work: what it has fetched, what waits, what failed."""

    def __init__(self, connection_id: str, remote: Remote, exports: Path, clock: Callable[[], datetime]) -> None:
        self.fetched: list[Fetched] = []
        self.waiting = 0
        self.failures: list[Unreachable | Unusable] = []
        self._connection_id = connection_id
        self._remote = remote
        self._exports = exports
        self._clock = clock
        self._memories = Memories(exports)

    def run(self) -> None:
        """Deal with every delivery; a failed one stops the others only where the place answers no more."""
        top = self._remote.list()
        if FOLDER in top:
            raise Unusable(f"connection {self._connection_id}: leads to an exports folder, into which it should fetch")
        names = sorted(name for name, entry in top.items() if entry.kind == "folder" and not name.startswith("."))
        self._tidy(names)
        for name in names:
            try:
                self._deal_with(name, marked=_is_file(top, f"{name}{DONE}"))
            except (Unreachable, Unusable, OSError) as failure:
                self.failures.append(self._told(name, failure))
                if isinstance(failure, Unreachable) and not self._answers():
                    return

    def _told(self, name: str, failure: Exception) -> Unreachable | Unusable:
        kind = Unusable if isinstance(failure, Unusable) else Unreachable
        reason = f"{failure.strerror}, below the exports folder" if isinstance(failure, OSError) else failure
        return kind(f"delivery {key_of(name)}: {reason}")

    def _answers(self) -> bool:
        try:
            self._remote.list()
        except (Unreachable, Unusable):
            return False
        return True

    def _tidy(self, names: list[str]) -> None:
        """Remove unfinished work that nobody goes on with."""
        begun = [self._memories.of(key_of(name)).begun for name in names]
        wanted = {f"{PARTIAL}{one.stamp}" for one in begun if one}
        for path in self._exports.glob(f"{PARTIAL}*"):
            if path.name not in wanted:
                shutil.rmtree(path)

    def _deal_with(self, name: str, *, marked: bool) -> None:
        entries = self._remote.list(name)
        if self._remote.settings.marker == DONE and not (marked or _is_file(entries, DONE)):
            self.waiting += 1
            return
        if not _is_file(entries, CONTROL):
            if self._remote.settings.marker == DONE:
                raise Unusable(f"connection {self._connection_id}: marked as done, but without {CONTROL}")
            self.waiting += 1
            return
        key, marks = key_of(name), _marks(entries)
        memory = self._memories.of(key)
        if memory.marks == marks:
            return
        begun = memory.begun
        if begun is None or begun.marks != marks:
            begun = Begun(stamp=self._memories.free_stamp(self._arrival(name, entries)), marks=marks)
            memory = memory.model_copy(update={"begun": begun})
            self._memories.keep(key, memory)
        self._take(name, key, memory, begun, entries)

    def _arrival(self, name: str, entries: dict[str, Entry]) -> datetime:
        """The moment that a delivery's stamp names.

        Raises:
            Unusable: it should stand in the folder's name, and does not.
        """
        if self._remote.settings.arrival == "seen":
            return self._clock()
        if self._remote.settings.arrival == "stored":
            return max(entry.stored_at for entry in entries.values() if entry.stored_at)
        try:
            moment = received_at(name)
        except ValueError:
            moment = None
        if moment is None or moment.strftime(STAMP) != name:
            mend = "name it so, or set `arrival` to `seen`"
            raise Unusable(
                f"connection {self._connection_id}: a folder is not named by its arrival in UTC, such as "
                f"20261102T013000Z; {mend}"
            )
        return moment

    def _take(self, name: str, key: str, memory: Memory, begun: Begun, entries: dict[str, Entry]) -> None:
        """Bring the bytes, then move them in as one.

        What is to be moved in is remembered before, that it was, after: a call that was killed in between finds the
        folder in its place, and ends what was begun.
        """
        partial, target = self._exports / f"{PARTIAL}{begun.stamp}", self._exports / begun.stamp
        if begun.content is None or not target.exists():
            content, transferred = self._transfer(name, entries, partial)
            if content in {taken.content for taken in memory.taken}:  # stored anew, but the same
                shutil.rmtree(partial)
                self._memories.keep(key, Memory(taken=memory.taken, marks=begun.marks))
                return
            begun = begun.model_copy(update={"content": content})
            self._memories.keep(key, memory.model_copy(update={"begun": begun}))
            sizes = [path.stat().st_size for path in partial.iterdir()]
            os.replace(partial, target)
            flush(self._exports)
            self.fetched.append(Fetched(begun.stamp, len(sizes), sum(sizes), transferred))
            log.info("%s: %s with %d files, %d bytes", self._connection_id, begun.stamp, len(sizes), sum(sizes))
        taken = [*memory.taken, Taken(stamp=begun.stamp, content=begun.content or "")]
        self._memories.keep(key, Memory(taken=taken, marks=begun.marks))

    def _transfer(self, name: str, entries: dict[str, Entry], partial: Path) -> tuple[str, int]:
        """Bring a delivery's files into a folder; returns the hash over them and the bytes that were moved.

        A file that is not there, or no plain file, is left out, and of a delivery whose control file is unusable or
        names what is no plain name, everything but that: pull refuses it then and tells the sender why.
        """
        partial.mkdir(exist_ok=True)
        (partial / CONTROL).unlink(missing_ok=True)  # nothing says whether the beginning of another one lies there
        transferred = self._bring(name, CONTROL, entries[CONTROL], partial, most=CONTROL_BYTES + 1)
        stated = _stated(partial / CONTROL)
        wanted = {file: sha256 for file, sha256 in stated.items() if _is_file(entries, file)}
        size = sum(entries[file].size for file in [CONTROL, *wanted])
        if size > self._remote.settings.most_bytes:
            mend = "have it sent in smaller ones, or raise `most_bytes`"
            raise Unusable(f"connection {self._connection_id}: a delivery of {size} bytes; {mend}")
        digests = {CONTROL: _sha256(partial / CONTROL)}
        for file, sha256 in wanted.items():
            is_resumed = (partial / file).exists()
            transferred += self._bring(name, file, entries[file], partial)
            digests[file] = _sha256(partial / file)
            if is_resumed and digests[file] != sha256:  # its beginning was of other bytes
                (partial / file).unlink()
                transferred += self._bring(name, file, entries[file], partial)
                digests[file] = _sha256(partial / file)
        if _marks(self._remote.list(name)) != _marks(entries):
            raise Unreachable(f"connection {self._connection_id}: a delivery changed while it was fetched")
        flush(partial)
        return _hash(sorted(digests.items())), transferred

    def _bring(self, folder: str, name: str, entry: Entry, partial: Path, most: int | None = None) -> int:
        """Go on with a file from the bytes that are there; returns the bytes that were moved."""
        local = partial / name
        size = min(entry.size, most or entry.size)
        if local.exists() and local.stat().st_size > size:
            local.unlink()
        with local.open("ab") as kept:
            start = kept.tell()
            if start < size:
                with closing(self._remote.read(folder, name, entry, start)) as blocks:
                    for block in blocks:
                        kept.write(block[: size - kept.tell()])
                        if kept.tell() == size:
                            break
        flush(local)
        if local.stat().st_size != size:
            raise Unreachable(f"connection {self._connection_id}: a file ended before its size")
        return size - start


def _is_file(entries: dict[str, Entry], name: str) -> bool:
    return name in entries and entries[name].kind == "file"


def _marks(entries: dict[str, Entry]) -> str:
    """One hash over a listing: another one when anything in the folder is another, but for the marker."""
    return _hash([(name, one.kind, one.size, one.mark) for name, one in sorted(entries.items()) if name != DONE])


def _stated(control: Path) -> dict[str, str]:
    """File name → SHA-256 as a control file states them; empty when it is unusable or one name is not plain."""
    if control.stat().st_size > CONTROL_BYTES:
        return {}
    try:
        files = Control.model_validate_json(control.read_bytes()).files
    except ValidationError:
        return {}
    return {file.name: file.sha256 for file in files} if all(_is_plain(file.name) for file in files) else {}


def _is_plain(name: str) -> bool:
    """True of a name that stays in its folder, is not hidden, and is not the control file's."""
    return (
        bool(name)
        and name != CONTROL
        and not name.startswith(".")
        and not set("/\\") & set(name)
        and name.isprintable()
        and len(name.encode()) <= LONGEST_NAME
    )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()

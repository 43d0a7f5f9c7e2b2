"""One writer at a time in a bucket: a lock that does not die with its process, and so is held for a time only.

The lock is an object that is only ever written on condition: made where there is none (If-None-Match), or put in place of
what was read (If-Match). Its holder writes it anew as a sign of life. Who wants it waits until it has seen the same one for
as long as the lease lasts, by its own clock: so no two machines' clocks are compared. A holder that could give no sign in
that time stops by itself. One that was held up between asking and writing – paused, or its request on the way – is stopped
by the tables: each commit is conditional on the version that its writer knew (`jobs.lake.base`).
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import TYPE_CHECKING

from pydantic import ValidationError

from jobs.bucket import BucketPath
from jobs.errors import Busy, SetupError
from jobs.logs import log
from jobs.settings import settings
from schemas.base import Strict

if TYPE_CHECKING:
    from obstore import PutMode, UpdateVersion

SIGNS = 4
"""Of life, in the time of a lease."""


class Held(Strict):
    """What the lock says. owner: a random name; empty when it is free. sign: another one each time."""

    owner: str
    task: str
    sign: str


class Lease:
    """The lock, as one who wants it or has it."""

    def __init__(self, lock: BucketPath, task: str) -> None:
        self.lock = lock
        self.task = f"{task} (process {os.getpid()} on {socket.gethostname()})"
        self.seconds = settings().lease_seconds
        self.owner = secrets.token_hex(8)
        self.tag = ""
        self.until = 0.0
        self.ended = Event()
        self.thread = Thread(target=self._live, name="lease", daemon=True)

    def take(self) -> None:
        """Have the lock.

        Raises:
            Busy: somebody lives who has it.
            SetupError: the store does not keep conditions, so that it would be anybody's.
        """
        if not self._put("create", self.owner):
            self._take_after()
        if self._put("create", self.owner):
            raise SetupError(
                f"the object store of {self.lock} writes over an object that it was told not to (If-None-Match): two could "
                "write to the tables at once. Use one that keeps conditional writes"
            )
        self.thread.start()

    def hold(self) -> None:
        """Go on only while the lock is ours.

        Raises:
            Busy: it was lost, or nobody knows.
        """
        if time.monotonic() > self.until:
            raise Busy(
                f"the lock {self.lock} was lost, as no sign of life came through for {self.seconds:g} s: nothing of this "
                "attempt counts; do the same again"
            )

    def end(self) -> None:
        """Let it go; what cannot be said now, the lease says later."""
        self.ended.set()
        self.thread.join(self.seconds)
        if self.tag:
            with suppress(Exception):
                self._put({"e_tag": self.tag}, "")

    def _take_after(self) -> None:
        """Take it from who let it go or gives no sign of life."""
        seen, since = "", time.monotonic()
        while True:
            held, tag = self._read()
            if seen and tag != seen and held.owner:
                raise Busy(f"{held.task} is at work ({self.lock} is locked); try again later")
            if tag != seen:
                seen, since = tag, time.monotonic()
            is_over = time.monotonic() - since > self.seconds
            if is_over or not held.owner:
                if not self._put({"e_tag": tag}, self.owner):
                    raise Busy(f"somebody else has just begun ({self.lock} is locked); try again later")
                if is_over:
                    log.warning("lease_taken_over", seconds=self.seconds)
                return
            time.sleep(self.seconds / SIGNS / 2)

    def _live(self) -> None:
        """Give signs of life until the end, or until another has the lock."""
        while not self.ended.wait(self.seconds / SIGNS):
            with suppress(Exception):  # the store does not answer: the next sign may come through
                if not self._put({"e_tag": self.tag}, self.owner):
                    held, tag = self._read()
                    if held.owner != self.owner:
                        self.tag, self.until = "", 0.0
                        return
                    self.tag = tag  # a sign came through, and the answer did not

    def _put(self, on: PutMode | UpdateVersion, owner: str) -> bool:
        """Write the lock on condition; whether that was met."""
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        asked = time.monotonic()
        said = Held(owner=owner, task=self.task, sign=secrets.token_hex(8)).model_dump_json().encode()
        try:
            done = obstore.put(self.lock.store, self.lock.key, said, mode=on, use_multipart=False)
        except (AlreadyExistsError, PreconditionError):
            return False
        self.tag, self.until = str(done["e_tag"]), asked + self.seconds
        return True

    def _read(self) -> tuple[Held, str]:
        """What the lock says, and the tag of its bytes. What cannot be read is held by somebody."""
        import obstore

        found = obstore.get(self.lock.store, self.lock.key)
        tag = str(found.meta["e_tag"])
        try:
            return Held.model_validate_json(bytes(found.bytes())), tag
        except ValidationError:
            return Held(owner="?", task="another process", sign=""), tag


@contextmanager
def leased(lock: BucketPath, task: str) -> Iterator[Callable[[], None]]:
    """Have the lock meanwhile, as `jobs.files.one_writer` has one on a disk.

    Returns:
        What raises Busy where the lock is lost; to be asked before each write that counts.
    """
    lease = Lease(lock, task)
    lease.take()
    try:
        yield lease.hold
    finally:
        lease.end()

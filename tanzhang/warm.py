"""A process that has imported everything and forks for each call, so that a task of a scheduler does not start Python.

Whoever may open its socket is answered: `dags.warm` asks it. A call brings its arguments, its environment and what to
print to; it runs in a process group of its own, which ends when the caller does. Nothing of a call is left for the next:
no engine, no thread and no key is in the process that forks. It ends when nobody has called for some time, and at the
first call after its own code has changed; a caller who is not answered runs the command as ever.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

READY, GO = b"+", b"g"
"""It would take the call; the caller still wants it. Any other byte, or the end of the caller, ends the call."""
CODE = Path(__file__).parents[1]
OURS = ("expectations", "jobs", "schemas", "tanzhang")

Main = Callable[[list[str]], Any]
"""What a call does with its arguments; ends like a program."""


def serve(path: Path, seconds: float, main: Main) -> None:
    """Answer calls until none has come for so long, or for good where another process answers at this path."""
    began, calls = _code(), set[int]()
    with _alone(path.with_suffix(".lock")) as is_alone, socket.socket(socket.AF_UNIX) as listening:
        if not is_alone:
            return
        _import_all()
        path.unlink(missing_ok=True)
        listening.bind(str(path))
        listening.listen()
        listening.settimeout(1)
        last = time.monotonic()
        while calls or time.monotonic() - last < seconds:
            calls -= {pid for pid in calls if os.waitpid(pid, os.WNOHANG)[0]}
            with suppress(TimeoutError):
                asked, _ = listening.accept()
                with asked:
                    if _code() != began:
                        break
                    if not (pid := os.fork()):
                        listening.close()
                        _leave(partial(_answer, asked, main))
                    calls.add(pid)
                last = time.monotonic()
        path.unlink(missing_ok=True)


def _answer(asked: socket.socket, main: Main) -> None:
    """In a process of its own: start the call, end it when its caller does, and say how it ended."""
    asked.setblocking(True)
    _, [output], *_ = socket.recv_fds(asked, 1, 1)
    said = json.loads(asked.makefile("rb").readline())
    asked.sendall(READY)
    if asked.recv(1) != GO:
        return
    alive, held = os.pipe()
    if not (pid := os.fork()):
        asked.close()
        os.close(alive)
        _leave(partial(_call, said, output, main))
    os.close(held)
    os.close(output)
    heard: list[Any] = [alive, asked]
    while alive not in (ready := select.select(heard, (), ())[0]):
        if ready and not asked.recv(1):
            heard.remove(asked)
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGTERM)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with suppress(OSError):
        asked.sendall(str(code).encode())


def _call(said: dict[str, Any], output: int, main: Main) -> None:
    os.setsid()
    for number, file in enumerate((os.open(os.devnull, os.O_RDONLY), output, output)):
        os.dup2(file, number)
    os.chdir(said["folder"])
    os.environ.clear()
    os.environ.update(said["environment"])
    sys.argv[1:] = said["arguments"]
    main(said["arguments"])


def _leave(work: Callable[[], None]) -> NoReturn:
    """Do the work of a forked process and end it as a program would, with nothing of its parent's left to do."""
    code = 1
    try:
        work()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


@contextmanager
def _alone(lock: Path) -> Iterator[bool]:
    """Whether no other process answers here, as long as this one does."""
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _code() -> tuple[int, int]:
    """Tells our code from other code: how many modules there are, and when one was written last."""
    written = [path.stat().st_mtime_ns for name in OURS for path in (CODE / name).rglob("*.py")]
    return len(written), max(written)


def _import_all() -> None:
    """What jobs import: no engine is chosen, no thread of Python's or DuckDB's started.

    Great Expectations looks for PySpark, which SQLFrame is to stand in for once a call chooses the embedded engine: it is
    not to find any before. On Spark it needs it, and is imported by the calls.
    """
    import jobs.day
    import jobs.dry_run
    import jobs.landing.ingest  # noqa: F401
    from schemas import load_registry

    load_registry()  # what is compiled at the first use
    if os.environ.get("TANZHANG_ENGINE", "embedded") == "embedded":
        sys.modules["pyspark"] = None  # type: ignore[assignment]
        import great_expectations  # noqa: F401
        import sqlframe.duckdb  # noqa: F401

        del sys.modules["pyspark"]

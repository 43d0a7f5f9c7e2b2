"""`tanzhang warm`: a process that forks for calls of the command, each as if it were a process of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tanzhang import warm

ROOT = Path(__file__).parents[3]
KEYS = ("TANZHANG_TOKEN_KEY", "TANZHANG_RECORD_KEY")
LONG = 120.0
"""Seconds for what takes a moment on a machine that has nothing else to do."""


class Caller:
    """One call, as `dags.warm` makes it."""

    def __init__(self, path: Path, *arguments: str, **environment: str) -> None:
        self.asked = socket.socket(socket.AF_UNIX)
        self.asked.settimeout(LONG)
        self.asked.connect(str(path))
        read, write = os.pipe()
        said = {"arguments": arguments, "environment": {**os.environ, **environment}, "folder": "/"}
        socket.send_fds(self.asked, [b"!"], [write])
        self.asked.sendall(json.dumps(said).encode() + b"\n")
        os.close(write)
        self.output = os.fdopen(read)
        self.is_taken = self.asked.recv(1) == warm.READY

    def go(self) -> None:
        self.asked.sendall(warm.GO)

    def ended(self) -> tuple[str, int]:
        """What was printed, and the exit code."""
        printed = self.output.read()
        return printed, int(self.asked.makefile().read())


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., tuple[Path, subprocess.Popen[bytes]]]]:
    """Start one, and wait until it answers."""
    processes = []

    def start(seconds: float = LONG) -> tuple[Path, subprocess.Popen[bytes]]:
        path = tmp_path / "socket"
        command = [sys.executable, "-m", "tanzhang.cli", "warm", "--socket", str(path), "--seconds", f"{seconds:g}"]
        process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
        processes.append(process)
        wait(path.exists)
        return path, process

    yield start
    for process in processes:
        process.kill()
        process.wait()


def wait(until: Callable[[], Any]) -> None:
    """Until something is so.

    Raises:
        AssertionError: it never is.
    """
    ends = time.monotonic() + LONG
    while not until():
        assert time.monotonic() < ends
        time.sleep(0.05)


def called(path: Path, *arguments: str, **environment: str) -> tuple[str, int]:
    call = Caller(path, *arguments, **environment)
    assert call.is_taken
    call.go()
    return call.ended()


def test_a_call_is_a_process_of_its_own(started: Any, tmp_path: Path) -> None:
    path, process = started()
    (tmp_path / "exports").mkdir()
    late = ("late", "--date", "2026-11-21", "--institution", "hellobike", "--json")
    printed, code = called(path, *late, TANZHANG_HOME=str(tmp_path))
    assert (json.loads(printed)["state"], code) == ("not_expected", 0)
    assert called(path, "nonsense")[1] == 2
    refused, code = called(path, *late, TANZHANG_HOME=str(tmp_path / "none"))
    assert code == 5 and "no home" in refused
    # Of one call's environment nothing is left for the next, and none of it is ever in the process that forks.
    land = ("job", "land", "--date", "2026-11-21", "--institution", "hellobike")
    assert called(path, *land, TANZHANG_HOME=str(tmp_path), TANZHANG_TOKEN_KEY="short")[1] != 0
    assert called(path, *land, TANZHANG_HOME=str(tmp_path))[1] == 0
    environment = Path(f"/proc/{process.pid}/environ")
    if environment.exists():
        assert not any(key.encode() in environment.read_bytes() for key in KEYS if key not in os.environ)
        threads = [Path(one, "comm").read_text().strip() for one in Path(f"/proc/{process.pid}/task").iterdir()]
        assert len([name for name in threads if not name.startswith("jemalloc")]) == 1


def test_a_call_ends_with_its_caller(started: Any, tmp_path: Path) -> None:
    path, _ = started()
    inner = tmp_path / "inner"
    for end in ("told", "gone"):
        call = Caller(path, "warm", "--socket", str(inner), "--seconds", "600")
        call.go()
        wait(inner.exists)
        if end == "told":
            call.asked.sendall(b"t")
            assert call.ended() == ("", -15)
        else:
            call.asked.close()
            assert call.output.read() == ""  # it comes to its end as whoever could print is gone
        inner.unlink()


def test_what_nobody_tells_to_go_has_not_begun(started: Any, tmp_path: Path) -> None:
    path, _ = started()
    call = Caller(path, "warm", "--socket", str(tmp_path / "inner"))
    call.asked.close()
    assert call.output.read() == ""
    assert not (tmp_path / "inner.lock").exists()


def test_it_ends_by_itself_and_there_is_one(started: Any, tmp_path: Path) -> None:
    path, process = started()
    second = [sys.executable, "-m", "tanzhang.cli", "warm", "--socket", str(path)]
    assert subprocess.run(second, cwd=ROOT, check=False).returncode == 0
    assert process.poll() is None
    process.kill()
    process.wait()
    assert path.exists()  # killed; the next one takes its place
    path.unlink()
    _, next_one = started(seconds=1)
    assert next_one.wait(LONG) == 0
    assert not path.exists()


def test_other_code_answers_nobody(started: Any) -> None:
    path, process = started()
    module = Path(warm.__file__)
    times = module.stat()
    os.utime(module)
    try:
        with suppress(ConnectionError):
            assert not Caller(path, "late").is_taken
        assert process.wait(LONG) == 0
    finally:
        os.utime(module, ns=(times.st_atime_ns, times.st_mtime_ns))

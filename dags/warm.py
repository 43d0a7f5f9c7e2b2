"""The command without the start of Python: carried out by `tanzhang warm`, which has imported everything and forks.

Such a process belongs to a machine, a user, a command and a registry. Where none answers, the command is run as ever, and
one is started for the tasks after this; it ends by itself. TANZHANG_WARM_SECONDS says after how long, 0 that there is to
be none: where every task is a machine of its own, nobody would ask it.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import stat
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from airflow.providers.standard.hooks.subprocess import SubprocessHook, SubprocessResult

from dags.settings import KEYS, WARM_SECONDS

MEANT = ("TANZHANG_REGISTRY", "TANZHANG_ENGINE", "PYTHONPATH", "VIRTUAL_ENV")
"""What a process reads once, as it imports."""
PATIENCE = 5.0
"""Seconds in which it takes a call or does not; until it is told to go it has begun nothing."""
READY, GO, END = b"+", b"g", b"t"
"""Of `tanzhang.warm`."""
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
"""What is not there need not survive a fork."""
KILLED = -9
"""Exit code where nobody says how a call ended."""


class Command(SubprocessHook):
    """Runs the command as a child, or by a process that is warm."""

    _asked: socket.socket | None = None

    def run_command(self, command: list[str], env: dict[str, str] | None = None, **rest: Any) -> SubprocessResult:
        """As a subprocess would: each line that is printed is logged, the last is the output."""
        environment = dict(os.environ) if env is None else env
        folder = _folder() if WARM_SECONDS else None
        if folder is None:
            return super().run_command(command, env=environment, **rest)
        path = folder / _name(command[0], environment)
        output = self._ask(path, command[1:], environment)
        if output is None:
            _start(command[0], path, environment)
            return super().run_command(command, env=environment, **rest)
        self.log.info("Asked a warm process: %s", command)
        line = ""
        # Left open where the task runs out of time, as on_kill is called only afterwards.
        for raw_line in iter(output.readline, b""):
            line = raw_line.decode(errors="backslashreplace").rstrip()
            self.log.info("%s", line)
        output.close()
        code = self._ended()
        self.log.info("Command exited with return code %s", code)
        return SubprocessResult(exit_code=code, output=line)

    def send_sigterm(self) -> None:
        """End the call."""
        if self._asked is None:
            super().send_sigterm()
        else:
            with suppress(OSError):
                self._asked.sendall(END)

    def _ask(self, path: Path, arguments: list[str], environment: dict[str, str]) -> Any:
        """What the call prints; None where nobody takes it."""
        call = {"arguments": arguments, "environment": environment, "folder": tempfile.gettempdir()}
        asked = socket.socket(socket.AF_UNIX)
        asked.settimeout(PATIENCE)
        read, write = os.pipe()
        try:
            asked.connect(str(path))
            socket.send_fds(asked, [b"!"], [write])
            asked.sendall(json.dumps(call).encode() + b"\n")
            taken = asked.recv(1) == READY
            if taken:
                asked.sendall(GO)
        except OSError:
            taken = False
        os.close(write)
        if not taken:
            os.close(read)
            asked.close()
            return None
        asked.settimeout(None)
        self._asked = asked
        return os.fdopen(read, "rb")

    def _ended(self) -> int:
        """The exit code of the call."""
        assert self._asked is not None
        with self._asked, self._asked.makefile() as said:
            code = said.read()
        self._asked = None
        return int(code) if code else KILLED


def _folder() -> Path | None:
    """Where this user's sockets lie, that nobody else may open; None where that cannot be."""
    folder = Path(tempfile.gettempdir()) / f"tanzhang-{os.getuid()}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    is_own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
    return folder if is_own else None


def _name(command: str, environment: dict[str, str]) -> str:
    told = [command, *(environment.get(name) for name in MEANT)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def _start(command: str, path: Path, environment: dict[str, str]) -> None:
    """Start a process for later calls; it has no key, and outlives this task."""
    with suppress(OSError):
        subprocess.Popen(
            [command, "warm", "--socket", str(path), "--seconds", f"{WARM_SECONDS:g}"],
            env={name: said for name, said in environment.items() if name not in KEYS} | ONE_THREAD,
            cwd=path.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

"""Spark's servers as processes: master, worker, Connect server; and keeping some in the background.

The images run them in the foreground, `make connect` and `make cluster` in the background: the same command lines.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import psutil

from jobs.errors import SetupError
from jobs.lake.jars import java_home, spark_home
from jobs.lake.session import CONNECT_PORT, answers, driver_settings, overrides
from jobs.settings import without_keys

LOCAL = "127.0.0.1"
READY_SECONDS = 120
MASTER_CLASS = "org.apache.spark.deploy.master.Master"
WORKER_CLASS = "org.apache.spark.deploy.worker.Worker"
CONNECT_CLASS = "org.apache.spark.sql.connect.service.SparkConnectServer"


class ServerFailed(SetupError):
    """A server ended, or did not answer in time; the text ends with its last words."""


# -- command lines


def environment() -> dict[str, str]:
    """This process's environment, and what Spark's scripts ask for."""
    return {
        "SPARK_DAEMON_MEMORY": "512m",
        **{name: value for name, value in without_keys().items() if name != "SPARK_REMOTE"},  # a server is no client
        "JAVA_HOME": str(java_home()),
        "SPARK_HOME": str(spark_home()),
        "PYSPARK_PYTHON": sys.executable,
    }


def master(host: str, port: int, web_port: int) -> list[str]:
    """The master of a standalone cluster."""
    return [_script("spark-class"), MASTER_CLASS, "--host", host, "--port", str(port), "--webui-port", str(web_port)]


def worker(master_url: str, host: str, cores: int, memory: str, web_port: int, folder: Path) -> list[str]:
    """A worker; its executors' logs and scratch lie in the folder."""
    command = [_script("spark-class"), WORKER_CLASS, "--host", host, "--webui-port", str(web_port)]
    return [*command, "--cores", str(cores), "--memory", memory, "--work-dir", str(folder.resolve()), master_url]


def connect(master_url: str, host: str, port: int, settings: Mapping[str, str]) -> list[str]:
    """A Connect server with Delta and the declared settings, over which the given ones win, and `TANZHANG_SPARK_CONF`."""
    given = {
        "spark.connect.grpc.binding.address": host,
        "spark.connect.grpc.binding.port": str(port),
        "spark.log.level": "WARN",
        **driver_settings(),
        **settings,
        **overrides(),
    }
    listed = [part for key, value in given.items() for part in ("--conf", f"{key}={value}")]
    command = [_script("spark-submit"), "--master", master_url, "--class", CONNECT_CLASS, "--name", "tanzhang"]
    return [*command, *listed, "spark-internal"]


def web_interface(port: int) -> dict[str, str]:
    """Settings of a Connect server that shows Spark's pages, and its REST interface, on a port."""
    return {"spark.ui.enabled": "true", "spark.ui.port": str(port)}


def _script(name: str) -> str:
    return str(spark_home() / "bin" / name)


# -- in the background


def free_port(wanted: int = 0) -> int:
    """The port if nobody on this machine has it, else any free one."""
    for port in (wanted, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((LOCAL, port))
            return int(probe.getsockname()[1])
    raise ServerFailed("this machine has no free port")


class Server:
    """A server in the background, with a log and a note of its process in a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder.resolve()
        self.name = name
        self.log = self.folder / f"{name}.log"
        self.note = self.folder / f"{name}.pid"

    def start(self, command: list[str], address: str = "") -> None:
        """Start it; it outlives this process until it is stopped. Its address is noted for others to find."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                command,
                cwd=self.folder,  # Spark leaves its warehouse where it starts
                env={"SPARK_LOCAL_DIRS": str(self.folder / "scratch"), **environment()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.note.write_text(f"{process.pid} {psutil.Process(process.pid).create_time()} {address}")

    def process(self) -> psutil.Process | None:
        """The server's process, if it lives; another process that has its number by now is none."""
        with suppress(OSError, ValueError, psutil.NoSuchProcess):
            pid, created, _address = self.note.read_text().split(" ")
            found = psutil.Process(int(pid))
            if found.create_time() == float(created) and _lives(found):
                return found
        return None

    def address(self) -> str:
        """What it was started with."""
        return self.note.read_text().split(" ")[2]

    def wait(self, is_ready: Callable[[], bool], seconds: float = READY_SECONDS) -> None:
        """Wait until it is ready.

        Raises:
            ServerFailed: it ended, or time ran out.
        """
        until = time.monotonic() + seconds
        while not is_ready():
            if self.process() is None:
                raise ServerFailed(f"Spark's {self.name} ended; {self.log} says:\n{self._last_words()}")
            if time.monotonic() > until:
                raise ServerFailed(f"Spark's {self.name} is not ready after {seconds:.0f} s: see {self.log}")
            time.sleep(0.2)

    def stop(self) -> bool:
        """End it and everything that it started; says whether it lived."""
        process = self.process()
        if process is not None:
            family = [process, *process.children(recursive=True)]
            for how in (signal.SIGTERM, signal.SIGKILL):
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, how)
                until = time.monotonic() + 15
                while any(map(_lives, family)) and time.monotonic() < until:
                    time.sleep(0.05)
                if not any(map(_lives, family)):
                    break
        self.note.unlink(missing_ok=True)
        return process is not None

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        telling = [line for line in lines if not line.startswith("\tat ")]
        return "\n".join(telling[-15:])


def _lives(process: psutil.Process) -> bool:
    """Whether a process still does anything; one that ended and whom nobody asked how does not."""
    with suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def connect_server(folder: Path, port: int = CONNECT_PORT, web_port: int | None = None) -> str:
    """A Connect server on this machine's cores, the one that runs already or a new one; returns its address.

    Args:
        port: taken by something else, it gives way to a free one.

    Raises:
        ServerFailed: it did not start.
    """
    server = Server(folder, "connect")
    if server.process() is None:
        port = free_port(port)
        pages = web_interface(free_port(web_port)) if web_port is not None else {}
        server.start(connect("local[*]", LOCAL, port, pages), f"sc://{LOCAL}:{port}")
    address = server.address()
    server.wait(lambda: answers(address, 1))
    return address


def stop_all(folder: Path) -> list[str]:
    """End every server that was started in a folder, the latest first; returns the names of those that lived."""
    notes = sorted(folder.glob("*.pid"), key=lambda note: note.stat().st_mtime, reverse=True)
    return [note.stem for note in notes if Server(folder, note.stem).stop()]


def get(url: str) -> str:
    """A page of a server's REST interface; nothing while it does not answer."""
    with suppress(OSError), urlopen(url, timeout=5) as page:
        return str(page.read().decode())
    return ""

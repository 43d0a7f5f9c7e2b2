"""The cluster of the compose file as plain processes on this machine, and the demonstration run through it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from jobs.lake.session import CONNECT_PORT, SMALL_DATA, answers, overrides
from tanzhang import servers
from tanzhang.lab.world import COMMAND
from tanzhang.servers import LOCAL, Server, ServerFailed, free_port


@dataclass(frozen=True)
class Ports:
    """Where the servers listen; one that is taken gives way to any free port."""

    connect: int = CONNECT_PORT
    master: int = 7077
    master_web: int = 8081
    web: int = 4040


@dataclass(frozen=True)
class Cluster:
    """A cluster that runs.

    Attributes:
        remote: for `SPARK_REMOTE`.
        web: REST interface of the Connect server.
    """

    remote: str
    web: str

    def tasks(self) -> dict[str, int]:
        """Executor → tasks that it completed."""
        [application] = json.loads(servers.get(f"{self.web}/applications") or "[]") or [{"id": ""}]
        executors = json.loads(servers.get(f"{self.web}/applications/{application['id']}/executors") or "[]")
        return {one["id"]: one["completedTasks"] for one in executors if one["id"] != "driver"}


@contextmanager
def cluster(folder: Path, workers: int, memory: str, ports: Ports) -> Iterator[Cluster]:
    """Master, workers and Connect server, in the folder; all gone on leaving, whatever happens.

    Raises:
        ServerFailed: one of them did not start.
    """
    web, connect_port = free_port(ports.web), free_port(ports.connect)
    master_port, master_web = free_port(ports.master), free_port(ports.master_web)
    url = f"spark://{LOCAL}:{master_port}"
    servers.stop_all(folder)  # left by one that was killed
    try:
        master = Server(folder, "master")
        master.start(servers.master(LOCAL, master_port, master_web))
        master.wait(lambda: _alive(master_web) == 0)
        for number in range(1, workers + 1):
            one = Server(folder, f"worker-{number}")
            one.start(servers.worker(url, LOCAL, 1, memory, 0, folder / one.name))
        master.wait(lambda: _alive(master_web) == workers)
        settings = {
            **servers.web_interface(web),
            # One executor on each worker, with what its worker has.
            "spark.executor.cores": "1",
            "spark.executor.memory": memory,
        }
        connect, remote = Server(folder, "connect"), f"sc://{LOCAL}:{connect_port}"
        connect.start(servers.connect(url, LOCAL, connect_port, settings), remote)
        connect.wait(lambda: answers(remote, 1))
        yield Cluster(remote, f"http://{LOCAL}:{web}/api/v1")
    finally:
        servers.stop_all(folder)


def _alive(master_web: int) -> int | None:
    """Workers that the master knows; none where it does not answer."""
    state: dict[str, int] = json.loads(servers.get(f"http://{LOCAL}:{master_web}/json/") or "{}")
    return state.get("aliveworkers")


def demonstrate(home: Path, people: int, days: int, workers: int, ports: Ports, out: Console) -> None:
    """The demonstration's world through a cluster, every balance compared with the embedded engine's.

    Raises:
        ServerFailed: the cluster did not start, or a worker had nothing to do.
        CalledProcessError: the run failed, or a balance differs.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that the servers go as well
    # Beside the home, which the demonstration makes anew.
    with cluster(home.with_name(f"{home.name}-spark"), workers, "1g", ports) as running:
        out.print(f"master, {workers} workers and Connect server run: SPARK_REMOTE={running.remote}")
        # Of small data, but with as many parts as workers: else one of them would do everything.
        small = {**SMALL_DATA, "spark.sql.shuffle.partitions": str(workers), **overrides()}
        command = [*COMMAND, "demo", "--engine", "spark", "--home", str(home)]
        subprocess.run(
            [*command, "--people", str(people), "--days", str(days)],
            env={**os.environ, "SPARK_REMOTE": running.remote, "TANZHANG_SPARK_CONF": json.dumps(small)},
            check=True,
        )
        tasks = running.tasks()
        out.print("tasks by executor: " + ", ".join(f"{name}: {count:,}" for name, count in sorted(tasks.items())))
        if sum(count > 0 for count in tasks.values()) < workers:
            raise ServerFailed("not every worker took part")

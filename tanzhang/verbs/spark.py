"""The verbs of `tanzhang spark`: Spark's servers in the foreground, a Connect server in the background, a local cluster."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Annotated

import typer

from tanzhang.shell import fail, out

HELP = """Spark's servers, with Delta and the settings that the jobs need.

master, worker and connect run in the foreground, for containers and service managers; start and stop keep a Connect
server on this machine in the background.
"""

app = typer.Typer(help=HELP, no_args_is_help=True, pretty_exceptions_enable=False)

LOCAL = "127.0.0.1"
BACKGROUND = Path("home/spark")

Host = Annotated[str, typer.Option(help="Name or address to listen on, and to be reached by.")]
Folder = Annotated[Path, typer.Option(help="Logs, notes of processes and scratch.")]
WebPort = Annotated[int | None, typer.Option(help="Port of Spark's pages; none unless told.")]


@app.command()
def master(host: Host = LOCAL, port: int = 7077, web_port: int = 8081) -> None:
    """The master of a standalone cluster."""
    from tanzhang import servers

    _become(servers.master(host, port, web_port))


@app.command()
def worker(
    url: Annotated[str, typer.Option("--master", help="spark://HOST:PORT")],
    host: Host = LOCAL,
    cores: Annotated[int, typer.Option(min=1)] = 1,
    memory: Annotated[str, typer.Option(help="For its executors, such as 4g.")] = "1g",
    web_port: int = 0,
    folder: Folder = BACKGROUND / "worker",
) -> None:
    """A worker of a standalone cluster."""
    from tanzhang import servers

    folder.mkdir(parents=True, exist_ok=True)
    _become(servers.worker(url, host, cores, memory, web_port, folder))


@app.command()
def connect(
    url: Annotated[str, typer.Option("--master", help="spark://HOST:PORT, or local[N].")] = "local[*]",
    host: Host = LOCAL,
    port: int = 15002,
    web_port: WebPort = None,
) -> None:
    """A Connect server: what SPARK_REMOTE names. `TANZHANG_SPARK_CONF` and `TANZHANG_SPARK_MEMORY` count."""
    from tanzhang import servers

    pages = servers.web_interface(web_port) if web_port is not None else {}
    _become(servers.connect(url, host, port, pages))


@app.command()
def start(port: int = 15002, folder: Folder = BACKGROUND, web_port: WebPort = None) -> None:
    """A Connect server on this machine, in the background; one that runs already is named again."""
    from tanzhang import servers

    typer.echo(f"SPARK_REMOTE={servers.connect_server(folder, port, web_port)}")


@app.command()
def stop(folder: Folder = BACKGROUND) -> None:
    """End what was started in the background."""
    from tanzhang import servers

    ended = servers.stop_all(folder)
    out.print(f"ended: {', '.join(ended)}" if ended else "nothing ran")


@app.command()
def ready(remote: Annotated[str, typer.Argument(help="sc://HOST:PORT")]) -> None:
    """Whether a Connect server carries out a query: exit code 0 or 2, for a container's health."""
    from jobs.lake.session import connect as session_on

    session = session_on(remote)
    session.sql("SELECT 1").collect()
    session.stop()


@app.command()
def cluster(
    home: Annotated[Path, typer.Option(help="Folder of the deployment.")] = Path("home/demo"),
    people: int = 500,
    days: int = 1,
    workers: Annotated[int, typer.Option(min=1)] = 2,
    port: Annotated[int, typer.Option(help="Of the Connect server.")] = 15002,
    master_port: int = 7077,
    master_web_port: int = 8081,
    web_port: int = 4040,
) -> None:
    """Master, workers and Connect server on this machine; a world through them; every balance compared; all ended."""
    from tanzhang.lab.cluster import Ports, demonstrate

    try:
        demonstrate(home, people, days, workers, Ports(port, master_port, master_web_port, web_port), out)
    except subprocess.CalledProcessError as error:
        fail(f"the run through the cluster ended with {error.returncode}", 1)


def _become(command: list[str]) -> None:
    from tanzhang import servers

    os.execve(command[0], command, servers.environment())

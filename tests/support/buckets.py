"""An object store on this machine: moto's server in a process of its own, which keeps conditional writes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from jobs.bucket import BucketPath
from tanzhang.servers import free_port

BUCKET = "tables"
SECRET = "not-for-any-log-0123456789"  # of nobody
LEASE_SECONDS = 3
"""Long enough for a sign of life on a loaded machine."""


@contextmanager
def served() -> Iterator[dict[str, str]]:
    """An empty bucket, and the environment that lets in."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    said = {
        "AWS_ENDPOINT_URL": address,
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "TANZHANG_LEASE_SECONDS": str(LEASE_SECONDS),
    }
    try:
        _wait(server, address)
        urlopen(Request(f"{address}/{BUCKET}", method="PUT")).close()
        with pytest.MonkeyPatch.context() as environment:
            for name, value in said.items():
                environment.setenv(name, value)
            yield said
    finally:
        server.kill()
        server.wait()


def upload(folder: Path, uri: str) -> None:
    """Put a folder's files into the bucket, as a copy of a lake would be."""
    target = BucketPath.of(uri)
    for path in folder.rglob("*"):
        if path.is_file() and path.name != ".writer":
            target.joinpath(*path.relative_to(folder).parts).write_bytes(path.read_bytes())


def _wait(server: subprocess.Popen[bytes], address: str, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and server.poll() is None:
        with suppress(OSError):
            with suppress(HTTPError):
                urlopen(f"{address}/moto-api/").close()
            return
        time.sleep(0.1)
    raise RuntimeError("moto's server did not start")

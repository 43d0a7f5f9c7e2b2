"""An object store on this machine: moto's server in a process of its own, which keeps conditional writes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tanzhang.servers import free_port

BUCKET = "tables"
SECRET = "not-for-any-log-0123456789"  # of nobody
LEASE_SECONDS = 3
"""Long enough for a sign of life on a loaded machine."""


@contextmanager
def served() -> Iterator[None]:
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
            yield
    finally:
        server.kill()
        server.wait()


def _wait(server: subprocess.Popen[bytes], address: str, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and server.poll() is None:
        with suppress(OSError):
            try:
                urlopen(f"{address}/moto-api/").close()
            except HTTPError:
                pass
            return
        time.sleep(0.1)
    raise RuntimeError("moto's server did not start")

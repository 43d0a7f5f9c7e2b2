"""Real remote places on this machine: a folder, an SFTP server, an S3 server, and wires that break when told to."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import resource
import signal
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import asyncssh
import boto3
import requests
from moto.server import ThreadedMotoServer

from dags.transports import fetch

CONNECTION = "tanzhang_metro"
ENVIRONMENT = "AIRFLOW_CONN_TANZHANG_METRO"
INSTITUTION = "metro"
LOGIN, PASSWORD = "tanzhang", "open-sesame"
BUCKET = "exports"

for chatty in ("werkzeug", "asyncssh"):
    logging.getLogger(chatty).setLevel(logging.ERROR)


class Loop:
    """An event loop on a thread of its own, for the servers that need one."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def stop(self) -> None:
        async def end() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        self.run(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


class Wire:
    """Between a client and a server: counts what the server sends, and is cut after so many bytes, once."""

    def __init__(self, loop: Loop, target: int) -> None:
        self.sent = 0
        self._loop, self._target = loop, target
        self._left: int | None = None
        self.port = 0
        self._server: asyncio.Server | None = None
        self.up()

    def cut_after(self, size: int) -> None:
        self._left = size

    def up(self) -> None:
        async def start() -> None:
            self._server = await asyncio.start_server(self._joined, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

        self._loop.run(start())

    def down(self) -> None:
        async def stop() -> None:
            assert self._server
            self._server.close()

        self._loop.run(stop())

    async def _joined(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection("127.0.0.1", self._target)
        await asyncio.gather(self._pump(client, to_server), self._pump(server, to_client, counted=True))

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, counted: bool = False) -> None:
        with suppress(ConnectionError):
            while data := await source.read(1 << 14):
                if counted:
                    self.sent += len(data)
                    if self._left is not None:
                        self._left -= len(data)
                        if self._left < 0:
                            self._left = None
                            sink.transport.abort()
                            return
                sink.write(data)
                await sink.drain()
        with suppress(ConnectionError):
            sink.close()


class Remote(ABC):
    """A remote place of one institution. `extra` and `fields` make up the connection to it."""

    conn_type: str
    wire: Wire | None = None
    fields: dict[str, Any] = {}
    extra: dict[str, Any] = {}

    @abstractmethod
    def put(self, path: str, data: bytes) -> None: ...

    @abstractmethod
    def listing(self) -> dict[str, bytes]: ...

    def connection(self, **extra: Any) -> str:
        """The connection as Airflow reads it from the environment; `fields` of it may be overridden by name."""
        fields = {**self.fields, **{key: extra.pop(key) for key in ("login", "password") if key in extra}}
        return json.dumps({"conn_type": self.conn_type, **fields, "extra": {**self.extra, **extra}})

    def deliver(self, name: str, files: dict[str, bytes], *, control: bytes | None = None) -> None:
        """Put a delivery there as an institution would, the control file last."""
        for file, data in files.items():
            self.put(f"{name}/{file}", data)
        self.put(f"{name}/control.json", control_of(files) if control is None else control)


class FolderRemote(Remote):
    """A folder of this machine."""

    conn_type = "fs"

    def __init__(self, root: Path) -> None:
        self.root = root
        self.extra = {"path": str(root)}

    def put(self, path: str, data: bytes) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(data)

    def listing(self) -> dict[str, bytes]:
        files = (path for path in self.root.rglob("*") if path.is_file() and not path.is_symlink())
        return {path.relative_to(self.root).as_posix(): path.read_bytes() for path in files}


class _Login(asyncssh.SSHServer):
    def __init__(self, key: asyncssh.SSHKey) -> None:
        self._key = key

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (LOGIN, PASSWORD)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == LOGIN and key == self._key.convert_to_public()


@cache
def key_pair(algorithm: str) -> asyncssh.SSHKey:
    """Made once: an RSA key takes a second."""
    return asyncssh.generate_private_key(algorithm)


class SFTPRemote(FolderRemote):
    """An SFTP server of a folder; takes a password or a key, and has a key of its own."""

    conn_type = "sftp"

    def __init__(self, root: Path, loop: Loop) -> None:
        super().__init__(root)
        self.host_key = key_pair("ssh-ed25519")
        self.key = key_pair("ssh-rsa")

        async def start() -> Any:
            return await asyncssh.create_server(
                lambda: _Login(self.key), "127.0.0.1", 0,
                server_host_keys=[self.host_key],
                sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(root)),
            )  # fmt: skip

        self._loop, self._server = loop, loop.run(start())
        self.wire = Wire(loop, self._server.get_port())
        self.fields = {"host": "127.0.0.1", "port": self.wire.port, "login": LOGIN, "password": PASSWORD}
        self.extra = {
            "path": "/",
            "host_key": self.public(self.host_key),
            "look_for_keys": "false",
            "compress": "false",
        }

    @staticmethod
    def public(key: asyncssh.SSHKey) -> str:
        return str(key.export_public_key().decode().strip())

    def stop(self) -> None:
        async def close() -> None:
            self._server.close()

        self._loop.run(close())


class S3Remote(Remote):
    """A prefix of a bucket on moto's server, which serves one test after the other: it takes seconds to start and stop."""

    conn_type = "aws"

    def __init__(self, loop: Loop) -> None:
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        self.url = "http://{}:{}".format(*self._server.get_host_and_port())
        self.store = boto3.client(
            "s3", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
        )
        self.wire = Wire(loop, self._server.get_host_and_port()[1])
        self.fields = {"login": "AKIAEXAMPLE", "password": PASSWORD}
        self.extra = {
            "bucket": BUCKET,
            "prefix": "to/metro",
            "region_name": "us-east-1",
            "endpoint_url": f"http://127.0.0.1:{self.wire.port}",
            "config_kwargs": {"retries": {"max_attempts": 0}},
        }

    def empty(self) -> None:
        """As if it were new: everybody is let in, and one bucket is there."""
        for path, data in (("reset-auth", "Infinity"), ("reset", "")):
            requests.post(f"{self.url}/moto-api/{path}", data=data, timeout=10).raise_for_status()
        self.store.create_bucket(Bucket=BUCKET)

    def put(self, path: str, data: bytes) -> None:
        self.store.put_object(Bucket=BUCKET, Key=f"to/metro/{path}", Body=data)

    def listing(self) -> dict[str, bytes]:
        keys = [item["Key"] for item in self.store.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
        return {key: self.store.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}

    def demand_keys(self) -> None:
        """From here on only known keys are let in, and moto knows none."""
        requests.post(f"{self.url}/moto-api/reset-auth", data="0", timeout=10).raise_for_status()

    def stop(self) -> None:
        self._server.stop()


def control_of(files: dict[str, bytes], **change: Any) -> bytes:
    """A control file that names the files as they are."""
    stated = [
        {"name": name, "feed": "taps", "part": part, "parts": len(files), "rows": 0, "sums": {},
         "sha256": hashlib.sha256(data).hexdigest()}
        for part, (name, data) in enumerate(files.items(), 1)
    ]  # fmt: skip
    control = {"institution": INSTITUTION, "business_date": "2026-11-01", "revision": 0, "files": stated}
    return json.dumps({**control, **change}).encode()


# -- what runs in processes of its own


def fetch_in_child(connection: str, exports: Path, killed_at: int = 0, disk: int = 0) -> None:
    """Fetch, with the process killed at its n-th change below the exports folder, or with a small disk."""
    os.environ[ENVIRONMENT] = connection
    if disk:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (disk, disk))
    if killed_at:
        touched = 0

        def count(event: str, args: tuple[Any, ...]) -> None:
            nonlocal touched
            is_change = event in CHANGES or (event == "open" and args[2] & (os.O_WRONLY | os.O_RDWR))
            if is_change and any(str(exports) in str(arg) for arg in args):
                touched += 1
                if touched == killed_at:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
    try:
        fetch(INSTITUTION, CONNECTION, exports)
    except Exception as error:
        print(type(error).__name__, error)
        os._exit(1)
    os._exit(0)


CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree"}
"""What a process does to files beside opening them to write, as its audit hooks are told."""


def peak_growth(connection: str, exports: Path, warm_up: Path) -> None:
    """Prints by how many bytes the peak memory grows from a fetch of little to a fetch of all."""
    os.environ[ENVIRONMENT] = connection
    small = json.loads(connection)
    small["extra"]["most_bytes"] = 1 << 20
    os.environ[ENVIRONMENT] = json.dumps(small)
    with suppress(Exception):  # all imports, one connection, the small delivery
        fetch(INSTITUTION, CONNECTION, warm_up)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    os.environ[ENVIRONMENT] = connection
    fetch(INSTITUTION, CONNECTION, exports)
    (exports / "peak").write_text(str((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024))

"""Remote places to fetch from, and what came from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from dags.transports import Fetched, fetch
from tests.dags.transports.remotes import (
    CONNECTION,
    ENVIRONMENT,
    INSTITUTION,
    FolderRemote,
    Loop,
    Remote,
    S3Remote,
    SFTPRemote,
    control_of,
)

FIRST, SECOND = "20261101T200000Z", "20261102T200000Z"
NOW = datetime(2026, 11, 3, 1, 2, 3, tzinfo=timezone.utc)
SMALL = {"taps_1.csv": b"one\n", "taps_2.csv": b"", "consents.csv": b"three\n"}
MIB = 1 << 20
Fetch = Callable[..., list[Fetched]]


@pytest.fixture(scope="session")
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.stop()


@pytest.fixture(scope="session")
def store(loop: Loop) -> Iterator[S3Remote]:
    store = S3Remote(loop)
    yield store
    store.stop()


@pytest.fixture
def sftp(tmp_path: Path, loop: Loop) -> Iterator[SFTPRemote]:
    root = tmp_path / "remote"
    root.mkdir(exist_ok=True)
    remote = SFTPRemote(root, loop)
    yield remote
    remote.stop()


@pytest.fixture
def s3(store: S3Remote) -> S3Remote:
    store.empty()
    return store


@pytest.fixture
def fs(tmp_path: Path) -> FolderRemote:
    root = tmp_path / "remote"
    root.mkdir(exist_ok=True)
    return FolderRemote(root)


@pytest.fixture(params=["fs", "sftp", "aws"])
def remote(request: pytest.FixtureRequest) -> Remote:
    made: Remote = request.getfixturevalue({"fs": "fs", "sftp": "sftp", "aws": "s3"}[request.param])
    return made


@pytest.fixture
def bring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fetch:
    """Fetch over a connection as Airflow finds it; what it says of the place may be changed by name."""

    def bring(remote: Remote, clock: Callable[[], datetime] = lambda: NOW, **extra: Any) -> list[Fetched]:
        monkeypatch.setenv(ENVIRONMENT, remote.connection(**extra))
        return fetch(INSTITUTION, CONNECTION, tmp_path, clock=clock)

    return bring


def came(exports: Path) -> dict[str, dict[str, bytes]]:
    """Stamp → the files of every delivery that pull would see."""
    folders = sorted(path for path in (exports / INSTITUTION).iterdir() if not path.name.startswith("."))
    return {folder.name: {path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders}


def whole(files: dict[str, bytes], control: bytes | None = None) -> dict[str, bytes]:
    return {**files, "control.json": control_of(files) if control is None else control}


def leftovers(exports: Path) -> list[str]:
    return [path.name for path in (exports / INSTITUTION).glob(".partial-*")]

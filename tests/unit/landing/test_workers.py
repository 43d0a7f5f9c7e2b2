"""Institutions landed side by side: the same files, answers and lines as one after the other, and no key on the way."""

from __future__ import annotations

import logging
import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from jobs.landing import workers
from jobs.landing.tokens import Tokens
from schemas import load_registry
from simulator import simulate

REGISTRY = load_registry()
KEYS = b"\xab" * 32, b"\xcd" * 32
SOURCES = {name: REGISTRY.sources[name] for name in ("alipay", "citic_bank", "hangzhou_metro", "unionpay")}


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("world")
    simulate(home, people=30, days=1, seed=3)
    delivery = next((home / "exports/citic_bank").iterdir())
    (delivery / "not_named.txt").write_text("1")  # refused: an institution's mistake is its own
    return home / "exports"


def landed(
    exports: Path, home: Path, monkeypatch: pytest.MonkeyPatch, *, much: int
) -> tuple[dict[str, Any], dict[str, bytes], list[dict[str, Any]], list[str]]:
    """Answers, files, lines of the log and institutions, in order."""
    shutil.copytree(exports, home / "exports")
    monkeypatch.setattr(workers, "MUCH", much)
    monkeypatch.setattr(workers, "cores", lambda: 2)
    lines: list[dict[str, Any]] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(dict(record.msg))  # type: ignore[method-assign,call-overload]
    logger = logging.getLogger("tanzhang")
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)
    said: list[str] = []
    try:
        done = workers.ingest_all(SOURCES, REGISTRY.root, home, Tokens(*KEYS), said.append)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    files = {
        path.relative_to(home).as_posix(): path.read_bytes()
        for path in sorted((home / "landed").rglob("*"))
        if path.is_file()
    }
    told = [{key: value for key, value in line.items() if key != "timestamp"} for line in lines]
    return {name: one.__dict__ for name, one in done.items()}, files, told, said


def test_side_by_side_is_as_one_after_the_other(exports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = landed(exports, tmp_path / "alone", monkeypatch, much=1 << 40)
    beside = landed(exports, tmp_path / "beside", monkeypatch, much=1)
    assert alone == beside
    assert list(beside[0]) == beside[3] == list(SOURCES)
    assert beside[0]["citic_bank"]["receipts"][0].state == "refused"
    assert all(beside[0][name]["manifests"] for name in ("alipay", "hangzhou_metro"))


def test_no_process_is_started_for_little_or_for_one(
    exports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("a process was started")

    monkeypatch.setattr(workers, "ProcessPoolExecutor", never)
    landed(exports, tmp_path / "little", monkeypatch, much=1 << 40)
    landed(exports, tmp_path / "little" / "again", monkeypatch, much=1 << 40)
    home = tmp_path / "one"
    shutil.copytree(exports / "alipay", home / "exports" / "alipay")
    monkeypatch.setattr(workers, "MUCH", 1)
    done = workers.ingest_all(SOURCES, REGISTRY.root, home, Tokens(*KEYS), lambda _: None)
    assert done["alipay"].manifests
    assert not workers.waiting_bytes(SOURCES["alipay"], home)  # all taken


def test_a_process_that_is_killed_costs_nothing_but_time(
    exports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_begin", die)
    ended = landed(exports, tmp_path / "ended", monkeypatch, much=1)
    monkeypatch.undo()
    whole = landed(exports, tmp_path / "whole", monkeypatch, much=1 << 40)
    assert ended[:2] == whole[:2]


def die(_start: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_keys_are_in_no_command_line_and_no_environment(
    exports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def look(name: str) -> None:
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                seen.append(" ".join([*process.cmdline(), *process.environ().values()]))

    home = tmp_path / "home"
    shutil.copytree(exports, home / "exports")
    monkeypatch.setattr(workers, "MUCH", 1)
    monkeypatch.setattr(workers, "cores", lambda: 2)
    workers.ingest_all(SOURCES, REGISTRY.root, home, Tokens(*KEYS), look)
    assert any("spawn_main" in one for one in seen)
    secrets = [text for key in KEYS for text in (os.fsdecode(key), key.hex(), repr(key))]
    assert not any(secret in one for one in seen for secret in secrets)

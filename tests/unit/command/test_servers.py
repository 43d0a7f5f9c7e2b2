"""Finding, refusing and ending servers, without Spark."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

import pytest

from jobs.errors import SetupError
from jobs.lake.session import OF_PROCESS, OF_SESSION, SMALL_DATA, answers, connect
from tanzhang.servers import LOCAL, Server, ServerFailed, free_port, stop_all


def test_a_server_that_is_not_there_is_missed_at_once() -> None:
    """Spark's own client would try for ten minutes."""
    started = time.monotonic()
    with pytest.raises(SetupError, match=f"no Spark Connect server answers at sc://{LOCAL}:"):
        connect(f"sc://{LOCAL}:{free_port()}")
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("address", ["local[2]", "spark://host:7077", "sc://", "127.0.0.1:15002"])
def test_only_connects_addresses_are_taken(address: str) -> None:
    with pytest.raises(SetupError, match="no address of a Spark Connect server"):
        answers(address)


def test_a_setting_is_declared_once() -> None:
    assert not OF_PROCESS.keys() & OF_SESSION.keys()
    assert not OF_PROCESS.keys() & SMALL_DATA.keys()


def test_a_taken_port_gives_way() -> None:
    with socket.socket() as other:
        other.bind((LOCAL, 0))
        other.listen()
        taken = other.getsockname()[1]
        assert free_port(taken) != taken
        assert answers(f"sc://{LOCAL}:{taken}")
    free = free_port()
    assert free_port(free) == free


@pytest.fixture
def java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A Java that only tells its release: what runs here is no Spark."""
    executable = tmp_path / "java/bin/java"
    executable.parent.mkdir(parents=True)
    executable.write_text("#!/bin/sh\necho 'openjdk version \"17.0.1\"' >&2\n")
    executable.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "java"))


def test_a_server_is_found_and_ended_with_its_children(java: None, tmp_path: Path) -> None:
    folder = tmp_path / "servers"
    server = Server(folder, "one")
    server.start(["sh", "-c", "sleep 300 & sleep 300"], "sc://here")
    process = Server(folder, "one").process()
    assert process is not None and server.address() == "sc://here"
    server.wait(lambda: len(process.children()) == 2, 10)
    children = process.children()
    assert stop_all(folder) == ["one"]
    assert not any(child.is_running() and child.status() != "zombie" for child in children)
    assert stop_all(folder) == []


def test_a_number_that_another_process_has_by_now_is_none(java: None, tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "300"]) as other:
        server = Server(tmp_path, "one")
        server.note.write_text(f"{other.pid} 12345.0 sc://here")
        assert server.process() is None
        assert stop_all(tmp_path) == []
        assert other.poll() is None, "it was somebody else's"
        other.kill()


def test_a_server_that_dies_says_why(java: None, tmp_path: Path) -> None:
    server = Server(tmp_path, "one")
    server.start(["sh", "-c", "echo port 15002 is taken; exit 1"])
    with pytest.raises(ServerFailed, match="port 15002 is taken"):
        server.wait(lambda: False, 20)


def test_a_server_that_is_never_ready_is_not_waited_for_forever(java: None, tmp_path: Path) -> None:
    server = Server(tmp_path, "one")
    server.start(["sleep", "300"])
    with pytest.raises(ServerFailed, match="not ready"):
        server.wait(lambda: False, 0.5)
    assert stop_all(tmp_path) == ["one"]

"""The command by a process that is warm: what a task sees is what it would see of a child."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.dags.conftest import JOBS

COMMAND = str(JOBS / "tanzhang")
LATE = ["late", "--date", "2026-11-21", "--institution", "hellobike", "--json"]
PATIENCE = 120.0


@pytest.fixture
def folder(airflow: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where sockets lie; a path to one has a hundred characters at most."""
    from dags import warm

    monkeypatch.setattr(warm, "WARM_SECONDS", 3.0)
    with tempfile.TemporaryDirectory(prefix="warm-") as made:
        monkeypatch.setattr(tempfile, "tempdir", made)
        yield Path(made)
        until(lambda: not sockets(Path(made)))


def sockets(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*/*") if path.is_socket()]


def until(holds: Callable[[], Any]) -> None:
    ends = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.1)


@pytest.mark.parametrize(("home", "code"), [("home", 0), ("none", 5)])
def test_a_warm_process_answers_as_a_child_does(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str, code: int
) -> None:
    from dags.warm import Command

    ask, is_answered = Command._ask, []

    def noted(self: Any, *call: Any) -> Any:
        output = ask(self, *call)
        is_answered.append(output is not None)
        return output

    monkeypatch.setattr(Command, "_ask", noted)
    (tmp_path / "home/exports").mkdir(parents=True)
    environment = {**os.environ, "TANZHANG_HOME": str(tmp_path / home)}
    cold = Command().run_command([COMMAND, *LATE], env=environment)
    until(lambda: sockets(folder))
    warm = Command().run_command([COMMAND, *LATE], env=environment)
    assert is_answered == [False, True]
    assert warm == cold and warm.exit_code == code


def test_a_folder_that_others_may_open_is_not_used(folder: Path, tmp_path: Path) -> None:
    from dags.warm import Command

    (tmp_path / "exports").mkdir()
    open_to_all = folder / f"tanzhang-{os.getuid()}"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    said = Command().run_command([COMMAND, *LATE], env={**os.environ, "TANZHANG_HOME": str(tmp_path)})
    assert said.exit_code == 0
    assert list(open_to_all.iterdir()) == []

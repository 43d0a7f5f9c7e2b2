"""One writer at a time; who dies holds nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.errors import Busy
from jobs.files import one_writer
from tests.support.runner import ROOT

HOLD = """
import sys, time
from pathlib import Path
from jobs.files import one_writer
with one_writer(Path(sys.argv[1]), "a test"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_second_is_told_who_is_first(tmp_path: Path) -> None:
    lock = tmp_path / "new" / ".writer"
    with one_writer(lock, "the run of 2026-11-01"):
        told = rf"the run of 2026-11-01 \(process {os.getpid()}\) is at work"
        with pytest.raises(Busy, match=told), one_writer(lock, "maintain"):
            raise AssertionError("both are in")
        with one_writer(tmp_path / "other", "maintain"):
            pass
    with one_writer(lock, "maintain"):
        assert lock.read_text(encoding="utf-8").startswith("maintain (")


def test_a_failure_lets_go(tmp_path: Path) -> None:
    with pytest.raises(KeyError), one_writer(tmp_path / ".writer", "a run"):
        raise KeyError
    with one_writer(tmp_path / ".writer", "the next"):
        pass


def test_a_killed_process_lets_go(tmp_path: Path) -> None:
    lock = tmp_path / ".writer"
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)], cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout and process.stdout.readline() == "held\n"
    with pytest.raises(Busy, match=f"process {process.pid}"), one_writer(lock, "a run"):
        raise AssertionError("both are in")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    with one_writer(lock, "a run"):
        pass

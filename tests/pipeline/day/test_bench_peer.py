"""`tanzhang bench-peer`: the script by hand comes to the run's kilograms, and shares no job with it."""

from __future__ import annotations

import sys
from io import StringIO
from pathlib import Path
from subprocess import run

import pytest
from rich.console import Console

from schemas.ledger import REDUCTION
from tanzhang.lab.peer import measure


@pytest.mark.soak  # five processes, of which three are runs
def test_script_and_run_come_to_the_same_kilograms(tmp_path: Path) -> None:
    printed = StringIO()
    found = measure(100, 1, tmp_path, Console(file=printed, width=150))
    script, posted = (
        {key: one for key, one in of.items() if key.startswith(REDUCTION)} for of in found["milligrams"].values()
    )
    assert script == posted
    assert len(script) > 4
    assert {len(costs) for costs in found["costs"]["run"].values()} == {1}
    assert "run ÷ script" in printed.getvalue()
    assert not (tmp_path / "100/by-hand").exists()


def test_the_script_uses_no_job() -> None:
    code = "import sys, tanzhang.lab.by_hand; print(*(name for name in sys.modules if name.startswith('jobs.')))"
    used = run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {name.split(".")[1] for name in used} == {"policy"}

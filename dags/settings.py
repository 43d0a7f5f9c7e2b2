"""What a deployment says by its environment; everything else about the DAGs stands in the registry."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

COMMAND = os.environ.get("TANZHANG_BIN", str(Path(__file__).parents[1] / ".venv/bin/tanzhang"))
"""The command, in the environment of the jobs. It inherits the task's environment: TANZHANG_ENGINE and SPARK_REMOTE
choose the engine, TANZHANG_TOKEN_KEY and TANZHANG_RECORD_KEY are its keys, which only those tasks get that make tokens."""
MAKES_UP = "TANZHANG_START" in os.environ
START = date.fromisoformat(os.environ.get("TANZHANG_START", "2026-01-01"))
"""First business date. Where it is set, dates that passed while no scheduler ran are made up for, in order."""
POKE_SECONDS = float(os.environ.get("TANZHANG_POKE_SECONDS", "300"))
"""How often a delivery that is due is asked for."""

WARM_SECONDS = float(os.environ.get("TANZHANG_WARM_SECONDS", "120"))
"""For how long a process that has imported everything waits for the next task; 0: there is none."""
KEYS = ("TANZHANG_TOKEN_KEY", "TANZHANG_RECORD_KEY")
"""What only a call that makes tokens is given, and no process that lives on."""

LAKE_POOL = "lake"
"""One slot: one writer."""
TRANSPORT_POOL = "transport"
"""As many slots as tasks that take institutions' files in may run at the same time."""
OWNER = "tanzhang"


def home() -> Path:
    """The deployment's folder: exports, landing, landed rows, tables."""
    return Path(os.environ.get("TANZHANG_HOME", "home/main")).absolute()

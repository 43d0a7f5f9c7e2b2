"""Preloaded once by the fork server of tests that kill: what each killed process would import and compile.

Opens no engine: a process may not be forked after one has started its threads. Never imported by a process
that has one.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest  # noqa: F401  # pytest's own script is imported again in every process
import sqlframe.duckdb  # noqa: F401

import jobs.day  # noqa: F401
import tanzhang.cli  # noqa: F401
import tests.support.worlds  # noqa: F401
from jobs.lake.embedded import compiled
from schemas import Registry, load_registry
from tests.support import judged

KNOWN = "TANZHANG_TEST_KNOWN"
"""Environment: JSON file with the queries that a run compiles, and verdicts that were asked for before."""

# The embedded engine has to come before pyspark, which Great Expectations would import.
sys.modules["pyspark"] = None  # type: ignore[assignment]
import great_expectations  # noqa: E402, F401

del sys.modules["pyspark"]

REGISTRY: Registry = load_registry()
if KNOWN in os.environ:
    known = json.loads(Path(os.environ[KNOWN]).read_text(encoding="utf-8"))
    for query in known["queries"]:
        compiled(query)
    judged.learn(known["verdicts"])

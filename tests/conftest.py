"""Shared by all tests: keys that exist only here, and which tests an environment runs."""

from __future__ import annotations

import os
from importlib.util import find_spec

os.environ["TANZHANG_TOKEN_KEY"] = "5a" * 32
os.environ["TANZHANG_RECORD_KEY"] = "a5" * 32

# Airflow and the jobs have an environment each; either collects what it can import.
collect_ignore_glob = ["pipeline/*", "spark/*", "unit/*"] if find_spec("airflow") else ["dags/*"]

"""The one module through which jobs read and write tables, once per engine.

`open_lake` decides the engine of the process. It must be called before any module that imports
`pyspark.sql`, because the embedded engine puts SQLFrame in PySpark's place.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from jobs.errors import FormatError
from jobs.lake.base import ENGINES, Frame, Lake
from jobs.lake.failures import told
from jobs.lake.format import check_format
from schemas import Registry

__all__ = ["ENGINES", "FormatError", "Frame", "Lake", "choose_engine", "open_lake", "told"]

_chosen: str | None = None


def choose_engine(engine: str) -> None:
    """Make `pyspark.sql` mean the engine, for the rest of the process.

    Raises:
        RuntimeError: another engine was chosen before, or PySpark was imported too early.
    """
    global _chosen
    if engine not in ENGINES:
        raise RuntimeError(f"unknown engine {engine!r}; choose one of {', '.join(ENGINES)}")
    if _chosen not in (None, engine):
        raise RuntimeError(f"this process already runs on {_chosen}; start another process for {engine}")
    if engine == "embedded" and _chosen is None:
        if "pyspark.sql" in sys.modules:
            raise RuntimeError("pyspark was imported before the engine was chosen")
        from jobs.lake.embedded import activate

        activate()
    _chosen = engine


def open_lake(engine: str, path: Path, registry: Registry, *, as_it_is: bool = False, **options: Any) -> Lake:
    """A lake at `path`; a new one gets its tables.

    Args:
        as_it_is: whatever its tables are like, for a migration; nothing is created.

    Raises:
        FormatError: other code wrote it, and its tables are not the declared ones.
    """
    choose_engine(engine)
    if engine == "embedded":
        from jobs.lake.embedded import EmbeddedLake

        lake: Lake = EmbeddedLake(path, registry, **options)
    else:
        from jobs.lake.spark import SparkLake

        lake = SparkLake(path, registry, **options)
    if not as_it_is:
        try:
            check_format(lake)
            lake.create_tables()
        except BaseException:
            lake.close()
            raise
    return lake

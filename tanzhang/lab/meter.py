"""What a stretch of work costs: CPU, bytes read, calls that read, and files that Python opens; clocks say little here."""

from __future__ import annotations

import logging
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from jobs.logs import NAME

UNITS = ("cpu_seconds", "bytes_read", "reads", "opens")
"""Of this process and of its children that ended. `bytes_read` and `reads` count what was asked of the system, whether
from disk or from its cache; `opens` are those of Python's own code, manifests and receipts among them: neither DuckDB's nor
delta-rs's."""

_opened = [0]
_hooked: list[bool] = []


class Meter:
    """Costs by stretch. One begins where the one before ends, and several of one name add up.

    Attributes:
        spent: stretch → the costs in `UNITS`.
    """

    def __init__(self) -> None:
        _count_opens()
        self.spent: dict[str, Any] = {}
        self._name: str | None = None
        self._since = _now()

    def begin(self, name: str | None) -> None:
        """What follows belongs to this stretch; to none, where there is no name."""
        now = _now()
        if self._name is not None:
            self.spent[self._name] = self.spent.get(self._name, 0) + (now - self._since)
        self._name, self._since = name, now

    @contextmanager
    def during(self, name: str) -> Iterator[None]:
        """One stretch."""
        self.begin(name)
        try:
            yield
        finally:
            self.begin(None)

    def costs(self) -> dict[str, dict[str, float]]:
        """By stretch and unit, as JSON may have them."""
        return {name: dict(zip(UNITS, map(float, spent), strict=True)) for name, spent in self.spent.items()}


@contextmanager
def gate_apart(meter: Meter) -> Iterator[None]:
    """Tell what follows the gate from the gate: nothing but the log says when it has passed."""

    class Ears(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if isinstance(record.msg, dict) and record.msg.get("event") == "gate_passed":
                meter.begin("publish")

    logger, ears = logging.getLogger(NAME), Ears()
    level, propagates = logger.level, logger.propagate
    logger.addHandler(ears)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(ears)
        logger.setLevel(level)
        logger.propagate = propagates


def _now() -> Any:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(one.ru_utime + one.ru_stime for one in used)
    counted = Path("/proc/self/io")
    found = dict(line.split(": ") for line in counted.read_text().splitlines()) if counted.exists() else {}
    return np.array([cpu, float(found.get("rchar", 0)), float(found.get("syscr", 0)), float(_opened[0])])


def _count_opens() -> None:
    """From now on; a hook cannot be taken away again, and there is to be one."""

    def hear(event: str, _arguments: object) -> None:
        if event == "open":
            _opened[0] += 1

    if not _hooked:
        sys.addaudithook(hear)
        _hooked.append(True)

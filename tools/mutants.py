"""Mutants of the accounting: one token changed each, and the tests that ought to notice.

    .venv/bin/python tools/mutants.py [--count 150] [--seed 1] [--only ledger] [--within 60] [--at FILE:LINE]

Each mutant lives in a fork of this process, which has imported everything, and runs the tests of its room until one
fails: first those that noticed most mutants so far, then the quickest. How long each takes is measured once, on the code
as it is, and kept in build/. Printed are what kills each, the share that is killed, and those that survive, to be killed
or explained. With `--within` tests that take longer are left out: a first look.
"""

from __future__ import annotations

import argparse
import importlib.abc
import importlib.util
import json
import os
import random
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
TIMES = ROOT / "build" / "mutants.json"
MODULES = {
    "activities": ("assignment", "islands", "match", "outcomes", "readings", "reports", "spend", "touched"),
    "ledger": ("caps", "carried", "emissions", "entries", "expiry", "points", "post", "touched"),
}
TESTS = {
    "activities": (
        "tests/unit/activities",
        "tests/pipeline/activities",
        "tests/pipeline/ledger/test_spend.py",
        "tests/pipeline/day/test_histories.py",
        "tests/pipeline/day/test_order.py",
    ),
    "ledger": (
        "tests/pipeline/ledger",
        "tests/pipeline/activities",
        "tests/pipeline/day/test_histories.py",
        "tests/pipeline/day/test_order.py",
    ),
}
CHANGES = (
    (r"<=", "<"), (r">=", ">"), (r"(?<= )< ", "<= "), (r"(?<= )> ", ">= "), (r"<>", "="), (r" DESC\b", ""),
    (r"\bmax\(", "min("), (r"\bmin\(", "max("), (r"\bgreatest\(", "least("), (r"\bleast\(", "greatest("),
    (r"\bLEFT ANTI JOIN\b", "LEFT SEMI JOIN"), (r"\bLEFT SEMI JOIN\b", "LEFT ANTI JOIN"), (r"\bAND NOT\b", "AND"),
    (r"\bAND\b", "OR"), (r"\bOR\b", "AND"), (r" = 1\b", " = 2"), (r" \+ ", " - "), (r" - ", " + "),
    (r"\bUNION ALL\b", "EXCEPT"), (r"\bUNION\b(?! ALL)", "EXCEPT"), (r"\btrue\b", "false"), (r"\bfalse\b", "true"),
    (r"\bIS NOT NULL\b", "IS NULL"), (r"\bIS NULL\b", "IS NOT NULL"), (r"\bdiv\b", "*"),
)  # fmt: skip
"""A pattern inside a query or a constant's text, and what stands there instead."""


class Mutant(NamedTuple):
    room: str
    module: str
    start: int
    end: int
    text: str

    def source(self) -> str:
        whole = path_of(self.module).read_text(encoding="utf-8")
        return whole[: self.start] + self.text + whole[self.end :]

    def __str__(self) -> str:
        whole = path_of(self.module).read_text(encoding="utf-8")
        line = whole.count("\n", 0, self.start) + 1
        told = whole.splitlines()[line - 1].strip()
        change = f"{whole[self.start : self.end].strip()!r} → {self.text.strip()!r}"
        return f"{path_of(self.module).relative_to(ROOT)}:{line}: {change} in {told}"


def path_of(module: str) -> Path:
    return ROOT / (module.replace(".", "/") + ".py")


def mutants(room: str, name: str) -> list[Mutant]:
    """Every change of a module's queries, comments and docstrings aside."""
    module = f"jobs.{room}.{name}"
    text = path_of(module).read_text(encoding="utf-8")
    found = []
    for query in re.finditer(r'f?("""|")(?:(?!\1).)*?\b(SELECT|CASE|datediff|unix|coalesce)\b.*?\1', text, re.DOTALL):
        for pattern, other in CHANGES:
            found += [
                Mutant(room, module, query.start() + hit.start(), query.start() + hit.end(), other)
                for hit in re.finditer(pattern, query.group())
            ]
    return found


class Ordered:
    """A pytest plugin: the tests in the order in which they probably tell, and what each of them told."""

    def __init__(self, seconds: dict[str, float], kills: dict[str, int], within: float) -> None:
        self.seconds, self.kills, self.within = seconds, kills, within
        self.measured: dict[str, float] = {}
        self.failed = ""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if self.seconds.get(item.nodeid, 0) <= self.within]
        items.sort(key=lambda item: (-self.kills.get(item.nodeid, 0), self.seconds.get(item.nodeid, 0)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.measured[report.nodeid] = self.measured.get(report.nodeid, 0) + report.duration
        if report.failed:
            self.failed = report.nodeid

    def run(self, room: str) -> int:
        options = ["-x", "-q", "-p", "no:cacheprovider", "-m", "not soak and not spark"]
        return int(pytest.main([*options, *TESTS[room]], plugins=[self]))


def measured(rooms: list[str]) -> dict[str, float]:
    """Seconds of each test of these rooms on the code as it is. SystemExit: one of them fails there."""
    seconds: dict[str, float] = json.loads(TIMES.read_text()) if TIMES.exists() else {}
    for room in rooms:
        if any(not any(test.startswith(known) for test in seconds) for known in TESTS[room]):
            child = os.fork()  # so that no engine is open in the process that the mutants are forked from
            if not child:
                plugin = Ordered({}, {}, 3600)
                if status := plugin.run(room):
                    print(f"{plugin.failed} fails before anything is changed")
                TIMES.parent.mkdir(exist_ok=True)
                TIMES.write_text(json.dumps(seconds | plugin.measured))
                os._exit(status)
            if os.waitpid(child, 0)[1]:
                raise SystemExit(1)
            seconds = json.loads(TIMES.read_text())
    return seconds


def start(mutant: Mutant, plugin: Ordered, told: Path) -> int:
    """A process where the mutant holds; it writes the first test that fails, or nothing, and ends."""
    child = os.fork()
    if not child:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        try:
            install(mutant)
            status = plugin.run(mutant.room)
        except BaseException as problem:  # what does not even load is noticed
            status, plugin.failed = 1, f"not loading: {problem!r}"
        told.write_text((plugin.failed or f"pytest's {status}") if status else "")
        os._exit(0)
    return child


def judged(chosen: list[Mutant], plugin: Ordered, jobs: int) -> Iterator[tuple[Mutant, str]]:
    """Each mutant with the test that kills it, "" where none does; `jobs` at a time."""
    with tempfile.TemporaryDirectory() as folder:
        running: dict[int, tuple[Mutant, Path]] = {}
        waiting = list(enumerate(chosen))
        while waiting or running:
            while waiting and len(running) < jobs:
                number, mutant = waiting.pop(0)
                told = Path(folder) / str(number)
                running[start(mutant, plugin, told)] = (mutant, told)
            child, _ = os.wait()
            mutant, told = running.pop(child)
            test = told.read_text() if told.exists() else "the process died"
            plugin.kills[test] = plugin.kills.get(test, 0) + 1
            yield mutant, test


class Loader(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):
    """Gives the mutant's source where its module is imported."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.mutant.module:
            return None
        return importlib.util.spec_from_file_location(fullname, path_of(fullname), loader=self)

    def get_filename(self, fullname: str) -> str:
        return str(path_of(fullname))

    def get_data(self, path: str) -> bytes:
        return self.mutant.source().encode()


def install(mutant: Mutant) -> None:
    """Import everything of ours anew, the mutant's module from the changed source."""
    for name in [name for name in sys.modules if name.split(".")[0] in ("jobs", "tanzhang", "tests", "conftest")]:
        del sys.modules[name]
    sys.meta_path.insert(0, Loader(mutant))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--count", type=int, default=150)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--only", choices=MODULES)
    arguments.add_argument("--within", type=float, default=3600, help="leave out tests that take longer, in seconds")
    arguments.add_argument("--at", action="append", default=[], help="only the mutants of this file:line; repeatable")
    arguments.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    asked = arguments.parse_args()
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    rooms = [asked.only] if asked.only else list(MODULES)
    every = [one for room in rooms for name in MODULES[room] for one in mutants(room, name)]
    if asked.at:
        every = [one for one in every if any(str(one).startswith(f"{where}:") for where in asked.at)]
    chosen = random.Random(asked.seed).sample(every, min(asked.count, len(every)))
    # Everything is imported once, before the first fork: the tests, and by them every job.
    pytest.main(["-q", "--collect-only", "-p", "no:cacheprovider", *{test for room in rooms for test in TESTS[room]}])
    plugin = Ordered(measured(rooms), {}, asked.within)
    unchanged = [next(one for one in every if one.room == room)._replace(end=0, start=0, text="") for room in rooms]
    for mutant, test in judged(unchanged, Ordered(plugin.seconds, {}, 1), asked.jobs):
        if test:  # then nothing that is said below would mean anything
            raise SystemExit(f"{mutant.module} as it is fails: {test}")
    survivors = 0
    for number, (mutant, test) in enumerate(judged(chosen, plugin, asked.jobs), 1):
        survivors += not test
        print(f"{number:4} {'killed  ' if test else 'SURVIVES'} {mutant}{test and f'  by {test}'}", flush=True)
    killed = len(chosen) - survivors
    print(f"{killed} of {len(chosen)} killed ({killed / len(chosen):.0%}), of {len(every)} in all")


if __name__ == "__main__":
    main()

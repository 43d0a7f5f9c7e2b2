"""Mutants of the accounting: one token changed each, and the tests that ought to notice.

    .venv/bin/python tools/mutants.py [--count 150] [--seed 1] [--only ledger]

Each mutant lives in a fork of this process, which has imported everything, and runs the tests of its room, quickest
first, until one fails. Printed are the share that is killed, and those that survive, to be killed or explained.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
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


def killed(mutant: Mutant, quiet: int) -> bool:
    """Whether a test of its room fails in a process where the mutant holds."""
    child = os.fork()
    if not child:
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        try:
            install(mutant)
            status = int(
                pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-m", "not soak and not spark", *TESTS[mutant.room]])
            )
        except BaseException:  # what does not even load is noticed
            status = 1
        os._exit(1 if status else 0)
    return os.waitpid(child, 0)[1] != 0


def install(mutant: Mutant) -> None:
    """Let every module see the changed one's functions and constants."""
    module = sys.modules[mutant.module]
    before = dict(vars(module))
    exec(compile(mutant.source(), str(path_of(mutant.module)), "exec"), vars(module))
    changed = {id(old): vars(module)[name] for name, old in before.items() if vars(module)[name] is not old}
    for name, other in list(sys.modules.items()):
        if name.startswith("jobs.") and other is not module:
            for attribute, value in list(vars(other).items()):
                if id(value) in changed:
                    setattr(other, attribute, changed[id(value)])
    jobs = sys.modules["jobs.day"].JOBS
    jobs.update({name: changed.get(id(job), job) for name, job in jobs.items()})


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--count", type=int, default=150)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--only", choices=MODULES)
    asked = arguments.parse_args()
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    rooms = [asked.only] if asked.only else list(MODULES)
    every = [one for room in rooms for name in MODULES[room] for one in mutants(room, name)]
    chosen = random.Random(asked.seed).sample(every, min(asked.count, len(every)))
    # Everything is imported once, before the first fork: the tests, and by them every job.
    pytest.main(["-q", "--collect-only", "-p", "no:cacheprovider", *{test for room in rooms for test in TESTS[room]}])
    with Path(os.devnull).open("w") as quiet:
        survivors = 0
        for number, mutant in enumerate(chosen, 1):
            is_killed = killed(mutant, quiet.fileno())
            survivors += not is_killed
            print(f"{number:4} {'killed  ' if is_killed else 'SURVIVES'} {mutant}", flush=True)
    print(
        f"{len(chosen) - survivors} of {len(chosen)} killed ({(len(chosen) - survivors) / len(chosen):.0%}), of {len(every)} in all"
    )


if __name__ == "__main__":
    main()

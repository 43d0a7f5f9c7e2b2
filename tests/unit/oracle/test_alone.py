"""The second opinion shares no code with what it judges: nothing that it imports leads to the jobs or the simulator."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ORACLE = sorted(path.stem for path in (ROOT / "tests/oracle").glob("*.py"))
JUDGED = {"jobs", "simulator", "expectations", "tanzhang"}


def imported(module: str) -> Iterator[str]:
    """The modules that one of ours names in an import, wherever in it."""
    path = ROOT / f"{module.replace('.', '/')}.py"
    if not path.exists():
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def reached(module: str) -> set[str]:
    """Everything that it imports, through other modules of the tests too."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        new = set(imported(waiting.pop())) - found
        found |= new
        waiting += [name for name in new if name.startswith("tests.")]
    return found


@pytest.mark.parametrize("name", ORACLE)
def test_the_oracle_imports_nothing_of_what_it_judges(name: str) -> None:
    assert {one for one in reached(f"tests.oracle.{name}") if one.split(".")[0] in JUDGED} == set()


def test_what_leads_to_the_jobs_is_found() -> None:
    assert "jobs.lake" in reached("tests.support.worlds")
    assert "deltalake" in reached("tests.oracle.recount"), "through a module of support"

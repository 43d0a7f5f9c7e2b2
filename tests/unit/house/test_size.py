"""A function fits in the head, a file on a few screens."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FUNCTION, FILE = 70, 400
"""Lines, docstring and blank ones included."""

PACKAGES = ("dags", "expectations", "jobs", "schemas", "simulator", "tanzhang", "tests", "tools")
LONGER: dict[str, str] = {}
"""File → why it is longer."""


def functions(source: str) -> Iterator[tuple[str, int]]:
    """Every function of a module with its lines, from `def` to its end."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def modules(*packages: str) -> list[Path]:
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


def test_no_function_of_the_jobs_is_longer_than_a_screen() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {name}": lines
        for path in modules("jobs")
        for name, lines in functions(path.read_text(encoding="utf-8"))
    }
    assert len(found) > 400, "looked in the wrong folder"
    assert not {name: lines for name, lines in found.items() if lines > FUNCTION}, "split it by question"


def test_no_file_is_longer_than_a_few_screens() -> None:
    lines = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in modules(*PACKAGES)
    }
    assert len(lines) > 300, "looked in the wrong folder"
    longer = {name: count for name, count in lines.items() if count > FILE}
    assert longer.keys() == LONGER.keys(), f"split it by subject, or say why it is longer: {longer}"


@pytest.mark.parametrize(("body", "lines"), [(1, 2), (FUNCTION, FUNCTION + 1)])
def test_lines_count_from_def_to_end(body: int, lines: int) -> None:
    source = "@cache\ndef f():\n" + "    x = 1\n" * body
    assert list(functions(source)) == [("f", lines)]

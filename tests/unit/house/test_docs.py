"""What the papers name is there, and the drawing of the rooms is that of the contracts."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = ("dags", "expectations", "jobs", "schemas", "simulator", "tanzhang", "tests")
FOLDERS = (*PACKAGES, "docker", "docs", "requirements", "tools")
PAPERS = sorted([ROOT / "CONTRIBUTING.md", ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
"""Not the changelog, which tells of what was."""

NOT_HERE = {"docker/.env", "tanzhang/airflow", "tanzhang/jobs"}
"""Secrets that everybody makes himself, and the names of images."""

LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
PATH = re.compile(rf"(?<![\w./-])(?:{'|'.join(FOLDERS)})/[\w./*-]*[\w/*]")
DOTTED = re.compile(rf"(?<![\w./-])(?:{'|'.join(PACKAGES)})(?:\.[a-zA-Z_]\w*)+")


def missing_in(paper: Path, text: str) -> Iterator[str]:
    """Paths, modules and links of a paper that lead nowhere."""
    yield from (path for path in PATH.findall(text) if path not in NOT_HERE and not any(ROOT.glob(path.rstrip("/"))))
    yield from (name for name in DOTTED.findall(text) if not is_there(name))
    yield from (link for link in LINK.findall(text) if not (paper.parent / link).exists())


def is_there(dotted: str) -> bool:
    """Whether a module is called so, or something that a module defines."""
    path, names = ROOT, dotted.split(".")
    while names and (path / names[0]).is_dir():
        path /= names.pop(0)
    module = path / f"{names[0]}.py" if names else path
    if names and module.is_file():
        names.pop(0)
    else:
        module = path / "__init__.py"
    return not names or (module.is_file() and names[0] in defined_in(module))


def defined_in(module: Path) -> set[str]:
    body = ast.parse(module.read_text(encoding="utf-8")).body
    names = {one.name for one in body if isinstance(one, ast.ClassDef | ast.FunctionDef)}
    targets = [one.target for one in body if isinstance(one, ast.AnnAssign)]
    targets += [target for one in body if isinstance(one, ast.Assign) for target in one.targets]
    return names | {target.id for target in targets if isinstance(target, ast.Name)}


@pytest.mark.parametrize("paper", PAPERS, ids=lambda one: one.name)
def test_what_a_paper_names_is_there(paper: Path) -> None:
    assert list(missing_in(paper, paper.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("paper", PAPERS, ids=lambda one: one.name)
def test_the_verbs_of_make_are_there(paper: Path) -> None:
    verbs = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", paper.read_text(encoding="utf-8"))) <= verbs


def test_what_is_not_there_is_seen() -> None:
    text = "`jobs/pull.py`, `jobs/landing/`, `schemas.base.NOBODY`, `schemas.base`, [x](nowhere.md#a), `tools/*.sh`"
    assert list(missing_in(ROOT / "README.md", text)) == ["jobs/pull.py", "schemas.base.NOBODY", "nowhere.md"]


def drawn(house: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, house / "tools/architecture.py", "--check"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_rooms_are_drawn_as_they_are() -> None:
    done = drawn(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_another_floor_is_another_drawing(tmp_path: Path) -> None:
    said = [*ROOT.glob("*/__init__.py"), *ROOT.glob("jobs/*/__init__.py"), *ROOT.glob("jobs/*.py")]
    for path in [ROOT / "setup.cfg", ROOT / "tools/architecture.py", ROOT / "docs/architecture.md", *said]:
        there = tmp_path / path.relative_to(ROOT)
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, there)
    assert drawn(tmp_path).returncode == 0
    contracts = (tmp_path / "setup.cfg").read_text(encoding="utf-8")
    (tmp_path / "setup.cfg").write_text(contracts.replace("    reading | upkeep\n", "    reading\n    upkeep\n"))
    done = drawn(tmp_path)
    assert done.returncode == 1 and "docs/architecture.md: the drawing is not" in done.stdout

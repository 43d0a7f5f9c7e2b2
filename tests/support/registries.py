"""Registries that differ from the shipped one, for tests of what a change of it does."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import yaml

from schemas import Registry, load_registry
from schemas.base import ROOT

Edits = Mapping[str, Sequence[tuple[str, str]]]
"""File below the root → (old, new) texts; a file of which nothing is old is new."""


@cache
def shipped() -> Registry:
    """The registry as it ships, read once a process."""
    return load_registry()


def changed(root: Path, edits: Edits, steps: Sequence[Mapping[str, str]] = ()) -> Registry:
    """A copy of the registry with texts replaced, and one migration more if steps are given."""
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for name, replacements in edits.items():
        path = root / name
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        for old, new in replacements:
            assert old in text, (name, old)
            text = text.replace(old, new) if old else new
        path.write_text(text, encoding="utf-8")
    if steps:
        number = len(list((root / "migrations").glob("*.yaml"))) + 1
        content = {"why": "A change that a test makes.", "steps": [dict(step) for step in steps], "tables": "0" * 64}
        (root / f"migrations/{number:04}_of_a_test.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return load_registry(root)

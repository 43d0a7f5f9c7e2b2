"""What comes in files alone: institutions and scenarios that no code knows, with an export to try them on."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from schemas import Registry, load_registry
from tests.support import libraries


def with_files(root: Path, *files: Path) -> Registry:
    """A copy of the shipped registry with contracts, or whole folders of a registry, dropped into it."""
    libraries.copied(root)
    for one in files:
        if one.is_dir():
            shutil.copytree(one, root, dirs_exist_ok=True)
        else:
            shutil.copy(one, root / "sources")
    return load_registry(root)


def deliver(home: Path, institution: str, export: Path, sums: dict[str, dict[str, str]]) -> None:
    """The files of a folder with the control file that the institution would write.

    Args:
        sums: feed → column → the sum that the control file states.
    """
    folder = home / "exports" / institution / "20261101T200000Z"
    shutil.copytree(export, folder)
    files: list[dict[str, Any]] = []
    for path in sorted(folder.iterdir()):
        feed = path.name.split("_")[0]
        files.append(
            {
                "name": path.name,
                "feed": feed,
                "part": 1,
                "parts": 1,
                "rows": len(path.read_text(encoding="utf-8").splitlines()) - 1,
                "sums": sums.get(feed, {}),
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            }
        )
    control = {"institution": institution, "business_date": "2026-11-01", "revision": 0, "files": files}
    (folder / "control.json").write_text(json.dumps(control), encoding="utf-8")

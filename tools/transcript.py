#!/usr/bin/env python3
"""Run the commands that a document shows and put their real output below them.

    tools/transcript.py docs/operations.md

In blocks of ```console a line that begins with `$ ` is a command; all other lines are its output and are written anew.
Commands of an HTML comment `<!-- $ … -->` run too and show nothing. All run in one empty folder, in order, in the
environment of the jobs, with TANZHANG_HOME=home there; `REPO` is this checkout. A command that ends with an exit code other
than 0 says it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HIDDEN = re.compile(r"<!-- \$ (.*) -->")


def written_anew(text: str, folder: Path) -> str:
    """The document with the output of its commands as they ran in a folder."""
    lines: list[str] = []
    is_inside = False
    for line in text.splitlines():
        if line.startswith("```"):
            is_inside = line == "```console"
        if not is_inside or line.startswith(("```", "$ ")):
            lines.append(line)
        if is_inside and line.startswith("$ "):
            lines += output_of(line[2:], folder)
        elif found := HIDDEN.match(line):
            output_of(found[1], folder)
    return "\n".join(lines) + "\n"


def output_of(command: str, folder: Path) -> list[str]:
    """What a command prints, and its exit code where it is not 0."""
    environment = {
        **os.environ,
        "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}",
        "TANZHANG_HOME": "home",
        "REPO": str(ROOT),
    }
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = [line.rstrip() for line in done.stdout.splitlines()]
    return [*said, f"(exit code {done.returncode})"] if done.returncode else said


if __name__ == "__main__":
    path = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as scratch:
        path.write_text(written_anew(path.read_text(encoding="utf-8"), Path(scratch)), encoding="utf-8")

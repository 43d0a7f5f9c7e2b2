"""Which files Python opens, as its audit hooks are told; what Arrow and the engines open themselves is not among them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_watched: list[list[Path]] = []


def _hook(event: str, args: tuple[object, ...]) -> None:
    if event == "open" and _watched and isinstance(args[0], (str, Path)):
        for paths in _watched:
            paths.append(Path(args[0]))


sys.addaudithook(_hook)


@contextmanager
def opened() -> Iterator[list[Path]]:
    """The files that are opened meanwhile, each as often as it is."""
    paths: list[Path] = []
    _watched.append(paths)
    try:
        yield paths
    finally:
        _watched.remove(paths)

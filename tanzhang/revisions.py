"""A registry as it was: another folder, the lock of one, or a revision of the repository that this one lies in."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import schemas
from jobs.settings import without_keys
from schemas.errors import Foreseen
from schemas.factors import FOLDER

SHIPPED = Path(schemas.__file__).parent


class NoRevision(Foreseen):
    """Neither a folder of a registry nor a revision; the text says what was asked for and what git says."""


@contextmanager
def registry_of(named: str, root: Path) -> Iterator[Path]:
    """The root of a registry by the name of its folder, of a lock of what was released, or of a revision.

    Raises:
        NoRevision: it is none of them.
    """
    if (Path(named) / FOLDER).is_dir() or Path(named).is_file():
        yield Path(named)
        return
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(_archived(named, root))) as packed:
            packed.extractall(folder, filter="data")
        yield Path(folder)


def _archived(named: str, root: Path) -> bytes:
    """A revision's tar of the registry's folder; of the shipped one where the registry lies in no repository."""
    said = ""
    for place in dict.fromkeys((root.resolve(), SHIPPED)):
        # In a folder of a repository git archives that folder alone.
        command = ["git", "-C", str(place), "archive", "--format=tar", named]
        try:
            return subprocess.run(command, capture_output=True, check=True, env=without_keys()).stdout
        except subprocess.CalledProcessError as error:
            said = error.stderr.decode().strip()
        except FileNotFoundError as error:
            said = str(error)
    raise NoRevision(f"{named} is neither the folder of a registry nor a revision of one: {said}")

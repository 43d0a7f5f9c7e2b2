"""A contract that may not be in the registry yet, checked against all that is."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.base import ROOT, load_yaml
from schemas.errors import Foreseen, RegistryError
from schemas.registry import Registry, load_registry
from schemas.sources import FOLDER, Source


class NoContract(Foreseen):
    """Neither an institution of the registry nor a file."""

    exit_code = 5


@contextmanager
def registry_with(said: str, root: Path = ROOT) -> Iterator[tuple[Registry, Source]]:
    """The registry and one contract of it: an institution's id, or a file that is put into a copy for the while.

    Tables of stations beside the file come along.

    Raises:
        NoContract: there is neither.
        RegistryError: the contract, or what it names, does not load; the text names file, key and mend.
    """
    if (root / FOLDER / f"{said}.yaml").is_file():
        registry = load_registry(root)
        yield registry, registry.sources[said]
        return
    path = Path(said)
    if not path.is_file():
        raise NoContract(f"{said}: no institution of the registry, and no file")
    source = load_yaml(path, Source)
    with tempfile.TemporaryDirectory(prefix="tanzhang-") as folder:
        copy = Path(folder) / "registry"
        shutil.copytree(root, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
        for table in path.parent.glob("*.csv"):
            shutil.copy(table, copy / FOLDER)
        into = copy / FOLDER / f"{source.id}.yaml"
        shutil.copyfile(path, into)
        try:
            registry = load_registry(copy)
        except RegistryError as error:
            said = str(error).replace(str(into), str(path)).replace(f"sources/{source.id}.yaml", str(path))
            raise RegistryError(said.replace(f"{copy}/", "")) from error
        yield registry, registry.sources[source.id]

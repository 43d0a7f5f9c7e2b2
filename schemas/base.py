"""What every declarative file shares: a strict model and one loader with readable errors."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar

import re2
import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from schemas.errors import RegistryError

ROOT = Path(os.environ.get("TANZHANG_REGISTRY") or Path(__file__).parent)
"""The registry that ships with the project, unless a deployment names another; tests may load a third."""


LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The same safe loading, in C where PyYAML was built with it: ten times faster."""


class Strict(BaseModel):
    """Unknown keys are refused and values cannot change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def later(default: Any, **more: Any) -> Any:
    """A key that declarative files did not always have: unless one says it, the file is dumped, and hashed, as before."""
    return Field(default=default, exclude_if=lambda value: value == default, **more)


def quiet() -> Any:
    """Options of RE2 by which a pattern that is none is told to its caller alone."""
    options = re2.Options()
    options.log_errors = False
    return options


def _compiles(pattern: str) -> str:
    try:
        re2.compile(pattern, quiet())
    except re2.error as error:
        said = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        raise ValueError(f"not a pattern that RE2 takes (github.com/google/re2/wiki/Syntax): {said}") from error
    return pattern


Pattern = Annotated[str, AfterValidator(_compiles)]
"""A regular expression that is matched in linear time: without look-around and back-references."""


M = TypeVar("M", bound=Strict)


def load_yaml(path: Path, model: type[M]) -> M:
    """One YAML file as one strict model.

    Raises:
        RegistryError: the file is no YAML, or breaks the model; one line per broken key.
    """
    try:
        found = _understood(path.read_text(encoding="utf-8"), model)
    except ValidationError as error:
        lines = [
            f"{path}: {'.'.join(str(part) for part in problem['loc']) or '(top)'}: {problem['msg']}"
            for problem in error.errors()
        ]
        raise RegistryError("\n".join(lines)) from error
    except (yaml.YAMLError, ValueError) as error:  # a date that does not exist is a plain ValueError
        raise RegistryError(f"{path}: not valid YAML: {error}") from error
    assert isinstance(found, model)
    return found


@cache
def _understood(text: str, model: type[Strict]) -> Strict:
    """A text is read once a process: of two registries that are compared most files are the same, and none changes."""
    content = yaml.load(text, Loader=LOADER)
    if not isinstance(content, dict):
        raise yaml.YAMLError(f"expected a mapping at the top, found {type(content).__name__}")
    return model.model_validate(content)


def load_folder(folder: Path, model: type[M]) -> Iterator[tuple[Path, M]]:
    """Every `*.yaml` of a folder, in name order, with its path."""
    for path in sorted(folder.glob("*.yaml")):
        yield path, load_yaml(path, model)

"""The keys of a home folder: from the environment, or made once for a try-out."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.errors import SettingError
from jobs.settings import KEYS, settings

if TYPE_CHECKING:
    from pydantic import SecretStr

    from jobs.landing.tokens import Tokens

FILE = "keys.env"


def are_given() -> bool:
    """Whether the environment has keys."""
    said = settings()
    return bool(said.token_key or said.record_key)


def tokens_of(home: Path) -> Tokens:
    """The tokens of the environment's keys; where it has none, of the home's own, made at random the first time.

    A deployment sets them from its secrets backend; the file (mode 600) serves try-outs on made-up people. They are put
    into no environment, which children would inherit.

    Raises:
        SettingError: only one is set, a mistake that would make other tokens tomorrow; the file is not whole; or it is
            gone, and what its keys made is not.
    """
    from jobs.landing.tokens import Tokens

    said = settings()
    if said.token_key and said.record_key:
        return Tokens.from_env(said)
    if said.token_key or said.record_key:
        raise SettingError(f"set both {' and '.join(KEYS)}, or none")
    token_key, record_key = _kept(home / FILE)
    return Tokens.from_env(said.model_copy(update={"token_key": token_key, "record_key": record_key}))


def _kept(path: Path) -> tuple[SecretStr, SecretStr]:
    """Token and record key of the file, made where there is none yet."""
    from pydantic import SecretStr

    if not path.exists():
        _make(path)
    found = dict(line.partition("=")[::2] for line in path.read_text(encoding="utf-8", errors="replace").splitlines())
    if lost := [name for name in KEYS if not found.get(name)]:
        raise SettingError(
            f"{path} has no {' and no '.join(lost)}: put the file back from the backup, or set both keys"
        )
    token_key, record_key = (SecretStr(found[name]) for name in KEYS)
    return token_key, record_key


def _make(path: Path) -> None:
    from jobs.files import write_once
    from jobs.landing.key_check import is_keyed

    if is_keyed(path.parent):
        raise SettingError(
            f"{path} is gone, and {path.parent} holds what its keys made: put the file back from the backup, or set both "
            f"{' and '.join(KEYS)}. New keys would make other people of everybody, so none are made"
        )
    write_once(path, "".join(f"{name}={secrets.token_hex(32)}\n" for name in KEYS).encode())

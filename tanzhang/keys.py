"""The keys of a home folder: from the environment, or made once for a try-out."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from jobs.errors import SettingError

FILE = "keys.env"


def provide_keys(home: Path) -> None:
    """Put the keys into the environment where it has none: the home's own, made at random the first time.

    A deployment sets them from its secrets backend; the file (mode 600) serves try-outs on made-up people.

    Raises:
        SettingError: only one is set: a mistake that would make other tokens tomorrow.
    """
    from jobs.settings import RECORD_KEY, TOKEN_KEY, settings

    said, names = settings(), (TOKEN_KEY, RECORD_KEY)
    if said.token_key and said.record_key:
        return
    if said.token_key or said.record_key:
        raise SettingError(f"set both {' and '.join(names)}, or none")
    path = home / FILE
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text("".join(f"{name}={secrets.token_hex(32)}\n" for name in names))
    for line in path.read_text().splitlines():
        name, _, value = line.partition("=")
        os.environ[name] = value

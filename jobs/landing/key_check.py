"""What names the keys that made a folder's tokens, so that no other keys go on with them.

A check is a digest of one constant under each key (`jobs.landing.tokens`): equal for equal keys, and nothing can be
computed from it. It stands in `_keys.json` beside what the keys made: in the landed folder, which `land` writes, and in
every lake that took rows from there (`jobs.runs.opening`). Another token key is the next version, never the same one.
"""

from __future__ import annotations

from pathlib import Path

from jobs.errors import SettingError
from jobs.files import read_as, write_once
from jobs.landing.manifests import LANDED
from jobs.settings import ALGORITHM, KEY_VERSION, RECORD_KEY, TOKEN_KEY
from schemas.base import Strict

FILE = "_keys.json"
NEVER_OTHERS = (
    "put it back from the secrets backend, or keys.env from the backup: other keys make other people of everybody"
)


class KeyCheck(Strict):
    """The keys of a deployment, by their digests. token: key version → digest of that version's key."""

    algorithm: str
    record: str
    token: dict[int, str]

    @property
    def newest(self) -> int:
        """Version of the token key in use."""
        return max(self.token)

    def goes_on_with(self, earlier: KeyCheck) -> bool:
        """Whether these are the earlier keys, maybe with later versions."""
        same = (self.algorithm, self.record) == (earlier.algorithm, earlier.record)
        return same and self.token.items() >= earlier.token.items()


def load(folder: Path) -> KeyCheck | None:
    """The check that stands in a folder; None where none does."""
    path = folder / FILE
    return read_as(KeyCheck, path) if path.is_file() else None


def hold(home: Path, given: KeyCheck) -> None:
    """Refuse keys other than those that made what lies below a home folder.

    Raises:
        SettingError: which key is another one, and the mend.
    """
    for folder in _keyed(home):
        stands = load(folder)
        if stands is not None and (wrong := _wrong(stands, given)):
            raise SettingError(f"{wrong} (what {folder} was made with says {FILE} in it)")


def note(home: Path, given: KeyCheck) -> None:
    """Hold, then write down what the landed folder is made with from now on: its first keys, or the next token key.

    Raises:
        SettingError: as `hold`.
    """
    hold(home, given)
    landed = home / LANDED
    stands = load(landed) if has_landed(home) else None
    said = given if stands is None else stands.model_copy(update={"token": stands.token | given.token})
    if said != load(landed):
        write_once(landed / FILE, said.model_dump_json(indent=1).encode())


def has_landed(home: Path) -> bool:
    """Whether anything was landed: before, a check binds nothing."""
    return any((home / LANDED).glob("*/*/*/*/*.json"))


def is_keyed(home: Path) -> bool:
    """Whether a home holds what keys made: landed rows, or tables beyond their first commit, which is empty."""
    return has_landed(home) or any(home.glob("*/*/*/_delta_log/*[1-9].json"))


def _keyed(home: Path) -> list[Path]:
    """The folders below a home whose check binds."""
    found = sorted(path.parent for path in home.glob(f"*/{FILE}"))
    return [folder for folder in found if folder.name != LANDED or has_landed(home)]


def _wrong(stands: KeyCheck, given: KeyCheck) -> str | None:
    """What of the given keys is not as it stands, and the mend; None where they go on with it."""
    [(version, digest)] = given.token.items()
    if given.algorithm != stands.algorithm:
        return (
            f"{ALGORITHM} says {given.algorithm}, and the tokens are {stands.algorithm}: set it to {stands.algorithm}"
        )
    if given.record in stands.token.values() and digest == stands.record:
        return f"{TOKEN_KEY} and {RECORD_KEY} are swapped: each holds the other's key"
    if given.record != stands.record:
        return f"{RECORD_KEY} is another key than the one that made the record keys; it never changes: {NEVER_OTHERS}"
    if version == stands.newest + 1:
        known = digest in stands.token.values()
        return (
            f"{KEY_VERSION} is {version}, and {TOKEN_KEY} is a key of before: a rotation needs a new one"
            if known
            else None
        )
    if version != stands.newest:
        return f"{KEY_VERSION} is {version}, and version {stands.newest} is in use: set it to {stands.newest}"
    if digest != stands.token[version]:
        return (
            f"{TOKEN_KEY} is another key than version {version}, which made the tokens: {NEVER_OTHERS}. "
            f"A new key on purpose is {KEY_VERSION}={version + 1}"
        )
    return None

"""What all transports share: a remote place that is listed and read, its settings, and the two ways to fail."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from airflow.sdk.exceptions import AirflowException, AirflowFailException
from pydantic import Field

from schemas.base import Strict

BLOCK_BYTES = 1 << 20
PATIENCE = 30
"""Seconds that a silent server is waited for."""


class Unreachable(AirflowException):
    """The place did not answer, broke off, or changed meanwhile: another attempt goes on where this one ended."""


class Unusable(AirflowFailException):
    """Settings, rights or a delivery that another attempt would find as they are: a person has to mend something."""


class Settings(Strict):
    """What a connection's extra says of the place; its other keys belong to the provider.

    arrival: what a delivery's stamp is – the name that a gateway gave its folder, the moment at which it was first
        seen complete, or the moment at which the store took its last file.
    marker: what says that a delivery is complete – its control file, written last, or beside it `.done` in its
        folder or `<folder>.done` next to it.
    most_bytes: of one delivery; a larger one is not fetched.
    """

    arrival: Literal["named", "seen", "stored"]
    marker: Literal["control.json", ".done"] = "control.json"
    most_bytes: int = Field(default=16 << 30, gt=0)


@dataclass(frozen=True)
class Entry:
    """One name in a folder of the place.

    kind: links, devices and the like are `other`. mark: another one when the content is another, as far as the
    place tells. stored_at: when the place took it, in UTC.
    """

    kind: Literal["file", "folder", "other"]
    size: int = 0
    mark: str = ""
    stored_at: datetime | None = None


class Remote(Protocol):
    """A remote place: one folder of deliveries, one folder to each. It is read, never altered.

    Both methods raise Unreachable and Unusable.
    """

    @property
    def settings(self) -> Settings: ...

    def list(self, folder: str = "") -> dict[str, Entry]:
        """Name → entry, of the place itself or of one of its folders."""

    def read(self, folder: str, name: str, entry: Entry, offset: int) -> Generator[bytes, None, None]:
        """The bytes of a listed file from an offset to the size that was listed, in blocks of at most BLOCK_BYTES."""


def file_error(connection_id: str, error: OSError, folder: str) -> Unreachable | Unusable:
    """What a failure of a file system, near or far, means; names no path."""
    what = f"connection {connection_id}: {type(error).__name__}"
    if isinstance(error, PermissionError):
        return Unusable(f"{what}: give its login the right to list and read all below `path`")
    if not folder and isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return Unusable(f"{what}: there is no folder at its `path`; mend the extra, or have the folder made")
    return Unreachable(what)

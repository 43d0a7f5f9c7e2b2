"""SFTP, over the provider's hook of SSH: one connection for a fetch, opened anew when it broke."""

from __future__ import annotations

import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Literal

from airflow.providers.ssh.hooks.ssh import SSHHook
from paramiko.sftp import SFTPError
from paramiko.ssh_exception import AuthenticationException, BadHostKeyException, SSHException
from pydantic import Field

from .remote import BLOCK_BYTES, PATIENCE, Entry, Settings, Unreachable, Unusable, file_error

if TYPE_CHECKING:
    from paramiko.client import SSHClient
    from paramiko.sftp_attr import SFTPAttributes
    from paramiko.sftp_client import SFTPClient

MENDS = {
    "not found in known_hosts": "the host's key is not known; put the key that the institution told you into `host_key`",
    "No authentication methods available": "it says neither password nor key; give it one",
}
"""Of errors that paramiko gives no class of their own, by their words."""
BROKE_OFF = ("timeout", "shut down")
"""In the words of a failed login: the host said nothing about it."""


class SFTPSettings(Settings):
    """path: as the server shows it to the login."""

    path: str = Field(min_length=1)
    arrival: Literal["named", "seen"] = "seen"


class SFTP:
    """The host's key is always checked: a login to whoever answers would hand out the password."""

    def __init__(self, connection_id: str, settings: SFTPSettings) -> None:
        self.settings = settings
        self._connection_id = connection_id
        self._ssh: SSHClient | None = None
        self._client: SFTPClient | None = None

    def __enter__(self) -> SFTP:
        self._hook()  # wrong settings are told before anything is asked
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def list(self, folder: str = "") -> dict[str, Entry]:
        with self._told(folder):
            return {found.filename: _entry(found) for found in self._connected().listdir_attr(self._path(folder))}

    def read(self, folder: str, name: str, entry: Entry, offset: int) -> Generator[bytes, None, None]:
        with self._told(folder), self._connected().open(self._path(folder, name), "rb") as file:
            now = _entry(file.stat())
            if (now.size, now.mark) != (entry.size, entry.mark):
                raise Unreachable(f"connection {self._connection_id}: a file changed while it was fetched")
            while offset < entry.size:
                # All requests of a block are sent at once: a round trip each would be slow over a distance.
                [block] = file.readv([(offset, min(BLOCK_BYTES, entry.size - offset))])
                if not block:
                    return
                offset += len(block)
                yield block

    def _path(self, *names: str) -> str:
        return "/".join(filter(None, (self.settings.path.rstrip("/") or "/", *names))).replace("//", "/")

    def _connected(self) -> SFTPClient:
        if self._client is None:
            hook = self._hook()
            try:
                self._ssh = hook.get_conn()
            except (FileNotFoundError, PermissionError):
                raise Unusable(f"connection {self._connection_id}: its `key_file` cannot be read") from None
            self._client = self._ssh.open_sftp()
            self._client.get_channel().settimeout(PATIENCE)
        return self._client

    def _hook(self) -> SSHHook:
        """A hook of its own for each connection; that of SFTP hands out its first one also when it is broken."""
        try:
            # Airflow tries a task again; a hook that tried three times by itself could lock the login out.
            hook = SSHHook(self._connection_id, conn_retry_attempts=1)
        except Exception as error:  # of settings alone: nothing was connected yet
            mend = "look at its host, login, key_file, private_key and host_key"
            raise Unusable(f"connection {self._connection_id}: {type(error).__name__}: {mend}") from None
        if hook.no_host_key_check or hook.allow_host_key_change:
            mend = "put the key of the host into `host_key` instead of leaving it unchecked"
            raise Unusable(f"connection {self._connection_id}: {mend}")
        hook.conn_timeout = hook.conn_timeout or PATIENCE
        return hook

    def _close(self) -> None:
        """Hang up without a word: to a connection that broke none can be said."""
        if self._ssh:
            self._ssh.close()
        self._ssh = self._client = None

    @contextmanager
    def _told(self, folder: str) -> Iterator[None]:
        what = f"connection {self._connection_id}"
        try:
            yield
        except AuthenticationException as error:
            if any(words in str(error).lower() for words in BROKE_OFF):
                raise Unreachable(f"{what}: the login broke off") from None
            raise Unusable(f"{what}: the host refuses the login; mend its login, password or key") from None
        except BadHostKeyException:
            mend = "ask the institution whether it has a new key before you mend `host_key`"
            raise Unusable(f"{what}: the host shows another key than the one known; {mend}") from None
        except UnicodeDecodeError:
            self._close()
            raise Unusable(f"{what}: a name below `path` is not UTF-8; have it renamed") from None
        except (SSHException, SFTPError, EOFError) as error:
            self._close()
            for words, mend in MENDS.items():
                if words in str(error):
                    raise Unusable(f"{what}: {mend}") from None
            raise Unreachable(f"{what}: {type(error).__name__}: the connection broke off") from None
        except OSError as error:
            known = file_error(self._connection_id, error, folder)
            if isinstance(known, Unreachable):
                self._close()
            raise known from None


def _entry(found: SFTPAttributes) -> Entry:
    mode = found.st_mode or 0
    if stat.S_ISDIR(mode):
        return Entry("folder")
    if not stat.S_ISREG(mode):
        return Entry("other")
    stored_at = datetime.fromtimestamp(found.st_mtime or 0, timezone.utc)
    return Entry("file", found.st_size or 0, str(found.st_mtime), stored_at)

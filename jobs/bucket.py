"""A folder in a bucket of an S3 object store, which the code that reads and writes folders takes for one.

An object is written whole or not at all, so what a disk needs for that – another name first, syncing, renaming – falls
away; folders are but beginnings of names. Who may enter stands in the environment (`jobs.settings`) and is handed to the
libraries here, and to nobody else.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import PosixPath, PurePosixPath
from typing import TYPE_CHECKING, Any, NoReturn

from jobs.errors import SettingError
from jobs.settings import settings

if TYPE_CHECKING:
    from obstore.store import S3Store

SCHEME = "s3://"
_URI = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/(?!\.{1,2}(/|$))[A-Za-z0-9._=-]+)+/?")
_MAGIC = re.compile(r"[*?\[]")


class BucketPath(PosixPath):
    """A path whose file is an object: `s3://BUCKET/NAME`. What is not offered here raises, and never falls to the disk."""

    __slots__ = ()

    @classmethod
    def of(cls, uri: str) -> BucketPath:
        """The path of a URI.

        Raises:
            SettingError: it is none of a folder in a bucket.
        """
        if not _URI.fullmatch(uri):
            raise SettingError(f"{uri!r} is no folder in a bucket: s3://BUCKET/FOLDER, of letters, digits and . _ = -")
        return cls("/" + uri.removeprefix(SCHEME).rstrip("/"))

    def __str__(self) -> str:
        text = super().__str__()
        return f"s3:/{text}" if text.startswith("/") else text

    def __fspath__(self) -> NoReturn:
        raise TypeError(f"{self} is no file of a disk")

    @property
    def bucket(self) -> str:
        """Its bucket."""
        return self.parts[1]

    @property
    def key(self) -> str:
        """Its name in the bucket."""
        return "/".join(self.parts[2:])

    @property
    def store(self) -> S3Store:
        """The bucket, as the environment lets this process in."""
        return _store(self.bucket, tuple(options(self.bucket).items()))

    # -- what is there ---------------------------------------------------------------------------

    def is_file(self, **_: Any) -> bool:
        try:
            self.stat()
        except FileNotFoundError:
            return False
        return True

    def is_dir(self, **_: Any) -> bool:
        import obstore

        return any(obstore.list(self.store, self.key, chunk_size=1))

    def exists(self, **_: Any) -> bool:
        return self.is_file() or self.is_dir()

    def stat(self, **_: Any) -> os.stat_result:
        """Bytes and time of the last change; the rest says nothing."""
        import obstore

        try:
            found = obstore.head(self.store, self.key)
        except FileNotFoundError:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(self)) from None
        changed = found["last_modified"].timestamp()
        return os.stat_result((stat.S_IFREG | 0o600, 0, 0, 1, 0, 0, found["size"], changed, changed, changed))

    def iterdir(self) -> Iterator[BucketPath]:  # type: ignore[override]
        yield from (child for child, _ in self._children())

    def glob(self, pattern: str, **_: Any) -> Iterator[BucketPath]:  # type: ignore[override]
        first, *rest = PurePosixPath(pattern).parts
        named = self / first
        if not _MAGIC.search(first):
            if rest:
                yield from named.glob("/".join(rest))
            elif named.exists():
                yield named
            return
        for child, is_folder in self._children():
            if fnmatchcase(child.name, first) and (is_folder or not rest):
                yield from child.glob("/".join(rest)) if rest else [child]

    def sizes(self) -> dict[str, int]:
        """Name below this folder → bytes, of every object, however deep."""
        import obstore

        begin = len(self.key) + 1
        return {one["path"][begin:]: one["size"] for part in obstore.list(self.store, self.key) for one in part}

    def _children(self) -> list[tuple[BucketPath, bool]]:
        """What lies in the folder, by name; and whether it is a folder."""
        import obstore

        found = obstore.list_with_delimiter(self.store, self.key)
        named = [(one, True) for one in found["common_prefixes"]] + [(one["path"], False) for one in found["objects"]]
        return sorted((self / PurePosixPath(name).name, is_folder) for name, is_folder in named)

    # -- what it holds ---------------------------------------------------------------------------

    def read_bytes(self) -> bytes:
        return b"".join(self.blocks())

    def read_text(self, encoding: str | None = None, errors: str | None = None, **_: Any) -> str:
        return self.read_bytes().decode(encoding or "utf-8", errors or "strict")

    def blocks(self) -> Iterator[bytes]:
        """Its bytes, some at a time."""
        import obstore

        yield from map(bytes, obstore.get(self.store, self.key).stream(min_chunk_size=1 << 20))

    def write_bytes(self, data: Any) -> int:
        import obstore

        obstore.put(self.store, self.key, bytes(data))
        return len(data)

    def replace(self, target: Any) -> BucketPath:
        import obstore

        found = BucketPath(target)
        obstore.rename(self.store, self.key, found.key)
        return found

    def unlink(self, missing_ok: bool = False) -> None:
        import obstore

        obstore.delete(self.store, self.key)

    def remove_tree(self) -> None:
        """Remove every object below."""
        import obstore

        obstore.delete(self.store, [f"{self.key}/{name}" for name in self.sizes()])

    def mkdir(self, *_: Any, **__: Any) -> None:
        """Nothing: a folder stands where an object does."""

    def resolve(self, strict: bool = False) -> BucketPath:
        return self


@cache
def _store(bucket: str, said: tuple[tuple[str, str], ...]) -> S3Store:
    from obstore.store import S3Store

    return S3Store(bucket, config=dict(said), client_options={"allow_http": True})  # type: ignore[arg-type]


# -- who may enter


def options(bucket: str) -> dict[str, str]:
    """What delta-rs and obstore are told of a bucket: secrets, never to be printed.

    Raises:
        SettingError: what the environment says is not enough.
    """
    said = settings()
    if not said.aws_access_key_id or not said.aws_secret_access_key:
        raise SettingError("a lake in a bucket needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: set both")
    found = {
        "aws_access_key_id": said.aws_access_key_id.get_secret_value(),
        "aws_secret_access_key": said.aws_secret_access_key.get_secret_value(),
        "aws_region": said.aws_region,
        "aws_virtual_hosted_style_request": str(said.aws_addressing == "virtual").lower(),
        "aws_conditional_put": "etag",
    }
    if said.aws_session_token:
        found["aws_session_token"] = said.aws_session_token.get_secret_value()
    if said.aws_endpoint_url:
        scheme, host = endpoint()
        own = f"{bucket}." if said.aws_addressing == "virtual" else ""
        found |= {"aws_endpoint_url": f"{scheme}://{own}{host}", "aws_allow_http": str(scheme == "http").lower()}
    return found


def endpoint() -> tuple[str, str]:
    """Scheme and host of another object store than Amazon's; both empty for that.

    Raises:
        SettingError: it is no address, or one without TLS that nobody allowed.
    """
    said = settings()
    if not said.aws_endpoint_url:
        return "", ""
    found = re.fullmatch(r"(https?)://([A-Za-z0-9.:\[\]-]+)/?", said.aws_endpoint_url)
    if not found:
        raise SettingError("AWS_ENDPOINT_URL is no address of an object store: https://HOST[:PORT]")
    if found[1] == "http" and not said.aws_allow_http:
        raise SettingError("AWS_ENDPOINT_URL has no TLS: say https://, or AWS_ALLOW_HTTP=true where nobody listens in")
    return found[1], found[2]

"""S3 and whatever speaks like it, over the provider's hook."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Literal

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError, IncompleteReadError
from pydantic import Field

from .remote import BLOCK_BYTES, Entry, Settings, Unreachable, Unusable

FLEETING = {"RequestTimeout", "SlowDown", "Throttling", "ThrottlingException", "NoSuchKey", "PreconditionFailed"}
"""Error codes below 500 that another attempt may not meet; the last two are of an object that changed meanwhile."""


class S3Settings(Settings):
    """prefix: of the deliveries, without a bucket; empty for the whole bucket."""

    bucket: str = Field(min_length=1)
    prefix: str = ""
    arrival: Literal["named", "seen", "stored"] = "stored"


class S3:
    """Keys `<prefix>/<delivery>/<file>`. A mark is the ETag: the same bytes stored again are no change."""

    def __init__(self, connection_id: str, settings: S3Settings) -> None:
        self.settings = settings
        self._connection_id = connection_id

    def __enter__(self) -> S3:
        try:
            self._client = S3Hook(self._connection_id).get_conn()
        except Exception as error:  # of settings alone: nothing was asked yet
            mend = "look at its login, password, region_name, endpoint_url and config_kwargs"
            raise Unusable(f"connection {self._connection_id}: {type(error).__name__}: {mend}") from None
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def list(self, folder: str = "") -> dict[str, Entry]:
        prefix, found = self._key(folder, ""), {}
        with self._told():
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.settings.bucket, Prefix=prefix, Delimiter="/"):
                for below in page.get("CommonPrefixes", []):
                    found[below["Prefix"][len(prefix) : -1]] = Entry("folder")
                for item in page.get("Contents", []):
                    entry = Entry("file", item["Size"], item["ETag"], item["LastModified"])
                    found[item["Key"][len(prefix) :]] = entry
        found.pop("", None)  # the object by which some tools show an empty folder
        return found

    def read(self, folder: str, name: str, entry: Entry, offset: int) -> Generator[bytes, None, None]:
        with self._told():
            answer = self._client.get_object(
                Bucket=self.settings.bucket,
                Key=self._key(folder, name),
                Range=f"bytes={offset}-{entry.size - 1}",
                IfMatch=entry.mark,
            )
            with answer["Body"] as body:
                while block := body.read(BLOCK_BYTES):
                    yield block

    def _key(self, *names: str) -> str:
        above = [part for part in (self.settings.prefix.strip("/"), *names[:-1]) if part]
        return "/".join([*above, names[-1]])

    @contextmanager
    def _told(self) -> Iterator[None]:
        what = f"connection {self._connection_id}"
        try:
            yield
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            if status >= 500 or status == 429 or code in FLEETING:
                raise Unreachable(f"{what}: {code or status}") from None
            mend = "mend its bucket, its keys, or what the keys may list and read"
            raise Unusable(f"{what}: {code or status}: {mend}") from None
        except (ConnectionError, HTTPClientError, IncompleteReadError, OSError) as error:
            raise Unreachable(f"{what}: {type(error).__name__}") from None
        except BotoCoreError as error:
            raise Unusable(f"{what}: {type(error).__name__}: mend its keys and extra") from None

"""What the environment says, in one place: every variable that the jobs and the command read, what it means, its rule.

Three stand elsewhere, where they only stand in for something else: `TANZHANG_HOME`, `TANZHANG_ENGINE` and
`TANZHANG_RAW_DAYS` are options of the command, and `TANZHANG_REGISTRY` is the registry's own (`schemas.base.ROOT`), which
Airflow's environment reads too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, Json, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from jobs.errors import SettingError

TOKEN_KEY = "TANZHANG_TOKEN_KEY"
RECORD_KEY = "TANZHANG_RECORD_KEY"
KEYS = (TOKEN_KEY, RECORD_KEY)
KEY_VERSION = "TANZHANG_TOKEN_KEY_VERSION"
ALGORITHM = "TANZHANG_TOKEN_ALGORITHM"

DuckDBSize = Annotated[str, Field(pattern=r"(?i)^[0-9]{1,6}(\.[0-9]{1,3})? ?([KMGT]i?B?|B)$")]
JavaSize = Annotated[str, Field(pattern=r"(?i)^[0-9]{1,6}[KMGT]B?$")]


class Settings(BaseSettings):
    """The environment as it stands; empty is not set. A field's title is its rule, for whoever broke it."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, case_sensitive=True)

    token_key: SecretStr | None = Field(default=None, validation_alias=TOKEN_KEY)
    """Key of identifiers' tokens, hexadecimal, 32 bytes or more. Its rules are those of `jobs.landing.tokens`."""
    token_key_version: int = Field(
        default=1, validation_alias=KEY_VERSION, ge=1, lt=10**9, title="expected a whole number from 1"
    )
    """Counts the keys that were in use; a part of every token."""
    token_algorithm: Literal["sm3", "sha256"] = Field(
        default="sm3", validation_alias=ALGORITHM, title="use one of sm3, sha256"
    )
    """Hash of the keyed tokens; tokens of the two never compare."""
    record_key: SecretStr | None = Field(default=None, validation_alias=RECORD_KEY)
    """Key of records, hexadecimal, 32 bytes or more; never changes."""

    memory: DuckDBSize | None = Field(
        default=None, validation_alias="TANZHANG_MEMORY", title="expected a size with its unit, such as 8GB"
    )
    """Most that the embedded engine holds in memory; the rest spills to disk. DuckDB's own unless told: 80 %."""
    spark_remote: str | None = Field(default=None, validation_alias="SPARK_REMOTE")
    """Address of the Connect server to be a client of, `sc://HOST:PORT`."""
    spark_master: str = Field(default="local[*]", validation_alias="TANZHANG_SPARK_MASTER")
    """Master of Spark in process."""
    spark_memory: JavaSize = Field(
        default="4g", validation_alias="TANZHANG_SPARK_MEMORY", title="expected a size such as 4g or 512m"
    )
    """Memory of a driver, in process or as a Connect server."""
    spark_conf: Json[dict[str, str | int | float | bool]] = Field(
        default="{}",
        validation_alias="TANZHANG_SPARK_CONF",
        validate_default=True,
        title='expected a JSON object of Spark settings, such as {"spark.ui.enabled": "true"}',
    )
    """Settings of Spark that win over the declared ones."""
    cache: Path = Field(default_factory=lambda: Path.home() / ".cache" / "tanzhang", validation_alias="TANZHANG_CACHE")
    """Folder of Delta's JARs."""

    lake: str = Field(default="lake", validation_alias="TANZHANG_LAKE")
    """Where the tables are of verbs that are not told: a folder below home, or `s3://BUCKET/FOLDER`."""
    lease_seconds: float = Field(
        default=30, validation_alias="TANZHANG_LEASE_SECONDS", ge=1, le=600, title="expected seconds, 1 to 600"
    )
    """For how long who writes in a bucket holds its lock without a sign of life."""
    aws_endpoint_url: str | None = Field(default=None, validation_alias="AWS_ENDPOINT_URL")
    """Address of an object store that is not Amazon's."""
    aws_allow_http: bool = Field(default=False, validation_alias="AWS_ALLOW_HTTP", title="say true or false")
    """Whether that may be one without TLS."""
    aws_region: str = Field(default="us-east-1", validation_alias="AWS_REGION")
    """Region of the bucket; others than Amazon mostly do not care."""
    aws_addressing: Literal["path", "virtual", "auto"] = Field(
        default="path", validation_alias="AWS_S3_ADDRESSING_STYLE", title="say path or virtual; auto is path"
    )
    """Whether the bucket stands behind the host or before it."""
    aws_access_key_id: SecretStr | None = Field(default=None, validation_alias="AWS_ACCESS_KEY_ID")
    aws_secret_access_key: SecretStr | None = Field(default=None, validation_alias="AWS_SECRET_ACCESS_KEY")
    aws_session_token: SecretStr | None = Field(default=None, validation_alias="AWS_SESSION_TOKEN")

    log: Literal["json", "text"] | None = Field(default=None, validation_alias="TANZHANG_LOG", title="say json or text")
    """The lines of the jobs: JSON, one object each, or for people; none unless told."""
    log_file: Path | None = Field(default=None, validation_alias="TANZHANG_LOG_FILE")
    """File at whose end the lines go, instead of standard error."""

    kill: str | None = Field(default=None, validation_alias="TANZHANG_KILL")
    """For tests: the commit at which the process dies, such as `before:gold.ledger`."""


def settings() -> Settings:
    """What the environment says now: it may change while a process runs, which costs no more than to read it again.

    Raises:
        SettingError: a variable breaks its rule.
    """
    try:
        return Settings()
    except ValidationError as broken:
        rules = {field.validation_alias: field.title for field in Settings.model_fields.values()}
        lines = {f"{one['loc'][0]} is {one['input']!r}: {rules[str(one['loc'][0])]}": None for one in broken.errors()}
        raise SettingError("\n".join(lines)) from None


def without_keys() -> dict[str, str]:
    """The environment for a child process that makes no tokens."""
    return {name: value for name, value in os.environ.items() if name not in KEYS}


@contextmanager
def keys_withheld() -> Iterator[None]:
    """Take the keys out of the environment while a library starts a child with all of it."""
    held = {name: os.environ.pop(name) for name in KEYS if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(held)

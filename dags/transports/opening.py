"""The place that a connection leads to."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from airflow.sdk import Connection
from pydantic import ValidationError

from dags.transports.remote import Remote, Settings, Unusable


def open_remote(connection: Connection) -> AbstractContextManager[Remote]:
    """The place that a connection leads to, by the type of the connection.

    Raises:
        Unusable: the type is none of a transport, or the extra does not say what the transport needs.
    """
    name = connection.conn_id
    model, opener = _transport(connection)
    extra = {key: value for key, value in connection.extra_dejson.items() if key in model.model_fields}
    try:
        settings = model.model_validate(extra)
    except ValidationError as error:
        keys = ", ".join(sorted({str(problem["loc"][0]) for problem in error.errors(include_input=False)}))
        raise Unusable(f"connection {name}: its extra has no usable {keys}; see docs/transports.md") from None
    return opener(name, settings)


def _transport(connection: Connection) -> tuple[type[Settings], Callable[[str, Any], AbstractContextManager[Remote]]]:
    """Imports one provider, not three."""
    kind = connection.conn_type
    if kind == "fs":
        from .folder import Folder, FolderSettings

        return FolderSettings, Folder
    if kind == "sftp":
        from .sftp import SFTP, SFTPSettings

        return SFTPSettings, SFTP
    if kind == "aws":
        from .s3 import S3, S3Settings

        return S3Settings, S3
    raise Unusable(f"connection {connection.conn_id}: no transport of type {kind!r}; give it type fs, sftp or aws")

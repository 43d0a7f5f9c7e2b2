"""The form of a delivery, for the transports that bring it and the job that takes it."""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import Annotated

from pydantic import Field

from schemas.base import Strict

CONTROL = "control.json"
CONTROL_BYTES = 64 << 20
"""A delivery of a hundred thousand bills names each of them."""
STAMP = "%Y%m%dT%H%M%SZ"
"""Of the folder of a delivery: when it arrived, in UTC."""
EXPORTS = "exports"
"""Folder of a home that deliveries arrive in: `<institution>/<stamp>/`."""
MOST_PARTS = 999_999
MOST_REVISIONS = 9_999
"""Numbers that stand in names of files and folders."""
Decimal6 = Annotated[str, Field(pattern=r"^-?[0-9]{1,30}(\.[0-9]{1,6})?$")]
"""Decimal text with at most six decimals."""


class StatedFile(Strict):
    """What is known of one file before it is read. rows: data rows. sums: decimal text by field."""

    name: str
    feed: str
    part: int = Field(ge=1, le=MOST_PARTS)
    parts: int = Field(ge=1, le=MOST_PARTS)
    rows: int = Field(ge=0, le=10**12)
    sums: dict[str, Decimal6] = {}
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class ControlFile(StatedFile):
    """What the control file states of one file. customer: whose bill it is."""

    customer: str | None = Field(default=None, min_length=1)


class Control(Strict):
    """control.json: one institution, one business date, one revision, all its feeds."""

    institution: str
    business_date: date
    revision: int = Field(ge=0, le=MOST_REVISIONS)
    files: list[ControlFile] = Field(min_length=1)


def received_at(stamp: str) -> datetime:
    """The moment that an arrival stamp names.

    Raises:
        ValueError: it is none.
    """
    return datetime.strptime(stamp, STAMP).replace(tzinfo=timezone.utc)

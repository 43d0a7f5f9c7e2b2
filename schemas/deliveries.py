"""The form of a delivery, for the transports that bring it and the job that takes it."""

from __future__ import annotations

import json
import re
from datetime import date, datetime, timezone
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, NaiveDatetime, model_validator

from schemas.base import Strict, later

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
REVISION_LEAP = 100
"""A revision lies at most so far above the highest that was accepted of its date: a slip could never be corrected."""
Decimal6 = Annotated[str, Field(pattern=r"^-?[0-9]{1,30}(\.[0-9]{1,6})?$")]
"""Decimal text with at most six decimals."""


def _written(form: str, kind: type[date], example: str) -> BeforeValidator:
    """A local date or time in one form alone: pydantic would take others for the same."""

    def read(value: object) -> object:
        if not isinstance(value, str):
            return value
        if not re.fullmatch(form, value):
            raise ValueError(f"write it as {example}")
        return kind.fromisoformat(value)

    return BeforeValidator(read)


_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
LocalDate = Annotated[date, _written(_DATE, date, "2026-11-01")]
LocalTime = Annotated[
    NaiveDatetime, _written(f"{_DATE}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}", datetime, "2026-11-01T10:12:01")
]


class Period(Strict):
    """Local days, both of which belong to it."""

    model_config = ConfigDict(strict=True)

    first: LocalDate
    last: LocalDate

    @model_validator(mode="after")
    def _in_order(self) -> Period:
        if self.first > self.last:
            raise ValueError("first lies after last")
        return self


class StatedFile(Strict):
    """What is known of one file before it is read. rows: data rows. sums: decimal text by field.

    period, exported_at: of a bill, the days that it covers and when it was exported, in local time, where the contract
        takes them from the control file.
    """

    name: str
    feed: str
    part: int = Field(ge=1, le=MOST_PARTS)
    parts: int = Field(ge=1, le=MOST_PARTS)
    rows: int = Field(ge=0, le=10**12)
    sums: dict[str, Decimal6] = {}
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    period: Period | None = later(None)
    exported_at: LocalTime | None = later(None)


class ControlFile(StatedFile):
    """What the control file states of one file. customer: whose bill it is."""

    model_config = ConfigDict(strict=True)

    customer: str | None = Field(default=None, min_length=1, pattern=r"^[^\x00-\x1f\x7f]+$")


class Control(Strict):
    """control.json: one institution, one business date, one revision, all its feeds."""

    model_config = ConfigDict(strict=True)

    institution: str
    business_date: date
    revision: int = Field(ge=0, le=MOST_REVISIONS)
    files: list[ControlFile] = Field(min_length=1)

    @classmethod
    def read(cls, content: bytes) -> Control:
        """The control file of these bytes: nothing of it is guessed, a whole number is written as one.

        Raises:
            ValidationError: it is no JSON, or a key is missing, not agreed or of another kind.
            RepeatedKey: a key stands twice in one object.
        """
        found = cls.model_validate_json(content)
        json.loads(content, object_pairs_hook=each_once)  # of two values the model has taken the last
        return found


class RepeatedKey(ValueError):
    """A key stands twice in a JSON object, and readers differ in which of its values counts. Holds the key."""


def each_once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in members:
        if key in found:
            raise RepeatedKey(key)
        found[key] = value
    return found


_STAMP = re.compile(r"[0-9]{8}T[0-9]{6}Z")


def received_at(stamp: str) -> datetime:
    """The moment that an arrival stamp names.

    Raises:
        ValueError: it is none.
    """
    if not _STAMP.fullmatch(stamp):  # strptime takes other scripts' digits, and parts of less than their width
        raise ValueError(f"no arrival stamp such as 20261102T013000Z: {stamp!r}")
    return datetime.strptime(stamp, STAMP).replace(tzinfo=timezone.utc)

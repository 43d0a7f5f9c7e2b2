"""What becomes of damaged files: refused or taken, and told in words."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from schemas.sources.errors import ERRORS
from tests.support.exports import zipped
from tests.support.landing import rejects
from tests.support.targets import TARGETS, Outcome, Target

ALL = list(TARGETS.values())
TEXTS = [target for target in ALL if target.form in ("lines", "json")]
LINES = [target for target in ALL if target.form == "lines"]
JSON = [target for target in ALL if target.form == "json"]
XML = [target for target in ALL if target.form == "xml"]
BILLS = [target for target in ALL if target.customer]
STRICT = [target for target in LINES if not target.customer]


def over(targets: list[Target]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("target", targets, ids=str)


def packed(target: Target, plain: bytes) -> bytes:
    """Bytes of one's own, packed as the file is."""
    if target.packing == "gz":
        return gzip.compress(plain, mtime=0)
    return zipped({"alipay_record.csv": plain}) if target.packing == "zip" else plain


def plain(target: Target, text: str | None = None) -> bytes:
    return (text or target.text({}, {})).replace("\n", target.ending).encode(target.encoding)


def refused(outcome: Outcome, *codes: str) -> None:
    """The file is refused for these reasons, says so in words, and holds back nobody else."""
    assert outcome.manifest is not None and outcome.manifest.state == "refused"
    assert outcome.codes[: len(codes)] == list(codes)
    assert outcome.manifest.accepted_rows == outcome.manifest.quarantined_rows == 0
    well_told(outcome)


def taken(outcome: Outcome, home: Path, **rejected: int) -> None:
    """The file lands, but for rows that are rejected: code → line."""
    manifest = outcome.manifest
    assert manifest is not None and manifest.state == "accepted", outcome.codes
    assert {code: line for line, (code, _) in rejects(home, manifest).items()} == rejected
    assert manifest.rows == manifest.accepted_rows + manifest.rejected_rows == 2
    assert manifest.quarantined_rows == 0
    well_told(outcome)


def well_told(outcome: Outcome) -> None:
    manifest = outcome.manifest
    assert manifest is not None and all(other.state == "accepted" for other in outcome.others)
    assert len(outcome.others) >= 2
    assert all((error.rule, error.mend) == ERRORS[error.code] for error in manifest.errors)


def line_of(outcome: Outcome, code: str) -> int | None:
    assert outcome.manifest is not None
    return next(error.line for error in outcome.manifest.errors if error.code == code)

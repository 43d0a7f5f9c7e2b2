"""A mistake of ours met one institution's rows: told as a finding of theirs, so that nobody else's day stops."""

from __future__ import annotations

import secrets
import traceback
from pathlib import Path

from jobs.logs import log
from schemas.sources.faults import Fault, fault

INTERNAL, TOO_SLOW = "internal", "too_slow"
"""The codes of what may be no fault of the sender's. What has them is tried again."""
OURS = {INTERNAL, TOO_SLOW}
ROOT = Path(__file__).parents[2]


def internal(problem: Exception, event: str, **about: object) -> Fault:
    """The finding that stands for an exception, with the reference of its line in the log.

    The line says the exception's kind and the places in our code: its text may hold what a row says.
    """
    reference = secrets.token_hex(4)
    places = [
        f"{Path(frame.filename).relative_to(ROOT)}:{frame.lineno}"
        for frame in traceback.extract_tb(problem.__traceback__)
        if Path(frame.filename).is_relative_to(ROOT)
    ]
    log.error(event, code=INTERNAL, reference=reference, error=type(problem).__name__, places=places, **about)
    return fault(INTERNAL, reference=reference)

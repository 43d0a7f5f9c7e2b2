"""The note beside the tables of the run that is open: its jobs may be processes of their own."""

from __future__ import annotations

import secrets
from datetime import date
from pathlib import Path

from jobs.pull import write_whole
from jobs.run_record import now
from schemas.base import Strict

OPEN_RUN = "_open_run.json"


class OpenRun(Strict):
    """What the run began with. files: (file_id, landing) of its frozen list. run_id: empty where older code wrote it."""

    publication_seq: int
    business_date: date
    run_id: str = ""
    files: list[tuple[str, int]]


def new_run_id() -> str:
    """Start and a random part: `20261102T220512Z-3f9a2c`."""
    return f"{now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def note(lake: Path, run: OpenRun) -> None:
    """Keep the note for the run's later jobs."""
    write_whole(lake / OPEN_RUN, run.model_dump_json().encode())


def noted(lake: Path, publication_seq: int) -> OpenRun | None:
    """The open run that is to have this number; None where none is, as what was published is open no more."""
    path = lake / OPEN_RUN
    found = OpenRun.model_validate_json(path.read_bytes()) if path.exists() else None
    return found if found and found.publication_seq == publication_seq else None


def forget(lake: Path) -> None:
    """End the open run without a publication."""
    (lake / OPEN_RUN).unlink(missing_ok=True)

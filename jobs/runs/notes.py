"""The note beside the tables on the run that is open, so that each of its jobs finds what the first one froze."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import RootModel

import expectations
from expectations import Measurement, RuleResult
from jobs.files import read_ours, write_whole
from jobs.landing.manifests import Landing
from jobs.runs.journal import now
from schemas.base import Strict
from schemas.deployment import Deployment

NOTE = "_open_run.json"


class Aside(Strict):
    """A statement that a run does without, as a row of it broke a critical rule; `line` is the first such row's.

    observed, checked: rows of the table that broke the rule, and that were looked at.
    """

    institution: str
    feed: str
    business_date: date
    revision: int
    file_ids: list[str]
    file_id: str
    line: int | None
    rule_id: str
    table: str
    observed: int
    checked: int

    def __str__(self) -> str:
        where = f"file {self.file_id}" + (f", line {self.line}" if self.line else "")
        return (
            f"{self.institution} {self.feed} of {self.business_date} (revision {self.revision}) is held back: {where} "
            f"breaks {self.rule_id} of {self.table}"
        )


class OpenRun(Strict):
    """What is frozen.

    files: those received before the cut-off, as they were landed then, of the dates that anything open is of. released:
    file_id of the held parts that could pass. verdicts: of every statement that was judged. registry: the digest of the one
    that all its jobs read. aside: what the run does without, after an attempt in which it broke a rule. unjudged: institution
    → reference in the log, of those whose statements could not be judged. deployment: what deployment.yaml said. run_id and
    registry are empty where older code wrote the note.
    """

    publication_seq: int
    business_date: date
    run_id: str = ""
    files: frozenset[Landing]
    released: frozenset[str] = frozenset()
    registry: str = ""
    verdicts: dict[str, bool] = {}
    aside: list[Aside] = []
    unjudged: dict[str, str] = {}
    deployment: Deployment | None = None

    def save(self, folder: Path) -> None:
        """Replace the note of the run before."""
        write_whole(folder / NOTE, self.model_dump_json().encode())

    def judge(self, asked: Sequence[Measurement]) -> list[RuleResult]:
        """Verdicts of the note where it has them: the library takes seconds to import."""
        new = iter(expectations.judge([one for one in asked if _key(one) not in self.verdicts]))
        return [RuleResult(one, self.verdicts[_key(one)]) if _key(one) in self.verdicts else next(new) for one in asked]


def new_run_id() -> str:
    """Start and a random part: `20261102T220512Z-3f9a2c`."""
    return f"{now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def load_open_run(folder: Path) -> OpenRun | None:
    """The note, be its run open or published; None where no run was opened yet, or it is damaged: a run begins anew."""
    path = folder / NOTE
    return read_ours(OpenRun, path) if path.exists() else None


def noted(folder: Path, publication_seq: int) -> OpenRun | None:
    """The open run that is to have this number; None where none is, as what was published is open no more."""
    found = load_open_run(folder)
    return found if found and found.publication_seq == publication_seq else None


def discard(folder: Path) -> None:
    """End the open run without a publication."""
    (folder / NOTE).unlink(missing_ok=True)


def verdicts_of(results: Iterable[RuleResult]) -> dict[str, bool]:
    """Verdicts by everything that they depend on."""
    return {_key(one.measurement): one.is_passed for one in results}


def _key(one: Measurement) -> str:
    return (
        f"{one.institution}/{one.feed}/{one.business_date}/{one.rule.id}: "
        f"{one.observed} {one.rule.bound} {one.rule.threshold}"
    )


BLOCKED = "_blocked"
"""Folder beside the tables."""


class _Rows(RootModel[list[dict[str, Any]]]):
    """Rows of gold.quality."""


def note_blocked(folder: Path, business_date: date, results: Sequence[dict[str, Any]]) -> None:
    """Keep every result of a blocked run, as rows of gold.quality; another attempt at the date replaces it."""
    text = json.dumps(results, default=date.isoformat, ensure_ascii=False, indent=1)
    write_whole(folder / BLOCKED / f"{business_date}.json", text.encode())


def load_blocked(folder: Path) -> list[dict[str, Any]]:
    """The results of every blocked run, as rows of gold.quality, in the order of their dates."""
    paths = sorted((folder / BLOCKED).glob("*.json"))
    found = [row for path in paths if (noted := read_ours(_Rows, path)) for row in noted.root]
    return [{**row, "business_date": date.fromisoformat(row["business_date"])} for row in found]

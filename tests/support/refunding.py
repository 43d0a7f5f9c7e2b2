"""A bank whose refunds name no purchase, and worlds of its statements, by hand."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from jobs.lake import Lake
from schemas import Registry, load_registry
from tests.support.exports import FIXTURES, PHONE
from tests.support.newcomers import with_files
from tests.support.worlds import embedded_lake, land_world, rows, run_days

BANK = "river_bank"
CONTRACT = FIXTURES / "refunding" / f"{BANK}.yaml"
HEADERS = {
    "statements": "number;account;time;amount;kind;merchant",
    "entries": "account;booked;amount;kind;merchant;place",
    "registrations": "account;phone;kind;since",
    "consents": "account;scope;answer;time",
}
PURCHASE, REFUND, PARTIAL, FULL = "消费", "退款", "部分退款", "全额退款"
KINDS_OF_ROWS = (PURCHASE, PURCHASE, PURCHASE, REFUND, REFUND, PARTIAL, FULL)
"""As often as tests want each."""
SHOP = "知味观"
RUN_DATES = [date(2026, 11, day) for day in (11, 12, 13, 14)]
"""After all business dates, so that any statement may come to any run."""


class Row(NamedTuple):
    """A line of `statements`: time as it is written, fen without sign."""

    number: str
    time: str
    fen: int
    kind: str = PURCHASE
    merchant: str = SHOP
    account: str = "R1"

    @property
    def line(self) -> str:
        return ";".join((self.number, self.account, self.time, str(self.fen), self.kind, self.merchant))


class Statement(NamedTuple):
    """Of a business date: feed → data lines."""

    day: date
    revision: int
    feeds: dict[str, list[str]]


def told(day: date, *said: Row, revision: int = 0) -> Statement:
    return Statement(day, revision, {"statements": [one.line for one in said]})


KNOWN = Statement(
    date(2026, 10, 31),
    0,
    {
        "registrations": [f"R1;{PHONE[0]};person;2026-01-01 09:00:00"],
        "consents": ["R1;all;yes;2026-01-01 09:00:01"],
    },
)
"""The customer R1, who agrees to everything."""


@cache
def registry() -> Registry:
    """The shipped one with the bank, made once a process."""
    return load_registry(root())


@cache
def root() -> Path:
    """Where it is, until the process ends."""
    folder = Path(_folder().name) / "registry"
    with_files(folder, CONTRACT)
    return folder


@cache
def _folder() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="refunding-")


def send(home: Path, stamp: str, statement: Statement) -> None:
    """One delivery; feeds that are not given are sent without rows."""
    folder = home / "exports" / BANK / stamp
    folder.mkdir(parents=True)
    files = []
    for feed, header in HEADERS.items():
        lines = statement.feeds.get(feed, [])
        name = f"{feed}_{statement.day:%Y%m%d}_1.csv"
        data = "".join(f"{line}\n" for line in (header, *lines)).encode()
        (folder / name).write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        files.append(
            {"name": name, "feed": feed, "part": 1, "parts": 1, "rows": len(lines), "sums": {}, "sha256": digest}
        )
    control = {
        "institution": BANK, "business_date": str(statement.day), "revision": statement.revision, "files": files,
    }  # fmt: skip
    (folder / "control.json").write_text(json.dumps(control), encoding="utf-8")


def send_runs(home: Path, runs: Iterable[Sequence[Statement]]) -> None:
    """Each run's statements in their order."""
    for day, statements in zip(RUN_DATES, runs):
        for second, statement in enumerate(statements):
            send(home, f"{day:%Y%m%d}T1000{second:02}Z", statement)
    land_world(home, registry())


def account_for(home: Path, *runs: Sequence[Statement]) -> Lake:
    """Deliver each run's statements, land and run; the lake afterwards. Computed again in full, nothing is written."""
    home.mkdir(exist_ok=True)
    send_runs(home, runs)
    lake = embedded_lake(home, registry())
    run_days(lake, home, RUN_DATES[: len(runs)])
    before = {name: len(rows(lake, name)) for name in LOGS}
    run_days(lake, home, RUN_DATES[len(runs) - 1 : len(runs)], full=True)
    assert {name: len(rows(lake, name)) for name in LOGS} == before
    return lake


LOGS = ("silver.rows", "silver.claims", "silver.activities", "gold.ledger")


def newest(found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of rows of a log those that hold."""
    held = {}
    for row in sorted(found, key=lambda row: int(row["publication_seq"])):
        held[row["claim_id"], row["act_date"]] = row
    return [row for row in held.values() if row["is_live"]]


@dataclass(frozen=True)
class Story:
    """What a lake says of the bank's rows, by their numbers: what refunds take back, outcomes and reasons, spend."""

    takes: dict[str, str | None]
    outcomes: dict[str, tuple[str, str]]
    spent: dict[str, int | None]


def story(lake: Lake, names: Mapping[str, str]) -> Story:
    """Of the rows with these numbers, by the names that they have here."""
    name_of = {claim_id(number): name for number, name in names.items()}
    claims = [row for row in newest(rows(lake, "silver.claims")) if row["claim_id"] in name_of]
    told_of = {
        name_of[row["claim_id"]]: row
        for row in newest(rows(lake, "silver.activities"))
        if row["claim_id"] in name_of
    }  # fmt: skip
    return Story(
        {
            name_of[row["claim_id"]]: row["refers_to_key"] and name_of[row["refers_to_key"]]
            for row in claims
            if row["claim_kind"] == "refund"
        },
        {name: (row["outcome"], row["reason"]) for name, row in told_of.items()},
        {name: row["spend_fen"] for name, row in told_of.items() if row["spend_fen"] is not None},
    )


@cache
def claim_id(number: str) -> str:
    """The record key of a row of `statements`."""
    from jobs.landing.tokens import Tokens

    return Tokens.from_env().record_key(BANK, "statements", [number])

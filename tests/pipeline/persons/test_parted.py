"""Two persons that one phone made one for a day have the accounts that they had before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from jobs.lake import Lake
from jobs.persons.identity import Partition, partition
from tests.support.exports import REGISTERED, deliver, table
from tests.support.worlds import embedded_lake, land_world, rows, run_days

PAIRS = range(6)
"""Of the customers in each pair, whose keys are as they come: whose is the smaller one, chance decides."""


def registrations(home: Path, day: int, at: str, phones: list[str]) -> None:
    """The gates' customers with their phones, as they register anew on a November day."""
    rows_ = (f"H{number},,{phone},P,{at}" for number, phone in enumerate(phones))
    sent = table("hangzhou_metro", "registrations", *rows_)
    deliver(home, "hangzhou_metro", sent, stamp=f"202611{day:02}T200000Z", business_date=f"2026-11-{day:02}")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Four days: apart, one phone a pair, apart, one phone a pair."""
    home = tmp_path_factory.mktemp("parted")
    apart = [f"138123456{number:02}" for number in range(2 * len(PAIRS))]
    joined = [apart[number - number % 2] for number in range(len(apart))]
    for day, phones in enumerate((apart, joined, apart, joined), start=1):
        registrations(home, day, REGISTERED if day == 1 else f"2026-11-{day:02} 09:00:00", phones)
    land_world(home)
    lake = embedded_lake(home)
    run_days(lake, home, [date(2026, 11, day) for day in (1, 2, 3, 4)])
    return lake


def persons(lake: Lake, seq: int) -> dict[str, str]:
    """customer_key → person, as a publication left it."""
    told = sorted(rows(lake, "silver.membership"), key=lambda row: row["publication_seq"])
    return {row["customer_key"]: row["person_id"] for row in told if row["publication_seq"] <= seq}


def test_who_is_parted_again_is_who_it_was(lake: Lake) -> None:
    assert len(set(persons(lake, 1).values())) == 2 * len(PAIRS)
    assert len(set(persons(lake, 2).values())) == len(PAIRS)
    assert persons(lake, 3) == persons(lake, 1)
    assert persons(lake, 4) == persons(lake, 2)


def test_the_log_tells_of_both(lake: Lake) -> None:
    log = rows(lake, "silver.identity_log")
    merged, reopened, again = (
        {(row["person_id"], row["redirect_to"]) for row in log if (row["change"], row["publication_seq"]) == told}
        for told in (("merged", 2), ("reopened", 3), ("merged", 4))
    )
    assert len(merged) == len(PAIRS) and merged == reopened == again
    assert {row["change"] for row in log} == {"born", "merged", "reopened"}


def test_only_whom_the_news_can_reach_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of twelve who are known, the two of one phone, whose third account comes; of nobody is the birth asked for."""
    looked_at, asked = [], []

    def counted(customers: pa.Array, evidence: Mapping[str, Any]) -> Partition:
        looked_at.append(len(customers))
        return partition(customers, evidence)

    monkeypatch.setattr("jobs.persons.resolve.partition", counted)
    monkeypatch.setattr("jobs.persons.resolve._births", lambda run, persons: asked.append(persons))
    phones = [f"138123456{number:02}" for number in range(11)]
    registrations(tmp_path, 1, REGISTERED, [*phones, phones[0]])
    came = table("hangzhou_metro", "registrations", f"H77,,{phones[0]},P,{REGISTERED}")
    deliver(tmp_path, "hangzhou_metro", came, stamp="20261102T200000Z", business_date="2026-11-02")
    land_world(tmp_path)
    lake = embedded_lake(tmp_path)
    run_days(lake, tmp_path, [date(2026, 11, 1), date(2026, 11, 2)])
    assert looked_at == [12, 3] and not asked
    assert len(set(persons(lake, 2).values())) == 11

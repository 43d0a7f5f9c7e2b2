"""Passages that a gate wrote twice, and passages that only look so."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from tests.support.exports import CITIZEN, CONSENTED, REGISTERED, deliver, table
from tests.support.worlds import embedded_lake, land_world, rows, run_days

ENTRY, EXIT = 1, 0


def passages(home: Path, *taps: tuple[str, str, int]) -> tuple[Counter[str], Counter[str], int]:
    """What becomes of a customer's taps (time, station, direction): dispositions, outcomes, credited milligrams."""
    fares = [300 if direction == EXIT else 0 for _, _, direction in taps]
    deliver(
        home,
        "hangzhou_metro",
        table("hangzhou_metro", "registrations", f"H1,{CITIZEN[0]},,P,{REGISTERED}"),
        table("hangzhou_metro", "consents", f"H1,all,grant,{CONSENTED}"),
        table(
            "hangzhou_metro",
            "taps",
            *(f"2026-11-01 {at},1,{station},D1,{way},H1,3,{fare}" for (at, station, way), fare in zip(taps, fares)),
            total=str(sum(fares)),
        ),
        stamp="20261101T200000Z",
    )
    land_world(home)
    lake = embedded_lake(home)
    run_days(lake, home, [date(2026, 11, 1)])
    dispositions = Counter(row["disposition"] for row in rows(lake, "silver.rows") if row["feed"] == "taps")
    outcomes = Counter(row["outcome"] for row in rows(lake, "silver.activities"))
    milligrams = sum(row["amount"] for row in rows(lake, "gold.ledger") if row["measure"] == "reduction_mg")
    return dispositions, outcomes, milligrams


@pytest.fixture(scope="module")
def one_ride(tmp_path_factory: pytest.TempPathFactory) -> int:
    """Milligrams of a ride from S01 to S05."""
    taps = (("08:00:50", "S01", ENTRY), ("08:25:00", "S05", EXIT))
    return passages(tmp_path_factory.mktemp("ride"), *taps)[2]


def test_who_leaves_and_enters_again_within_a_minute_rides(tmp_path: Path, one_ride: int) -> None:
    dispositions, outcomes, milligrams = passages(
        tmp_path,
        ("08:00:00", "S01", ENTRY),
        ("08:00:30", "S01", EXIT),
        ("08:00:50", "S01", ENTRY),
        ("08:25:00", "S05", EXIT),
    )
    assert dispositions == {"record": 2, "supporting": 2}
    assert outcomes["credited"] == 1 and milligrams == one_ride


def test_who_enters_and_leaves_again_within_a_minute_rides_once(tmp_path: Path, one_ride: int) -> None:
    """The second exit at S05 is of an entry there, and no repetition of the first."""
    dispositions, outcomes, milligrams = passages(
        tmp_path,
        ("08:00:50", "S01", ENTRY),
        ("08:25:00", "S05", EXIT),
        ("08:25:20", "S05", ENTRY),
        ("08:25:40", "S05", EXIT),
    )
    assert dispositions == {"record": 2, "supporting": 2}
    assert outcomes["credited"] == 1 and milligrams == one_ride


@pytest.mark.parametrize("again", ["08:00:20", "08:00:50"])
def test_what_a_gate_wrote_twice_counts_once(tmp_path: Path, one_ride: int, again: str) -> None:
    dispositions, outcomes, milligrams = passages(
        tmp_path,
        ("08:00:00", "S01", ENTRY),
        (again, "S01", ENTRY),
        ("08:25:00", "S05", EXIT),
        ("08:25:40", "S05", EXIT),
    )
    assert dispositions == {"record": 1, "supporting": 1, "ignored": 2}
    assert outcomes == {"credited": 1} and milligrams == one_ride

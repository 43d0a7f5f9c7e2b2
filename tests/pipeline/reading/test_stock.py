"""More given out than there is: counted by hand on a few redemptions."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from jobs.lake import Lake, open_lake
from jobs.reading.stock import Beyond, beyond
from schemas import Registry, load_registry
from tests.support.libraries import edited
from tests.support.points_world import Account, Fact, Member, Redemption, trial_registry

DAY, NEXT = date(2026, 11, 30), date(2026, 12, 1)
MADE_UP = {"document": "A list that a test makes up", "clause": "1"}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """Vouchers of 20 points: five a month for everybody, two a day for one person; one tree a year for one person."""
    root = tmp_path_factory.mktemp("stock") / "root"
    trial_registry(root)
    edited(
        root / "programmes/trial.yaml",
        benefits=[
            {"id": "voucher", "name": "券", "kind": "voucher", "points": 20, "source": MADE_UP,
             "stock": {"number": 5, "period": "month"}, "quota": {"number": 2, "period": "day"}},
            {"id": "tree", "name": "树", "kind": "donation", "source": MADE_UP, "quota": {"number": 1, "period": "year"}},
        ],
    )  # fmt: skip
    return load_registry(root)


def found(registry: Registry, folder: Path, *facts: Fact) -> list[Beyond]:
    shutil.rmtree(folder, ignore_errors=True)
    lake: Lake = open_lake("embedded", folder, registry)
    Account(lake, registry).run(facts, NEXT)
    told = beyond(lake, registry)
    lake.close()
    return told


def test_as_many_as_there_are(registry: Registry, tmp_path: Path) -> None:
    told = found(
        registry, tmp_path / "lake",
        Redemption("1", "a1", DAY, "voucher", 40), Redemption("2", "a2", DAY, "voucher", 59),
        Redemption("3", "a1", NEXT, "voucher", 40), Redemption("4", "a1", DAY, "tree", 5_000),
        Redemption("5", "m2", date(2026, 11, 1), "voucher", 5),
    )  # fmt: skip
    assert told == [], "two, two and one of a month; of a day two each"


def test_more_than_there_are(registry: Registry, tmp_path: Path) -> None:
    """Six in November: four of one person, three of them on one day, and a corrected one that counts once."""
    told = found(
        registry, tmp_path / "lake",
        Redemption("1", "a1", DAY, "voucher", 40), Redemption("2", "m1", DAY, "voucher", 20),
        Redemption("3", "a1", date(2026, 11, 2), "voucher", 20), Redemption("4", "a2", DAY, "voucher", 200),
        Redemption("4", "a2", DAY, "voucher", 40, 1),
        Redemption("5", "a1", date(2026, 1, 1), "tree", 1), Redemption("6", "m1", date(2026, 12, 1), "tree", 1),
    )  # fmt: skip
    assert told == [
        Beyond("trial", "tree", "quota", "year", date(2026, 1, 1), 1, 2, 1),
        Beyond("trial", "voucher", "stock", "month", date(2026, 11, 1), 5, 6, 2),
        Beyond("trial", "voucher", "quota", "day", DAY, 2, 3, 1),
    ]


def test_two_who_are_one(registry: Registry, tmp_path: Path) -> None:
    two = (Redemption("1", "a1", DAY, "voucher", 40), Redemption("2", "a2", DAY, "voucher", 20))
    assert found(registry, tmp_path / "lake", *two) == []
    [one] = found(registry, tmp_path / "lake", *two, Member("a2", "p1", 1))
    assert (one.limit, one.given, one.people) == ("quota", 3, 1)

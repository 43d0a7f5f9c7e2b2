"""How whole a month is: the share of what is owed, worked out by hand, and scales that must be refused."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from jobs.accounts.grades import Share, grades, shares
from jobs.reading.carbon_record import first_of
from schemas import RegistryError
from schemas.records import load_records
from tests.support.registries import shipped

REGISTRY = shipped()
FIRST = date(2026, 10, 30)
FEEDS = ("consents", "registrations", "trips")


def statements(days: int, *lost: tuple[str, int]) -> list[tuple[str, str, date]]:
    """Every feed of one institution for so many dates, but for the lost ones."""
    found = {("hellobike", feed, FIRST + timedelta(days=n)) for n in range(days) for feed in FEEDS}
    return sorted(found - {("hellobike", feed, FIRST + timedelta(days=n)) for feed, n in lost})


def test_an_institution_owes_every_feed_from_its_first_date_on() -> None:
    assert set(REGISTRY.sources["hellobike"].owed) == set(FEEDS)
    assert not any("bills" in source.owed for source in REGISTRY.sources.values())
    found = shares(statements(22, ("trips", 0), ("trips", 5)), REGISTRY, FIRST + timedelta(days=21))
    assert found == {("hellobike", "2026-10"): Share(5, 6), ("hellobike", "2026-11"): Share(59, 60)}


def test_a_bill_and_what_lies_ahead_change_nothing() -> None:
    told = statements(2)
    more = [*told, ("alipay", "bills", FIRST), ("hellobike", "trips", FIRST + timedelta(days=2))]
    until = FIRST + timedelta(days=1)
    assert shares(more, REGISTRY, until) == shares(told, REGISTRY, until) == {("hellobike", "2026-10"): Share(6, 6)}


@pytest.mark.parametrize(("lost", "grade"), [(0, "A"), (3, "A"), (4, "B"), (12, "B"), (13, "C"), (30, "C"), (31, "D")])
def test_grades_of_twenty_dates(lost: int, grade: str) -> None:
    """Of 60 statements 57 are 95 %, 48 are 80 %, 30 are half."""
    reported = ("hellobike", "2026-11")
    assert grades({reported: Share(60 - lost, 60)}, REGISTRY) == {reported: grade}


def test_a_year_of_months() -> None:
    assert [first_of(date(2026, 11, 30), months) for months in (1, 11, 12, 24)] == [
        "2026-11", "2026-01", "2025-12", "2024-12",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{A: 950, B: 800, C: 500, D: 0}", "{A: 950, B: 800, C: 800, D: 0}", "each less than the one before"),
        ("{A: 950, B: 800, C: 500, D: 0}", "{A: 950, B: 800, C: 500, D: 1}", "the last 0"),
        ("{A: 950, B: 800, C: 500, D: 0}", "{B: 950, A: 800, C: 500, D: 0}", "in this order"),
        ("    nothing_owed:", "    nothing_due:", "reporting.reasons.nothing_due"),
        ("    nothing_spent: Payments are reported, and none was made, or all were given back.\n", "", "say in words"),
    ],
)
def test_a_scale_that_cannot_be_used_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    shutil.copy(REGISTRY.root / "records.yaml", tmp_path)
    path = tmp_path / "records.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(RegistryError, match=said):
        load_records(tmp_path)

"""Statements unlike the last ones are held back; without enough to compare with nothing is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expectations import judge
from jobs.lake import choose_engine
from jobs.landing.hold import judge_statements
from jobs.landing.manifests import Bill, Manifest
from jobs.landing.profile import Profile, Profiler, median, merged
from jobs.reading.drift import Change, _changes
from tests.support.manifests import FIRST, manifest, used
from tests.support.registries import shipped

REGISTRY = shipped()
NUMBER = "amount_fen/metro"


@pytest.fixture(autouse=True, scope="module")
def _engine() -> None:
    """The library imports pyspark, so the engine is chosen before."""
    choose_engine("embedded")


def profile(amounts: Sequence[int]) -> Profile:
    """The profile of a statement with these amounts of metro rides."""
    profiler = Profiler()
    size = len(amounts)
    nulls = pa.nulls(size, pa.string())
    columns = {"scenario": ["metro"] * size, "amount_fen": amounts, "error_code": nulls, "ignore_rule": nulls}
    profiler.add(pa.RecordBatch.from_pydict(columns))
    return profiler.profile()


def statement(day: int, rows: int = 300, fen: int = 400, feed: str = "acts", bill: Bill | None = None) -> Manifest:
    """A day's statement of the wallet."""
    amounts = profile([fen + (k % 7) * 10 for k in range(rows)])
    return manifest(day, rows, institution="alipay", feed=feed, kind="act", bill=bill, profile=amounts)


def codes(fresh: list[Manifest], known: list[Manifest], released: frozenset[str] = frozenset()) -> dict[str, str]:
    judged = judge_statements(fresh, used(known), REGISTRY, released, judge)
    return {file.file_id: one.code for one in judged for file in one.parts if one.code is not None}


BEFORE = [statement(day) for day in range(6)]


@pytest.mark.parametrize(
    ("fresh", "code"),
    [
        (statement(6), None),
        (statement(6, rows=1400), None),
        (statement(6, rows=1600), "wrong_volume"),
        (statement(6, rows=50), "wrong_volume"),
        (statement(6, fen=4), "wrong_distribution"),
        (statement(6, fen=40_000), "wrong_distribution"),
        (statement(6, fen=900), None),
        (statement(6, rows=10, feed="registrations"), None),
    ],
)
def test_what_stands_out_is_held_back(fresh: Manifest, code: str | None) -> None:
    assert codes([fresh], BEFORE) == ({fresh.file_id: code} if code else {})


def test_too_little_to_compare_with_says_nothing() -> None:
    strange = statement(6, rows=50, fen=4)
    assert codes([strange], BEFORE[:4]) == {}
    assert codes([strange], [statement(day, rows=100) for day in range(6)]) == {}


def test_more_rows_than_possible_are_held_back_without_history() -> None:
    assert codes([statement(0).model_copy(update={"rows": 50_000_001})], []) == {statement(0).file_id: "wrong_volume"}


def test_somebody_may_answer_for_a_statement() -> None:
    strange = statement(6, fen=4)
    assert codes([strange], BEFORE, frozenset([strange.file_id])) == {}


def test_bills_are_as_they_are() -> None:
    bill = Bill(
        customer_key="0" * 32, first_day=FIRST, last_day=FIRST, exported_at=datetime.now(timezone.utc), is_whole=True
    )
    assert codes([statement(6, rows=1, fen=1, feed="bills", bill=bill)], BEFORE) == {}


def test_it_makes_no_difference_whether_statements_come_together() -> None:
    strange = statement(6, fen=4)
    assert codes([*BEFORE, strange], []) == codes([strange], BEFORE) == {strange.file_id: "wrong_distribution"}


def test_what_is_held_back_says_nothing_of_what_is_usual() -> None:
    """As many strange statements as good ones: the later ones are still judged beside the good ones alone."""
    strange = [statement(day, fen=4) for day in range(6, 13)]
    assert codes([*BEFORE, *strange, statement(13)], []) == {
        one.file_id: "wrong_distribution" for one in strange
    } == codes([*strange, statement(13)], BEFORE)  # fmt: skip


@given(st.lists(st.lists(st.integers(1, 10**9), min_size=1, max_size=50), min_size=1, max_size=4))
def test_the_median_of_profiles_is_that_of_their_rows(parts: list[list[int]]) -> None:
    everything = sorted(amount for part in parts for amount in part)
    middle = everything[(len(everything) - 1) // 2]
    found = median(merged(profile(part) for part in parts).numbers[NUMBER])
    assert middle / 1.1 < found < middle * 1.1


def flagged(now: Manifest, before: list[Manifest]) -> set[tuple[str, str]]:
    changes: list[Change] = list(_changes("alipay", "acts", [now], [[one] for one in before]))
    return {(change.what, change.name) for change in changes if change.is_flagged}


def test_a_drift_report_flags_what_moved_far() -> None:
    assert flagged(statement(6), BEFORE) == set()
    assert flagged(statement(6, fen=4), BEFORE) == {("median of", NUMBER)}
    assert flagged(statement(6, rows=900), BEFORE) == {("rows", "")}
    strange = statement(6)
    more = strange.profile.model_copy(
        update={
            "codes": {"scenario": {"metro": 200, "bus": 100}},
            "new_columns": ["字{2}"],
            "filled": {"备注": 300},
            "rows": 300,
        }
    )
    assert flagged(strange.model_copy(update={"profile": more}), BEFORE) == {
        ("code in scenario", "metro"), ("code in scenario", "bus"), ("new column", "字{2}"), ("column", "备注")
    }  # fmt: skip

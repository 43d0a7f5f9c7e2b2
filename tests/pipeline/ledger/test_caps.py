"""Caps on kilograms and points in every combination: none takes what another has taken, and nobody falls below nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from jobs.lake import choose_engine, open_lake
from jobs.policy.programmes import Rewards
from schemas import Registry
from schemas.programmes import Programme
from schemas.programmes.rules import PERIODS
from schemas.scenarios import Cap
from tests.support.points_due import Fact
from tests.support.points_world import DAYS, TRIAL_POINTS, WHOLE, Account, Act, trial_registry
from tests.support.worlds import rows

FIRST, NEXT = date(2026, 11, 1), date(2026, 11, 2)
LAST = date(2027, 1, 1)
SOURCE = {"document": "A list that a test makes up", "clause": "1"}


@cache
def trial() -> Registry:
    choose_engine("embedded")
    with TemporaryDirectory() as folder:
        return trial_registry(Path(folder) / "root")


def ruled(points: list[dict[str, Any]], kilograms: dict[str, list[dict[str, Any]]], **changes: Any) -> Registry:
    """The trial programme without tiers and expiry, with these caps on its points, and on the kilograms of scenarios.

    Raises:
        ValidationError: the caps may not stand together.
    """
    registry = trial()
    content = registry.programmes["trial"].model_dump(exclude={"earn": {"__all__": {"unproved"}}})
    content |= {"tiers": [], "expiry": None, "coverage": None, "benefits": [], **changes}
    content["caps"] = [{"id": f"cap_{number}", "source": SOURCE, **cap} for number, cap in enumerate(points)]
    scenarios = {
        name: scenario.model_copy(
            update={
                "caps": [
                    Cap.model_validate(
                        {"id": f"{name}_{number}", "source": SOURCE, "valid_from": date(2026, 1, 1), **cap}
                    )
                    for number, cap in enumerate(kilograms.get(name, []))
                ]
            }
        )
        for name, scenario in registry.scenarios.items()
    }
    return replace(
        registry,
        programmes={"trial": Programme.model_validate(content)},
        library=replace(registry.library, scenarios=scenarios),
    )


def stood(registry: Registry, runs: Sequence[Sequence[Fact]]) -> list[dict[str, Any]]:
    """The ledger's rows after these runs; computing everything again adds none."""
    with TemporaryDirectory() as folder:
        lake = open_lake("embedded", Path(folder), registry)
        account = Account(lake, registry)
        for number, acts in enumerate(runs):
            account.run(acts if number else [*WHOLE, *acts], LAST)
        found = rows(lake, "gold.ledger")
        assert account.run([], LAST, full=True) == 0
        lake.close()
    return found


def sums(found: list[dict[str, Any]], measure: str = TRIAL_POINTS) -> dict[tuple[str, date, str], int]:
    """Kind, date and scenario → amount, of a measure."""
    total: Counter[tuple[str, date, str]] = Counter()
    for row in found:
        if row["measure"] == measure:
            total[row["position_kind"], row["act_date"], row["scenario"]] += row["amount"]
    return dict(total)


def ride(key: str, day: date, kilometres: int = 20, place: str = "inside") -> Act:
    """20 km are 934 g and 311 points."""
    return Act(key, "a1", day, "metro", kilometres, place)


def test_a_month_s_kilograms_take_no_points_that_a_day_s_cap_has_taken() -> None:
    """Each day keeps 100 of 311 points. The month keeps 500 g of 1,868: of 622 points 456 go, and 166 are left.

    The days have taken 422 of these already.
    """
    registry = ruled([{"period": "day", "points": 100}], {"metro": [{"period": "month", "limit": "500 g"}]})
    assert sums(stood(registry, [[ride("a", FIRST), ride("b", NEXT)]])) == {
        ("activity", FIRST, "metro"): 311, ("activity", NEXT, "metro"): 311,
        ("cap", FIRST, "*"): -211, ("cap", NEXT, "*"): -211,
        ("cap", FIRST, "metro"): -34,
    }  # fmt: skip


def test_a_year_s_kilograms_take_no_points_that_a_month_s_have_taken() -> None:
    """Two rides, one where the programme gives nothing. The month keeps 900 g of 1,868, the year 500 of these.

    The month takes 934 g's 312 points first from the one that earned any, which has 311; the year finds none.
    """
    registry = ruled([], {"metro": [{"period": "month", "limit": "900 g"}, {"period": "year", "limit": "500 g"}]})
    found = stood(registry, [[ride("a", FIRST), ride("b", NEXT, place="outside")]])
    assert sums(found) == {("activity", FIRST, "metro"): 311, ("cap", FIRST, "metro"): -311}


def test_a_later_cap_takes_no_points_that_an_older_one_has_taken() -> None:
    """The month's cap is in force from its first day, whose entry it is; the year's from the 2nd, and does not see that day."""
    caps = [{"period": "month", "points": 100}, {"period": "year", "points": 50, "valid_from": NEXT}]
    found = sums(stood(ruled(caps, {}), [[ride("a", NEXT), ride("b", NEXT)]]))
    assert found == {("activity", NEXT, "metro"): 622, ("cap", FIRST, "*"): -522, ("cap", NEXT, "*"): -50}


def test_a_later_cap_on_kilograms_takes_none_that_an_older_one_has_taken() -> None:
    caps = [{"period": "month", "limit": "100 g"}, {"period": "year", "limit": "50 g", "valid_from": NEXT}]
    found = stood(ruled([], {"metro": caps}), [[ride("a", NEXT)]])
    assert sums(found, "reduction_mg") == {
        ("activity", NEXT, "metro"): 934_000, ("cap", FIRST, "metro"): -834_000, ("cap", NEXT, "metro"): -50_000,
    }  # fmt: skip


def test_a_cap_is_succeeded_by_another_from_a_day_on() -> None:
    """A month's 100 points hold for its first day, 50 from the second on: each for the acts of its dates."""
    caps = [{"period": "month", "points": 100, "valid_to": NEXT}, {"period": "month", "points": 50, "valid_from": NEXT}]
    found = stood(ruled(caps, {}), [[ride("a", FIRST), ride("b", NEXT)]])
    assert sums(found) == {
        ("activity", FIRST, "metro"): 311, ("activity", NEXT, "metro"): 311,
        ("cap", FIRST, "*"): -211, ("cap", NEXT, "*"): -261,
    }  # fmt: skip


SPAN = st.one_of(st.just({}), st.sampled_from(DAYS[1:4]).map(lambda day: {"valid_from": day}),
                 st.sampled_from(DAYS[1:4]).map(lambda day: {"valid_to": day}))  # fmt: skip
PERIOD = st.sampled_from(PERIODS)
SCENARIOS = st.sampled_from([[], [], ["metro"], ["metro", "utility_payment"], ["walking"]])
ON_POINTS = st.builds(
    lambda span, period, names, points: {"period": period, "scenarios": names, "points": points, **span},
    SPAN, PERIOD, SCENARIOS, st.sampled_from([1, 7, 50, 120, 300]),
)  # fmt: skip
ON_KILOGRAMS = st.builds(
    lambda span, grams: {"limit": f"{grams} g", **span}, SPAN, st.sampled_from([1, 90, 500, 900, 2000])
)
ON_METRO = st.lists(st.tuples(PERIOD, ON_KILOGRAMS), max_size=3, unique_by=lambda one: one[0]).map(
    lambda caps: [{"period": period, **cap} for period, cap in caps]
)
ACTS = st.lists(
    st.builds(
        lambda number, day, scenario, place: Act(
            f"act {number}", "a1", day, scenario, {"metro": 20, "walking": 9_999, "utility_payment": 1}[scenario], place
        ),
        st.integers(0, 99), st.sampled_from(DAYS), st.sampled_from(["metro", "metro", "walking", "utility_payment"]),
        st.sampled_from(["inside", "inside", "outside"]),
    ),
    min_size=1, max_size=10, unique_by=lambda one: one.key,
)  # fmt: skip
TIERS = [
    {"id": "month", "scenarios": ["metro", "utility_payment"], "per": "act", "period": "month", "source": SOURCE,
     "steps": [{"reach": "2", "points": 30}]},
]  # fmt: skip


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.lists(ON_POINTS, max_size=4), ON_METRO, ACTS, st.booleans(), st.integers(0, 9))
def test_no_acts_and_caps_bring_anybody_below_nothing(
    on_points: list[dict[str, Any]], on_metro: list[dict[str, Any]], acts: list[Act], with_tiers: bool, cut: int
) -> None:
    """Of every day, month and year: acts, and what tiers and caps of no longer a period make of them."""
    try:
        registry = ruled(on_points, {"metro": on_metro}, tiers=TIERS if with_tiers else [])
    except ValidationError:
        assume(False)
        raise
    of_rules = {row["rule"]: row["period"] for row in Rewards(registry).ruled.to_pylist()}
    total: Counter[tuple[Any, ...]] = Counter()
    for row in stood(registry, [acts[:cut], acts[cut:]]):
        shortest = PERIODS.index(of_rules[row["factor_id"]] if row["position_kind"] in ("tier", "cap") else "day")
        for period in PERIODS[shortest:]:
            start = f"{row['act_date']}"[: {"day": 10, "month": 7, "year": 4}[period]]
            total[row["person_id"], row["measure"], start] += row["amount"]
    assert all(amount >= 0 for amount in total.values()), total

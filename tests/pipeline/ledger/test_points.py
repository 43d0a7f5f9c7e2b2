"""Properties of points: any order of arrival, late acts, corrections, merges and splits, the same entries.

They are worked out a second time, rule by rule, for histories that hypothesis makes up.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.lake import choose_engine, open_lake
from schemas import Registry
from tests.support.points_world import (
    CUSTOMERS,
    DAYS,
    PEOPLE,
    RUNS,
    TRIAL_POINTS,
    WHOLE,
    Account,
    Act,
    Consent,
    Fact,
    Member,
    Redemption,
    eventful,
    expected,
    trial_registry,
)

SOME = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])

customers = st.sampled_from(list(CUSTOMERS))
QUANTITY = {"metro": [0, 1, 5, 12, 20], "walking": [0, 4_999, 5_000, 9_999, 10_000, 20_000], "utility_payment": [0, 1]}


@st.composite
def act(draw: st.DrawFn) -> Act:
    """An act; its key tells its date and scenario, which do not change with a correction."""
    number = draw(st.integers(0, 23))
    scenario = ("metro", "utility_payment", "metro", "walking")[number % 4]
    return Act(
        f"act {number}",
        draw(customers),
        DAYS[number % len(DAYS)],
        scenario,
        draw(st.sampled_from(QUANTITY[scenario])),
        ("outside" if number % 7 == 0 else "inside"),
        draw(st.integers(0, 2)),
    )


@st.composite
def redemption(draw: st.DrawFn) -> Redemption:
    number = draw(st.integers(0, 7))
    return Redemption(
        f"redemption {number}",
        draw(customers),
        DAYS[(number * 5) % len(DAYS)],
        draw(st.sampled_from(["voucher", "tree"])),
        draw(st.sampled_from([0, 5, 40, 300])),
        draw(st.integers(0, 2)),
    )


MEMBER = st.builds(Member, customers, st.sampled_from(PEOPLE), st.integers(1, 3))
CONSENT = st.builds(Consent, customers, st.sampled_from(DAYS), st.booleans())
FACTS = st.lists(st.one_of(act(), act(), act(), redemption(), MEMBER, CONSENT), min_size=4, max_size=40)


@cache
def registry() -> Registry:
    """Not a fixture: hypothesis would print it with every example."""
    choose_engine("embedded")
    with TemporaryDirectory() as folder:
        return trial_registry(Path(folder) / "root")


def told_once(facts: Sequence[Fact]) -> list[Fact]:
    """Of facts of one key and revision the first: an institution says one thing at a time."""
    found: dict[tuple[str, int], Fact] = {}
    for fact in [*WHOLE, *facts]:
        found.setdefault((fact.key, fact.revision), fact)
    return list(found.values())


def posted(runs: Sequence[Sequence[Fact]], dates: Sequence[date]) -> Account:
    """A ledger after these runs; computing everything again adds nothing to it."""
    with TemporaryDirectory() as folder:
        lake = open_lake("embedded", Path(folder), registry())
        account = Account(lake, registry())
        for facts, on in zip(runs, dates, strict=True):
            account.run(facts, on)
        account.found = account.entries()
        assert account.run([], dates[-1], full=True) == 0
        lake.close()
    return account


@SOME
@given(FACTS, st.randoms(use_true_random=False))
def test_points_are_the_rules_in_any_order_of_arrival(facts: list[Fact], chance: random.Random) -> None:
    told = told_once(facts)
    due = expected(told, RUNS[-1])
    assert posted([told], RUNS[-1:]).found == due
    late = list(told)
    chance.shuffle(late)
    cut = sorted(chance.sample(range(len(late) + 1), 2))
    assert posted([late[: cut[0]], late[cut[0] : cut[1]], late[cut[1] :]], RUNS).found == due


@SOME
@given(FACTS)
def test_points_are_earned_once_and_leave_once(facts: list[Fact]) -> None:
    """After the last date that ends points nothing is left: all was given up or has expired, and nothing twice."""
    found = posted([told_once(facts)], RUNS[-1:]).found
    for person in PEOPLE:
        moved: Counter[str] = Counter()
        for (whose, measure, kind, *_), amount in found.items():
            if (whose, measure) == (person, TRIAL_POINTS):
                moved[kind] += amount
        earned = moved["activity"] + moved["tier"] + moved["cap"]
        given_up, expired = -(moved["redemption"] + moved["donation"]), -moved["expiry"]
        assert 0 <= expired <= max(earned, 0)
        overdrawn = given_up + expired - earned
        assert overdrawn >= 0 and (overdrawn == 0 or given_up > 0)


def test_a_history_that_reaches_every_rule() -> None:
    runs = eventful()
    found = posted(runs, RUNS).found
    assert found == expected([fact for run in runs for fact in run], RUNS[-1])
    kinds = {(kind, scenario) for _, measure, kind, _, scenario in found if measure == TRIAL_POINTS}
    assert kinds >= {
        ("activity", "metro"), ("activity", "walking"), ("activity", "utility_payment"), ("tier", "walking"),
        ("tier", "*"), ("tier", "metro"), ("cap", "utility_payment"), ("cap", "metro"), ("cap", "*"), ("expiry", "*"),
        ("redemption", "*"), ("donation", "*"),
    }  # fmt: skip
    capped = {day for _, _, kind, day, scenario in found if (kind, scenario) == ("cap", "*")}
    assert {date(2026, 1, 1), date(2026, 11, 1)} <= capped, "a year's cap and a month's"
    assert (
        sum(amount for (person, measure, *_), amount in found.items() if (person, measure) == ("p2", TRIAL_POINTS)) < 0
    )

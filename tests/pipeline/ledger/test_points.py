"""Properties of points: any order of arrival, late acts, corrections, merges and splits, the same entries.

They are worked out a second time, rule by rule, for histories that hypothesis makes up.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
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
    Entries,
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


def posted(runs: Sequence[Sequence[Fact]], dates: Sequence[date], of: Registry | None = None) -> list[Entries]:
    """What stands after each of these runs; computing everything again adds nothing to the last."""
    registry_ = of or registry()
    found = []
    with TemporaryDirectory() as folder:
        lake = open_lake("embedded", Path(folder), registry_)
        account = Account(lake, registry_)
        for facts, on in zip(runs, dates, strict=True):
            account.run(facts, on)
            found.append(account.entries())
        assert account.run([], dates[-1], full=True) == 0
        lake.close()
    return found


def due_after(runs: Sequence[Sequence[Fact]], dates: Sequence[date], since: date = date.min) -> list[Entries]:
    """What must stand after each of these runs."""
    return [
        expected([fact for run in runs[:number] for fact in run], on, since) for number, on in enumerate(dates, start=1)
    ]


def expiring_since(day: date) -> Registry:
    """The registry in which points of earlier dates never expire."""
    programme = registry().programmes["trial"]
    assert programme.expiry
    rule = programme.expiry.model_copy(update={"valid_from": day})
    return replace(registry(), programmes={"trial": programme.model_copy(update={"expiry": rule})})


@SOME
@given(FACTS, st.sampled_from(DAYS), st.sampled_from(RUNS), st.randoms(use_true_random=False))
def test_points_are_the_rules_in_any_order_of_arrival(
    facts: list[Fact], begin: date, on: date, chance: random.Random
) -> None:
    """Also of people who began late in a year, whose rules' entries lie before all that they did."""
    told = told_once([one for one in facts if not isinstance(one, Act) or one.day >= begin])
    assert posted([told], [on]) == due_after([told], [on])
    late = list(told)
    chance.shuffle(late)
    cut = sorted(chance.sample(range(len(late) + 1), 2))
    runs = [late[: cut[0]], late[cut[0] : cut[1]], late[cut[1] :]]
    assert posted(runs, RUNS) == due_after(runs, RUNS)


@SOME
@given(FACTS)
def test_points_are_earned_once_and_leave_once(facts: list[Fact]) -> None:
    """After the last date that ends points nothing is left: all was given up or has expired, and nothing twice."""
    [found] = posted([told_once(facts)], RUNS[-1:])
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
    *_, found = all_found = posted(runs, RUNS)
    assert all_found == due_after(runs, RUNS)
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


def test_a_year_s_bonus_expires_on_its_day_though_no_act_of_its_month_was_touched() -> None:
    """Two payments of December reach the year's step of 40: an entry of 1 January, whose points go with February.

    So on the day that they are earned they are gone; the payments' own 7 + 7, capped at 10 a day, hold on.
    """
    december = date(2026, 12, 31)
    payments = [Act(f"pay {n}", "a1", december, "utility_payment", 1) for n in range(2)]
    [found] = posted([[*WHOLE, *payments]], [december])
    of_points = {key[2:4]: amount for key, amount in found.items() if key[1] == TRIAL_POINTS}
    assert of_points == {
        ("activity", december): 14, ("cap", december): -4,
        ("tier", date(2026, 1, 1)): 40, ("expiry", date(2026, 2, 28)): -40,
    }  # fmt: skip
    # An act that comes later, on a day that is not over, leaves the bonus as it is; one that goes takes it along.
    withdrawn = payments[0]._replace(quantity=0, revision=1)
    [*_, found] = posted([[*WHOLE, *payments], [withdrawn]], [december, december])
    assert {key[2:4]: amount for key, amount in found.items() if key[1] == TRIAL_POINTS} == {("activity", december): 7}


NOVEMBER = date(2026, 11, 1)


def test_points_of_before_the_rule_never_expire_and_are_used_first() -> None:
    """October's 7 points and the year's bonus of 40, which is of 1 January, are 47; 50 are given up.

    So three of 1 November's 7 were used, and four expire.
    """
    payments = [Act(f"pay {n}", "a1", day, "utility_payment", 1) for n, day in enumerate(DAYS[:2])]
    runs = [[*WHOLE, *payments], [Redemption("red 1", "a1", DAYS[2], "voucher", 50)], []]
    found = posted(runs, RUNS, expiring_since(NOVEMBER))
    expired = [{key[3]: amount for key, amount in one.items() if key[2] == "expiry"} for one in found]
    assert expired == [{}, {date(2026, 12, 31): -4}, {date(2026, 12, 31): -4}]


@settings(SOME, max_examples=10)
@given(FACTS, st.randoms(use_true_random=False))
def test_points_expire_by_the_rule_that_is_in_force(facts: list[Fact], chance: random.Random) -> None:
    told = told_once(facts)
    chance.shuffle(told)
    runs = [told[: len(told) // 2], told[len(told) // 2 :], []]
    assert posted(runs, RUNS, expiring_since(NOVEMBER)) == due_after(runs, RUNS, NOVEMBER)

"""Small histories of points, and what must come out of them: the trial programme's rules by heart, and nothing of the jobs.

A history is a list of facts, each with a revision; of the facts of one key the highest revision holds, whatever run it
came with.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from math import ceil
from typing import Any, NamedTuple

CUSTOMERS = {"a1": "alipay", "m1": "hangzhou_metro", "a2": "alipay", "m2": "hangzhou_metro"}
PEOPLE = ("p1", "p2")


class Act(NamedTuple):
    """A credited act of so many km, steps or payments; none takes it back. place: of REGION.

    meal, object: at which meal of its day it was, and with what it was done; None where nobody tells.
    """

    key: str
    customer: str
    day: date
    scenario: str
    quantity: int
    place: str = "inside"
    revision: int = 0
    meal: str | None = None
    object: str | None = None


class Redemption(NamedTuple):
    """Points given up; none takes it back."""

    key: str
    customer: str
    day: date
    benefit: str
    points: int
    revision: int = 0


class Member(NamedTuple):
    """Whose customer it is."""

    customer: str
    person: str
    revision: int = 0

    @property
    def key(self) -> str:
        return f"member {self.customer}"


class Consent(NamedTuple):
    """A consent as the day begins."""

    customer: str
    day: date
    is_given: bool

    @property
    def key(self) -> str:
        return f"consent {self.customer} {self.day}"

    @property
    def revision(self) -> int:
        return 0


Fact = Act | Redemption | Member | Consent
Entries = dict[tuple[Any, ...], int]
"""(person, measure, kind of position, date, scenario) → amount."""


def in_force(facts: Iterable[Fact]) -> dict[str, Fact]:
    """The facts that hold, by their key."""
    held: dict[str, Fact] = {}
    for fact in facts:
        if fact.key not in held or held[fact.key].revision <= fact.revision:
            held[fact.key] = fact
    return held


def id_of(name: str) -> str:
    return hashlib.md5(name.encode()).hexdigest()


def people_of(facts: dict[str, Fact]) -> dict[str, str]:
    """Customer → person; at first everybody's customers are their own."""
    alone = dict(zip(CUSTOMERS, ("p1", "p1", "p2", "p2")))
    return (alone if facts else {}) | {one.customer: one.person for one in facts.values() if isinstance(one, Member)}


MG = {"metro": 46_700, "walking": 20, "utility_payment": 89_000}
"""Milligrams of a km, a step, a payment."""
TRIAL_POINTS = "points.trial"
PERIODS = ("day", "month", "year")
KILOGRAM_CAPS = (("walking", "day", 296_000), ("metro", "month", 1_000_000), ("metro", "year", 2_000_000))
EVERYTHING = ("metro", "utility_payment", "walking", "trial.walkers", "trial.doers")
POINT_CAPS = (
    ("day", 10, "utility_payment", ("utility_payment",)),
    ("month", 300, "*", ("metro", "utility_payment", "trial.doers")),
    ("month", 320, "*", EVERYTHING),
    ("year", 250, "*", (*EVERYTHING, "trial.riders", "trial.payers")),
)
"""Period, limit, what the entry says of scenarios, and what is limited: acts, and what tiers of no longer a period give."""


@dataclass
class Lot:
    """Points that an act or a tier gave, and what caps have left of them so far."""

    day: date
    member: str
    key: str
    earned: int
    left: int


def expected(facts: Iterable[Fact], on: date, since: date = date.min) -> Entries:
    """What `Account.entries` must say. since: from which date on points expire at all."""
    held = in_force(facts)
    people = people_of(held)
    found: defaultdict[tuple[Any, ...], int] = defaultdict(int)
    for person in PEOPLE:
        acts = [
            one for one in held.values() if isinstance(one, Act) and one.quantity and people[one.customer] == person
        ]
        for (measure, kind, day, scenario), amount in _of_person(person, acts, held, people, on, since).items():
            found[person, measure, kind, day, scenario] += amount
    return {key: amount for key, amount in found.items() if amount}


def _of_person(
    person: str, acts: list[Act], held: dict[str, Fact], people: dict[str, str], on: date, since: date
) -> dict[tuple[Any, ...], int]:
    entries: defaultdict[tuple[Any, ...], int] = defaultdict(int)

    def add(measure: str, kind: str, day: date, scenario: str, amount: int) -> None:
        entries[measure, kind, day, scenario] += amount

    for act in acts:
        add("reduction_mg", "activity", act.day, act.scenario, act.quantity * MG[act.scenario])
    rewarded = [act for act in acts if act.place == "inside" and _is_whole(person, act.day, held, people)]
    worth = {
        key: min(ceil(Fraction(min(over, _ridden(rewarded, *key)), 3_000)), _earned(rewarded, *key))
        for key, over in _over(acts, add).items()
        if key[0] == "metro"
    }
    lots = []
    for act in rewarded:
        points = {"metro": act.quantity * MG["metro"] // 3_000, "utility_payment": 7, "walking": act.quantity // 1_000}
        add(TRIAL_POINTS, "activity", act.day, act.scenario, points[act.scenario])
        lots.append(Lot(act.day, act.scenario, id_of(act.key), *[points[act.scenario]] * 2))
    for start, scenario, rule, points_ in _tiers(rewarded):
        add(TRIAL_POINTS, "tier", start, scenario, points_)
        lots.append(Lot(start, f"trial.{rule}", "", points_, points_))
    for period in PERIODS:
        for scenario, of, start in worth:
            if of == period:
                gone = sum(
                    points for (name, inner, day), points in worth.items()
                    if name == scenario and PERIODS.index(inner) <= PERIODS.index(of) and _start(day, of) == start
                )  # fmt: skip
                add(TRIAL_POINTS, "cap", start, scenario, -_take(lots, of, start, (scenario,), gone=gone))
        for of, limit, named, members in POINT_CAPS:
            if of == period:
                for start in {_start(lot.day, of) for lot in lots}:
                    add(TRIAL_POINTS, "cap", start, named, -_take(lots, of, start, members, limit=limit))
    given_up: defaultdict[date, int] = defaultdict(int)
    for one in held.values():
        if isinstance(one, Redemption) and one.points and people[one.customer] == person:
            kind = "donation" if one.benefit == "tree" else "redemption"
            add(TRIAL_POINTS, kind, one.day, "*", -one.points)
            given_up[one.day] += one.points
    for day, points in _first_in_first_out(entries, given_up, on, since).items():
        add(TRIAL_POINTS, "expiry", day, "*", -points)
    return entries


def _over(acts: list[Act], add: Any) -> dict[tuple[str, str, date], int]:
    """Scenario, period and its first day → milligrams that a cap takes, after those of shorter periods."""
    over: dict[tuple[str, str, date], int] = {}
    for scenario, period, limit in KILOGRAM_CAPS:
        for start in {_start(act.day, period) for act in acts if act.scenario == scenario}:
            done = sum(act.quantity for act in acts if act.scenario == scenario and _start(act.day, period) == start)
            before = sum(
                taken for (name, _, day), taken in over.items() if name == scenario and _start(day, period) == start
            )
            taken = done * MG[scenario] - before - limit
            if taken > 0:
                over[scenario, period, start] = taken
                add("reduction_mg", "cap", start, scenario, -taken)
    return over


def _ridden(rewarded: list[Act], scenario: str, period: str, start: date) -> int:
    """Milligrams of the rewarded acts of a period."""
    within = [act for act in rewarded if act.scenario == scenario and _start(act.day, period) == start]
    return sum(act.quantity * MG[scenario] for act in within)


def _earned(rewarded: list[Act], scenario: str, period: str, start: date) -> int:
    """The points of these acts."""
    within = [act for act in rewarded if act.scenario == scenario and _start(act.day, period) == start]
    return sum(act.quantity * MG[scenario] // 3_000 for act in within)


def _take(
    lots: list[Lot], period: str, start: date, members: tuple[str, ...], *, limit: int | None = None, gone: int = 0
) -> int:
    """What a cap takes of a period's lots: all that the earliest do not leave room for. gone: of what they earned."""
    within = [lot for lot in lots if lot.member in members and _start(lot.day, period) == start]
    room = max(0, sum(lot.earned for lot in within) - gone) if limit is None else limit
    taken = 0
    for lot in sorted(within, key=lambda lot: (lot.day, lot.member, lot.key)):
        kept = min(lot.left, room)
        room -= kept
        taken += lot.left - kept
        lot.left = kept
    return taken


def _tiers(rewarded: list[Act]) -> Iterator[tuple[date, str, str, int]]:
    """First day, scenario, rule and points of every tier that is reached."""
    steps: defaultdict[date, int] = defaultdict(int)
    done: defaultdict[date, int] = defaultdict(int)
    ridden: defaultdict[date, int] = defaultdict(int)
    paid: defaultdict[date, int] = defaultdict(int)
    for act in rewarded:
        if act.scenario == "walking":
            steps[act.day] += act.quantity
        else:
            done[_start(act.day, "month")] += 1
        if act.scenario == "metro":
            ridden[_start(act.day, "year")] += act.quantity * MG["metro"]
        if act.scenario == "utility_payment":
            paid[_start(act.day, "year")] += 1
    for day, count in steps.items():
        yield day, "walking", "walkers", 5 if count >= 10_000 else 2 if count >= 5_000 else 0
    for start, count in done.items():
        yield start, "*", "doers", 30 if count >= 6 else 10 if count >= 3 else 0
    for start, milligrams in ridden.items():
        yield start, "metro", "riders", 50 if milligrams >= 1_500_000 else 0
    for start, count in paid.items():
        yield start, "utility_payment", "payers", 40 if count >= 2 else 0


def _is_whole(person: str, day: date, held: dict[str, Fact], people: dict[str, str]) -> bool:
    """Whether two institutions have a consent of the person as the day ends."""
    said: dict[str, Consent] = {}
    for one in sorted((one for one in held.values() if isinstance(one, Consent)), key=lambda one: one.day):
        if one.day <= day and people[one.customer] == person:
            said[one.customer] = one
    return len({CUSTOMERS[customer] for customer, one in said.items() if one.is_given}) >= 2


def _first_in_first_out(
    entries: dict[tuple[Any, ...], int], given_up: dict[date, int], on: date, since: date
) -> dict[date, int]:
    """Points of a month are gone at the end of the next one, unless they were given up: the oldest first, one by one.

    Those of before `since` stay for good.
    """

    def end_of(day: date) -> date:
        return _end_of_next_month(day) if day >= since else date.max

    left: defaultdict[date, int] = defaultdict(int)
    debt, expired = 0, {}
    moves = [(day, 1, 0, -points) for day, points in given_up.items()]
    for (measure, kind, day, _), amount in entries.items():
        if measure == TRIAL_POINTS and kind not in ("redemption", "donation"):
            moves.append((day, 0, -amount, amount))  # of a day what is given comes before what is taken
    moves += [(end_of(day), 2, 0, 0) for day, kind, *_ in moves if kind == 0]
    for day, what, _, amount in sorted(moves):
        if what == 0 and amount > 0:
            paid = min(debt, amount)
            debt -= paid
            left[end_of(day)] += amount - paid
        elif what == 0:
            own = min(left[end_of(day)], -amount)
            left[end_of(day)] -= own
            debt += -amount - own
        elif what == 1:
            wanted = -amount
            for end in sorted(left, key=lambda end: (end < date.max, end)):
                used = min(left[end], wanted)
                left[end] -= used
                wanted -= used
            debt += wanted
        elif day <= on and left[day]:
            expired[day] = left.pop(day)
    return expired


def _end_of_next_month(day: date) -> date:
    first = date(day.year + (day.month + 1) // 12, (day.month + 1) % 12 + 1, 1)
    return first - timedelta(days=1)


def _start(day: date, period: str) -> date:
    return day.replace(day=1) if period == "month" else day.replace(month=1, day=1) if period == "year" else day

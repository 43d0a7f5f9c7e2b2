"""What exclusions and caps must take of kilograms, by brute force: one rule after the other, over every act of a person."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from datetime import date
from typing import NamedTuple


class Done(NamedTuple):
    """An act that saved something."""

    key: str
    person: str
    scenario: str
    day: date
    milligrams: int
    meal: str | None
    thing: str | None


class Excluding(NamedTuple):
    """A scenario against others, within `by`: meal, day, object or month."""

    id: str
    scenario: str
    others: Sequence[str]
    by: str
    since: date
    until: date


class Limiting(NamedTuple):
    """The most milligrams of a scenario in a day, month or year."""

    id: str
    scenario: str
    period: str
    most: int


Taken = Counter[tuple[str, str, str, date]]
"""(person, rule, scenario, first day) → milligrams."""

ORDER = ("meal", "day", "cap of a day", "object", "month", "cap of a month", "cap of a year")


def taken(acts: Sequence[Done], rules: Iterable[Excluding | Limiting]) -> Taken:
    """What each rule takes of each scenario in each of its periods."""
    left = {act.key: act.milligrams for act in acts}
    found: Taken = Counter()
    for rule in sorted(rules, key=lambda one: (ORDER.index(_kind(one)), one.id)):
        for (person, start, *_), held in _held(rule, acts).items():
            for act in _lost(rule, held, left) if isinstance(rule, Excluding) else []:
                found[person, rule.id, act.scenario, start] += left[act.key]
                left[act.key] = 0
            if isinstance(rule, Limiting):
                room = rule.most
                for act in sorted(held, key=lambda one: (one.day, one.key)):
                    kept = min(room, left[act.key])
                    found[person, rule.id, act.scenario, start] += left[act.key] - kept
                    room, left[act.key] = room - kept, kept
    return Counter({key: amount for key, amount in found.items() if amount})


def _kind(rule: Excluding | Limiting) -> str:
    return rule.by if isinstance(rule, Excluding) else f"cap of a {rule.period}"


def _held(rule: Excluding | Limiting, acts: Sequence[Done]) -> dict[tuple[Hashable, ...], list[Done]]:
    """The acts that a rule holds against each other, by person, first day, and meal or object."""
    period = rule.period if isinstance(rule, Limiting) else {"meal": "day", "object": "month"}.get(rule.by, rule.by)
    of_period: defaultdict[tuple[str, date], list[Done]] = defaultdict(list)
    for act in acts:
        names = {rule.scenario, *(rule.others if isinstance(rule, Excluding) else ())}
        if act.scenario in names and (isinstance(rule, Limiting) or rule.since <= act.day < rule.until):
            start = {"day": act.day, "month": act.day.replace(day=1), "year": act.day.replace(month=1, day=1)}[period]
            of_period[act.person, start].append(act)
    if isinstance(rule, Limiting) or rule.by in ("day", "month"):
        return dict(of_period)
    told: defaultdict[tuple[Hashable, ...], list[Done]] = defaultdict(list)
    for place, held in of_period.items():
        names_ = [act.meal if rule.by == "meal" else act.thing for act in held]
        for act, name in zip(held, names_):
            told[(*place, None if None in names_ else name)].append(act)
    return dict(told)


def _lost(rule: Excluding, held: list[Done], left: dict[str, int]) -> list[Done]:
    """The side that saved less; the others where both saved as much."""
    own = [act for act in held if act.scenario == rule.scenario]
    others = [act for act in held if act.scenario != rule.scenario]
    mine, theirs = (sum(left[act.key] for act in side) for side in (own, others))
    if not mine or not theirs:
        return []
    return own if mine < theirs else others

"""Which people the identifiers alone can tell apart: the linking policy applied to a block's customers.

The policy joins customers of one subject kind by citizen id, then by card, then by phone; a component that
cards or phones would give two citizen ids loses all the links of that kind, and a phone known for two
citizens proves nothing. Whether "known for" looks at the customer or at what it is already joined to is
open, so both readings are tried: a person is decidable only if both give exactly that person's customers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """What the registration in force says of one customer; empty text means unknown."""

    person: int
    kind: int
    citizen_id: str
    phone: str
    cards: tuple[str, ...]


class _Sets:
    """Union-find over 0..n-1."""

    def __init__(self, size: int) -> None:
        self.parent = list(range(size))

    def find(self, item: int) -> int:
        while self.parent[item] != item:
            self.parent[item] = self.parent[self.parent[item]]
            item = self.parent[item]
        return item

    def join(self, one: int, other: int) -> None:
        self.parent[self.find(one)] = self.find(other)


def _links(keys: Iterable[tuple[int, str]]) -> list[list[int]]:
    """Customers that share a non-empty value, as groups of two and more."""
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for customer, value in keys:
        if value:
            groups[value].append(customer)
    return [group for group in groups.values() if len(group) > 1]


def _citizens(sets: _Sets, customers: Sequence[Known]) -> dict[int, set[str]]:
    held: defaultdict[int, set[str]] = defaultdict(set)
    for k, customer in enumerate(customers):
        if customer.citizen_id:
            held[sets.find(k)].add(customer.citizen_id)
    return held


def _join_unless_conflicting(sets: _Sets, groups: list[list[int]], customers: Sequence[Known]) -> None:
    """Join the groups, leaving out every component that would hold two citizen ids."""
    trial = _Sets(len(customers))
    trial.parent = list(sets.parent)
    for group in groups:
        for other in group[1:]:
            trial.join(group[0], other)
    held = _citizens(trial, customers)
    for group in groups:
        if len(held.get(trial.find(group[0]), ())) <= 1:
            for other in group[1:]:
                sets.join(group[0], other)


def _partition(customers: Sequence[Known], by_component: bool) -> list[int]:
    sets = _Sets(len(customers))
    for group in _links((k, f"{c.kind}{c.citizen_id}" if c.citizen_id else "") for k, c in enumerate(customers)):
        for other in group[1:]:
            sets.join(group[0], other)
    cards = _links((k, f"{c.kind}{card}") for k, c in enumerate(customers) for card in c.cards)
    _join_unless_conflicting(sets, cards, customers)
    held = _citizens(sets, customers)
    phones = []
    for group in _links((k, f"{c.kind}{c.phone}" if c.phone else "") for k, c in enumerate(customers)):
        known: set[str] = set()
        for k in group:
            known |= held.get(sets.find(k), set()) if by_component else {customers[k].citizen_id} - {""}
        if len(known) <= 1:
            phones.append(group)
    _join_unless_conflicting(sets, phones, customers)
    return [sets.find(k) for k in range(len(customers))]


def decidable_people(customers: Sequence[Known]) -> set[int]:
    """The people whose customers the linking policy joins, all of them and no others."""
    told_apart: set[int] | None = None
    for by_component in (False, True):
        members: defaultdict[int, set[int]] = defaultdict(set)
        components: defaultdict[int, set[int]] = defaultdict(set)
        for customer, component in zip(customers, _partition(customers, by_component), strict=True):
            members[component].add(customer.person)
            components[customer.person].add(component)
        right = {
            person for person, found in components.items() if len(found) == 1 and members[next(iter(found))] == {person}
        }
        told_apart = right if told_apart is None else told_apart & right
    return told_apart or set()

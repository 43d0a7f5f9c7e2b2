"""Persons are a pure function of the evidence: any order, any batches, the same partition."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.persons import identity
from jobs.persons.identity import LEVELS, Partition

Evidence = dict[str, list[tuple[str, str]]]
Groups = set[frozenset[str]]


class Identities(NamedTuple):
    """What `inherit` says, by names."""

    person: dict[str, str]
    origin: dict[str, str | None]
    born: list[str]
    merged: dict[str, str]
    split: dict[str, str]
    reopened: dict[str, str]


def texts(values: Iterable[str | None]) -> pa.Array:
    return pa.array(list(values), pa.string())


def partition(customers: Iterable[str], told: Evidence) -> Partition:
    columns = {level: (texts(one for one, _ in pairs), texts(one for _, one in pairs)) for level, pairs in told.items()}
    return identity.partition(texts(customers), columns)


def inherit(
    found: Partition,
    before: Mapping[str, str],
    origin: Mapping[str, str | None],
    births: Mapping[str, int],
    seq: int,
) -> Identities:
    names = found.customers.to_pylist()
    was, counts_for = (texts(known.get(name) for name in names) for known in (before, origin))

    def told(persons: pa.Array) -> Mapping[str, int]:
        return {one: births[one] for one in persons.to_pylist() if one in births}

    made = identity.inherit(found, was, counts_for, told, seq)
    pairs = (dict(zip(one.to_pylist(), other.to_pylist())) for one, other in (made.merged, made.split, made.reopened))
    person, who = made.person.to_pylist(), made.origin.to_pylist()
    return Identities(dict(zip(names, person)), dict(zip(names, who)), made.born.to_pylist(), *pairs)


class Registration(NamedTuple):
    """What a customer's institution knows of it."""

    customer: str
    citizen_id: str | None
    cards: tuple[str, ...]
    phone: str | None


# Few tokens for many customers, so that nearly every history has a conflict or a chain.
REGISTRATION = st.builds(
    Registration,
    st.sampled_from([f"c{number:02}" for number in range(12)]),
    st.one_of(st.none(), st.sampled_from(["id1", "id2", "id3"])),
    st.lists(st.sampled_from(["k1", "k2", "k3", "k4", "k5"]), max_size=2, unique=True).map(tuple),
    st.one_of(st.none(), st.sampled_from(["p1", "p2", "p3", "p4", "p5"])),
)
HISTORY = st.lists(REGISTRATION, min_size=1, max_size=24)
"""In order of registration: a customer's later registration replaces its earlier one."""
MANY = settings(max_examples=50, deadline=None)


def in_force(history: Iterable[Registration]) -> dict[str, Registration]:
    return {registration.customer: registration for registration in history}


def evidence(registrations: Iterable[Registration]) -> Evidence:
    found: Evidence = {level: [] for level in LEVELS}
    for one in registrations:
        found["citizen_id"] += [(one.customer, one.citizen_id)] if one.citizen_id else []
        found["card"] += [(one.customer, card) for card in one.cards]
        found["phone"] += [(one.customer, one.phone)] if one.phone else []
    return found


def joined(registrations: Iterable[Registration]) -> Partition:
    known = list(registrations)
    return partition([one.customer for one in known], evidence(known))


def groups(found: Partition) -> Groups:
    return as_groups(dict(zip(found.customers.to_pylist(), found.cluster.tolist())))


def components(found: Partition) -> Groups:
    return as_groups(dict(zip(found.customers.to_pylist(), found.component.tolist())))


def as_groups(label: Mapping[str, object]) -> Groups:
    members = defaultdict(set)
    for customer, one in label.items():
        members[one].add(customer)
    return {frozenset(group) for group in members.values()}


def by_the_policy(known: dict[str, Registration]) -> Groups:
    """The linkage policy, word by word, with sets."""
    found = {frozenset([customer]) for customer in known}
    for level in LEVELS:
        wider = set(found)
        tokens = defaultdict(set)
        for customer, token in evidence(known.values())[level]:
            tokens[token].add(customer)
        for holders in tokens.values():
            owners = {known[one].citizen_id for group in found if group & holders for one in group} - {None}
            if level != "citizen_id" and len(owners) > 1:
                continue
            touched = {group for group in wider if group & holders}
            wider = (wider - touched) | {frozenset().union(*touched)}
        kept = set()
        for group in wider:
            citizens = {known[customer].citizen_id for customer in group} - {None}
            kept |= {group} if len(citizens) <= 1 else {one for one in found if one <= group}
        found = kept
    return found


@MANY
@given(HISTORY)
def test_partition_is_the_policy(history: list[Registration]) -> None:
    known = in_force(history)
    assert groups(joined(known.values())) == by_the_policy(known)


@MANY
@given(HISTORY, st.randoms(use_true_random=False))
def test_order_of_arrival_does_not_matter(history: list[Registration], chance: random.Random) -> None:
    known = list(in_force(history).values())
    one = joined(known)
    chance.shuffle(known)
    pairs = evidence(known)
    for level in LEVELS:
        chance.shuffle(pairs[level])
    other = partition([registration.customer for registration in known], pairs)
    assert other.customers == one.customers
    assert other.cluster.tolist() == one.cluster.tolist()
    assert other.component.tolist() == one.component.tolist()
    assert (other.rule.to_pylist(), other.conflicts) == (one.rule.to_pylist(), one.conflicts)


@MANY
@given(HISTORY)
def test_clusters_and_components_bear_the_name_of_their_smallest(history: list[Registration]) -> None:
    found = joined(in_force(history).values())
    for labels, parts in ((found.cluster, groups(found)), (found.component, components(found))):
        keys = found.customers.to_pylist()
        name = {customer: keys[label] for customer, label in zip(keys, labels.tolist())}
        assert all({name[customer] for customer in part} == {min(part)} for part in parts)
    alone = {next(iter(part)) for part in groups(found) if len(part) == 1}
    assert alone == {key for key, rule in zip(found.customers.to_pylist(), found.rule.to_pylist()) if rule == "alone"}


@MANY
@given(HISTORY, st.randoms(use_true_random=False))
def test_components_stand_for_themselves(history: list[Registration], chance: random.Random) -> None:
    """Why a run may look at the touched components only: the others come out as they did."""
    known = in_force(history)
    whole = joined(known.values())
    chosen = [part for part in sorted(components(whole), key=min) if chance.random() < 0.5]
    customers = frozenset().union(*chosen)
    part = joined(one for one in known.values() if one.customer in customers)
    assert groups(part) == {group for group in groups(whole) if group <= customers}


@MANY
@given(HISTORY, st.lists(st.integers(1, 6), max_size=12), st.randoms(use_true_random=False))
def test_run_by_run_ends_where_one_run_ends(
    history: list[Registration], sizes: list[int], chance: random.Random
) -> None:
    """Registrations arrive in any order and in batches; each run joins only whom the news can reach."""
    numbered = list(enumerate(history))
    chance.shuffle(numbered)
    latest: dict[str, tuple[int, Registration]] = {}
    person: dict[str, str] = {}
    component: dict[str, str] = {}
    redirect: dict[str, str] = {}
    origin: dict[str, str | None] = {}
    births: dict[str, int] = {}
    ever: set[str] = set()
    for seq, batch in enumerate(batches(numbered, sizes), start=1):
        for number, one in batch:
            if one.customer not in latest or latest[one.customer][0] < number:
                latest[one.customer] = (number, one)
        known = {customer: one for customer, (_, one) in latest.items()}
        reached = reach({one.customer for _, one in batch}, known, component)
        found = joined(known[customer] for customer in reached)
        identities = inherit(found, {key: person[key] for key in reached if key in person}, origin, births, seq)
        check_identities(found, identities, person, ever)
        redirect = {old: new for old, new in redirect.items() if old not in identities.reopened} | identities.merged
        person |= identities.person
        origin |= identities.origin
        births |= dict.fromkeys([*identities.born, *identities.split], seq)
        keys = found.customers.to_pylist()
        component |= {key: keys[label] for key, label in zip(keys, found.component.tolist())}
        ever |= set(person.values())
    at_once = joined(in_force(history).values())
    assert as_groups(person) == groups(at_once)
    assert as_groups(component) == components(at_once)
    counting = as_groups({key: one for key, one in origin.items() if one})
    assert all(len({person[key] for key in group}) == 1 for group in counting), "who counts for one is one"
    again = inherit(at_once, person, origin, births, 99)
    assert (again.person, again.origin) == (person, origin), "a full computation gives nobody another id"
    living = set(person.values())
    for one in ever:
        while one in redirect:
            one = redirect[one]
        assert one in living, "every id that was ever given leads to somebody"


def batches(numbered: list[tuple[int, Registration]], sizes: list[int]) -> Iterable[list[tuple[int, Registration]]]:
    rest = numbered
    for size in sizes:
        batch, rest = rest[:size], rest[size:]
        if batch:
            yield batch
    if rest:
        yield rest


def reach(changed: set[str], known: dict[str, Registration], component: dict[str, str]) -> set[str]:
    """The components of the changed customers, as they were, and of those who share a token with them now."""
    holders = defaultdict(set)
    for level, pairs in evidence(known.values()).items():
        for customer, token in pairs:
            holders[level, token].add(customer)
    near = set(changed).union(*(group for group in holders.values() if group & changed))
    former = {component[customer] for customer in near if customer in component}
    return near | {customer for customer, name in component.items() if name in former}


def check_identities(found: Partition, identities: Identities, before: Mapping[str, str], ever: set[str]) -> None:
    assert as_groups(identities.person) == groups(found)
    now = set(identities.person.values())
    customers = found.customers.to_pylist()
    former = {before[customer] for customer in customers if customer in before}
    assert now - former == {*identities.born, *identities.split, *identities.reopened}
    assert set(identities.reopened) == (now - former) & ever, "an id is given once, and otherwise given back"
    assert former - now == set(identities.merged), "who is no more has a redirect, and nobody else"
    assert set(identities.merged.values()) <= now
    assert not (now - former) & set(before.values()), "nobody has the id of somebody else"
    unchanged = as_groups({key: before[key] for key in customers if key in before}) & groups(found)
    assert all(identities.person[key] == before[key] for group in unchanged for key in group)


def registered(*rows: tuple[str, str | None, str | None, str | None]) -> list[Registration]:
    """(customer, citizen id, card, phone)."""
    return [Registration(key, citizen, (card,) if card else (), phone) for key, citizen, card, phone in rows]


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        pytest.param(
            registered(("a", "1", None, None), ("b", "1", None, None), ("c", "2", None, None)),
            {"ab", "c"},
            id="equal citizen id",
        ),
        pytest.param(
            registered(("a", "1", "k", None), ("b", None, "k", "p"), ("c", None, None, "p")),
            {"abc"},
            id="chain of card and phone",
        ),
        pytest.param(
            registered(("a", "1", "k", None), ("b", None, "k", None), ("c", "2", "k", None)),
            {"a", "b", "c"},
            id="card of two citizens",
        ),
        pytest.param(
            registered(("a", "1", None, "p"), ("b", "2", None, "p"), ("c", None, None, "p")),
            {"a", "b", "c"},
            id="shared phone",
        ),
        pytest.param(
            registered(("a", "1", "k", "p"), ("b", None, "k", "q"), ("c", "2", None, "q")),
            {"ab", "c"},
            id="card joins before the phone is refused",
        ),
        pytest.param(
            registered(("a", "1", None, "p"), ("b", None, None, "p"), ("c", None, None, None)),
            {"ab", "c"},
            id="phone",
        ),
    ],
)
def test_examples(history: list[Registration], expected: set[str]) -> None:
    assert groups(joined(history)) == {frozenset(group) for group in expected}


class Ids:
    """Who is who after each run: only those whom its news reach are looked at."""

    def __init__(self) -> None:
        self.person: dict[str, str] = {}
        self.origin: dict[str, str | None] = {}
        self.births: dict[str, int] = {}
        self.seq = 0

    def run(self, known: Iterable[Registration]) -> Identities:
        self.seq += 1
        found = inherit(joined(known), self.person, self.origin, self.births, self.seq)
        self.person, self.origin = found.person, found.origin
        self.births |= dict.fromkeys([*found.born, *found.split], self.seq)
        return found


def test_the_larger_part_keeps_the_id() -> None:
    ids = Ids()
    family = registered(("a", None, None, "p"), ("b", None, None, "p"), ("c", None, None, "p"))
    [person] = ids.run(family).born
    second = ids.run([family[0]._replace(phone="q"), family[1], family[2]])
    assert second.person["b"] == second.person["c"] == person
    assert second.split == {second.person["a"]: person}
    third = ids.run(family)
    assert set(third.person.values()) == {person}
    assert third.merged == {second.person["a"]: person}
    fourth = ids.run([family[0]._replace(phone="q"), family[1], family[2]])
    assert fourth.person == second.person
    assert (fourth.split, fourth.reopened) == ({}, {second.person["a"]: person})


@pytest.mark.parametrize("names", ["ab", "ba"])
def test_of_two_halves_the_customer_of_the_birth_keeps_the_id(names: str) -> None:
    """Whoever comes later is the smaller key or the larger one, and stays the newcomer."""
    ids = Ids()
    first, later = registered((names[0], None, None, "p"), (names[1], None, None, "p"))
    [person] = ids.run([first]).born
    ids.run([first, later])
    apart = ids.run([first, later._replace(phone="q")])
    assert apart.person[names[0]] == person and apart.split == {apart.person[names[1]]: person}


PLACES = st.permutations([f"c{number:02}" for number in range(10)])


@settings(max_examples=200, deadline=None)
@given(
    PLACES,
    st.lists(st.integers(0, 3), min_size=4, max_size=10),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 4), st.integers(1, 3)), max_size=4),
)
def test_merged_and_parted_is_never_merged(
    keys: list[str], belongs: list[int], mergers: list[tuple[int, int, int, int]]
) -> None:
    """Customers come one after another, two a run, to four persons; meanwhile cards join some of them for a while.

    A merger: (one customer, another, the run after which they share a card, for how many runs); nobody shares one at first.
    """
    undisturbed, disturbed = Ids(), Ids()
    last = max([len(belongs) // 2 + 1, *(begin + runs + 1 for _, _, begin, runs in mergers)])
    for run in range(1, last + 1):
        come = list(zip(keys, belongs))[: 2 * run]
        plain = [Registration(key, None, (), f"p{person}") for key, person in come]
        cards = defaultdict(list)
        for number, (one, other, begin, runs) in enumerate(mergers):
            if begin < run <= begin + runs and max(one, other) < min(2 * begin, len(belongs)):
                cards[keys[one]].append(f"k{number}")
                cards[keys[other]].append(f"k{number}")
        undisturbed.run(plain)
        disturbed.run([one._replace(cards=tuple(cards[one.customer])) for one in plain])
    assert disturbed.person == undisturbed.person
    assert {key: one for key, one in disturbed.origin.items() if one} == undisturbed.origin

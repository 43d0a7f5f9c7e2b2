"""Who is one person: the linkage policy, as a pure function of the evidence.

Levels of evidence, the strongest first: equal citizen id, equal bank card, equal phone. A card or phone known
for two citizens proves nothing. A level joins what its other tokens connect, unless that would put two
citizen ids into one person: then the level proves nothing for all that it connects there. So the result does
not depend on any order, and never guesses.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

LEVELS = ("citizen_id", "card", "phone")
ALONE = "alone"


@dataclass(frozen=True)
class Partition:
    """Customers in persons-to-be; arrays run over `customers`.

    Attributes:
        customers: customer keys, ascending.
        cluster: index of the cluster's smallest customer.
        component: index of the smallest customer reachable over any token, refused evidence included.
        rule: strongest level that joined the customer to another, or `alone`.
        conflicts: level → number of tokens and of connected groups whose evidence was refused.
    """

    customers: list[str]
    cluster: NDArray[np.int64]
    component: NDArray[np.int64]
    rule: list[str]
    conflicts: dict[str, int]


def partition(customers: Sequence[str], evidence: Mapping[str, Sequence[tuple[str, str]]]) -> Partition:
    """Join customers by their tokens.

    Args:
        customers: every customer key, once.
        evidence: level → (customer key, token); a token already carries the subject kind, so that
            residents and micro-enterprises share none.
    """
    keys = sorted(customers)
    index = {key: number for number, key in enumerate(keys)}
    size = len(keys)
    edges = {level: _edges(evidence.get(level, ()), index) for level in LEVELS}
    has_citizen = np.zeros(size, dtype=bool)
    has_citizen[edges["citizen_id"][0]] = True

    label = np.arange(size)
    joined_by = np.full(size, len(LEVELS))
    conflicts = {}
    for number, level in enumerate(LEVELS):
        # Clusters that hold a citizen id hold exactly one, so counting them counts citizen ids.
        identified = np.unique(label[has_citizen])
        if level == "citizen_id":
            wider = _connected(label, edges[level], size)
            refused = np.zeros(size, dtype=bool)
            conflicts[level] = 0
        else:
            told, doubtful = _telling(edges[level], label, identified)
            wider = _connected(label, told, size)
            citizens = np.bincount(wider[identified], minlength=size)
            refused = citizens > 1
            conflicts[level] = doubtful + int(refused.sum())
        label = np.where(refused[wider], label, wider)
        sizes = np.bincount(label, minlength=size)
        joined_by = np.where((sizes[label] > 1) & (joined_by == len(LEVELS)), number, joined_by)

    component = np.arange(size)
    for level in LEVELS:
        component = _connected(component, edges[level], size)
    names = (*LEVELS, ALONE)
    return Partition(keys, label, component, [names[number] for number in joined_by], conflicts)


def _edges(pairs: Sequence[tuple[str, str]], index: Mapping[str, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(customer, token) numbers."""
    tokens: dict[str, int] = {}
    left = np.fromiter((index[customer] for customer, _ in pairs), dtype=np.int64, count=len(pairs))
    right = np.fromiter((tokens.setdefault(token, len(tokens)) for _, token in pairs), dtype=np.int64, count=len(pairs))
    return left, right


def _telling(
    edges: tuple[NDArray[np.int64], NDArray[np.int64]],
    label: NDArray[np.int64],
    identified: NDArray[np.int64],
) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]], int]:
    """The edges without those of tokens that two citizens have, and the number of such tokens."""
    customers, tokens = edges
    if not len(customers):
        return edges, 0
    has_citizen = np.isin(label[customers], identified)
    known = np.unique(np.stack([tokens[has_citizen], label[customers][has_citizen]]), axis=1)
    is_doubtful = np.bincount(known[0], minlength=int(tokens.max()) + 1) > 1
    is_told = ~is_doubtful[tokens]
    return (customers[is_told], tokens[is_told]), int(is_doubtful.sum())


def _connected(
    label: NDArray[np.int64], edges: tuple[NDArray[np.int64], NDArray[np.int64]], size: int
) -> NDArray[np.int64]:
    """Labels after joining what the tokens connect: each the smallest customer of its group."""
    customers, tokens = edges
    if not len(customers):
        return label
    width = size + int(tokens.max()) + 1
    ends = (np.concatenate([label[customers], np.arange(size)]), np.concatenate([tokens + size, label]))
    graph = coo_matrix((np.ones(len(ends[0]), dtype=np.int8), ends), shape=(width, width))
    _, groups = connected_components(graph, directed=False)
    smallest = np.full(groups.max() + 1, size)
    np.minimum.at(smallest, groups[:size], np.arange(size))
    joined: NDArray[np.int64] = smallest[groups[:size]]
    return joined


@dataclass(frozen=True)
class Identities:
    """Person ids of a partition, and how they came about.

    Attributes:
        person: customer key → person id.
        origin: customer key → the person that it counts for when ids are given out; None where nobody can tell: it came
            while persons were merged.
        born: persons that nobody was before.
        merged: person that ended → person that took over.
        split: new person → person that its members left.
        reopened: person that had ended and is somebody again → person that its members left.
    """

    person: dict[str, str]
    origin: dict[str, str | None]
    born: list[str]
    merged: dict[str, str]
    split: dict[str, str]
    reopened: dict[str, str]


def inherit(
    found: Partition,
    before: Mapping[str, str],
    origin: Mapping[str, str | None],
    births: Mapping[str, int],
    seq: int,
) -> Identities:
    """Give each cluster the id of the person for whom most of its customers count; the others are born.

    A merger changes nobody's origin, so what is merged and parted again is as if it had never been merged, whoever came
    meanwhile. All who count for a person are in one cluster: who is parted from the others counts for whom it is with.

    Args:
        before: customer key → person id, for the same customers (new ones are absent).
        origin: of the same customers.
        births: person id → publication number at its birth, for every origin: it tells the customer it was born with.
        seq: publication number, part of a new person's id.
    """
    members: dict[int, list[str]] = defaultdict(list)
    for key, cluster in zip(found.customers, found.cluster.tolist()):
        members[cluster].append(key)
    heir, place = _heirs(members, origin, births)
    former = {cluster: {before[key] for key in keys if key in before} for cluster, keys in members.items()}
    lived = frozenset().union(*former.values())
    reopened = {person: min(former[cluster]) for cluster, person in heir.items() if person not in lived}
    born, split = [], {}
    for cluster, keys in members.items():
        if cluster not in heir:
            heir[cluster] = person = new_person_id(keys[0], seq)
            if former[cluster]:
                split[person] = min(former[cluster])
            else:
                born.append(person)
    ended = sorted(lived - set(heir.values()))
    return Identities(
        {key: heir[cluster] for cluster, keys in members.items() for key in keys},
        _origins(members, heir, place, origin),
        born,
        {person: heir[place[person]] for person in ended},
        split,
        reopened,
    )


def _heirs(
    members: Mapping[int, Sequence[str]], origin: Mapping[str, str | None], births: Mapping[str, int]
) -> tuple[dict[int, str], dict[str, int]]:
    """Cluster → person whose id it takes over, where one is left for it; person → the cluster of those who count for it.

    The most who count for a person decide, at ties the customer with whom it was born.
    """
    counting: dict[tuple[str, int], list[str]] = defaultdict(list)
    for cluster, keys in members.items():
        for key in keys:
            if person := origin.get(key):
                counting[person, cluster].append(key)

    def rank(pair: tuple[str, int]) -> tuple[int, bool, str, int]:
        person, cluster = pair
        is_birth = person in births and any(new_person_id(one, births[person]) == person for one in counting[pair])
        return -len(counting[pair]), not is_birth, person, cluster

    ranked = sorted(counting, key=rank)
    heir: dict[int, str] = {}
    place: dict[str, int] = {}
    for person, cluster in ranked:
        if person not in place and cluster not in heir:
            heir[cluster], place[person] = person, cluster
    for person, cluster in ranked:
        place.setdefault(person, cluster)
    return heir, place


def _origins(
    members: Mapping[int, Sequence[str]],
    heir: Mapping[int, str],
    place: Mapping[str, int],
    origin: Mapping[str, str | None],
) -> dict[str, str | None]:
    """Who counts for whom from now on: newcomers for the person that they came to, unless it is several at once."""
    found: dict[str, str | None] = {}
    for cluster, keys in members.items():
        kept = {key: person for key in keys if (person := origin.get(key)) and place[person] == cluster}
        newcomers = heir[cluster] if set(kept.values()) <= {heir[cluster]} else None
        found |= {key: kept.get(key, newcomers) for key in keys}
    return found


def new_person_id(smallest_customer: str, seq: int) -> str:
    """First 16 bytes, in hexadecimal, of SHA-256 over the smallest customer key and the publication number."""
    return hashlib.sha256(f"{smallest_customer}|{seq}".encode()).hexdigest()[:32]

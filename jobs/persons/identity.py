"""Who is one person: the linkage policy, as a pure function of the evidence.

Levels of evidence, the strongest first: equal citizen id, equal bank card, equal phone. A card or phone known
for two citizens proves nothing. A level joins what its other tokens connect, unless that would put two
citizen ids into one person: then the level proves nothing for all that it connects there. So the result does
not depend on any order, and never guesses.

A customer *counts for* the person that it was born with or came to, its origin. Each cluster gets the id of the person for
whom most of its customers count; the others are born. A merger changes nobody's origin, so what is merged and parted again
is as if it had never been merged, whoever came meanwhile. All who count for a person are in one cluster: who is parted from
the others counts for whom it is with.

Customers and tokens are columns and their numbers: nothing is an object of its own but those few who were merged or parted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

LEVELS = ("citizen_id", "card", "phone")
ALONE = "alone"

Numbers = NDArray[np.int64]
Column: TypeAlias = "pa.Array | pa.ChunkedArray"
NOBODY = -1


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

    customers: pa.Array
    cluster: Numbers
    component: Numbers
    rule: pa.Array
    conflicts: dict[str, int]


def partition(customers: pa.Array, evidence: Mapping[str, tuple[Column, Column]]) -> Partition:
    """Join customers by their tokens.

    Args:
        customers: every customer key, once.
        evidence: level → customer keys and their tokens, side by side; a token already carries the subject kind, so that
            residents and micro-enterprises share none.
    """
    keys = customers.take(pc.sort_indices(customers))
    size = len(keys)
    edges = {level: _edges(keys, *evidence[level]) for level in LEVELS}
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
    return Partition(keys, label, component, pa.array([*LEVELS, ALONE]).take(pa.array(joined_by)), conflicts)


def _edges(keys: pa.Array, customers: Column, tokens: Column) -> tuple[Numbers, Numbers]:
    """(customer, token) numbers."""
    return numbers_in(customers, keys), numbers_in(tokens, pc.unique(tokens))


def numbers_in(values: Column, among: pa.Array) -> Numbers:
    """The place of each value among others; NOBODY where it is not there."""
    found: Numbers = pc.fill_null(pc.index_in(values, value_set=among), NOBODY).to_numpy().astype(np.int64)
    return found


def _telling(
    edges: tuple[Numbers, Numbers], label: Numbers, identified: Numbers
) -> tuple[tuple[Numbers, Numbers], int]:
    """The edges without those of tokens that two citizens have, and the number of such tokens."""
    customers, tokens = edges
    if not len(customers):
        return edges, 0
    has_citizen = np.isin(label[customers], identified)
    # A pair of numbers as one: to sort pairs takes many times as long.
    known = np.unique(tokens[has_citizen] * len(label) + label[customers][has_citizen])
    is_doubtful = np.bincount(known // len(label), minlength=int(tokens.max()) + 1) > 1
    is_told = ~is_doubtful[tokens]
    return (customers[is_told], tokens[is_told]), int(is_doubtful.sum())


def _connected(label: Numbers, edges: tuple[Numbers, Numbers], size: int) -> Numbers:
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
    joined: Numbers = smallest[groups[:size]]
    return joined


# -- whose id a person has: it lasts, whoever joins and leaves ----------------------------------------

Births = Callable[[pa.Array], Mapping[str, int]]
"""Of some persons the number of the publication in which each was born: it tells the customer it was born with."""


@dataclass(frozen=True)
class Identities:
    """Person ids of a partition, and how they came about.

    Attributes:
        person: of every customer of the partition.
        origin: the person that it counts for when ids are given out; null where nobody can tell: it came while persons were
            merged.
        born: persons that nobody was before.
        merged: persons that ended, and beside each the person that took over.
        split: new persons, and the person that their members left.
        reopened: persons that had ended and are somebody again, and the person that their members left.
    """

    person: pa.Array
    origin: pa.Array
    born: pa.Array
    merged: tuple[pa.Array, pa.Array]
    split: tuple[pa.Array, pa.Array]
    reopened: tuple[pa.Array, pa.Array]


def inherit(found: Partition, before: pa.Array, origin: pa.Array, births: Births, seq: int) -> Identities:
    """Give each cluster the id of the person for whom most of its customers count; the others are born.

    Args:
        before: person of each customer of the partition; null where it is new.
        origin: whom each counts for.
        births: asked of the few who may be contested.
        seq: publication number, part of a new person's id.
    """
    cluster, size = found.cluster, len(found.customers)
    known = pc.unique(pa.chunked_array([before, origin])).drop_null()
    known = known.take(pc.sort_indices(known))
    was, counts_for = numbers_in(before, known), numbers_in(origin, known)

    heir, place = _heirs(found, counts_for, known, births)
    clusters = np.unique(cluster)
    former = np.full(size, len(known))  # the smallest person that any of a cluster was
    np.minimum.at(former, cluster[was >= 0], was[was >= 0])
    lived = np.zeros(len(known), dtype=bool)
    lived[was[was >= 0]] = True

    inherits = clusters[heir[clusters] != NOBODY]
    reopened = inherits[~lived[heir[inherits]]]
    new = clusters[heir[clusters] == NOBODY]
    heir[new] = len(known) + np.arange(len(new))
    ids = [new_person_id(customer, seq) for customer in found.customers.take(pa.array(new)).to_pylist()]
    persons = pa.concat_arrays([known, pa.array(ids, pa.string())])
    lives = np.zeros(len(persons), dtype=bool)
    lives[heir[clusters]] = True
    ended = np.flatnonzero(lived & ~lives[: len(known)])
    is_split = former[new] < len(known)

    def named(numbers: Numbers) -> pa.Array:
        return persons.take(pa.array(numbers, mask=numbers == NOBODY))

    return Identities(
        named(heir[cluster]),
        named(_origins(cluster, heir, place, counts_for)),
        named(heir[new[~is_split]]),
        (named(ended), named(heir[place[ended]])),
        (named(heir[new[is_split]]), named(former[new[is_split]])),
        (named(heir[reopened]), named(former[reopened])),
    )


def _heirs(found: Partition, counts_for: Numbers, known: pa.Array, births: Births) -> tuple[Numbers, Numbers]:
    """Label of a cluster → number of the person whose id it takes over; number of a person → cluster of those who count for it.

    NOBODY where none is left. The most who count for a person decide, at ties the customer with whom it was born.
    """
    size = len(found.customers)
    heir, place = np.full(size, NOBODY), np.full(len(known), NOBODY)
    does = counts_for != NOBODY
    pairs, counts = np.unique(counts_for[does] * size + found.cluster[does], return_counts=True)
    person, cluster = pairs // max(size, 1), pairs % max(size, 1)
    is_contested = (np.bincount(person, minlength=len(known))[person] > 1) | (
        np.bincount(cluster, minlength=size)[cluster] > 1
    )
    heir[cluster[~is_contested]] = person[~is_contested]
    place[person[~is_contested]] = cluster[~is_contested]
    contested = {
        (one, other): count
        for one, other, count in zip(
            person[is_contested].tolist(), cluster[is_contested].tolist(), counts[is_contested].tolist()
        )
    }
    at_birth = _births_in(found, counts_for, known, births, np.unique(person[is_contested]))
    ranked = sorted(contested, key=lambda pair: (-contested[pair], pair not in at_birth, pair))
    for one, other in ranked:
        if place[one] == NOBODY and heir[other] == NOBODY:
            heir[other], place[one] = one, other
    for one, other in ranked:
        if place[one] == NOBODY:
            place[one] = other
    return heir, place


def _births_in(
    found: Partition, counts_for: Numbers, known: pa.Array, births: Births, persons: Numbers
) -> set[tuple[int, int]]:
    """(person, cluster) where the customer is with whom the person was born, of some persons."""
    if not len(persons):
        return set()
    born = births(known.take(pa.array(persons)))
    asked = np.flatnonzero(np.isin(counts_for, persons))
    held = set()
    for number, customer in zip(asked.tolist(), found.customers.take(pa.array(asked)).to_pylist()):
        person = known[int(counts_for[number])].as_py()
        if person in born and new_person_id(customer, born[person]) == person:
            held.add((int(counts_for[number]), int(found.cluster[number])))
    return held


def _origins(cluster: Numbers, heir: Numbers, place: Numbers, counts_for: Numbers) -> Numbers:
    """Who counts for whom from now on: newcomers for the person that they came to, unless it is several at once."""
    does = counts_for != NOBODY
    stays = does.copy()
    stays[does] = place[counts_for[does]] == cluster[does]
    of_another = np.zeros(len(heir), dtype=bool)
    of_another[cluster[stays & (counts_for != heir[cluster])]] = True
    newcomers = np.where(of_another[cluster], NOBODY, heir[cluster])
    return np.where(stays, counts_for, newcomers)


def new_person_id(smallest_customer: str, seq: int) -> str:
    """First 16 bytes, in hexadecimal, of SHA-256 over the smallest customer key and the publication number."""
    return hashlib.sha256(f"{smallest_customer}|{seq}".encode()).hexdigest()[:32]

"""Which groups of people may be told of at once, so that nothing that can be worked out from them is of few.

Who knows several sums knows whatever adds them up, each as often as one likes and taken off as well. So before a group is
told of, all is looked at that could be worked out with it from the whole month and what is told already: each result is
of nobody, or of enough people. Acts of different months have nothing in common, so a year, which is the sum of its months,
is told of a group that every month of it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from schemas.ledger import FEWEST

By = Literal["region", "programme", "team"]
ORDER: tuple[By, ...] = ("programme", "region", "team")
"""What is told rather than the next where both together would tell of few; of everybody rather than of one programme."""
DEEPEST = 3
"""In how many independent ways the cells of few people may be worked out together; where there are more, nobody looks."""
PRIME = 2**61 - 1
"""Weights are counted modulo this: exact, since no determinant of so few zeros and ones is as large."""

Row = list[int]


class Name(NamedTuple):
    """A group: of which ranking, of whose acts if not of all, and which one."""

    by: By
    programme: str | None
    key: str


class Kind(NamedTuple):
    """Acts that no question tells apart: where, which programmes gave points, (programme, team) of who did them."""

    region: str
    programmes: frozenset[str]
    teams: frozenset[tuple[str, str]]


People = Mapping[frozenset[Kind], int]
"""How many people did acts of just these kinds in a month."""


def kind_of(text: str) -> Kind:
    """The kind that is written `region|programme,…|programme:team,…`."""
    region, programmes, teams = text.split("|")
    pairs = [one.partition(":") for one in teams.split(",") if one]
    return Kind(
        region, frozenset(filter(None, programmes.split(","))), frozenset((one, team) for one, _, team in pairs)
    )


def holders(kind: Kind) -> Iterator[Name]:
    """The groups that acts of a kind belong to."""
    yield Name("region", None, kind.region)
    for programme in kind.programmes:
        yield Name("programme", None, programme)
        yield Name("region", programme, kind.region)
    for programme, team in kind.teams:
        if programme in kind.programmes:
            yield Name("team", programme, team)


def told(people: People, least: Callable[[Name], int | None]) -> set[Name]:
    """The groups of a month that may be told of, the largest of each ranking first.

    Args:
        least: of how many people at least a group may be; None of what no question asks for.
    """
    whole = frozenset[Kind]().union(*people)
    asked = {name: floor for kind in whole for name in holders(kind) if (floor := least(name)) is not None}
    groups = {name: frozenset(kind for kind in whole if name in holders(kind)) for name in asked}

    def rank(name: Name) -> tuple[int, bool, int, str, str]:
        return (
            ORDER.index(name.by),
            name.programme is not None,
            -_size(people, groups[name]),
            name.programme or "",
            name.key,
        )

    known, found = [whole], set[Name]()
    for name in sorted(groups, key=rank):
        if _size(people, groups[name]) >= asked[name] and is_safe(people, [*known, groups[name]]):
            known.append(groups[name])
            found.add(name)
    return found


def is_safe(people: People, known: Sequence[frozenset[Kind]]) -> bool:
    """Whether whatever follows from the sums of these sets of acts is of nobody or of enough people.

    Acts that lie in the same sets are a cell. A result with any cell of enough people in it is of enough; of the others,
    which are made of cells of few alone, those of the fewest cells are looked at one by one.
    """
    cells: defaultdict[tuple[int, ...], set[Kind]] = defaultdict(set)
    for kind in frozenset[Kind]().union(*known):
        cells[tuple(int(kind in held) for held in known)].add(kind)
    large = [cell for cell in cells if _size(people, cells[cell]) >= FEWEST]
    small = [cell for cell in cells if cell not in large]
    rows = [[cell[place] for cell in (*large, *small)] for place in range(len(known))]
    of_few = [row[len(large) :] for row in _reduced(rows) if not any(row[: len(large)])]
    if len(of_few) > DEEPEST:
        return False
    results = ({kind for place in places for kind in cells[small[place]]} for places in _fewest(of_few))
    return all(_size(people, kinds) >= FEWEST for kinds in results)


def _size(people: People, kinds: Iterable[Kind]) -> int:
    """How many people did any act of these kinds."""
    some = frozenset(kinds)
    return sum(number for done, number in people.items() if done & some)


def _reduced(rows: Iterable[Row]) -> list[Row]:
    """What the rows can make, as rows each of which begins later than the one before."""
    left, found = [row for row in rows if any(row)], []
    while left:
        first = min(left, key=_begin)
        at = _begin(first)
        found.append(first)
        left = [rest for row in left if row is not first and any(rest := _without(row, first, at))]
    return found


def _fewest(rows: list[Row]) -> Iterator[list[int]]:
    """Places that are not zero, of every result of the rows of which no other has only some of them."""
    if len(rows) == 1:
        yield [place for place, weight in enumerate(rows[0]) if weight]
    for at in range(len(rows[0]) if len(rows) > 1 else 0):
        first = next((row for row in rows if row[at]), None)
        if first:
            yield from _fewest([_without(row, first, at) for row in rows if row is not first])


def _begin(row: Row) -> int:
    return next(place for place, weight in enumerate(row) if weight)


def _without(row: Row, other: Row, at: int) -> Row:
    """The row, less so much of the other that nothing is left at a place."""
    times = row[at] * pow(other[at], -1, PRIME) % PRIME
    return [(mine - times * yours) % PRIME for mine, yours in zip(row, other)] if times else row

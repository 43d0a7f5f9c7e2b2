"""What a reader can work out from all rankings of a publication: of nobody, and of no four people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.lake import Lake
from jobs.reading.derivable import Kind, Name, holders, told
from jobs.reading.rankings import Ranking, rank
from schemas import Registry
from schemas.ledger import FEWEST
from tests.pipeline.reading.test_rankings import DAY, FAR, HERE, THERE, acts, publish, registry
from tests.support.worlds import embedded_lake

__all__ = ["registry"]
ZHEJIANG = "zhejiang_tanpuhui"
NEAR = "330109"


def lake_of(path: Path, of: Registry, ledger: Iterable[dict[str, Any]]) -> Lake:
    lake = embedded_lake(path, of)
    publish(lake, 1, DAY)
    lake.write("gold.ledger", lake.rows("gold.ledger", list(ledger)))
    return lake


def keys(found: Ranking) -> set[str]:
    return {one.key for one in found.groups}


def people(first: int, after: int) -> list[str]:
    return [f"p{number}" for number in range(first, after)]


def test_who_is_in_two_small_groups_is_one_person(registry: Registry, tmp_path: Path) -> None:
    """Three people did something far away and near: six by groups, three by heads, whom the whole less eight would tell."""
    rows = [row for one in people(0, 8) for row in acts(one, HERE, 100)]
    rows += [row for one in people(8, 11) for place in (FAR, NEAR) for row in acts(one, place, 100)]
    lake = lake_of(tmp_path, registry, rows)
    found = rank(lake, registry, DAY, "region", "2026-11")
    assert (keys(found), found.withheld) == (set(), 3)


def test_a_year_less_its_months_is_no_month_of_few(registry: Registry, tmp_path: Path) -> None:
    """Two were here in October, eight in November: October is not told, and neither is the year; nor who hides the two."""
    rows = [row for one in people(0, 8) for place in (HERE, THERE) for row in acts(one, place, 100)]
    rows += [row for one in people(0, 8) for row in acts(one, THERE, 90, month="2026-10")]
    rows += [row for one in people(0, 2) for row in acts(one, HERE, 70, month="2026-10")]
    rows += [row for one in people(10, 16) for row in acts(one, FAR, 70, month="2026-10")]
    lake = lake_of(tmp_path, registry, rows)
    assert keys(rank(lake, registry, DAY, "region", "2026-11")) == {HERE, THERE}
    assert keys(rank(lake, registry, DAY, "region", "2026-10")) == {THERE}
    assert keys(rank(lake, registry, DAY, "region", "2026")) == {THERE}


def test_everybody_less_a_programme_is_no_few(registry: Registry, tmp_path: Path) -> None:
    """Of nine people here one earns no points: who knows both would know what that one did.

    So what everybody did is told, here and there; what the programme rewards is in neither, since one would tell the other.
    """
    rows = [row for one in people(0, 8) for row in acts(one, HERE, 100)] + [acts("firm", HERE, 900)[0]]
    rows += [row for one in people(10, 18) for row in acts(one, THERE, 100)]
    rows += [acts(one, THERE, 900)[0] for one in people(20, 26)]
    lake = lake_of(tmp_path, registry, rows)
    assert keys(rank(lake, registry, DAY, "programme", "2026-11")) == {ZHEJIANG}
    assert keys(rank(lake, registry, DAY, "region", "2026-11")) == {HERE, THERE}
    assert keys(rank(lake, registry, DAY, "region", "2026-11", ZHEJIANG)) == set()


def test_people_are_told_in_fives(registry: Registry, tmp_path: Path) -> None:
    """So no sum or difference of them is a number of few; what a person reduced is by as many, and tells no more."""
    rows = [row for one in people(0, 13) for row in acts(one, HERE, 100)]
    rows += [row for one in people(12, 19) for row in acts(one, THERE, 100)]
    lake = lake_of(tmp_path, registry, rows)
    found = rank(lake, registry, DAY, "region", "2026-11")
    assert [(one.key, one.people, one.reduction_mg, one.each_mg) for one in found.groups] == [
        (THERE, 5, 700_000, 140_000), (HERE, 15, 1_300_000, 86_666),
    ]  # fmt: skip


# -- whatever is told, by brute force ----------------------------------------------------------------

REGIONS = (HERE, THERE, FAR)
PROGRAMMES = ("one", "two")
KIND = st.builds(
    Kind,
    st.sampled_from(REGIONS),
    st.sampled_from([frozenset[str](), frozenset({"one"}), frozenset({"one", "two"}), frozenset({"two"})]),
    st.sampled_from([frozenset[tuple[str, str]](), frozenset({("one", "red")}), frozenset({("one", "blue")})]),
)
WORLDS = st.dictionaries(st.frozensets(KIND, min_size=1, max_size=3), st.integers(1, 9), min_size=1, max_size=6)


def few(world: Mapping[frozenset[Kind], int], kinds: Iterable[Kind]) -> int:
    """How many people did any act of these kinds."""
    some = frozenset(kinds)
    return sum(number for done, number in world.items() if done & some)


@settings(max_examples=200, deadline=None)
@given(WORLDS)
def test_no_sum_or_difference_is_of_few(world: dict[frozenset[Kind], int]) -> None:
    """Of all that is told, and of the whole, each added, left out or taken off: what remains is of nobody or of enough."""
    shown = told(world, lambda _: FEWEST)
    kinds = frozenset[Kind]().union(*world)
    sets = [kinds, *({one for one in kinds if name in holders(one)} for name in sorted(shown, key=str))][:8]
    for signs in product((-1, 0, 1), repeat=len(sets)):
        weights: defaultdict[Kind, int] = defaultdict(int)
        for sign, held in zip(signs, sets):
            for kind in held:
                weights[kind] += sign
        rest = [kind for kind, weight in weights.items() if weight]
        assert not rest or few(world, rest) >= FEWEST or few(world, kinds) < FEWEST


@given(WORLDS)
def test_a_programme_may_ask_for_more(world: dict[frozenset[Kind], int]) -> None:
    def least(name: Name) -> int:
        return 7 if name.programme else FEWEST

    for name in told(world, least):
        assert few(world, [kind for kind in frozenset[Kind]().union(*world) if name in holders(kind)]) >= least(name)

"""One-to-one assignment against every assignment there is: the most pairs, the least distance, ties by time and id."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from tests.oracle.oracle_pairs import best_pairs

if TYPE_CHECKING:
    from jobs.lake import Lake

SPAN = 100
PAIRS = pa.schema(
    [
        ("claim_id", pa.string()),
        ("group_id", pa.string()),
        ("distance", pa.int64()),
        ("claim_at", pa.int64()),
        ("group_at", pa.int64()),
    ]
)
Row = dict[str, Any]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    from jobs.lake import open_lake
    from schemas import load_registry

    opened = open_lake("embedded", tmp_path_factory.mktemp("lake"), load_registry())
    yield opened
    opened.close()


def assigned(lake: Lake, pairs: list[Row]) -> set[tuple[str, str]]:
    from jobs.activities.islands import one_to_one

    found = lake.to_arrow(one_to_one(lake, lake.from_arrow(pa.Table.from_pylist(pairs, schema=PAIRS)), SPAN))
    lake.forget()
    return {(row["claim_id"], row["group_id"]) for row in found.to_pylist()}


def world(seed: int, islands: int, most: int) -> dict[str, list[Row]]:
    """Islands by name, of up to `most` claims and groups each, with few distances so that many tie."""
    chance = random.Random(seed)
    made = {}
    for number in range(islands):
        claims = [(f"{number:05}c{one}", chance.randint(0, 9)) for one in range(chance.randint(1, most))]
        groups = [(f"{number:05}g{one}", chance.randint(0, 9)) for one in range(chance.randint(1, most))]
        density = chance.choice((0.3, 0.6, 1.0))
        made[f"{number:05}"] = [
            {
                "claim_id": claim,
                "group_id": group,
                "distance": chance.choice((0, 1, 2, 1_000_000_000)),
                "claim_at": at,
                "group_at": group_at,
            }
            for claim, at in claims
            for group, group_at in groups
            if chance.random() < density
        ]
    return made


@pytest.mark.parametrize("seed", range(4))
def test_every_island_is_assigned_at_its_best(lake: Lake, seed: int) -> None:
    """Thousands of islands at once, whose rows come in any order."""
    made = world(seed, 2_500, 4)
    pairs = [row for island in made.values() for row in island]
    random.Random(seed).shuffle(pairs)
    assert assigned(lake, pairs) == {pair for island in made.values() if island for pair in best_pairs(island)}


def test_a_larger_island_is_assigned_at_its_best(lake: Lake) -> None:
    made = world(7, 30, 6)
    pairs = [row for island in made.values() for row in island]
    assert assigned(lake, pairs) == {pair for island in made.values() if island for pair in best_pairs(island)}


def row(claim: int, group: int, distance: int) -> Row:
    return {
        "claim_id": f"c{claim:03}",
        "group_id": f"g{group:03}",
        "distance": distance,
        "claim_at": claim,
        "group_at": group,
    }


def test_a_chain_of_days_is_one_island(lake: Lake) -> None:
    """Every claim could be of its own day or of the day before; the first day has no claim, the last no group."""
    chain = [row(day, day - lag, lag) for day in range(1, 21) for lag in (0, 1) if day - lag < 20]
    assert assigned(lake, chain) == {(f"c{day:03}", f"g{day - 1:03}") for day in range(1, 21)}


@pytest.mark.parametrize(
    "pairs",
    [
        [row(day, day - lag, lag) for day in range(1, 31) for lag in (0, 1) if day - lag < 30],  # of more claims
        [row(claim, group, abs(claim - group)) for claim in range(9) for group in range(1, 10)],  # too much choice
        [
            row(claim, group, abs(claim - group)) for claim, group in ((0, 0), (0, 200), (200, 200), (200, 0))
        ],  # too long
    ],
)
def test_beyond_the_bounds_the_nearest_come_first(lake: Lake, pairs: list[Row]) -> None:
    nearest, left = set(), sorted(pairs, key=lambda one: (one["distance"], one["group_id"], one["claim_id"]))
    while left:
        taken = left[0]
        nearest.add((taken["claim_id"], taken["group_id"]))
        left = [one for one in left if one["claim_id"] != taken["claim_id"] and one["group_id"] != taken["group_id"]]
    assert assigned(lake, pairs) == nearest

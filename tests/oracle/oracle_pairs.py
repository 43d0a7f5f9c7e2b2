"""The best one-to-one assignment, by trying: the most pairs, then the least distance, then who comes first takes first."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import Any

Pair = dict[str, Any]
"""claim_id, group_id, distance, claim_at, group_at."""


def best_pairs(pairs: list[Pair]) -> set[tuple[Any, Any]]:
    """(claim, group) of the best assignment of all these pairs, which falls apart into those that are connected."""
    return {pair for part in _connected(pairs) for pair in _best(part)}


def _connected(pairs: list[Pair]) -> list[list[Pair]]:
    """The pairs in parts that share neither a claim nor a group."""
    part: dict[tuple[str, Any], int] = {}
    parts: dict[int, list[Pair]] = {}
    for number, one in enumerate(pairs):
        ends = ("claim", one["claim_id"]), ("group", one["group_id"])
        parts[number] = [one]
        for other in {part[end] for end in ends if end in part}:
            parts[number] += parts.pop(other)
        for member in parts[number]:
            part["claim", member["claim_id"]] = part["group", member["group_id"]] = number
    return list(parts.values())


def _best(pairs: list[Pair]) -> set[tuple[Any, Any]]:
    """Of pairs that are connected."""
    claims = [claim for _, claim in sorted({(one["claim_at"], one["claim_id"]) for one in pairs})]
    groups = [group for _, group in sorted({(one["group_at"], one["group_id"]) for one in pairs})]
    choices: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for one in pairs:
        choices[one["claim_id"]].append((groups.index(one["group_id"]), one["distance"]))

    @cache
    def rest(number: int, taken: frozenset[int]) -> tuple[int, int, tuple[int, ...]]:
        """Of the claims from a number on: how many stay alone, the distance, and what each takes."""
        if number == len(claims):
            return 0, 0, ()
        alone, far, places = rest(number + 1, taken)
        ways = [(alone + 1, far, (len(groups), *places))]
        for group, distance in choices[claims[number]]:
            if group not in taken:
                alone, far, places = rest(number + 1, taken | {group})
                ways.append((alone, far + distance, (group, *places)))
        return min(ways)

    places = rest(0, frozenset())[2]
    return {(claim, groups[place]) for claim, place in zip(claims, places) if place < len(groups)}

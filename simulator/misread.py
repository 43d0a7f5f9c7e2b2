"""Rows that a first statement tells wrong: the next day's tells them right, under the same number."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from simulator.formats import Feed
from simulator.formats.citic import PURCHASE
from simulator.people import Block
from simulator.rows import ALIPAY, BIKES, CITIC, RIDE, UTILITY, Column, Rows, Serials

Told = Callable[[Rows, Block, np.random.Generator], Rows]


def _wallet(told: Rows, block: Block, rng: np.random.Generator) -> Rows:
    """A ride that is said to be a bill, a bill a ride; and what another customer is said to have done."""
    scenario, is_either = told["scenario"], np.isin(told["scenario"], (RIDE, UTILITY))
    is_other_act = is_either & (rng.random(len(told)) < 0.5)
    person = np.where(is_other_act, told["person"], _anybody(block, ALIPAY, len(told), rng))
    swapped = np.where(scenario == RIDE, UTILITY, RIDE)
    return _with(told, person=person, scenario=np.where(is_other_act, swapped, scenario))


def _cards(told: Rows, block: Block, rng: np.random.Generator) -> Rows:
    """Another customer's purchase; of what is taken back another original, known or not."""
    is_purchase, size = told["kind"] == PURCHASE, len(told)
    person = np.where(is_purchase, _anybody(block, CITIC, size, rng), told["person"])
    other = np.where(rng.random(size) < 0.5, rng.permutation(told["serial"]), told["serial"] + Serials.SPARE)
    return _with(told, person=person, original=np.where(is_purchase, 0, other))


def _trips(told: Rows, block: Block, rng: np.random.Generator) -> Rows:
    """Another place where the bike was left."""
    return _with(told, end_lat=told["end_lat"] + 3_000)


WAYS: dict[tuple[int, str], Told] = {
    (ALIPAY, "acts"): _wallet,
    (CITIC, "card_transactions"): _cards,
    (BIKES, "trips"): _trips,
}
"""What is told wrong, by feed."""


def misread(feed: Feed, told: Rows, block: Block, rng: np.random.Generator) -> Rows:
    """The rows as they are first told."""
    return WAYS[feed.institution, feed.name](told, block, rng)


def _anybody(block: Block, institution: int, size: int, rng: np.random.Generator) -> Column:
    return rng.choice(np.flatnonzero(block.holds[institution]), size) if size else np.zeros(0, dtype=np.int64)


def _with(told: Rows, **columns: Column) -> Rows:
    return Rows({**told.columns, **columns})

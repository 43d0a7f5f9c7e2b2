"""Waste handed to the recycler: an order of one to three classes, booked, settled or called off.

Only the recycler tells of it, so every settled class is an act of its own. Of all but textiles there are foreign figures
or none, and a deployment credits none of these unless it says so. A file of a day holds a class of
an order at most once, and none of its rows comes after the settled one.
"""

from __future__ import annotations

import numpy as np

from simulator.acts import Done, Scene, acts_of, acts_settled, settled
from simulator.formats.huge import BOOKED, CANCELLED, SETTLED, UNDER_WAY
from simulator.rows import (
    CREDITED,
    DAY,
    IGNORED,
    LIVING,
    NO_CONSENT,
    NO_FACTOR,
    PAPER,
    RECORD,
    RECYCLER,
    TEXTILE,
    UNKNOWN,
    Column,
    Rows,
    rows,
    stack,
)

HUNDREDTHS = np.array([10_000, 5_000, 10])
"""Millionths of a kilogram in a hundredth of kg, 斤 and g."""


def recycle(scene: Scene) -> Done:
    """All orders of the block."""
    block, rng, days = scene.block, scene.rng, scene.days
    share = np.where(block.holds[RECYCLER], 0.05, 0.0)[:, None]
    orders = np.argwhere(rng.random((len(block), days)) < share)
    classes = rng.integers(1, 4, len(orders))
    order = np.repeat(np.arange(len(orders)), classes)
    nth = np.arange(len(order)) - np.repeat(np.cumsum(classes) - classes, classes)
    kinds = rng.permuted(np.tile(np.arange(6), (len(orders), 1)), axis=1)
    scenario = PAPER + kinds[order, nth]
    person, booked_day = orders[order, 0], orders[order, 1]
    size = len(order)

    wait = rng.integers(0, 3, len(orders))[order]
    booked_at = booked_day * DAY + rng.integers(7 * 3_600, 12 * 3_600, len(orders))[order]
    settled_day = booked_day + wait
    settled_at = settled_day * DAY + rng.integers(13 * 3_600, 20 * 3_600, len(orders))[order]
    is_cancelled = scene.chance(0.08, len(orders))[order]
    unit = rng.integers(0, 3, size)
    grams = np.exp(rng.normal(7.4, 0.9, size)).clip(100, 20_000).astype(np.int64)
    hundredths = _written(grams, unit)
    consent = block.consents_at(RECYCLER, person, LIVING, settled_at)
    due = np.where(scenario == TEXTILE, CREDITED, NO_FACTOR)
    outcome = np.where(consent, due, NO_CONSENT)
    is_open = ~block.is_decidable[person] & (outcome == CREDITED)
    is_settled = ~is_cancelled & (settled_day < days)
    micro = hundredths * HUNDREDTHS[unit]
    acts = acts_of(person, scenario, settled_day, settled_at, micro, acts_settled(outcome, is_open), micro)

    whole = {
        "person": person,
        "serial": scene.serials.take(len(orders))[order],
        "scenario": scenario,
        "unit": unit,
        "estimated": _written((grams * rng.uniform(0.6, 1.5, size)).astype(np.int64).clip(100, 20_000), unit),
        "booked_at": booked_at,
        "at": settled_at,
    }
    done = rows(
        size,
        **whole,
        day=settled_day,
        act=np.arange(size),
        total=hundredths,
        status=SETTLED,
        disposition=RECORD,
        outcome=settled(outcome, is_open),
    ).take(is_settled)
    before = [
        _unsettled(whole, booked_day, BOOKED).take((wait > 0) | is_cancelled),
        _unsettled(whole, booked_day + 1, UNDER_WAY).take((wait == 2) & ~is_cancelled & (booked_day + 1 < days)),
        _unsettled(whole, settled_day, CANCELLED).take((wait > 0) & is_cancelled & (settled_day < days)),
    ]
    return Done(acts, {(RECYCLER, "orders"): [done, stack(before)]})


def _unsettled(whole: dict[str, Column], day: Column, status: int) -> Rows:
    """Rows that tell of an order before it is settled, or that it never will be."""
    return rows(len(day), **whole, day=day, status=status, disposition=IGNORED, outcome=UNKNOWN)


def _written(grams: Column, unit: Column) -> Column:
    """Hundredths of the unit: 10 g in kilograms, 5 g in 斤, whole grams."""
    return np.select([unit == 0, unit == 1], [grams // 10, grams // 5], grams * 100)

"""What is saved and sorted at home: gas by the meter, waste that a station weighs, appliances that are taken apart."""

from __future__ import annotations

import numpy as np

from simulator.acts import Done, Scene, days_of
from simulator.rows import (
    BOXES,
    DADI,
    DAY,
    ELECTRICAL,
    FRIDGE,
    GAS,
    GAS_SAVING,
    LIANYUN,
    LIVING,
    SORTING,
    STEEL,
)
from simulator.services.shared import MICRO, Telling, clock, pick

EVERY = 30
"""Days between two readings of a meter."""
READ, ESTIMATED, WITHOUT_PAST = range(3)
SORTED, UNSORTED, UNCHECKED, UNWEIGHED = range(4)
OF_BOXES = 4
FRIDGES, STEELS = 0, 6
"""Places of these among the stations' and the recycler's classes."""
DISMANTLED, STORED, SOLD_ON, INCOMPLETE = range(4)


def keep_house(scene: Scene) -> Done:
    """All of a block's homes."""
    telling = Telling(scene)
    _burn(scene, telling)
    _sort(scene, telling)
    _hand_in(scene, telling)
    return telling.done()


def _burn(scene: Scene, telling: Telling) -> None:
    """A reading a month beside that of the year before; of businesses and estimates nothing counts."""
    block, rng, days = scene.block, scene.rng, scene.days
    phase = rng.integers(0, EVERY, len(block))
    person, day = np.nonzero(block.holds[GAS][:, None] & ((np.arange(days) % EVERY) == phase[:, None]))
    size = len(person)
    used = rng.integers(20, 400, size)
    past = (used * rng.uniform(0.75, 1.6, size)).astype(np.int64)
    how = pick(scene, size, 0.9, 0.05, 0.05)
    telling.told(
        *(GAS, "meters"),
        person=person,
        day=day,
        at=clock(scene, day),
        scenario=np.full(size, GAS_SAVING),
        scope=LIVING,
        quantity=np.maximum(past - used, 0) * 100_000,
        counts=(how == READ) & ~block.is_micro[person],
        of_day=True,
        total=used,
        past=past,
        how=how,
        is_micro=block.is_micro[person],
        style=pick(scene, size, 0.4, 0.4, 0.2),
        serial=scene.serials.take(size),
    )


def _sort(scene: Scene, telling: Telling) -> None:
    """Bags of one class, weighed in whole grams; what is unsorted, unchecked or not weighed does not count.

    Boxes that are collected apart are a class of their own.
    """
    person, day = days_of(scene, LIANYUN, 0.5)
    size = len(person)
    grams = scene.rng.integers(100, 4_000, size)
    state = pick(scene, size, 0.9, 0.04, 0.02, 0.04)
    category = pick(scene, size, 0.46, 0.28, 0.16, 0.02, 0.08)
    telling.told(
        *(LIANYUN, "drops"),
        person=person,
        day=day,
        at=clock(scene, day, 18, 21),
        scenario=np.where(category == OF_BOXES, BOXES, SORTING),
        scope=LIVING,
        quantity=grams * 1_000,
        counts=state == SORTED,
        grams=grams,
        in_grams=scene.chance(0.3, size),
        state=state,
        category=category,
        serial=scene.serials.take(size),
    )


def _hand_in(scene: Scene, telling: Telling) -> None:
    """Receipts of the dismantler: fridges by their number, steel by its mass, other appliances without a figure."""
    rng = scene.rng
    person, day = days_of(scene, DADI, 0.02)
    size = len(person)
    kind = pick(scene, size, 0.3, 0.1, 0.1, 0.1, 0.1, 0.05, 0.25)
    fate = pick(scene, size, 0.85, 0.07, 0.04, 0.04)
    tenths = rng.integers(200, 900, size)
    is_steel = kind == STEELS
    units = np.where(kind == FRIDGES, rng.integers(1, 3, size), 1)
    is_in_jin = scene.chance(0.2, size)
    telling.told(
        *(DADI, "receipts"),
        person=person,
        day=day,
        at=day * DAY + rng.integers(9 * 3_600, 17 * 3_600, size),
        scenario=np.select([kind == FRIDGES, is_steel], [FRIDGE, STEEL], ELECTRICAL),
        scope=LIVING,
        quantity=np.where(kind == FRIDGES, units * MICRO, tenths * np.where(is_in_jin, 50_000, 100_000)),
        counts=fate == DISMANTLED,
        has_factor=(kind == FRIDGES) | is_steel,
        total=tenths,
        kind=kind,
        fate=fate,
        units=units,
        is_in_jin=is_in_jin,
        serial=scene.serials.take(size),
    )

"""Points given up at the card network's app, for a benefit or a donation; nobody there looks at the balance."""

from __future__ import annotations

import numpy as np

from simulator.acts import Scene
from simulator.formats.unionpay import BENEFITS, CLOSED, DONE, FAILED
from simulator.rows import DAY, IGNORED, RECORD, UNIONPAY, Rows, rows


def redeem(scene: Scene) -> Rows:
    """Redemptions of the block: one of a customer in five days, of 10 to 80 points.

    A few are of twenty times as many, some are reported a day late, some failed or were closed.
    """
    block, rng, days = scene.block, scene.redeeming, scene.days
    share = np.where(block.holds[UNIONPAY], 0.2, 0.0)[:, None]
    person, on = np.nonzero(rng.random((len(block), days)) < share)
    size = len(person)
    points = rng.integers(1, 9, size) * 10
    is_too_much = rng.random(size) < 0.03
    is_late = (rng.random(size) < 0.05) & (on < days - 1)
    state = rng.choice([DONE, FAILED, CLOSED], size, p=[0.92, 0.05, 0.03])
    return rows(
        size,
        day=on + is_late,
        person=person,
        serial=scene.serials.take(size),
        at=on * DAY + rng.integers(7 * 3_600, 23 * 3_600, size),
        benefit=rng.integers(0, len(BENEFITS), size),
        state=state,
        total=np.where(is_too_much, points * 20, points),
        disposition=np.where(state == DONE, RECORD, IGNORED),
    )

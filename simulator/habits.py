"""Walking, electronic statements and card applications."""

from __future__ import annotations

import numpy as np

from simulator.acts import Done, Scene, acts_of, acts_settled, days_of, settled, wallet_rows
from simulator.rows import (
    ABSORBED,
    ALIPAY,
    CARD_APPLICATION,
    CITIC,
    CREDITED,
    DAY,
    FINANCE,
    NO_CONSENT,
    NO_FACTOR,
    STATEMENT,
    TRAVEL,
    WALK,
    WITHHELD,
    rows,
)


def walk(scene: Scene) -> Done:
    """Step counts of half the wallet's customers: two to four running totals a day, the last the highest.

    Where consent changes in a day, the difference between readings counts that it covers.
    """
    block, rng, days = scene.block, scene.rng, scene.days
    walkers = np.flatnonzero(block.holds[ALIPAY] & (rng.random(len(block)) < 0.5))
    who, day = (part.astype(np.int64) for part in np.nonzero(rng.random((len(walkers), days)) < 0.95))
    person, size = walkers[who], len(who)
    steps = np.clip(np.exp(rng.normal(8.85, 0.55, size)), 200, 45_000).astype(np.int64)
    readings = rng.integers(2, 5, size)

    act = np.repeat(np.arange(size), readings)
    number = np.arange(len(act)) - np.repeat(np.cumsum(readings) - readings, readings)
    is_last = number + 1 == readings[act]
    part = 16 * 3_600 // readings[act]  # of the time between 07:30 and 23:30
    at = day[act] * DAY + 27_000 + number * part + rng.integers(0, part)
    shown = np.where(is_last, steps[act], steps[act] * (number + 1) // (readings[act] + 1))

    given = block.consent_since(ALIPAY, person[act], TRAVEL, at)
    at_midnight = block.consent_since(ALIPAY, person, TRAVEL, day * DAY)
    consent, is_first = given >= 0, number == 0
    goes_on = consent & (given == np.where(is_first, at_midnight[act], np.roll(given, 1)))
    counted = np.bincount(act, np.where(goes_on, shown - np.where(is_first, 0, np.roll(shown, 1)), 0), size).astype(
        np.int64
    )
    consented = np.bincount(act[consent], minlength=size)
    outcome = np.select([counted > 0, consented > 0], [CREDITED, WITHHELD], NO_CONSENT)
    act_open = ~block.is_decidable[person] & (outcome == CREDITED)
    acts = acts_of(
        person=person,
        scenario=np.full(size, WALK),
        day=day,
        at=at[is_last],
        quantity=steps * 1_000_000,
        outcome=acts_settled(outcome, act_open),
        credited=counted * 1_000_000,
    )
    # Of a running total the last reading with consent counts, and says what the others said.
    last = np.full(size, -1)
    np.maximum.at(last, act[consent], number[consent])
    told = np.select([~consent, number == last[act]], [NO_CONSENT, outcome[act]], ABSORBED)
    reports = wallet_rows(
        scene,
        len(act),
        styles=2,
        day=day[act],
        person=person[act],
        act=act,
        at=at,
        scenario=WALK,
        total=shown * 1_000_000,
        outcome=settled(told, act_open[act] & consent),
    )
    return Done(acts, {(ALIPAY, "acts"): [reports]})


def read_statements(scene: Scene) -> Done:
    """Electronic statements in the wallet, with a precise time; the one figure is a bank's, and no wallet's."""
    block, rng = scene.block, scene.rng
    person, day = days_of(scene, ALIPAY, 0.0125)
    size = len(person)
    at = day * DAY + rng.integers(8 * 3_600, 22 * 3_600, size)
    count = rng.integers(1, 5, size) * 1_000_000
    outcome = np.where(block.consents_at(ALIPAY, person, FINANCE, at), NO_FACTOR, NO_CONSENT)
    acts = acts_of(person, np.full(size, STATEMENT), day, at, count, outcome, count)
    reports = wallet_rows(
        scene,
        size,
        day=day,
        person=person,
        at=at,
        scenario=STATEMENT,
        total=count,
        outcome=outcome,
    )
    return Done(acts, {(ALIPAY, "acts"): [reports]})


def use_bank_services(scene: Scene) -> Done:
    """Electronic statements and card applications at the bank, by booking date; each row its own act."""
    block, rng = scene.block, scene.rng
    person, day = days_of(scene, CITIC, 0.03)
    size = len(person)
    is_statement = scene.chance(0.8, size)
    count = np.where(is_statement, rng.integers(1, 5, size), 1)
    consent = block.consents_all_day(CITIC, person, FINANCE, day)
    outcome = np.where(consent, CREDITED, NO_CONSENT)
    act_open = ~block.is_decidable[person] & consent
    acts = acts_of(
        person=person,
        scenario=np.where(is_statement, STATEMENT, CARD_APPLICATION),
        day=day,
        at=day * DAY + rng.integers(8 * 3_600, 22 * 3_600, size),
        quantity=count * 1_000_000,
        outcome=acts_settled(outcome, act_open),
        credited=count * 1_000_000,
    )
    reports = rows(
        size,
        day=day,
        person=person,
        act=np.arange(size),
        business=np.where(is_statement, 3, 4),
        count=count,
        total=0,
        has_no_amount=True,
        note=rng.integers(0, 4, size),
        outcome=settled(outcome, act_open),
    )
    return Done(acts, {(CITIC, "acts"): [reports]})

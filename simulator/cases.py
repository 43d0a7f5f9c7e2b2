"""Government services used online: the portal's finished cases, and the wallet through which some were begun."""

from __future__ import annotations

import numpy as np

from simulator.acts import Done, Scene, acts_of, acts_settled, settled, wallet_rows
from simulator.formats.zheliban import COUNTER, FINISHED, RECEIVED, REFUSED, SERVICES
from simulator.rows import (
    ABSORBED,
    ALIPAY,
    DAY,
    GOVERNMENT,
    IGNORED,
    LIVING,
    NO_CONSENT,
    NO_FACTOR,
    PORTAL,
    RECORD,
    REPEAT,
    UNKNOWN,
    Column,
    Rows,
    rows,
    stack,
)

REPORTED_DAYS = 3
"""A finished case is reported on one to three days."""


def use_government(scene: Scene) -> Done:
    """One case per person and day at most, so the window of ten minutes joins no two."""
    block, rng = scene.block, scene.rng
    by_wallet = rng.random((len(block), scene.days)) < np.where(block.holds[ALIPAY], 0.0125, 0.0)[:, None]
    by_portal = rng.random((len(block), scene.days)) < np.where(block.holds[PORTAL], 0.025, 0.0)[:, None]
    person, day = np.nonzero(by_wallet | by_portal)
    size = len(person)
    in_wallet = by_wallet[person, day]
    in_portal = np.where(in_wallet, block.holds[PORTAL, person] & scene.chance(0.35, size), True)
    at = day * DAY + rng.integers(8 * 3_600, 22 * 3_600, size)
    done_at = at + rng.integers(-120, 121, size)
    wallet_consent = in_wallet & block.consents_at(ALIPAY, person, LIVING, at)
    consent = in_portal & block.consents_at(PORTAL, person, LIVING, done_at)
    one = np.full(size, 1_000_000)
    outcome = np.where(consent | wallet_consent, NO_FACTOR, NO_CONSENT)
    unclear = ~block.is_decidable[person] & wallet_consent
    acts = acts_of(
        person=person,
        scenario=np.full(size, GOVERNMENT),
        day=day,
        at=np.where(in_portal, done_at, at),
        quantity=one,
        outcome=acts_settled(outcome, unclear & ~consent),
        credited=one,
    )
    second = np.where(wallet_consent, np.where(consent, ABSORBED, NO_FACTOR), NO_CONSENT)
    wallet = wallet_rows(
        scene,
        size,
        day=day,
        person=person,
        at=at,
        scenario=GOVERNMENT,
        total=one,
        outcome=settled(second, unclear),
    ).take(in_wallet)
    place = np.flatnonzero(in_portal)
    portal = _finished(
        scene,
        person=person[place],
        day=day[place],
        at=done_at[place],
        outcome=np.where(consent, NO_FACTOR, NO_CONSENT)[place],
        act=place,
    )
    return Done(acts, {(ALIPAY, "acts"): [wallet], (PORTAL, "cases"): [*portal, *_other_cases(scene)]})


def _finished(scene: Scene, *, person: Column, day: Column, at: Column, outcome: Column, act: Column) -> list[Rows]:
    """Finished online cases: their receipt, if that was an earlier day, and every day that reports them."""
    rng, size = scene.rng, len(person)
    received = at - rng.integers(60, 3 * DAY, size)
    case = {
        "person": person,
        "serial": scene.serials.take(size),
        "service": rng.integers(0, len(SERVICES), size),
        "channel": rng.integers(0, COUNTER, size),
        "received_at": received,
        "at": at,
    }
    times = np.minimum(rng.integers(1, REPORTED_DAYS + 1, size), scene.days - day)
    parts = [
        rows(size, **case, day=received // DAY, act=-1, state=RECEIVED, disposition=IGNORED, outcome=UNKNOWN).take(
            (received // DAY < day) & (received >= 0) & scene.chance(0.6, size)
        )
    ]
    for nth in range(REPORTED_DAYS):
        is_last = nth == times - 1
        told = rows(
            size,
            **case,
            day=day + nth,
            act=act,
            state=FINISHED,
            disposition=np.where(is_last, RECORD, REPEAT),
            outcome=np.where(is_last, outcome, UNKNOWN),
        )
        parts.append(told.take(nth < times))
    return parts


def _other_cases(scene: Scene) -> list[Rows]:
    """Cases that earn nothing: at a counter, sent back, or still open when the world ends."""
    block, rng, days = scene.block, scene.rng, scene.days
    share = np.where(block.holds[PORTAL], 0.008, 0.0)[:, None]
    person, day = np.nonzero(rng.random((len(block), days)) < share)
    size = len(person)
    at = day * DAY + rng.integers(8 * 3_600, 18 * 3_600, size)
    at_counter = scene.chance(0.5, size)
    state = np.where(at_counter, rng.integers(0, 3, size), np.where(scene.chance(0.6, size), REFUSED, RECEIVED))
    once = rows(
        size,
        person=person,
        serial=scene.serials.take(size),
        service=rng.integers(0, len(SERVICES), size),
        channel=np.where(at_counter, COUNTER, rng.integers(0, COUNTER, size)),
        received_at=at - rng.integers(60, 7_200, size),
        at=at,
        day=day,
        state=state,
        disposition=IGNORED,
        outcome=UNKNOWN,
    )
    again = once.take(scene.chance(0.3, size) & (day + 1 < days))
    again.columns["day"] = again["day"] + 1
    return [stack([once, again])]

"""Metro rides: two taps at the gates, an act in the wallet, a card row in the bank.

Rides of one person lie at least 45 minutes apart, so a precise wallet act fits exactly one of them. What the
matching policy leaves open: a ride without a usable pair of taps whose wallet act states the day alone, when
another ride of that day at the same fare has taps; and which of several equal card rows belongs to which.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.acts import NO_QUANTITY, Done, Scene, acts_of, acts_settled, settled
from simulator.rows import (
    ABSORBED,
    ALIPAY,
    CITIC,
    CREDITED,
    DAY,
    EVIDENCE,
    IGNORED,
    METRO,
    NO_CONSENT,
    RECORD,
    REFUNDED,
    RIDE,
    SUPPORTING,
    TRAVEL,
    UNKNOWN,
    UNPAIRED,
    Column,
    Rows,
    rows,
)
from simulator.writers import METRO_MERCHANTS, PURCHASE, REVERSAL

SLOTS = np.array([6.0, 10.5, 15.0, 19.5]) * 3_600
"""A person rides at most once in each part of the day; entry within 2.5 hours of its start."""
MISSING_EXIT, MISSING_ENTRY, DOUBLE_ENTRY, DOUBLE_EXIT = 1, 2, 3, 4


@dataclass(frozen=True)
class _Trips:
    """The rides themselves, one place per ride in every array."""

    person: Column
    day: Column
    slot: Column
    origin: Column
    target: Column
    entry: Column
    exit: Column
    over_midnight: Column
    metres: Column
    fare: Column


def ride(scene: Scene) -> Done:
    """All metro rides of the block."""
    block, rng = scene.block, scene.rng
    trips = _trips(scene)
    person, size = trips.person, len(trips.person)
    tapped = block.holds[METRO, person] & scene.chance(0.97, size)
    paid_by_wallet = block.holds[ALIPAY, person] & scene.chance(0.93, size)
    paid_by_card = block.holds[CITIC, person] & scene.chance(0.92, size)

    tap_consent = block.consents_at(METRO, person, TRAVEL, trips.entry)
    defect = _defects(scene, trips, tapped & tap_consent)
    has_pair = tapped & (defect != MISSING_EXIT) & (defect != MISSING_ENTRY)
    stands = has_pair & tap_consent

    paid_at = trips.exit + rng.integers(-120, 121, size)
    day_only = paid_by_wallet & ~trips.over_midnight & scene.chance(0.15, size)
    paid_day = np.where(day_only, trips.day, paid_at // DAY)
    wallet_consent = paid_by_wallet & np.where(
        day_only,
        block.consents_all_day(ALIPAY, person, TRAVEL, paid_day),
        block.consents_at(ALIPAY, person, TRAVEL, paid_at),
    )
    booked = trips.day + scene.chance(0.25, size)
    paid_by_card &= booked < scene.days
    card_consent = paid_by_card & block.consents_all_day(CITIC, person, TRAVEL, booked)

    leads = wallet_consent & ~stands
    group = (person * (scene.days + 2) + trips.day) * 16 + trips.fare // 100
    has_free_ride = np.isin(group, group[stands & ~(wallet_consent & ~day_only)])
    is_open = leads & day_only & has_free_ride
    claim_open = wallet_consent & day_only & np.isin(group, group[is_open])

    outcome = np.select([stands | leads, tapped & ~has_pair, card_consent], [CREDITED, UNPAIRED, EVIDENCE], NO_CONSENT)
    unclear = ~block.is_decidable[person]
    act_open = is_open | (unclear & (outcome == CREDITED))
    acts = acts_of(
        person=person,
        scenario=np.full(size, RIDE),
        day=np.where(leads, paid_day, trips.day),
        at=trips.entry,
        quantity=np.where(stands, trips.metres * 1_000, NO_QUANTITY),
        outcome=acts_settled(outcome, act_open),
        credited=np.where(stands, trips.metres, scene.network.shortest_m) * 1_000,
    )

    wallet_outcome = np.where(wallet_consent, np.where(stands, ABSORBED, CREDITED), NO_CONSENT)
    wallet = rows(
        size,
        day=paid_day,
        person=person,
        act=np.arange(size),
        at=np.where(day_only, paid_day * DAY, paid_at),
        day_only=day_only,
        scenario=RIDE,
        total=trips.fare * 10_000,
        style=rng.integers(0, 3, size),
        serial=scene.serials.take(size),
        outcome=settled(wallet_outcome, claim_open | (unclear & wallet_consent)),
    ).take(paid_by_wallet)

    activity = np.where(stands | leads, np.where(leads, paid_day, trips.day), -1)
    found = _card_outcomes(scene, trips, np.where(card_consent, booked, -1), activity)
    found = np.where(unclear | np.isin(person, person[is_open]), UNKNOWN, found)
    card_outcome = np.where(card_consent, found, NO_CONSENT)
    cards = _cards(scene, trips, booked, paid_by_wallet, card_consent, card_outcome, paid_by_card)
    taps = _taps(scene, trips, defect, tapped, has_pair, stands, unclear)
    return Done(acts, {(ALIPAY, "acts"): [wallet], (CITIC, "card_transactions"): cards, (METRO, "taps"): taps})


def _trips(scene: Scene) -> _Trips:
    """Who rides when and where; commuters go between two fixed stations at the same fare."""
    block, rng, network, days = scene.block, scene.rng, scene.network, scene.days
    size, stations = len(block), len(network.stations)
    everywhere = block.holds.all(axis=0)
    riders = np.flatnonzero(rng.random(size) < np.where(everywhere, 0.5, 0.26))
    home = rng.integers(0, stations, size)
    work = (home + rng.integers(1, stations, size)) % stations

    wanted = rng.random((len(riders), days, len(SLOTS))) < np.array([0.5, 0.2, 0.5, 0.2])
    wanted &= (rng.random((len(riders), days)) < 0.9)[:, :, None]
    rider, day, slot = (part.astype(np.int64) for part in np.nonzero(wanted))
    person, count = riders[rider], len(rider)

    commutes = (rng.random(count) < 0.75) & (slot % 2 == 0)
    somewhere = rng.integers(0, stations, count)
    elsewhere = (somewhere + rng.integers(1, stations, count)) % stations
    outbound = slot == 0
    origin = np.where(commutes, np.where(outbound, home[person], work[person]), somewhere)
    target = np.where(commutes, np.where(outbound, work[person], home[person]), elsewhere)
    metres = network.distance_m[origin, target]

    minutes = np.clip(metres // 560 + rng.integers(4, 16, count), 8, 70)
    length = np.minimum(minutes * 60 + rng.integers(0, 60, count), 4_200)
    over_midnight = (slot == 3) & (rng.random(count) < 0.06) & (day < days - 1)
    before_midnight = rng.integers(120, 900, count)
    entry = day * DAY + np.where(
        over_midnight, DAY - before_midnight, SLOTS[slot].astype(np.int64) + rng.integers(0, 9_000, count)
    )
    length = np.where(over_midnight, np.maximum(length, before_midnight + 180), length)
    return _Trips(
        person,
        day,
        slot,
        origin,
        target,
        entry,
        entry + length,
        over_midnight,
        metres,
        network.fare_fen[origin, target],
    )


def _defects(scene: Scene, trips: _Trips, may: Column) -> Column:
    """What went wrong at the gates, at most one thing per person and day.

    A lost tap next to another would pair strangers; and whether a lost tap without consent is called
    unpaired or without consent is open: neither is made.
    """
    size = len(trips.person)
    fate = scene.rng.random(size)
    defect = np.select(
        [fate < 0.012, fate < 0.020, fate < 0.032, fate < 0.044],
        [MISSING_EXIT, MISSING_ENTRY, DOUBLE_ENTRY, DOUBLE_EXIT],
        0,
    )
    defect[~may | ~scene.block.consents_at(METRO, trips.person, TRAVEL, trips.exit)] = 0
    defect[(trips.day == scene.days - 1) & (trips.slot == 3)] = 0  # its exit might still come
    broken = np.flatnonzero(defect)
    _, first = np.unique(trips.person[broken] * scene.days + trips.day[broken], return_index=True)
    once = np.zeros(size, dtype=np.int64)
    once[broken[first]] = defect[broken[first]]
    return once


def _card_outcomes(scene: Scene, trips: _Trips, booked: Column, activity: Column) -> Column:
    """Absorbed or evidence for each consented card row, unknown where equal rows cannot be told apart.

    Counts by person, fare and day suffice: a row booked on day b takes a free activity of b, then of b - 1.

    `booked` is the booking day, -1 for no card row that takes part; `activity` the act day of what the ride
    is credited as, -1 for nothing.
    """
    width = scene.days + 2
    fares = 10
    base = (trips.person * fares + trips.fare // 100) * width + 1
    shape = (len(scene.block) * fares, width)
    length = shape[0] * width
    cards = np.bincount((base + booked)[booked >= 0], minlength=length).reshape(shape)
    free = np.bincount((base + activity)[activity >= 0], minlength=length).reshape(shape)
    same_day = np.minimum(cards, free)
    left, free = cards - same_day, free - same_day
    absorbed = same_day.copy()
    absorbed[:, 1:] += np.minimum(left[:, 1:], free[:, :-1])
    place = base + np.maximum(booked, 0)
    taken, all_cards = absorbed.ravel()[place], cards.ravel()[place]
    return np.select([taken == all_cards, taken == 0], [ABSORBED, EVIDENCE], UNKNOWN)


def _cards(
    scene: Scene,
    trips: _Trips,
    booked: Column,
    paid_by_wallet: Column,
    consent: Column,
    outcome: Column,
    paid_by_card: Column,
) -> list[Rows]:
    """Card rows and the full reversals of some; the ride outlives its refunded fare."""
    size = len(trips.person)
    back = booked + scene.rng.integers(1, 5, size)
    reversed_ = paid_by_card & scene.chance(0.01, size) & (back < scene.days)
    back_consent = scene.block.consents_all_day(CITIC, trips.person, TRAVEL, back)
    reversed_ &= back_consent == consent
    serial = scene.serials.take(size)
    merchant = np.where(
        paid_by_wallet & scene.chance(0.85, size),
        METRO_MERCHANTS[0],
        np.where(scene.chance(0.8, size), METRO_MERCHANTS[1], METRO_MERCHANTS[2]),
    )
    shared = {"person": trips.person, "act": np.arange(size), "merchant": merchant}
    purchases = rows(
        size,
        day=booked,
        serial=serial,
        total=trips.fare,
        kind=PURCHASE,
        original=0,
        outcome=np.where(reversed_ & consent, REFUNDED, outcome),
        **shared,
    ).take(paid_by_card)
    reversals = rows(
        size,
        day=back,
        serial=scene.serials.take(size),
        total=-trips.fare,
        kind=REVERSAL,
        original=serial,
        outcome=np.where(consent, EVIDENCE, NO_CONSENT),
        **shared,
    ).take(reversed_)
    return [purchases, reversals]


def _taps(
    scene: Scene,
    trips: _Trips,
    defect: Column,
    tapped: Column,
    has_pair: Column,
    stands: Column,
    unclear: Column,
) -> list[Rows]:
    """Gate passages: entries, exits, and the ones that a gate wrote twice."""
    rng, size = scene.rng, len(trips.person)
    shared = {
        "person": trips.person,
        "act": np.arange(size),
        "device": rng.integers(1, 13, size),
        "pay": rng.integers(1, 5, size),
    }
    led = np.where(stands, np.where(unclear, UNKNOWN, CREDITED), NO_CONSENT)
    entries = rows(
        size,
        day=trips.entry // DAY,
        at=trips.entry,
        station=trips.origin,
        status=1,
        outcome=np.where(has_pair, led, UNPAIRED),
        **shared,
    )
    exits = rows(
        size,
        day=trips.exit // DAY,
        at=trips.exit,
        station=trips.target,
        status=0,
        total=trips.fare,
        disposition=np.where(has_pair, SUPPORTING, RECORD),
        outcome=np.where(has_pair, UNKNOWN, UNPAIRED),
        **shared,
    )
    taps = [entries.take(tapped & (defect != MISSING_ENTRY)), exits.take(tapped & (defect != MISSING_EXIT))]
    for passages, kind in ((entries, DOUBLE_ENTRY), (exits, DOUBLE_EXIT)):
        double = passages.take(tapped & (defect == kind))
        double.columns["at"] = double["at"] + rng.integers(5, 56, len(double))
        double.columns["day"] = double["at"] // DAY
        double.columns["disposition"] = np.full(len(double), IGNORED)
        double.columns["outcome"] = np.full(len(double), UNKNOWN)
        taps.append(double)
    return taps

"""Trips on shared bikes: the operator's row, and sometimes the wallet that paid.

A trip is as long as the great circle between its ends as written, in whole metres. One that ends where it
began has no quantity; some rows are impossible and tell of no act.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.acts import Done, Scene, acts_of, acts_settled, settled, wallet_rows
from simulator.rows import (
    ABSORBED,
    ALIPAY,
    BIKE,
    BIKES,
    CREDITED,
    DAY,
    E_BIKE,
    NO_CONSENT,
    QUARANTINED,
    TRAVEL,
    UNKNOWN,
    WITHHELD,
    Column,
    Rows,
    rows,
)

EARTH_M = 6_371_008.8
SLOTS = np.array([6.5, 9.5, 12.5, 16.0, 19.5]) * 3_600
"""At most one trip in each part of the day, begun within 75 minutes: 45 minutes lie between any two."""
EDGE_M = 1e-4
"""No trip is this near a whole metre, so that every way of computing rounds alike."""
LONGEST = 45 * 60
KINDS_OF_DAMAGE = 3


@dataclass(frozen=True)
class _Trips:
    """One place per trip; ends as [4, size] in millionths of a degree: latitude and longitude, start and end."""

    person: Column
    start: Column
    end: Column
    ends: Column
    is_electric: Column

    @property
    def metres(self) -> Column:
        return distance_m(self.ends)


def distance_m(ends: Column) -> Column:
    """Metres between the ends [4, size] of trips."""
    lat, lng, end_lat, end_lng = np.radians(ends / 1e6)
    half = np.sin((end_lat - lat) / 2) ** 2 + np.cos(lat) * np.cos(end_lat) * np.sin((end_lng - lng) / 2) ** 2
    return np.asarray(2 * EARTH_M * np.arcsin(np.sqrt(half)))


def cycle(scene: Scene) -> Done:
    """All trips of the block."""
    block, rng = scene.block, scene.rng
    trips = _trips(scene)
    person, size = trips.person, len(trips.person)
    metres = np.floor(trips.metres).astype(np.int64)
    unclear = ~block.is_decidable[person]

    paid_at = trips.end + rng.integers(-120, 121, size)
    by_wallet = ~trips.is_electric & block.holds[ALIPAY, person] & scene.chance(0.35, size)
    by_wallet &= paid_at // DAY < scene.days
    consent = block.consents_at(BIKES, person, TRAVEL, trips.start)
    wallet_consent = by_wallet & block.consents_at(ALIPAY, person, TRAVEL, paid_at)

    due = np.where(metres > 0, CREDITED, WITHHELD)
    # How long a wallet's trip was, nobody says.
    outcome = np.select([consent, wallet_consent], [due, WITHHELD], NO_CONSENT)
    acts = acts_of(
        person=person,
        scenario=np.where(trips.is_electric, E_BIKE, BIKE),
        day=np.where(consent | ~wallet_consent, trips.start, paid_at) // DAY,
        at=trips.start,
        quantity=metres * 1_000,
        outcome=acts_settled(outcome, unclear & ((outcome == CREDITED) | (wallet_consent & ~consent))),
        credited=metres * 1_000,
    )
    wallet_outcome = np.where(wallet_consent, np.where(consent, ABSORBED, WITHHELD), NO_CONSENT)
    wallet = wallet_rows(
        scene,
        size,
        person=person,
        day=paid_at // DAY,
        at=paid_at,
        scenario=BIKE,
        total=rng.integers(3, 7, size) * 500_000,
        outcome=settled(wallet_outcome, unclear & wallet_consent),
    ).take(by_wallet)
    told_outcome = settled(np.where(consent, due, NO_CONSENT), unclear & consent & (due == CREDITED))
    told = _rows(scene, trips, person=person, act=np.arange(size), outcome=told_outcome)
    return Done(acts, {(BIKES, "trips"): [told, _impossible(scene)], (ALIPAY, "acts"): [wallet]})


def _trips(scene: Scene) -> _Trips:
    """Trips at 6 to 20 km/h, of which a few lead back to their start."""
    block, rng, days = scene.block, scene.rng, scene.days
    riders = np.flatnonzero(block.holds[BIKES])
    rider, day, slot = np.nonzero(rng.random((len(riders), days, len(SLOTS))) < 0.05)
    person, size = riders[rider], len(rider)
    seconds = rng.integers(180, LONGEST + 1, size)
    wanted = np.clip(rng.uniform(6.5, 19.5, size) / 3.6 * seconds, 330, 7_900)
    seconds = np.clip(seconds, wanted * 3.6 / 19.5, wanted * 3.6 / 6.5).astype(np.int64)
    start = day * DAY + SLOTS[slot].astype(np.int64) + rng.integers(0, 75 * 60, size)
    late = (slot == len(SLOTS) - 1) & scene.chance(0.06, size) & (day < days - 1)
    before_midnight = rng.integers(60, 900, size)
    start = np.where(late, (day + 1) * DAY - before_midnight, start)
    # at least the slowest trip's time may pass after midnight
    wanted = np.where(late, np.clip(wanted, (before_midnight + 60) / 3.6 * 10, 7_400), wanted)
    seconds = np.where(late, (wanted * 3.6 / 10).astype(np.int64) + 1, seconds)
    ends = _ends(rng, wanted)
    is_round = scene.chance(0.03, size)
    ends[2:, is_round] = ends[:2, is_round]
    return _Trips(person, start, start + seconds, ends, scene.chance(0.25, size))


def _ends(rng: np.random.Generator, metres: Column) -> Column:
    """Ends of trips in the city, about as far apart as wanted and at no whole metre."""
    size = len(metres)
    lat, lng = rng.integers(30_180_000, 30_320_000, size), rng.integers(120_090_000, 120_310_000, size)
    bearing = rng.uniform(0, 2 * np.pi, size)
    degree_m = EARTH_M * np.pi / 180
    end_lat = lat + np.rint(np.cos(bearing) * metres / degree_m * 1e6).astype(np.int64)
    end_lng = lng + np.rint(np.sin(bearing) * metres / (degree_m * np.cos(np.radians(30.25))) * 1e6).astype(np.int64)
    ends = np.stack([lat, lng, end_lat, end_lng])
    while True:
        found = distance_m(ends)
        edge = np.abs(found - np.rint(found)) < EDGE_M
        if not edge.any():
            return ends
        ends[3, edge] += 1


def _rows(scene: Scene, trips: _Trips, **columns: Column) -> Rows:
    """The operator's rows; most bikes stand at no station."""
    rng, size = scene.rng, len(trips.person)
    return rows(
        size,
        day=trips.end // DAY,
        at=trips.start,
        until=trips.end,
        scenario=np.where(trips.is_electric, E_BIKE, BIKE),
        start_station=np.where(scene.chance(0.4, size), rng.integers(0, 8, size), -1),
        end_station=np.where(scene.chance(0.4, size), rng.integers(0, 8, size), -1),
        **dict(zip(("start_lat", "start_lng", "end_lat", "end_lng"), trips.ends, strict=True)),
        serial=scene.serials.take(size),
        **columns,
    )


def _impossible(scene: Scene) -> Rows:
    """Trips too fast, too far, or that end before they start; no act."""
    block, rng = scene.block, scene.rng
    riders = np.flatnonzero(block.holds[BIKES])
    # one in five hundred, and in every block at least one
    size = int(np.ceil(len(riders) * scene.days * 0.0005))
    rider, day = rng.integers(0, max(len(riders), 1), size), rng.integers(0, scene.days, size)
    kind = rng.integers(0, KINDS_OF_DAMAGE, size)
    # 12 km in 6 minutes; 60 km in 3 hours; 2 km, backwards
    metres, seconds = np.array([12_000, 60_000, 2_000])[kind], np.array([360, 10_800, -600])[kind]
    start = day * DAY + rng.integers(7 * 3_600, 20 * 3_600, size)
    trips = _Trips(riders[rider], start, start + seconds, _ends(rng, metres), scene.chance(0.25, size))
    nothing = np.full(size, UNKNOWN)
    return _rows(
        scene, trips, person=trips.person, act=nothing, outcome=nothing, disposition=np.full(size, QUARANTINED)
    )

"""Metro rides as the gates see them: who rides when and where, two taps a ride, and what goes wrong with them.

Rides of one person lie at least 45 minutes apart, but for those who turn round at the gate and ride back.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from simulator.acts import Scene
from simulator.rows import (
    ALIPAY,
    CITIC,
    DAY,
    ICBC,
    IGNORED,
    METRO,
    RECORD,
    SUPPORTING,
    TRAVEL,
    UNKNOWN,
    UNPAIRED,
    Column,
    Rows,
    rows,
)

SLOTS = np.array([6.0, 10.5, 15.0, 19.5]) * 3_600
"""A person rides out at most once in each part of the day; entry within 2.5 hours of its start."""
SLOT, APART = 4.5 * 3_600, 45 * 60
"""How long a part lasts, and how far rides lie apart at least."""
MISSING_EXIT, MISSING_ENTRY, DOUBLE_ENTRY, DOUBLE_EXIT = 1, 2, 3, 4


@dataclass(frozen=True)
class Trips:
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
    other: Column
    """The place of the ride back, or out, minutes away at the same fare; -1 for none."""


@dataclass(frozen=True)
class Passages:
    """What the gates send of the rides: `tapped` is sent at all, with a pair of taps or not."""

    tapped: Column
    defect: Column

    @property
    def has_pair(self) -> Column:
        """Whether both taps are sent."""
        return np.asarray(self.tapped & (self.defect != MISSING_EXIT) & (self.defect != MISSING_ENTRY))


def pass_gates(scene: Scene, trips: Trips, tapped: Column, consent: Column) -> Passages:
    """The passages of tapped rides; without consent nothing goes wrong."""
    return Passages(tapped, _defects(scene, trips, tapped & consent))


def make_trips(scene: Scene) -> Trips:
    """Who rides when and where; commuters go between two fixed stations at the same fare."""
    block, rng, network, days = scene.block, scene.rng, scene.network, scene.days
    size, stations = len(block), len(network.stations)
    everywhere = block.holds[ALIPAY] & block.holds[METRO] & (block.holds[CITIC] | block.holds[ICBC])
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
    trips = Trips(
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
        np.full(count, -1),
    )
    return _with_ways_back(scene, trips)


def _with_ways_back(scene: Scene, out: Trips) -> Trips:
    """The rides, and after them those back: begun two to five minutes after the exit, 45 minutes before any other."""
    size = len(out.person)
    length, pause = out.exit - out.entry, scene.mishaps.integers(120, 300, size)
    latest = out.day * DAY + SLOTS[out.slot].astype(np.int64) + int(SLOT - APART)
    fits = ~out.over_midnight & (out.exit + pause + length <= latest)
    there = np.flatnonzero(fits & scene.mishap(scene.hostile.same_fares, size))
    begins, back = out.exit[there] + pause[there], size + np.arange(len(there))
    other = out.other.copy()
    other[there] = back
    ways = {
        **{field.name: getattr(out, field.name)[there] for field in fields(Trips)},
        **{"origin": out.target[there], "target": out.origin[there], "other": there},
        **{"entry": begins, "exit": begins + length[there]},
    }
    whole = {**vars(out), "other": other}
    return Trips(**{name: np.concatenate([whole[name], ways[name]]) for name in whole})


def _defects(scene: Scene, trips: Trips, may: Column) -> Column:
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


def tap_rows(scene: Scene, trips: Trips, passed: Passages, outcome: Column) -> list[Rows]:
    """Entries, exits, and what a gate wrote twice; `outcome` is that of the entry which leads a pair."""
    tapped, defect, has_pair = passed.tapped, passed.defect, passed.has_pair
    rng, size = scene.rng, len(trips.person)
    shared = {
        "person": trips.person,
        "act": np.arange(size),
        "device": rng.integers(1, 13, size),
        "pay": rng.integers(1, 5, size),
    }
    entries = rows(
        size,
        day=trips.entry // DAY,
        at=trips.entry,
        station=trips.origin,
        status=1,
        outcome=np.where(has_pair, outcome, UNPAIRED),
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

"""Things passed on, sent and eaten: a platform of used things, a carrier of parcels, canteens."""

from __future__ import annotations

import numpy as np

from simulator.acts import NO_QUANTITY, Done, Scene, days_of
from simulator.rows import (
    CANTEEN,
    CARTON,
    CLEAN_PLATE,
    DAY,
    EVIDENCE,
    LIVING,
    NO_CONSENT,
    OWN_CUP,
    PARCEL,
    RECORD,
    SECOND_HAND,
    SMALL_PORTION,
    USED_GARMENT,
    USED_PHONE,
    ZHUANZHUAN,
    ZTO,
    rows,
)
from simulator.services.shared import MICRO, Telling, clock, pick

PAID, CLOSED, REFUNDED = range(3)
"""Flows of the platform of used things."""
GARMENT = 8
"""The platform's category that is counted by the share alone of a new thing that it takes the place of."""
RESOLD = 0
BY_CODE, ON_PAPER, CALLED_OFF = range(3)
USED_CARTON, NEW_CARTON, LEFT_THERE = range(3)
OWN, PAPER, GIVEN_BACK, SMALL = range(4)
CLEAN, LEFT, UNSEEN = range(3)


def pass_on(scene: Scene) -> Done:
    """All deals, parcels and meals of the block."""
    telling = Telling(scene)
    _buy(scene, telling)
    _sell_phones(scene, telling)
    _send(scene, telling)
    _eat(scene, telling)
    return telling.done()


def _buy(scene: Scene, telling: Telling) -> None:
    """Purchases, some given back as a whole within days, by rows of their own; some whose saving nobody tells."""
    block, rng = scene.block, scene.rng
    person, day = days_of(scene, ZHUANZHUAN, 0.05)
    size = len(person)
    at = clock(scene, day)
    back_at = at + rng.integers(DAY, 4 * DAY, size)
    consents = block.consents_at(ZHUANZHUAN, person, LIVING, at)
    same = block.consents_at(ZHUANZHUAN, person, LIVING, back_at) == consents
    flow = np.where(scene.chance(0.04, size), CLOSED, PAID)
    is_back = (flow == PAID) & scene.chance(0.08, size) & (back_at // DAY < scene.days) & same
    grams = np.where(
        scene.chance(0.05, size), NO_QUANTITY, np.exp(rng.normal(7.6, 1.0, size)).clip(100, 60_000).astype(np.int64)
    )
    fen = rng.integers(500, 200_000, size)
    serial = scene.serials.take(size)
    counts = (flow == PAID) & (grams > 0)
    category = rng.integers(0, 9, size)
    is_garment = category == GARMENT
    hundredths = rng.integers(20, 80, size)
    act = telling.told(
        *(ZHUANZHUAN, "deals"),
        person=person,
        day=day,
        at=at,
        scenario=np.where(is_garment, USED_GARMENT, SECOND_HAND),
        scope=LIVING,
        quantity=np.where(is_garment, hundredths * 10_000, grams * 1_000),
        counts=counts,
        is_refunded=is_back,
        total=fen,
        flow=flow,
        grams=grams,
        hundredths=np.where(grams > 0, hundredths, NO_QUANTITY),
        category=category,
        original=0,
        serial=serial,
    )
    returns = rows(
        size,
        person=person,
        day=back_at // DAY,
        at=back_at,
        act=act,
        scenario=np.where(is_garment, USED_GARMENT, SECOND_HAND),
        total=fen,
        flow=REFUNDED,
        grams=NO_QUANTITY,
        hundredths=hundredths,
        category=category,
        original=serial,
        serial=scene.serials.take(size),
        disposition=RECORD,
        outcome=np.where(consents, EVIDENCE, NO_CONSENT),
    )
    telling.add(ZHUANZHUAN, "deals", returns.take(is_back & counts))


def _sell_phones(scene: Scene, telling: Telling) -> None:
    """Telephones by those who gave them away: only one that is sold on counts, by its replacement rate."""
    person, day = days_of(scene, ZHUANZHUAN, 0.015)
    size = len(person)
    hundredths = scene.rng.integers(30, 101, size)
    fate = pick(scene, size, 0.75, 0.1, 0.05, 0.05, 0.05)
    telling.told(
        *(ZHUANZHUAN, "phones"),
        person=person,
        day=day,
        at=clock(scene, day),
        scenario=np.full(size, USED_PHONE),
        scope=LIVING,
        quantity=hundredths * 10_000,
        counts=fate == RESOLD,
        fate=fate,
        hundredths=hundredths,
        serial=scene.serials.take(size),
    )


def _send(scene: Scene, telling: Telling) -> None:
    """Parcels, and the cartons of some of them a minute before, of which the one figure is another province's."""
    person, day = days_of(scene, ZTO, 0.1)
    size = len(person)
    at = clock(scene, day)
    sheet = pick(scene, size, 0.88, 0.07, 0.05)
    serial = scene.serials.take(size)
    telling.told(
        *(ZTO, "parcels"),
        person=person,
        day=day,
        at=at,
        scenario=np.full(size, PARCEL),
        scope=LIVING,
        quantity=np.full(size, MICRO),
        counts=sheet == BY_CODE,
        sheet=sheet,
        fen=np.where(scene.chance(0.1, size), NO_QUANTITY, scene.rng.integers(600, 4_000, size)),
        serial=serial,
    )
    boxed = (sheet != CALLED_OFF) & scene.chance(0.7, size)
    kind = pick(scene, size, 0.6, 0.25, 0.15)[boxed]
    telling.told(
        *(ZTO, "cartons"),
        person=person[boxed],
        day=day[boxed],
        at=at[boxed] - 60,
        scenario=np.full(len(kind), CARTON),
        scope=LIVING,
        quantity=np.full(len(kind), MICRO),
        has_factor=False,
        counts=kind == USED_CARTON,
        kind=kind,
        serial=serial[boxed],
    )


def _eat(scene: Scene, telling: Telling) -> None:
    """Drinks in the morning, and at noon small portions and trays given back, at times both of one meal."""
    person, day = days_of(scene, CANTEEN, 0.25)
    size = len(person)
    choice = pick(scene, size, 0.35, 0.3, 0.05, 0.3)
    is_small = choice == SMALL
    telling.told(
        *(CANTEEN, "orders"),
        person=person,
        day=day,
        at=np.where(is_small, clock(scene, day, 11, 11.4), clock(scene, day, 7, 9.5)),
        scenario=np.where(is_small, SMALL_PORTION, OWN_CUP),
        scope=LIVING,
        quantity=np.full(size, MICRO),
        counts=(choice == OWN) | is_small,
        choice=choice,
        fen=scene.rng.integers(300, 3_000, size),
        serial=scene.serials.take(size),
    )
    person, day = days_of(scene, CANTEEN, 0.4)
    size = len(person)
    left = pick(scene, size, 0.6, 0.35, 0.05)
    telling.told(
        *(CANTEEN, "trays"),
        person=person,
        day=day,
        at=clock(scene, day, 11.5, 13.5),
        scenario=np.full(size, CLEAN_PLATE),
        scope=LIVING,
        quantity=np.full(size, MICRO),
        counts=left == CLEAN,
        left=left,
        serial=scene.serials.take(size),
    )

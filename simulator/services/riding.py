"""Rides that others drive: hailed cars, cars rented, the city's buses; some of them paid by a wallet."""

from __future__ import annotations

import numpy as np

from simulator.acts import Done, Scene, days_of, settled, wallet_rows
from simulator.merchants import BUS_PARTY, HAILING_PARTY
from simulator.rows import (
    ABSORBED,
    ALIPAY,
    BUS,
    CAOCAO,
    CREDITED,
    EVIDENCE,
    HAILED,
    NO_CONSENT,
    RENTAL,
    TRANSIT,
    TRAVEL,
    WECHAT,
)
from simulator.services.shared import MICRO, Telling, clock, paid, pick, spend, times_of

CARD, CODE, PHONE = range(3)
"""With what a bus is boarded: its card, a code that a wallet shows, a telephone."""
FARES = np.array([182, 190, 180])
CANCELLED, UNPAID, POOLED, PETROL = range(1, 5)
"""Why a ride does not count; 0 where it does."""


def be_driven(scene: Scene) -> Done:
    """All rides of the block."""
    telling = Telling(scene)
    _hail(scene, telling)
    _rent(scene, telling)
    _board(scene, telling)
    return telling.done()


def _hail(scene: Scene, telling: Telling) -> None:
    """Orders of the ride operator, some of petrol cars, shared, called off or not paid yet."""
    rng = scene.rng
    person, day, at = times_of(scene, CAOCAO, 0.04)
    size = len(person)
    tenths = np.exp(rng.normal(4.4, 0.6, size)).clip(8, 900).astype(np.int64)
    fen = 800 + tenths * 25
    fen += fen % 10 == 1  # amounts of bills have another last digit
    why = pick(scene, size, 0.82, 0.05, 0.02, 0.05, 0.06)
    telling.told(
        *(CAOCAO, "rides"),
        person=person,
        day=day,
        at=at,
        scenario=np.full(size, HAILED),
        scope=TRAVEL,
        quantity=tenths * 100_000,
        counts=why == 0,
        total=tenths,
        fen=fen,
        why=why,
        area=pick(scene, size, 0.75, 0.15, 0.1),
        serial=scene.serials.take(size),
    )
    way = rng.random(size)
    by = {ALIPAY: (why == 0) & (way < 0.5), WECHAT: (why == 0) & (way >= 0.5)}
    spend(scene, telling, HAILING_PARTY, person, at, fen, by)


def _rent(scene: Scene, telling: Telling) -> None:
    """Cars given back; some not paid yet, some that burn petrol."""
    person, day = days_of(scene, CAOCAO, 0.012)
    size = len(person)
    km = scene.rng.integers(20, 500, size)
    why = pick(scene, size, 0.9, 0.0, 0.04, 0.0, 0.06)
    telling.told(
        *(CAOCAO, "rentals"),
        person=person,
        day=day,
        at=clock(scene, day),
        scenario=np.full(size, RENTAL),
        scope=TRAVEL,
        quantity=km * MICRO,
        counts=why == 0,
        total=km,
        why=why,
        area=pick(scene, size, 0.75, 0.15, 0.1),
        days=scene.rng.integers(1, 5, size),
        serial=scene.serials.take(size),
    )


def _board(scene: Scene, telling: Telling) -> None:
    """Buses by card, code or telephone; a ride by code is paid within seconds by a wallet, which tells of it too."""
    block, rng = scene.block, scene.rng
    person, day, at = times_of(scene, TRANSIT, 0.15)
    size = len(person)
    media = pick(scene, size, 0.5, 0.4, 0.1)
    fen = FARES[media]
    kind = pick(scene, size, 0.94, 0.02, 0.02, 0.02)  # a ride, one taken back, money put onto the card, staff
    by_wallet = (media == CODE) & (kind == 0) & block.holds[ALIPAY, person] & scene.chance(0.5, size)
    paid_at = at + rng.integers(1, 30, size)
    wallet_consents = by_wallet & block.consents_at(ALIPAY, person, TRAVEL, paid_at)
    consents = block.consents_at(TRANSIT, person, TRAVEL, at)
    counts = kind == 0
    act = telling.told(
        *(TRANSIT, "rides"),
        person=person,
        day=day,
        at=at,
        scenario=np.full(size, BUS),
        scope=TRAVEL,
        quantity=np.full(size, MICRO),
        counts=counts,
        also=wallet_consents,
        total=fen,
        media=media,
        kind=kind,
        is_change=scene.chance(0.2, size),
        serial=scene.serials.take(size),
    )
    unclear = ~block.is_decidable[person]
    told = np.where(wallet_consents, np.where(consents, ABSORBED, CREDITED), NO_CONSENT)
    report = wallet_rows(
        scene,
        size,
        act=act,
        person=person,
        day=day,
        at=paid_at,
        scenario=BUS,
        total=fen * 10_000,
        outcome=settled(told, unclear & wallet_consents),
    )
    telling.add(ALIPAY, "acts", report.take(by_wallet))
    in_bill = counts & (media == CODE) & ~by_wallet & block.brings_bills[person] & block.holds[WECHAT, person]
    # The second wallet's bill lists the fare: mere evidence, which joins the ride where the buses tell of it.
    joined = settled(np.where(consents, ABSORBED, EVIDENCE), unclear & consents)
    telling.add(WECHAT, "bills", paid(scene, WECHAT, BUS_PARTY, person, paid_at, fen, act, joined).take(in_bill))

"""What cars do: kilometres and days at rest by their maker, charging, and tolls, which the city's bank books as well.

A household that charges at a station drives the same car: its maker tells of that in the same month.
"""

from __future__ import annotations

import numpy as np

from simulator.acts import Done, Scene, days_of, settled
from simulator.formats.hangzhou_bank import AT_STATION, AT_TOLL_GATE
from simulator.merchants import STATION_PARTY
from simulator.rows import (
    ABSORBED,
    ALIPAY,
    CHARGING,
    DAY,
    ELECTRIC_CAR,
    ETC,
    EVIDENCE,
    GEELY,
    HYBRID_CAR,
    HZ_BANK,
    NO_CONSENT,
    PARKED_CAR,
    RECORD,
    TELD,
    TOLL,
    TRAVEL,
    WECHAT,
    Column,
    rows,
)
from simulator.services.shared import MICRO, Telling, clock, pick, spend, times_of

NONE, BATTERY, HYBRID, PETROL, PLUG_IN = range(-1, 4)
IN_CITY, IN_PROVINCE, ELSEWHERE = range(3)
"""Where a station or the start of a ride is."""
TOLL_ROAD, CAR_PARK = 1, 2


def drive(scene: Scene) -> Done:
    """Everything that a block's cars do; everybody has one, whether its maker or a station tells of it or not.

    Some who drive another have a battery car beside it, which is charged and whose maker sends nothing.
    """
    size = len(scene.block)
    car = pick(scene, size, 0.3, 0.25, 0.35, 0.1)
    charged = np.where(np.isin(car, (BATTERY, PLUG_IN)), car, np.where(scene.chance(0.3, size), BATTERY, NONE))
    is_large = (car != PETROL) | scene.chance(0.3, size)
    telling = Telling(scene)
    _drive(scene, telling, car)
    _park(scene, telling, car, is_large)
    _charge(scene, telling, charged)
    _pay_tolls(scene, telling, car)
    return telling.done()


def _drive(scene: Scene, telling: Telling, car: Column) -> None:
    """One row a car and day that it was driven; no figure of battery cars' kilometres is of this province."""
    person, day = days_of(scene, GEELY, np.where(car == PETROL, 0.4, 0.7))
    size = len(person)
    tenths = np.exp(scene.rng.normal(5.6, 0.7, size)).clip(5, 6_000).astype(np.int64)
    for_others = scene.chance(0.03, size)
    telling.told(
        *(GEELY, "drives"),
        person=person,
        day=day,
        at=clock(scene, day),
        scenario=np.where(car[person] == HYBRID, HYBRID_CAR, ELECTRIC_CAR),
        scope=TRAVEL,
        quantity=tenths * 100_000,
        counts=np.isin(car[person], (BATTERY, HYBRID)) & ~for_others,
        has_factor=car[person] == HYBRID,
        of_day=True,
        total=tenths,
        car=car[person],
        for_others=for_others,
        odometer=20_000 + day * 30,
    )


def _park(scene: Scene, telling: Telling, car: Column, is_large: Column) -> None:
    """Days at rest, from a hour to the same of the next day; some ended too soon to be whole."""
    person, day = days_of(scene, GEELY, 0.2)
    size = len(person)
    is_whole = scene.chance(0.9, size)
    until = day * DAY + 18 * 3_600 + scene.rng.integers(0, 3_600, size)
    telling.told(
        *(GEELY, "stands"),
        person=person,
        day=day,
        at=until,
        scenario=np.full(size, PARKED_CAR),
        scope=TRAVEL,
        quantity=is_whole * MICRO,
        counts=(car[person] == PETROL) & ~is_large[person],
        car=car[person],
        is_large=is_large[person],
        since=until - np.where(is_whole, DAY, 11 * 3_600),
        is_whole=is_whole,
    )


def _charge(scene: Scene, telling: Telling, charged: Column) -> None:
    """Orders of cars, a few of bicycles or ended at once; some are paid by the city bank's card, some by a wallet."""
    block, rng = scene.block, scene.rng
    has_plug = charged != NONE
    person, day = days_of(scene, TELD, np.where(has_plug, 0.35, 0.05))
    size = len(person)
    at = clock(scene, day, 1, 22)
    hundredths = np.where(scene.chance(0.03, size), 0, rng.integers(500, 6_000, size))
    fen = hundredths * 6 // 5
    fen += fen % 10 == 1  # amounts of bills have another last digit
    counts = has_plug[person] & (hundredths > 0)
    act = telling.told(
        *(TELD, "orders"),
        person=person,
        day=day,
        at=at,
        scenario=np.full(size, CHARGING),
        scope=TRAVEL,
        quantity=hundredths * 10_000,
        counts=counts,
        total=hundredths,
        fen=fen,
        car=charged[person],
        area=pick(scene, size, 0.65, 0.2, 0.15),
        minutes=rng.integers(20, 70, size),
        serial=scene.serials.take(size),
    )
    # Whose order a booked row is, its amount does not tell: all of one person's charging has to have the same fate.
    consents = block.consents_at(TELD, person, TRAVEL, at)
    given, whole = (np.bincount(person, mask, len(block))[person] for mask in (counts & consents, counts))
    joined = np.select([given == whole, given == 0], [ABSORBED, EVIDENCE], -1)
    way = rng.random(size)
    _book(scene, telling, person, day, fen, act, joined, AT_STATION, counts & (way < 0.4))
    by = {ALIPAY: counts & (way >= 0.7), WECHAT: counts & (way >= 0.4) & (way < 0.7)}
    spend(scene, telling, STATION_PARTY, person, at, fen, by)


def _pay_tolls(scene: Scene, telling: Telling, car: Column) -> None:
    """Passages of toll gates, free ones and car parks among them; the bank of the bound card books what was paid."""
    person, day, at = times_of(scene, ETC, 0.08)
    size = len(person)
    serial = scene.serials.take(size)
    # Two tolls of one person that are near each other differ.
    fee = (5 + 5 * scene.rng.integers(1, 40, size)) * 100 + serial % 100
    fen = np.where(scene.chance(0.04, size), 0, fee)
    service = np.where(scene.chance(0.12, size), CAR_PARK, TOLL_ROAD)
    counts = (service == TOLL_ROAD) & np.isin(car[person], (HYBRID, PETROL)) & (fen > 0)
    act = telling.told(
        *(ETC, "passages"),
        person=person,
        day=day,
        at=at,
        scenario=np.full(size, TOLL),
        scope=TRAVEL,
        quantity=np.full(size, MICRO),
        counts=counts,
        total=fen,
        fee=fee * 20 // 19,
        service=service,
        is_green=np.isin(car[person], (BATTERY, PLUG_IN)),
        minutes=scene.rng.integers(15, 150, size),
        serial=serial,
    )
    consents = counts & scene.block.consents_at(ETC, person, TRAVEL, at)
    joined = np.where(consents, ABSORBED, EVIDENCE)
    is_booked = (service == TOLL_ROAD) & (fen > 0) & scene.chance(0.9, size)
    _book(scene, telling, person, day, fen, act, joined, AT_TOLL_GATE, is_booked)


def _book(
    scene: Scene,
    telling: Telling,
    person: Column,
    day: Column,
    fen: Column,
    act: Column,
    joined: Column,
    payee: int,
    is_booked: Column,
) -> None:
    """Card rows of the city's bank, up to two days later; `joined` is what becomes of a row that has consent."""
    block, size = scene.block, len(person)
    booked = day + scene.rng.integers(0, 3, size)
    consents = block.consents_all_day(HZ_BANK, person, TRAVEL, booked)
    unclear = ~block.is_decidable[person] & consents
    telling.add(
        HZ_BANK,
        "card_transactions",
        rows(
            size,
            person=person,
            day=booked,
            act=act,
            total=fen,
            payee=payee,
            serial=scene.serials.take(size),
            disposition=RECORD,
            outcome=settled(np.where(consents, joined, NO_CONSENT), unclear),
        ).take(is_booked & block.holds[HZ_BANK, person] & (booked < scene.days)),
    )

"""What is paid and earned around the acts: cards and wallets in shops, buses, salaries, friends.

Nothing of it is credited; the buses are seen by nobody but the bills. Card rows in shops, of which no bill tells, have
amounts that none has: `shopping.py` makes the payments that both see.
"""

from __future__ import annotations

import numpy as np

from simulator.acts import Done, Scene, acts_of
from simulator.bills import payments
from simulator.cards import entries
from simulator.formats.citic import PARTIAL, PURCHASE, REVERSAL
from simulator.formats.icbc import BUYS, EARNS, REVERSES, TAKES_BACK
from simulator.merchants import (
    BUS_PARTY,
    METRO_MERCHANTS,
    SHOPS,
    UTILITY_MERCHANTS,
)
from simulator.rows import (
    ALIPAY,
    BUS,
    CITIC,
    DAY,
    EVIDENCE,
    FINANCE,
    ICBC,
    IGNORED,
    LIVING,
    NO_CONSENT,
    PENDING,
    RECORD,
    REFUNDED,
    TRANSIT,
    TRAVEL,
    UNKNOWN,
    WECHAT,
    Column,
    Rows,
    rows,
)


def shop_by_card(scene: Scene) -> dict[tuple[int, str], list[Rows]]:
    """Everyday spending with the first bank's card, its refunds, and reversals whose original never comes.

    No act: to pay in a shop is none, and a stray reversal refers to nothing.
    """
    block, rng, days = scene.block, scene.rng, scene.days
    bank = np.flatnonzero(block.holds[CITIC])
    times = rng.poisson(1.2, (len(bank), days))
    person, day = (
        np.repeat(part, times.ravel()) for part in (np.repeat(bank, days), np.tile(np.arange(days), len(bank)))
    )
    size = len(person)
    fen = _unlisted(rng.integers(300, 90_000, size) * np.where(scene.chance(0.02, size), 20, 1))
    back = day + rng.integers(1, 5, size)
    fate = rng.random(size)
    returned = (fate < 0.015) & (back < days)
    is_partial = fate < 0.005
    serial = scene.serials.take(size)
    shared = {"person": person, "merchant": np.array(SHOPS)[rng.integers(0, len(SHOPS), size)]}
    consent = block.consents_all_day(CITIC, person, FINANCE, day)
    outcome = np.where(returned & ~is_partial, REFUNDED, EVIDENCE)
    purchases = rows(
        size,
        day=day,
        serial=serial,
        total=fen,
        kind=PURCHASE,
        original=0,
        outcome=np.where(consent, outcome, NO_CONSENT),
        **shared,
    )
    returns = rows(
        size,
        day=back,
        serial=scene.serials.take(size),
        total=np.where(is_partial, -(fen // 3), -fen),
        kind=np.where(is_partial, PARTIAL, REVERSAL),
        original=serial,
        outcome=np.where(block.consents_all_day(CITIC, person, FINANCE, back), EVIDENCE, NO_CONSENT),
        **shared,
    ).take(returned)

    count = int(np.ceil(size * 0.0005)) if size else 0
    lost = rng.integers(0, max(size, 1), count)
    is_ride = scene.chance(0.5, count)
    scope = np.where(is_ride, TRAVEL, LIVING)
    strays = rows(
        count,
        day=day[lost],
        person=person[lost],
        serial=scene.serials.take(count),
        total=-np.where(is_ride, 400, 8_000),
        kind=REVERSAL,
        original=scene.serials.take(count),
        merchant=np.where(is_ride, METRO_MERCHANTS[1], UTILITY_MERCHANTS[1]),
        disposition=RECORD,
        outcome=np.where(block.consents_all_day(CITIC, person[lost], scope, day[lost]), PENDING, NO_CONSENT),
    )
    return {(CITIC, "card_transactions"): [purchases, returns, strays]}


def use_second_bank(scene: Scene) -> dict[tuple[int, str], list[Rows]]:
    """Everyday rows of the second bank: shops, salaries, interest, other currencies, what is not booked yet.

    No act. Some rows name utilities and are none of it: not booked yet, or a reversal taken back. A stray
    reversal refers to nothing.
    """
    block, rng, days = scene.block, scene.rng, scene.days
    person, day = times(scene, block.holds[ICBC], 0.7)
    size = len(person)
    back = day + rng.integers(1, 5, size)
    is_foreign = scene.chance(0.03, size)
    is_pending = scene.chance(0.02, size)
    fate = rng.random(size)
    is_utility = is_pending & (fate < 0.5)
    serial = scene.serials.take(size)
    merchant = np.where(is_utility, UTILITY_MERCHANTS[1], np.array(SHOPS)[rng.integers(0, len(SHOPS), size)])
    shared = {"person": person, "merchant": merchant}
    fen = _unlisted(rng.integers(300, 90_000, size))
    has_time = scene.chance(0.15, size)
    is_returned = (fate < 0.015) & (back < days) & ~is_foreign & ~is_pending
    is_ignored = is_foreign | is_pending
    # a clock that a row tells is that of the booking, so consent must hold all day
    consent = block.consents_all_day(ICBC, person, FINANCE, day)
    outcome = np.where(consent, np.where(is_returned, REFUNDED, EVIDENCE), NO_CONSENT)
    purchases = entries(
        size,
        day=day,
        serial=serial,
        total=fen,
        kind=BUYS,
        currency=np.where(is_foreign, rng.integers(1, 4, size), 0),
        is_pending=is_pending,
        has_time=has_time,
        disposition=np.where(is_ignored, IGNORED, RECORD),
        outcome=np.where(is_ignored, UNKNOWN, outcome),
        **shared,
    )
    returns = entries(
        size,
        day=back,
        serial=scene.serials.take(size),
        total=fen,
        kind=REVERSES,
        original=serial,
        outcome=np.where(block.consents_all_day(ICBC, person, FINANCE, back), EVIDENCE, NO_CONSENT),
        **shared,
    ).take(is_returned)

    person, day = times(scene, block.holds[ICBC], 0.06)
    size = len(person)
    fate = rng.random(size)
    is_bare = fate < 0.6
    is_undone = fate > 0.95
    others = entries(
        size,
        day=day,
        person=person,
        serial=scene.serials.take(size),
        total=rng.integers(100, 900_000, size),
        kind=np.where(is_undone, TAKES_BACK, EARNS),
        is_bare=is_bare,
        has_time=is_bare & scene.chance(0.3, size),
        merchant=np.where(is_undone, UTILITY_MERCHANTS[2], SHOPS[0]),
        disposition=IGNORED,
    )
    is_stray = scene.chance(0.01, size)
    is_ride = scene.chance(0.5, size)
    consent = block.consents_all_day(ICBC, person, np.where(is_ride, TRAVEL, LIVING), day)
    strays = entries(
        size,
        day=day,
        person=person,
        serial=scene.serials.take(size),
        total=np.where(is_ride, 400, 8_000),
        kind=REVERSES,
        original=scene.serials.take(size),
        merchant=np.where(is_ride, METRO_MERCHANTS[1], UTILITY_MERCHANTS[1]),
        outcome=np.where(consent, PENDING, NO_CONSENT),
    ).take(is_stray)
    return {(ICBC, "statements"): [purchases, returns, others, strays]}


def take_buses(scene: Scene) -> Done:
    """Buses paid by a wallet: its bill is all that tells of them, and it is evidence.

    Those whom the buses know ride by what these tell (`services/riding.py`).
    """
    block, rng = scene.block, scene.rng
    pieces: dict[tuple[int, str], list[Rows]] = {}
    acts: list[Rows] = []
    offset = 0
    for wallet, rate in ((ALIPAY, 0.15), (WECHAT, 0.15)):
        person, day = times(scene, block.brings_bills & block.holds[wallet], rate)
        at = day * DAY + rng.integers(6 * 3_600, 22 * 3_600, len(person))
        serial, alone = scene.serials.take(len(person)), ~block.holds[TRANSIT, person]
        person, day, at, serial = person[alone], day[alone], at[alone], serial[alone]
        size = len(person)
        listed = Rows(
            payments(
                wallet,
                scene.bills,
                size,
                person=person,
                act=offset + np.arange(size),
                at=at,
                fen=np.full(size, 200),
                party=BUS_PARTY,
                serial=serial,
                outcome=EVIDENCE,
                disposition=RECORD,
            )
        )
        pieces[wallet, "bills"] = [listed]
        one = np.full(size, 1_000_000)
        acts.append(acts_of(person, np.full(size, BUS), day, at, one, np.full(size, EVIDENCE), one))
        offset += size
    return Done(Rows({name: np.concatenate([part[name] for part in acts]) for name in acts[0].columns}), pieces)


def times(scene: Scene, who: Column, rate: float) -> tuple[Column, Column]:
    """Person and day of what people do several times a day, or seldom."""
    chosen = np.flatnonzero(who)
    times = scene.rng.poisson(rate, (len(chosen), scene.days)).ravel()
    person, day = np.repeat(chosen, scene.days), np.tile(np.arange(scene.days), len(chosen))
    return np.repeat(person, times), np.repeat(day, times)


def _unlisted(fen: Column) -> Column:
    """Amounts as no bill has them."""
    return fen // 10 * 10 + 1

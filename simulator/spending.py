"""What is paid and earned around the acts: cards and wallets in shops, buses, salaries, friends.

Nothing of it is credited; the buses are seen by nobody but the bills.
"""

from __future__ import annotations

import numpy as np

from simulator.acts import Done, Scene, acts_of
from simulator.bills import Back, give_back, payments
from simulator.cards import entries
from simulator.formats.bill import CLOSED, EXPENSE, INCOME, NEUTRAL, PAID, WAITING
from simulator.formats.citic import PARTIAL, PURCHASE, REVERSAL
from simulator.formats.icbc import BUYS, EARNS, REVERSES, TAKES_BACK
from simulator.merchants import (
    BUS_PARTY,
    FRIENDS,
    METRO_MERCHANTS,
    SHOP_PARTIES,
    SHOPS,
    UTILITY_MERCHANTS,
    WITHDRAWAL,
)
from simulator.rows import (
    ALIPAY,
    BUS,
    CITIC,
    DAY,
    EVIDENCE,
    ICBC,
    IGNORED,
    LIVING,
    NO_CONSENT,
    PENDING,
    RECORD,
    TRAVEL,
    UNKNOWN,
    WECHAT,
    Column,
    Rows,
    rows,
)


def shop_by_card(scene: Scene) -> dict[tuple[int, str], list[Rows]]:
    """Everyday spending with the first bank's card, its refunds, and reversals whose original never comes.

    No act: shops have no scenario, and a stray reversal refers to nothing.
    """
    block, rng, days = scene.block, scene.rng, scene.days
    bank = np.flatnonzero(block.holds[CITIC])
    times = rng.poisson(1.2, (len(bank), days))
    person, day = (
        np.repeat(part, times.ravel()) for part in (np.repeat(bank, days), np.tile(np.arange(days), len(bank)))
    )
    size = len(person)
    fen = rng.integers(300, 90_000, size) * np.where(scene.chance(0.02, size), 20, 1)
    back = day + rng.integers(1, 5, size)
    fate = rng.random(size)
    returned = (fate < 0.015) & (back < days)
    is_partial = fate < 0.005
    serial = scene.serials.take(size)
    shared = {
        "person": person,
        "merchant": np.array(SHOPS)[rng.integers(0, len(SHOPS), size)],
        "disposition": IGNORED,
    }
    purchases = rows(size, day=day, serial=serial, total=fen, kind=PURCHASE, original=0, **shared)
    returns = rows(
        size,
        day=back,
        serial=scene.serials.take(size),
        total=np.where(is_partial, -(fen // 3), -fen),
        kind=np.where(is_partial, PARTIAL, REVERSAL),
        original=serial,
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
    person, day = _times(scene, block.holds[ICBC], 0.7)
    size = len(person)
    back = day + rng.integers(1, 5, size)
    is_foreign = scene.chance(0.03, size)
    is_pending = scene.chance(0.02, size)
    fate = rng.random(size)
    is_utility = is_pending & (fate < 0.5)
    serial = scene.serials.take(size)
    merchant = np.where(is_utility, UTILITY_MERCHANTS[1], np.array(SHOPS)[rng.integers(0, len(SHOPS), size)])
    shared = {"person": person, "merchant": merchant, "disposition": IGNORED}
    fen = rng.integers(300, 90_000, size)
    purchases = entries(
        size,
        day=day,
        serial=serial,
        total=fen,
        kind=BUYS,
        currency=np.where(is_foreign, rng.integers(1, 4, size), 0),
        is_pending=is_pending,
        has_time=scene.chance(0.15, size),
        **shared,
    )
    is_returned = (fate < 0.015) & (back < days) & ~is_foreign & ~is_pending
    returns = entries(
        size, day=back, serial=scene.serials.take(size), total=fen, kind=REVERSES, original=serial, **shared
    ).take(is_returned)

    person, day = _times(scene, block.holds[ICBC], 0.06)
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
    """Buses paid by a wallet: its bill is all that tells of them, and it is evidence."""
    block, rng = scene.block, scene.rng
    pieces: dict[tuple[int, str], list[Rows]] = {}
    acts: list[Rows] = []
    offset = 0
    for wallet, rate in ((ALIPAY, 0.15), (WECHAT, 0.15)):
        person, day = _times(scene, block.brings_bills & block.holds[wallet], rate)
        at = day * DAY + rng.integers(6 * 3_600, 22 * 3_600, len(person))
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
                serial=scene.serials.take(size),
                outcome=EVIDENCE,
                disposition=RECORD,
            )
        )
        pieces[wallet, "bills"] = [listed]
        one = np.full(size, 1_000_000)
        acts.append(acts_of(person, np.full(size, BUS), day, at, one, np.full(size, EVIDENCE), one))
        offset += size
    return Done(Rows({name: np.concatenate([part[name] for part in acts]) for name in acts[0].columns}), pieces)


def spend_by_wallet(scene: Scene) -> dict[tuple[int, str], list[Rows]]:
    """What else the bills list: shops and their refunds, friends' transfers, trades never paid, withdrawals."""
    return {(wallet, "bills"): [_shops(scene, wallet), _others(scene, wallet)] for wallet in (ALIPAY, WECHAT)}


def _shops(scene: Scene, wallet: int) -> Rows:
    rng = scene.rng
    person, day = _times(scene, scene.block.brings_bills & scene.block.holds[wallet], 0.8)
    size = len(person)
    at = day * DAY + rng.integers(8 * 3_600, 23 * 3_600, size)
    fen = rng.integers(200, 30_000, size)
    return _ignored(
        scene,
        wallet,
        person=person,
        at=at,
        fen=fen,
        party=np.array(SHOP_PARTIES)[rng.integers(0, len(SHOP_PARTIES), size)],
        back=give_back(rng, at, fen, 0.06),
        flow=EXPENSE,
        state=np.where((wallet == ALIPAY) & scene.chance(0.1, size), WAITING, PAID),
    )


def _others(scene: Scene, wallet: int) -> Rows:
    """Transfers received; trades never paid in the first wallet, withdrawals in the second."""
    rng = scene.rng
    person, day = _times(scene, scene.block.brings_bills & scene.block.holds[wallet], 0.1)
    size = len(person)
    is_income = scene.chance(0.6, size)
    friend = np.array(FRIENDS)[rng.integers(0, len(FRIENDS), size)]
    # a payment of water that was never made is no act
    rest = np.where(scene.chance(0.3, size), 2, SHOP_PARTIES[0]) if wallet == ALIPAY else WITHDRAWAL
    return _ignored(
        scene,
        wallet,
        person=person,
        at=day * DAY + rng.integers(8 * 3_600, 23 * 3_600, size),
        fen=rng.integers(100, 50_000, size),
        party=np.where(is_income, friend, rest),
        flow=np.where(is_income, INCOME, NEUTRAL),
        state=np.where(is_income | (wallet == WECHAT), PAID, CLOSED),
    )


def _ignored(
    scene: Scene,
    wallet: int,
    *,
    person: Column,
    at: Column,
    fen: Column,
    party: Column,
    flow: Column | int,
    state: Column,
    back: Back | None = None,
) -> Rows:
    return Rows(
        payments(
            wallet,
            scene.bills,
            len(person),
            person=person,
            act=-1,
            at=at,
            fen=fen,
            party=party,
            serial=scene.serials.take(len(person)),
            outcome=UNKNOWN,
            disposition=IGNORED,
            back=back,
            flow=flow,
            state=state,
        )
    )


def _times(scene: Scene, who: Column, rate: float) -> tuple[Column, Column]:
    """Person and day of what people do several times a day, or seldom."""
    chosen = np.flatnonzero(who)
    times = scene.rng.poisson(rate, (len(chosen), scene.days)).ravel()
    person, day = np.repeat(chosen, scene.days), np.tile(np.arange(scene.days), len(chosen))
    return np.repeat(person, times), np.repeat(day, times)

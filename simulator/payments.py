"""Utility payments seen by the wallet and the bank, their refunds, and the shop spending around them.

What the matching policy leaves open: two payments of one person within two days when their amounts are equal
or the bank states none; a booking-dated row could then belong to either.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.acts import Done, Scene, acts_of, acts_settled, settled
from simulator.rows import (
    ABSORBED,
    ALIPAY,
    CITIC,
    CREDITED,
    DAY,
    EVIDENCE,
    IGNORED,
    LIVING,
    NO_CONSENT,
    PENDING,
    RECORD,
    REFUNDED,
    TRAVEL,
    UTILITY,
    Column,
    Rows,
    rows,
)
from simulator.writers import METRO_MERCHANTS, PARTIAL, PURCHASE, REVERSAL, SHOPS, UTILITY_MERCHANTS


@dataclass(frozen=True)
class _Bills:
    """The payments, one place each; a report that does not exist or is not delivered is false."""

    person: Column
    day: Column
    at: Column
    fen: Column
    by_wallet: Column
    by_bank: Column
    by_card: Column
    day_only: Column
    booked: Column
    hides_amount: Column
    wallet_consent: Column
    bank_consent: Column
    """Of the whole booking day; the bank's act and its card row share it."""


def pay_utilities(scene: Scene) -> Done:
    """All utility payments with their full and partial refunds."""
    block, rng = scene.block, scene.rng
    bills = _bills(scene)
    person, size = bills.person, len(bills.person)
    unclear = ~block.is_decidable[person]

    claims_wallet = bills.by_wallet & bills.wallet_consent
    claims_bank = bills.by_bank & bills.bank_consent
    claims_card = bills.by_card & bills.bank_consent
    is_act = claims_wallet | claims_bank
    is_open = _open(bills, is_act, claims_bank, claims_card)

    back = bills.booked + rng.integers(1, 5, size)
    fate = rng.random(size)
    may_return = bills.by_card & (back < scene.days)
    may_return &= block.consents_all_day(CITIC, person, LIVING, back) == bills.bank_consent
    is_reversed, is_partial = may_return & (fate < 0.04), may_return & (fate >= 0.04) & (fate < 0.07)
    refunded = is_reversed & claims_card & is_act

    outcome = np.select([refunded, is_act, claims_card], [REFUNDED, CREDITED, EVIDENCE], NO_CONSENT)
    lead_day = np.where(claims_wallet, bills.day, bills.booked)
    acts = acts_of(
        person=person,
        scenario=np.full(size, UTILITY),
        day=np.where(is_act, lead_day, bills.day),
        at=bills.at,
        quantity=np.full(size, 1_000_000),
        outcome=acts_settled(outcome, is_open | (unclear & is_act)),
        credited=np.full(size, 1_000_000),
    )

    doubtful = is_open | unclear
    shared = {"person": person, "act": np.arange(size)}
    lead = np.where(refunded, REFUNDED, CREDITED)
    wallet = rows(
        size,
        day=bills.day,
        at=bills.at,
        day_only=bills.day_only,
        scenario=UTILITY,
        total=bills.fen * 10_000,
        style=rng.integers(0, 3, size),
        serial=scene.serials.take(size),
        outcome=settled(np.where(bills.wallet_consent, lead, NO_CONSENT), doubtful & bills.wallet_consent),
        **shared,
    ).take(bills.by_wallet)
    second = np.where(refunded, REFUNDED, np.where(claims_wallet, ABSORBED, CREDITED))
    bank = rows(
        size,
        day=bills.booked,
        business=rng.integers(0, 3, size),
        count=1,
        total=np.where(bills.hides_amount, 0, bills.fen),
        has_no_amount=bills.hides_amount,
        note=rng.integers(0, 4, size),
        outcome=settled(np.where(bills.bank_consent, second, NO_CONSENT), doubtful & bills.bank_consent),
        **shared,
    ).take(bills.by_bank)
    third = np.where(is_reversed, REFUNDED, np.where(is_act, ABSORBED, EVIDENCE))
    serial = scene.serials.take(size)
    merchant = np.where(
        bills.by_wallet,
        np.where(scene.chance(0.7, size), UTILITY_MERCHANTS[0], UTILITY_MERCHANTS[3]),
        np.where(scene.chance(0.6, size), UTILITY_MERCHANTS[1], UTILITY_MERCHANTS[2]),
    )
    shared["merchant"] = merchant
    card_outcome = np.where(bills.bank_consent, third, NO_CONSENT)
    purchases = rows(
        size,
        day=bills.booked,
        serial=serial,
        total=bills.fen,
        kind=PURCHASE,
        original=0,
        outcome=settled(card_outcome, doubtful & bills.bank_consent & ~is_reversed),
        **shared,
    ).take(bills.by_card)
    returns = rows(
        size,
        day=back,
        serial=scene.serials.take(size),
        total=np.where(is_reversed, -bills.fen, -(bills.fen // 4)),
        kind=np.where(is_reversed, REVERSAL, PARTIAL),
        original=serial,
        outcome=np.where(bills.bank_consent, EVIDENCE, NO_CONSENT),
        **shared,
    ).take(is_reversed | is_partial)
    return Done(
        acts,
        {
            (ALIPAY, "acts"): [wallet],
            (CITIC, "acts"): [bank],
            (CITIC, "card_transactions"): [purchases, returns],
        },
    )


def _bills(scene: Scene) -> _Bills:
    """Three or four payments a month, through the wallet, the bank's app or both."""
    block, rng, days = scene.block, scene.rng, scene.days
    person, day = (part.astype(np.int64) for part in np.nonzero(rng.random((len(block), days)) < 0.12))
    size = len(person)
    has_wallet, has_bank = block.holds[ALIPAY, person], block.holds[CITIC, person]
    way = rng.random(size)
    by_wallet = has_wallet & ((way < 0.75) | ~has_bank)
    by_bank = has_bank & ((way >= 0.65) | ~has_wallet)
    by_card = has_bank & ((way < 0.45) | (way >= 0.65)) & ~(~has_wallet & scene.chance(0.2, size))
    booked = day + scene.chance(0.25, size)
    by_bank, by_card = by_bank & (booked < days), by_card & (booked < days)
    day_only = by_wallet & scene.chance(0.2, size)
    at = day * DAY + rng.integers(7 * 3_600, 23 * 3_600, size)
    wallet_consent = np.where(
        day_only,
        block.consents_all_day(ALIPAY, person, LIVING, day),
        block.consents_at(ALIPAY, person, LIVING, at),
    )
    return _Bills(
        person=person,
        day=day,
        at=at,
        fen=rng.integers(1_500, 160_000, size),
        by_wallet=by_wallet,
        by_bank=by_bank,
        by_card=by_card,
        day_only=day_only,
        booked=booked,
        hides_amount=by_bank & scene.chance(0.05, size),
        wallet_consent=wallet_consent,
        bank_consent=block.consents_all_day(CITIC, person, LIVING, booked),
    )


def _open(bills: _Bills, is_act: Column, claims_bank: Column, claims_card: Column) -> Column:
    """Payments whose booking-dated rows could be another payment's of the same person."""
    size = len(bills.person)
    counts = is_act | claims_card
    is_open = np.zeros(size, dtype=bool)
    hides = bills.hides_amount & claims_bank
    order = np.lexsort((bills.day, bills.person))
    for step in (1, 2):  # at most one payment a day, so three within two days
        one, other = order[:-step], order[step:]
        near = (bills.person[one] == bills.person[other]) & (bills.day[other] - bills.day[one] <= 2)
        alike = (bills.fen[one] == bills.fen[other]) | hides[one] | hides[other]
        both = near & alike & counts[one] & counts[other]
        is_open[one[both]] = True
        is_open[other[both]] = True
    return is_open & counts


def shop(scene: Scene) -> dict[tuple[int, str], list[Rows]]:
    """Everyday card spending, its refunds, and reversals whose original never comes.

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

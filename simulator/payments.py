"""Utility payments seen by the wallets, by the first bank's app and by the cards of both, and their refunds.

What the matching policy leaves open: two payments of one person within two days when the bank states no amount, or
when their amounts are equal and some row's own act is missing, or money came back; a booking-dated row could then belong
to either. Of equal payments that all have their acts each row finds one, as most pairs count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from simulator.acts import Done, Scene, acts_of, acts_settled, settled, wallet_rows
from simulator.bills import Back, give_back, payments
from simulator.cards import card_rows
from simulator.formats.citic import PARTIAL, PURCHASE, REVERSAL
from simulator.merchants import UTILITY_MERCHANTS, UTILITY_PARTIES
from simulator.rows import (
    ABSORBED,
    ALIPAY,
    CITIC,
    CREDITED,
    DAY,
    EVIDENCE,
    ICBC,
    LIVING,
    NO_CONSENT,
    RECORD,
    REFUNDED,
    UTILITY,
    WECHAT,
    Column,
    Rows,
    rows,
)


@dataclass(frozen=True)
class _Payments:
    """The payments, one place each; a report that does not exist or is not delivered is false.

    `by_card` and `card_consent` are by bank. Bills hold the payments of those who bring them: `in_bill` says
    by which wallet a payment was made and that a bill lists it.
    """

    person: Column
    day: Column
    at: Column
    fen: Column
    by_wallet: Column
    by_second: Column
    by_bank: Column
    by_card: dict[int, Column]
    in_bill: dict[int, Column]
    day_only: Column
    booked: Column
    hides_amount: Column
    wallet_consent: Column
    card_consent: dict[int, Column]
    """Of the whole booking day; the first bank's act and its card row share it."""


@dataclass(frozen=True)
class _Fate:
    """What becomes of the payments; `is_reversed`, `is_partial` by bank, `returned` by wallet.

    `doubtful` payments are open, or of people whom nobody can tell apart.
    """

    is_act: Column
    is_open: Column
    refunded: Column
    doubtful: Column
    claims_wallet: Column
    claims_bill: Column
    any_card: Column
    back: Column
    is_reversed: dict[int, Column]
    is_partial: dict[int, Column]
    given: Back
    returned: dict[int, Column]


def pay_utilities(scene: Scene) -> Done:
    """All utility payments with their full and partial refunds."""
    paid = _payments(scene)
    person, size = paid.person, len(paid.person)
    fate = _fate(scene, paid)
    outcome = np.select([fate.refunded, fate.is_act, fate.any_card], [REFUNDED, CREDITED, EVIDENCE], NO_CONSENT)
    lead_day = np.where(fate.claims_wallet | fate.claims_bill, paid.day, paid.booked)
    acts = acts_of(
        person=person,
        scenario=np.full(size, UTILITY),
        day=np.where(fate.is_act, lead_day, paid.day),
        at=paid.at,
        quantity=np.full(size, 1_000_000),
        outcome=acts_settled(outcome, fate.is_open | (fate.doubtful & fate.is_act)),
        credited=np.full(size, 1_000_000),
    )
    reports = {(ALIPAY, "acts"): [_wallet_rows(scene, paid, fate)], (CITIC, "acts"): [_app_rows(scene, paid, fate)]}
    party = np.array(UTILITY_PARTIES)[scene.rng.integers(0, 3, size)]
    for wallet in (ALIPAY, WECHAT):
        reports[wallet, "bills"] = [_bill_rows(scene, paid, fate, wallet, party)]
    for bank, feed in ((CITIC, "card_transactions"), (ICBC, "statements")):
        reports[bank, feed] = _cards(scene, paid, fate, bank)
    return Done(acts, reports)


def _fate(scene: Scene, paid: _Payments) -> _Fate:
    """Which payments are acts, which are open, and which are taken back by a card or a wallet."""
    block, rng, person = scene.block, scene.rng, paid.person
    claims_wallet = paid.by_wallet & paid.wallet_consent
    claims_bill = paid.in_bill[ALIPAY] | paid.in_bill[WECHAT]
    claims_bank = paid.by_bank & paid.card_consent[CITIC]
    claims_card = {bank: paid.by_card[bank] & paid.card_consent[bank] for bank in (CITIC, ICBC)}
    any_card = claims_card[CITIC] | claims_card[ICBC]
    is_act = claims_wallet | claims_bill | claims_bank
    back = paid.booked + rng.integers(1, 5, len(person))
    chance = rng.random(len(person))
    is_reversed, is_partial = {}, {}
    for bank in (CITIC, ICBC):
        may = paid.by_card[bank] & (back < scene.days)
        may &= block.consents_all_day(bank, person, LIVING, back) == paid.card_consent[bank]
        is_reversed[bank] = may & (chance < 0.04)
        is_partial[bank] = may & (chance >= 0.04) & (chance < 0.07) & (bank == CITIC)
    given = give_back(rng, paid.at, paid.fen, 0.3)
    returned = {
        wallet: paid.in_bill[wallet] & scene.bills.are_taken_back(wallet, person, paid.at, paid.fen, given)
        for wallet in (ALIPAY, WECHAT)
    }
    comes_back = is_partial[CITIC] | is_reversed[CITIC] | is_reversed[ICBC] | (claims_bill & (given.fen[0] > 0))
    leads = claims_wallet | claims_bill
    is_open = _open(paid, is_act | any_card, claims_bank)
    is_open |= _mixed_up(paid, is_act | any_card, leads, (claims_bank & ~leads) | (any_card & ~is_act), comes_back)
    by_card = (is_reversed[CITIC] & claims_card[CITIC]) | (is_reversed[ICBC] & claims_card[ICBC])
    return _Fate(
        is_act=is_act,
        is_open=is_open,
        refunded=is_act & (by_card | returned[ALIPAY] | returned[WECHAT]),
        doubtful=is_open | ~block.is_decidable[person],
        claims_wallet=claims_wallet,
        claims_bill=claims_bill,
        any_card=any_card,
        back=back,
        is_reversed=is_reversed,
        is_partial=is_partial,
        given=given,
        returned=returned,
    )


def _wallet_rows(scene: Scene, paid: _Payments, fate: _Fate) -> Rows:
    """Acts of the first wallet, which lead whatever they are part of."""
    outcome = np.where(paid.wallet_consent, np.where(fate.refunded, REFUNDED, CREDITED), NO_CONSENT)
    return wallet_rows(
        scene,
        len(paid.person),
        person=paid.person,
        day=paid.day,
        at=paid.at,
        day_only=paid.day_only,
        scenario=UTILITY,
        total=paid.fen * 10_000,
        outcome=settled(outcome, fate.doubtful & paid.wallet_consent),
    ).take(paid.by_wallet)


def _app_rows(scene: Scene, paid: _Payments, fate: _Fate) -> Rows:
    """Acts of the first bank's app, some without an amount."""
    rng, size, consent = scene.rng, len(paid.person), paid.card_consent[CITIC]
    second = np.where(fate.claims_wallet | fate.claims_bill, ABSORBED, CREDITED)
    outcome = np.where(consent, np.where(fate.refunded, REFUNDED, second), NO_CONSENT)
    return rows(
        size,
        person=paid.person,
        act=np.arange(size),
        day=paid.booked,
        business=rng.integers(0, 3, size),
        count=1,
        total=np.where(paid.hides_amount, 0, paid.fen),
        has_no_amount=paid.hides_amount,
        note=rng.integers(0, 4, size),
        outcome=settled(outcome, fate.doubtful & consent),
    ).take(paid.by_bank)


def _bill_rows(scene: Scene, paid: _Payments, fate: _Fate, wallet: int, party: Column) -> Rows:
    """What a wallet's bills can list."""
    size = len(paid.person)
    outcome = np.where(fate.refunded, REFUNDED, np.where(fate.claims_wallet, ABSORBED, CREDITED))
    by = paid.by_wallet if wallet == ALIPAY else paid.by_second
    listed = payments(
        wallet,
        scene.bills,
        size,
        person=paid.person,
        act=np.arange(size),
        at=paid.at,
        fen=paid.fen,
        party=party,
        serial=scene.serials.take(size),
        outcome=settled(outcome, fate.doubtful & ~fate.returned[wallet]),
        disposition=RECORD,
        back=fate.given,
    )
    return Rows(listed).take(by & scene.block.brings_bills[paid.person])


def _cards(scene: Scene, paid: _Payments, fate: _Fate, bank: int) -> list[Rows]:
    """Card rows of a bank, and what was given back by card."""
    size, consent, is_taken = len(paid.person), paid.card_consent[bank], fate.is_reversed[bank]
    outcome = np.select([is_taken | fate.refunded, fate.is_act], [REFUNDED, ABSORBED], EVIDENCE)
    serial = scene.serials.take(size)
    shared: dict[str, Any] = {"person": paid.person, "act": np.arange(size), "merchant": _merchants(scene, paid)}
    purchases = card_rows(
        bank,
        size,
        day=paid.booked,
        serial=serial,
        total=paid.fen,
        kind=PURCHASE,
        original=0,
        outcome=settled(np.where(consent, outcome, NO_CONSENT), fate.doubtful & consent & ~is_taken),
        **shared,
    ).take(paid.by_card[bank])
    returns = card_rows(
        bank,
        size,
        day=fate.back,
        serial=scene.serials.take(size),
        total=np.where(is_taken, -paid.fen, -(paid.fen // 4)),
        kind=np.where(is_taken, REVERSAL, PARTIAL),
        original=serial,
        outcome=np.where(consent, EVIDENCE, NO_CONSENT),
        **shared,
    ).take(is_taken | fate.is_partial[bank])
    return [purchases, returns]


def _merchants(scene: Scene, paid: _Payments) -> Column:
    """Whom a card row names: the wallet that stands between, or the payee."""
    size = len(paid.person)
    by_wallet = np.where(scene.chance(0.7, size), UTILITY_MERCHANTS[0], UTILITY_MERCHANTS[3])
    direct = np.where(scene.chance(0.6, size), UTILITY_MERCHANTS[1], UTILITY_MERCHANTS[2])
    return np.select([paid.by_wallet, paid.by_second], [by_wallet, UTILITY_MERCHANTS[4]], direct)


def _payments(scene: Scene) -> _Payments:
    """Three or four payments a month, through a wallet, the first bank's app or both."""
    block, rng, days = scene.block, scene.rng, scene.days
    person, day, like = _days_of(scene, np.nonzero(rng.random((len(block), days)) < 0.12))
    size, is_equal = len(person), np.bincount(like, minlength=len(person))[like] > 1
    has_wallet, has_bank, has_other = (block.holds[i, person] for i in (ALIPAY, CITIC, ICBC))
    way = rng.random(size)
    by_second = block.holds[WECHAT, person] & scene.chance(0.4, size)
    by_wallet = has_wallet & ((way < 0.75) | ~has_bank) & ~by_second
    by_bank = has_bank & ((way >= 0.65) | ~has_wallet) & ~by_second
    by_any = (has_bank | has_other) & ((way < 0.45) | (way >= 0.65)) & ~(~has_wallet & scene.chance(0.2, size))
    # the bank's app takes the bank's own card
    on_other = has_other & ~by_bank & (~has_bank | scene.chance(0.5, size))
    by_second, by_wallet, by_bank, by_any, on_other = (
        way[like] for way in (by_second, by_wallet, by_bank, by_any, on_other)
    )
    booked = day + (scene.chance(0.25, size) | is_equal)
    by_bank, by_any = by_bank & (booked < days), by_any & (booked < days)
    day_only = by_wallet & scene.chance(0.2, size)
    at = day * DAY + rng.integers(7 * 3_600, 23 * 3_600, size)
    wallet_consent = np.where(
        day_only,
        block.consents_all_day(ALIPAY, person, LIVING, day),
        block.consents_at(ALIPAY, person, LIVING, at),
    )
    return _Payments(
        person=person,
        day=day,
        at=at,
        fen=rng.integers(1_500, 160_000, size)[like],
        by_wallet=by_wallet,
        by_second=by_second,
        by_bank=by_bank,
        by_card={CITIC: by_any & ~on_other & has_bank, ICBC: by_any & on_other},
        in_bill={
            ALIPAY: by_wallet & (scene.bills.latest(ALIPAY, person, day) >= 0),
            WECHAT: by_second & (scene.bills.latest(WECHAT, person, day) >= 0),
        },
        day_only=day_only,
        booked=booked,
        hides_amount=by_bank & scene.chance(0.05, size),
        wallet_consent=wallet_consent,
        card_consent={bank: block.consents_all_day(bank, person, LIVING, booked) for bank in (CITIC, ICBC)},
    )


def _days_of(scene: Scene, drawn: tuple[Column, ...]) -> tuple[Column, Column, Column]:
    """Person and day of the payments, and the place of the one that each is like: itself, or the day before's.

    drawn: person and day of those that are like themselves.
    """
    person, day = (part.astype(np.int64) for part in drawn)
    key, size = person * scene.days + day, len(person)
    fits = (day + 1 < scene.days) & ~np.isin(key + 1, key) & scene.mishap(scene.hostile.equal_bookings, size)
    first = np.flatnonzero(fits)
    like = np.concatenate([np.arange(size), first])
    return np.concatenate([person, person[first]]), np.concatenate([day, day[first] + 1]), like


def _mixed_up(paid: _Payments, counts: Column, leads: Column, strays: Column, comes_back: Column) -> Column:
    """Equal payments within two days of each other among which a row has no act of its own, or of which one came back.

    counts: anything of the payment counts. leads: it is an act by a report of its own day. strays: a booking-dated row
    of it looks for an act where it has none.
    """
    order = np.flatnonzero(counts)
    order = order[np.lexsort((paid.day[order], paid.fen[order], paid.person[order]))]
    one, other = order[:-1], order[1:]
    near = (paid.person[one] == paid.person[other]) & (paid.fen[one] == paid.fen[other])
    near &= paid.day[other] - paid.day[one] <= 2
    group = np.cumsum(np.concatenate([[0], ~near])) if len(order) else order
    sizes, led, stray, back = (np.bincount(group, mask[order]) for mask in (counts, leads, strays, comes_back))
    found = np.zeros(len(counts), dtype=bool)
    found[order] = ((sizes > 1) & (((led > 0) & (stray > 0)) | (back > 0)))[group]
    return found


def _open(paid: _Payments, counts: Column, claims_bank: Column) -> Column:
    """Payments whose booking-dated rows could be another payment's of the same person, as a bank states no amount."""
    size = len(paid.person)
    is_open = np.zeros(size, dtype=bool)
    hides = paid.hides_amount & claims_bank
    order = np.lexsort((paid.day, paid.person))
    for step in (1, 2):  # at most one payment a day, so three within two days
        one, other = order[:-step], order[step:]
        near = (paid.person[one] == paid.person[other]) & (paid.day[other] - paid.day[one] <= 2)
        both = near & (hides[one] | hides[other]) & counts[one] & counts[other]
        is_open[one[both]] = True
        is_open[other[both]] = True
    return is_open & counts

"""What else the wallets' bills list: shops, seen by the bank behind the wallet as well, friends, withdrawals.

Which bank's row is which payment's, the matching policy leaves open where one person pays the same amount twice
within two days through one wallet. Amounts end in another digit than those of card rows of which no bill tells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.acts import Scene, settled
from simulator.bills import NO_BILL, Back, give_back, payments
from simulator.cards import card_rows
from simulator.formats.bill import CLOSED, EXPENSE, INCOME, NEUTRAL, PAID, WAITING
from simulator.formats.citic import PARTIAL, PURCHASE, REVERSAL
from simulator.merchants import FIRST_QUICK, FRIENDS, SECOND_QUICK, SHOP_PARTIES, WITHDRAWAL
from simulator.rows import (
    ABSORBED,
    ALIPAY,
    CITIC,
    DAY,
    EVIDENCE,
    FINANCE,
    ICBC,
    IGNORED,
    NO_CONSENT,
    RECORD,
    REFUNDED,
    UNKNOWN,
    WECHAT,
    Column,
    Rows,
)
from simulator.spending import times

CARDS = {CITIC: "card_transactions", ICBC: "statements"}


@dataclass(frozen=True)
class _Bought:
    """Payments in shops through one wallet, one place each.

    Attributes:
        shop: place in `SHOP_PARTIES`.
        back: what is given back.
        is_listed, is_taken: a bill lists the payment; and says that it was given back as a whole.
        unclear: which bank's row it has is open, or people whom nobody can tell apart.
        by_card, booked: the bank behind it and the day of its row; false where that is not delivered.
        back_day: of the bank's row for the first refund.
        is_reversed, is_partial: by bank: it has such a row, of the whole or a part.
        consent: to the bank, on the whole day of booking.
    """

    wallet: int
    person: Column
    at: Column
    fen: Column
    shop: Column
    back: Back
    is_listed: Column
    is_taken: Column
    unclear: Column
    by_card: dict[int, Column]
    booked: Column
    back_day: Column
    is_reversed: dict[int, Column]
    is_partial: dict[int, Column]
    consent: dict[int, Column]

    @property
    def is_cancelled_by_bank(self) -> Column:
        """The bank's row belongs to the payment and is reversed."""
        return np.asarray(
            (self.is_reversed[CITIC] & self.consent[CITIC]) | (self.is_reversed[ICBC] & self.consent[ICBC])
        )


def spend_by_wallet(scene: Scene) -> dict[tuple[int, str], list[Rows]]:
    """Shops with their refunds in the bills and, behind the wallet, in the cards of both banks; what is not spent."""
    found: dict[tuple[int, str], list[Rows]] = {(bank, feed): [] for bank, feed in CARDS.items()}
    for wallet in (ALIPAY, WECHAT):
        bought = _buy(scene, wallet)
        found[wallet, "bills"] = [_bill_rows(scene, bought), _others(scene, wallet)]
        for bank, feed in CARDS.items():
            found[bank, feed] += _card_rows(scene, bought, bank)
    return found


def _buy(scene: Scene, wallet: int) -> _Bought:
    block, rng, days = scene.block, scene.rng, scene.days
    person, day = times(scene, block.brings_bills & block.holds[wallet], 0.8)
    size = len(person)
    at = day * DAY + rng.integers(8 * 3_600, 23 * 3_600, size)
    fen = rng.integers(200, 30_000, size)
    fen += fen % 10 == 1
    back = give_back(rng, at, fen, 0.12)
    booked = day + scene.chance(0.25, size)
    has_card = scene.chance(0.6, size) & (booked < days)
    on_other = block.holds[ICBC, person] & (~block.holds[CITIC, person] | scene.chance(0.5, size))
    by_card = {CITIC: has_card & ~on_other & block.holds[CITIC, person], ICBC: has_card & on_other}
    back_day = np.maximum(back.at[0] // DAY, booked)
    has_back = (back.fen[0] > 0) & (back_day < days) & scene.chance(0.6, size)
    is_whole = back.fen[0] == fen
    is_listed = scene.bills.latest(wallet, person, day) != NO_BILL
    return _Bought(
        wallet=wallet,
        person=person,
        at=at,
        fen=fen,
        shop=rng.integers(0, len(SHOP_PARTIES), size),
        back=back,
        is_listed=is_listed,
        is_taken=is_listed & scene.bills.are_taken_back(wallet, person, at, fen, back),
        unclear=_open(person, day, fen) | ~block.is_decidable[person],
        by_card=by_card,
        booked=booked,
        back_day=back_day,
        is_reversed={bank: by_card[bank] & has_back & is_whole for bank in CARDS},
        is_partial={bank: by_card[bank] & has_back & ~is_whole & (bank == CITIC) for bank in CARDS},
        consent={bank: block.consents_all_day(bank, person, FINANCE, booked) for bank in CARDS},
    )


def _open(person: Column, day: Column, fen: Column) -> Column:
    """Payments of which the same person has another of the same amount within two days."""
    is_open = np.zeros(len(person), dtype=bool)
    order = np.lexsort((day, fen, person))
    one, other = order[:-1], order[1:]
    near = (person[one] == person[other]) & (fen[one] == fen[other]) & (day[other] - day[one] <= 2)
    is_open[one[near]] = is_open[other[near]] = True
    return is_open


def _bill_rows(scene: Scene, bought: _Bought) -> Rows:
    """A payment by itself earns nothing; a bank's reversal takes it back as well as the wallet's own."""
    by_bank = bought.is_cancelled_by_bank
    outcome = np.where(bought.is_taken | by_bank, REFUNDED, EVIDENCE)
    size = len(bought.person)
    return _listed(
        scene,
        bought.wallet,
        person=bought.person,
        at=bought.at,
        fen=bought.fen,
        party=np.array(SHOP_PARTIES)[bought.shop],
        back=bought.back,
        flow=EXPENSE,
        state=np.where((bought.wallet == ALIPAY) & scene.chance(0.1, size), WAITING, PAID),
        outcome=settled(outcome, bought.unclear & by_bank & ~bought.is_taken),
        disposition=RECORD,
    )


def _card_rows(scene: Scene, bought: _Bought, bank: int) -> list[Rows]:
    """The bank's rows of the payments and of what was given back by card."""
    size, consent = len(bought.person), bought.consent[bank]
    in_bill = settled(np.where(bought.is_taken, REFUNDED, ABSORBED), bought.unclear)
    outcome = np.select(
        [~consent, bought.is_reversed[bank], bought.is_listed], [NO_CONSENT, REFUNDED, in_bill], EVIDENCE
    )
    serial = scene.serials.take(size)
    shared = {
        "person": bought.person,
        "merchant": bought.shop + (FIRST_QUICK if bought.wallet == ALIPAY else SECOND_QUICK),
    }
    purchases = card_rows(
        bank,
        size,
        day=bought.booked,
        serial=serial,
        total=bought.fen,
        kind=PURCHASE,
        original=0,
        outcome=outcome,
        **shared,
    ).take(bought.by_card[bank])
    returns = card_rows(
        bank,
        size,
        day=bought.back_day,
        serial=scene.serials.take(size),
        total=-bought.back.fen[0],
        kind=np.where(bought.is_reversed[bank], REVERSAL, PARTIAL),
        original=serial,
        outcome=np.where(
            scene.block.consents_all_day(bank, bought.person, FINANCE, bought.back_day), EVIDENCE, NO_CONSENT
        ),
        **shared,
    ).take(bought.is_reversed[bank] | bought.is_partial[bank])
    return [purchases, returns]


def _others(scene: Scene, wallet: int) -> Rows:
    """Friends' transfers and those to friends; trades never paid in the first wallet, withdrawals in the second."""
    rng = scene.rng
    person, day = times(scene, scene.block.brings_bills & scene.block.holds[wallet], 0.1)
    size = len(person)
    is_friend = scene.chance(0.6, size)
    is_income = is_friend & scene.chance(0.7, size)
    friend = np.array(FRIENDS)[rng.integers(0, len(FRIENDS), size)]
    # a payment of water that was never made is no act
    rest = np.where(scene.chance(0.3, size), 2, SHOP_PARTIES[0]) if wallet == ALIPAY else WITHDRAWAL
    return _listed(
        scene,
        wallet,
        person=person,
        at=day * DAY + rng.integers(8 * 3_600, 23 * 3_600, size),
        fen=rng.integers(100, 50_000, size),
        party=np.where(is_friend, friend, rest),
        flow=np.select([is_income, is_friend], [INCOME, EXPENSE], NEUTRAL),
        state=np.where(is_friend | (wallet == WECHAT), PAID, CLOSED),
        outcome=UNKNOWN,
        disposition=IGNORED,
        back=None,
    )


def _listed(
    scene: Scene,
    wallet: int,
    *,
    person: Column,
    at: Column,
    fen: Column,
    party: Column,
    flow: Column | int,
    state: Column,
    outcome: Column | int,
    disposition: int,
    back: Back | None,
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
            outcome=outcome,
            disposition=disposition,
            back=back,
            flow=flow,
            state=state,
        )
    )

"""Metro rides: two taps at the gates, an act in the wallet, a row in a wallet's bill, a card row in a bank.

Rides of one person lie far enough apart that a precise wallet act fits exactly one of them, but for those who
turn round and ride back: there as many payments as rides are one each, and where a tap or a payment is missing
nobody can tell whose the rest is. What the matching policy leaves open besides: a ride without a usable pair of taps
whose wallet act states the day alone, when another ride of that day at the same fare has taps; and which of several
equal card rows belongs to which. A bill's row is precise and mere evidence: it is assigned before the acts that state
the day alone. Where such an act is all there is of a ride, the act finds the row of its own wallet's bill, if it is
the day's only one at the fare.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.acts import NO_QUANTITY, Done, Scene, acts_of, acts_settled, settled, wallet_rows
from simulator.bills import give_back, payments
from simulator.cards import card_rows
from simulator.formats.citic import PURCHASE, REVERSAL
from simulator.gates import Passages, Trips, make_trips, pass_gates, tap_rows
from simulator.merchants import METRO_MERCHANTS, METRO_PARTY
from simulator.rows import (
    ABSORBED,
    ALIPAY,
    CITIC,
    CREDITED,
    DAY,
    EVIDENCE,
    ICBC,
    METRO,
    NO_CONSENT,
    NO_FACTOR,
    RECORD,
    REFUNDED,
    RIDE,
    TRAVEL,
    UNKNOWN,
    UNPAIRED,
    WECHAT,
    Column,
    Rows,
)

WINDOW = 600
"""Seconds around a ride in which the policy looks for its payment."""
STEP, FARES = 50, 20
"""Of fares and what is paid of them: fen from one to the next, and how many there are."""


@dataclass(frozen=True)
class _Reports:
    """Who tells of the rides, one place per ride in every array; `_consent` says that a report is agreed to.

    `by_wallet` and `by_bank` say who paid; a card's row that is not delivered is false. `in_bill`
    says that a bill lists the fare.
    """

    passed: Passages
    tap_consent: Column
    by_wallet: dict[int, Column]
    paid: Column
    """What was asked for; with a coupon less than the fare."""
    paid_at: Column
    paid_day: Column
    day_only: Column
    wallet_consent: Column
    in_bill: Column
    by_bank: dict[int, Column]
    booked: Column
    card_consent: dict[int, Column]

    @property
    def is_precise(self) -> Column:
        """The first wallet's act counts, and tells the second."""
        return np.asarray(self.wallet_consent & ~self.day_only)


@dataclass(frozen=True)
class _Fate:
    """What becomes of the rides.

    Attributes:
        stands: its pair of taps is credited.
        leads: the wallet's act is the activity, for want of such a pair.
        day: the act's date in the account.
        is_open: a ride that leads and whose act could be another ride's.
        claim_open: a wallet's act that could be one or the other.
        contested: rides out and back of which nobody can tell whose the payments are.
        cost: what the ride is known to have cost: the fare, unless a payment says less.
        unclear: rides of people whom nobody can tell apart.
        outcome: of the act, as far as it can be told.
    """

    stands: Column
    leads: Column
    day: Column
    is_open: Column
    claim_open: Column
    contested: Column
    cost: Column
    unclear: Column
    outcome: Column

    @property
    def of_taps(self) -> Column:
        """Outcomes of the rows that lead pairs of taps."""
        return np.where(self.stands, np.where(self.unclear, UNKNOWN, CREDITED), NO_CONSENT)


def ride(scene: Scene) -> Done:
    """All metro rides of the block."""
    trips = make_trips(scene)
    told = _reports(scene, trips)
    fate = _fate(scene, trips, told)
    # in this order: every part draws random numbers
    reports = {
        (ALIPAY, "acts"): [_wallet_rows(scene, trips, told, fate)],
        (METRO, "taps"): tap_rows(scene, trips, told.passed, fate.of_taps),
    }
    merchant = _merchants(scene, told)
    for bank, feed in ((CITIC, "card_transactions"), (ICBC, "statements")):
        reports[bank, feed] = _cards(scene, trips, told, fate, merchant, bank)
    for wallet in (ALIPAY, WECHAT):
        reports[wallet, "bills"] = [_bill_rows(scene, trips, told, fate, wallet)]
    return Done(_acts(scene, trips, fate), reports)


def _reports(scene: Scene, trips: Trips) -> _Reports:
    """Who reports which ride, when, and whether the rider agrees."""
    block, rng = scene.block, scene.rng
    person, size = trips.person, len(trips.person)
    tapped = block.holds[METRO, person] & scene.chance(0.97, size)
    by_second = block.holds[WECHAT, person] & scene.chance(0.3, size)
    by_first = block.holds[ALIPAY, person] & scene.chance(0.93, size) & ~by_second
    has_card = block.holds[CITIC, person] | block.holds[ICBC, person]
    by_card = has_card & scene.chance(0.92, size)
    on_other = block.holds[ICBC, person] & (~block.holds[CITIC, person] | scene.chance(0.4, size))

    tap_consent = block.consents_at(METRO, person, TRAVEL, trips.entry)
    passed = pass_gates(scene, trips, tapped, tap_consent)

    paid_at = trips.exit + rng.integers(-120, 121, size)
    day_only = by_first & ~trips.over_midnight & scene.chance(0.15, size)
    has_coupon = (by_first | by_second) & ~day_only & scene.mishap(scene.hostile.coupons, size)
    paid_at = np.where(has_coupon, trips.exit + scene.mishaps.integers(5, 31, size), paid_at) + _lateness(scene, trips)
    paid_day = np.where(day_only, trips.day, paid_at // DAY)
    wallet_consent = by_first & np.where(
        day_only,
        block.consents_all_day(ALIPAY, person, TRAVEL, paid_day),
        block.consents_at(ALIPAY, person, TRAVEL, paid_at),
    )
    in_bill = by_second & (scene.bills.latest(WECHAT, person, paid_at // DAY) >= 0)
    in_bill |= by_first & (scene.bills.latest(ALIPAY, person, paid_at // DAY) >= 0)

    booked = trips.day + scene.chance(0.25, size)
    by_card &= booked < scene.days
    by_bank = {CITIC: by_card & ~on_other, ICBC: by_card & on_other}
    return _Reports(
        passed=passed,
        tap_consent=tap_consent,
        by_wallet={ALIPAY: by_first, WECHAT: by_second},
        paid=trips.fare - np.where(has_coupon, scene.mishaps.integers(1, 3, size) * 50, 0),
        paid_at=paid_at,
        paid_day=paid_day,
        day_only=day_only,
        wallet_consent=wallet_consent,
        in_bill=in_bill,
        by_bank=by_bank,
        booked=booked,
        card_consent={bank: by & block.consents_all_day(bank, person, TRAVEL, booked) for bank, by in by_bank.items()},
    )


def _lateness(scene: Scene, trips: Trips) -> Column:
    """Seconds by which the clock of the wallet is late, the same for a customer all day long."""
    shape = (len(scene.block), scene.days)
    is_late = scene.mishaps.random(shape) < scene.hostile.late_clocks
    seconds = np.where(is_late, scene.mishaps.integers(180, 451, shape), 0)
    return np.asarray(seconds[trips.person, trips.day])


def _contested(trips: Trips, told: _Reports, stands: Column) -> Column:
    """Rides out and back whose payments could be each other's, and would then leave one over."""
    other, has_other = trips.other, trips.other >= 0
    is_told = told.is_precise | told.in_bill
    early, late = trips.entry - WINDOW, trips.exit + WINDOW
    reaches = is_told & (early[other] <= told.paid_at) & (told.paid_at <= late[other])
    # Of two rides that stand each takes one; but the acts are taken first, and one could leave the other ride's bill over.
    uneven = (told.in_bill | told.in_bill[other]) & (told.is_precise != told.is_precise[other])
    stray = reaches & (stands != stands[other]) & ~stands
    found = has_other & np.where(stands & stands[other], uneven, stray)
    return np.asarray(found | (has_other & found[other]))


def _fate(scene: Scene, trips: Trips, told: _Reports) -> _Fate:
    """Which report a ride is credited by, and which wallet acts could be another ride's."""
    stands = told.passed.has_pair & told.tap_consent
    leads = told.wallet_consent & ~stands
    cost = np.where(told.wallet_consent | told.in_bill, told.paid, trips.fare)
    group = (trips.person * (scene.days + 2) + trips.day) * FARES + cost // STEP
    has_free_ride = np.isin(group, group[stands & ~told.is_precise])
    is_open = leads & told.day_only & has_free_ride
    contested = _contested(trips, told, stands)
    is_paid = told.card_consent[CITIC] | told.card_consent[ICBC] | told.in_bill
    return _Fate(
        stands=stands,
        leads=leads,
        day=np.where(leads, told.paid_day, trips.day),
        is_open=is_open,
        claim_open=told.wallet_consent & (contested | (told.day_only & np.isin(group, group[is_open | contested]))),
        contested=contested,
        cost=cost,
        unclear=~scene.block.is_decidable[trips.person],
        outcome=np.select(
            # A ride of which only the wallet knows was somewhere in the country, for which there is no figure.
            [stands, leads, told.passed.tapped & ~told.passed.has_pair, is_paid],
            [CREDITED, NO_FACTOR, UNPAIRED, EVIDENCE],
            NO_CONSENT,
        ),
    )


def _acts(scene: Scene, trips: Trips, fate: _Fate) -> Rows:
    """The rides as the account shows them; without taps a ride is as long as the shortest."""
    act_open = fate.is_open | (fate.unclear & np.isin(fate.outcome, (CREDITED, NO_FACTOR)))
    return acts_of(
        person=trips.person,
        scenario=np.full(len(trips.person), RIDE),
        day=fate.day,
        at=trips.entry,
        quantity=np.where(fate.stands, trips.metres * 1_000, NO_QUANTITY),
        outcome=acts_settled(fate.outcome, act_open),
        credited=np.where(fate.stands, trips.metres, scene.network.shortest_m) * 1_000,
    )


def _wallet_rows(scene: Scene, trips: Trips, told: _Reports, fate: _Fate) -> Rows:
    """Acts of the first wallet, some of which state the day alone."""
    outcome = np.where(told.wallet_consent, np.where(fate.stands, ABSORBED, NO_FACTOR), NO_CONSENT)
    return wallet_rows(
        scene,
        len(trips.person),
        day=told.paid_day,
        person=trips.person,
        at=np.where(told.day_only, told.paid_day * DAY, told.paid_at),
        day_only=told.day_only,
        scenario=RIDE,
        total=told.paid * 10_000,
        outcome=settled(outcome, fate.claim_open | (fate.unclear & told.wallet_consent)),
    ).take(told.by_wallet[ALIPAY])


def _bill_rows(scene: Scene, trips: Trips, told: _Reports, fate: _Fate, wallet: int) -> Rows:
    """Fares that a wallet's bills list; the ride outlives its refunded fare."""
    outcome = settled(np.where(fate.stands | told.is_precise, ABSORBED, EVIDENCE), fate.unclear | fate.contested)
    if wallet == ALIPAY:
        leads_by_day = fate.leads & told.day_only
        group = (trips.person * (scene.days + 2) + told.paid_day) * FARES + told.paid // STEP
        _, place, count = np.unique(group, return_inverse=True, return_counts=True)
        is_alone = count[place] == 1
        outcome = np.where(leads_by_day & is_alone & ~fate.unclear, ABSORBED, outcome)
        outcome = settled(outcome, np.isin(group, group[leads_by_day]) & ~is_alone)
    chosen = np.flatnonzero(told.by_wallet[wallet] & scene.block.brings_bills[trips.person])
    person, at, fen = trips.person[chosen], told.paid_at[chosen], told.paid[chosen]
    back = give_back(scene.rng, at, fen, 0.04)
    is_taken_back = scene.bills.are_taken_back(wallet, person, at, fen, back)
    return Rows(
        payments(
            wallet,
            scene.bills,
            len(chosen),
            person=person,
            act=chosen,
            at=at,
            fen=fen,
            party=METRO_PARTY,
            serial=scene.serials.take(len(chosen)),
            outcome=np.where(is_taken_back, REFUNDED, outcome[chosen]),
            disposition=RECORD,
            back=back,
        )
    )


def _card_outcomes(scene: Scene, trips: Trips, told: _Reports, fate: _Fate, merchant: Column) -> Column:
    """Absorbed or evidence for each consented card row, unknown where equal rows cannot be told apart.

    Counts by person, amount and day suffice, of all banks together: behind a ride lies one card. A row booked on day b
    takes a free ride of b, then of b - 1; where that is not also the way in which most rows find a ride, and where both
    wallets were paid with on days beside each other, nothing is said.
    """
    width = scene.days + 2
    of_rides, of_cards = ((trips.person * FARES + fen // STEP) * width + 1 for fen in (fate.cost, told.paid))
    shape = (len(scene.block) * FARES, width)

    def counts(which: Column, place: Column) -> Column:
        return np.bincount(place[which], minlength=shape[0] * width).reshape(shape)

    consent = told.card_consent[CITIC] | told.card_consent[ICBC]
    cards, free = counts(consent, of_cards + told.booked), counts(fate.stands | fate.leads, of_rides + fate.day)
    same_day = np.minimum(cards, free)
    left, over = cards - same_day, free - same_day
    absorbed = same_day.copy()
    absorbed[:, 1:] += np.minimum(left[:, 1:], over[:, :-1])
    is_most = absorbed.sum(axis=1) == _most_pairs(cards, free)

    mixed = np.ones(shape, dtype=bool)
    for wallet, through in ((ALIPAY, METRO_MERCHANTS[0]), (WECHAT, METRO_MERCHANTS[2])):
        of_wallet = told.by_wallet[wallet] | (merchant == through)
        seen = (counts(of_wallet, of_rides + trips.day) + counts(of_wallet, of_cards + told.booked)) > 0
        near = seen.copy()
        near[:, 1:] |= seen[:, :-1]
        near[:, :-1] |= seen[:, 1:]
        mixed &= near
    place = of_cards + told.booked
    taken, all_cards = absorbed.ravel()[place], cards.ravel()[place]
    is_clear = (is_most[:, None] & ~mixed).ravel()[place]
    return np.where(is_clear, np.select([taken == all_cards, taken == 0], [ABSORBED, EVIDENCE], UNKNOWN), UNKNOWN)


def _most_pairs(cards: Column, free: Column) -> Column:
    """How many rows can find a ride of their day or the day before: the oldest ride first leaves most for later rows."""
    most = np.zeros(len(cards), dtype=np.int64)
    older = np.zeros(len(cards), dtype=np.int64)
    for day in range(cards.shape[1]):
        of_before = np.minimum(cards[:, day], older)
        of_day = np.minimum(cards[:, day] - of_before, free[:, day])
        most += of_before + of_day
        older = free[:, day] - of_day
    return most


def _merchants(scene: Scene, told: _Reports) -> Column:
    """Whom a card row names: the wallet that stands between, or the metro."""
    size = len(told.booked)
    return np.select(
        [
            told.by_wallet[ALIPAY] & scene.chance(0.85, size),
            told.by_wallet[ALIPAY],
            told.by_wallet[WECHAT] | scene.chance(0.2, size),
        ],
        [METRO_MERCHANTS[0], METRO_MERCHANTS[1], METRO_MERCHANTS[2]],
        METRO_MERCHANTS[1],
    )


def _cards(scene: Scene, trips: Trips, told: _Reports, fate: _Fate, merchant: Column, bank: int) -> list[Rows]:
    """Card rows and the full reversals of some; the ride outlives its refunded fare."""
    consent, paid_by_card, booked = told.card_consent[bank], told.by_bank[bank], told.booked
    found = _card_outcomes(scene, trips, told, fate, merchant)
    is_unknown = fate.unclear | np.isin(trips.person, trips.person[fate.is_open | fate.contested])
    outcome = np.where(consent, np.where(is_unknown, UNKNOWN, found), NO_CONSENT)
    size = len(trips.person)
    back = booked + scene.rng.integers(1, 5, size)
    reversed_ = paid_by_card & scene.chance(0.01, size) & (back < scene.days)
    back_consent = scene.block.consents_all_day(bank, trips.person, TRAVEL, back)
    reversed_ &= back_consent == consent
    serial = scene.serials.take(size)
    shared = {"person": trips.person, "act": np.arange(size), "merchant": merchant}
    purchases = card_rows(
        bank,
        size,
        day=booked,
        serial=serial,
        total=told.paid,
        kind=PURCHASE,
        original=0,
        outcome=np.where(reversed_ & consent, REFUNDED, outcome),
        **shared,
    ).take(paid_by_card)
    reversals = card_rows(
        bank,
        size,
        day=back,
        serial=scene.serials.take(size),
        total=-told.paid,
        kind=REVERSAL,
        original=serial,
        outcome=np.where(consent, EVIDENCE, NO_CONSENT),
        **shared,
    ).take(reversed_)
    return [purchases, reversals]

"""A block of people: who holds which accounts, what each institution knows of them, what they consent to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator import identifiers
from simulator.linking import Known, decidable_people
from simulator.rows import (
    ALIPAY,
    BIKES,
    CITIC,
    DAY,
    FINANCE,
    ICBC,
    INSTITUTIONS,
    LIVING,
    METRO,
    PORTAL,
    RECYCLER,
    TRAVEL,
    UNIONPAY,
    WECHAT,
    Column,
    Rows,
    rows,
    stack,
)

ALWAYS = -(10**10)
NEVER = 10**10
SCOPE_ALL = 3
"""Scopes of consent events: travel 0, living 1, finance 2 and all 3."""
SHARES = {
    **{ALIPAY: 0.90, CITIC: 0.60, METRO: 0.70, ICBC: 0.35, WECHAT: 0.0, RECYCLER: 0.20, BIKES: 0.35, PORTAL: 0.40},
    UNIONPAY: 0.15,
}
"""Share of people who are customers; of the second wallet only those who bring its bills."""
KNOWS_CITIZEN = {
    **{ALIPAY: 0.95, CITIC: 0.90, METRO: 0.60, ICBC: 0.90, WECHAT: 0.5, RECYCLER: 0, BIKES: 0, PORTAL: 1},
    UNIONPAY: 0,
}
"""Share of customers whose citizen id the institution knows; it knows that of every micro-enterprise, or of none."""
ASKS_FOR = {METRO: (TRAVEL,), BIKES: (TRAVEL,), RECYCLER: (LIVING,), PORTAL: (LIVING,)}
"""Scopes of consent that an institution has besides "all"; where nothing is said, every scope."""


@dataclass(frozen=True)
class Block:
    """People 0..size-1 of a block, with their customers' rows and consent intervals.

    Attributes:
        first: the block's first person number.
        is_micro: [size] whether the subject is a micro-enterprise.
        brings_bills: [size] whether the person brings bills of the wallets.
        citizen_id: [size] what is printed on the person's card, whoever knows it.
        holds: [institutions, size] whether the person is a customer of the institution.
        customer_ids: [institutions, size] the institution's customer ids, "" for none.
        card: [size] the citic card's number, "" for none.
        is_decidable: [size] whether the linking policy finds exactly this person.
        given_from, given_to: [institutions, size, 3, 2] half-open intervals of consent, two for each
            institution, person and scope.
        registrations, consents: rows by institution.
    """

    first: int
    is_micro: Column
    brings_bills: Column
    citizen_id: Column
    holds: Column
    customer_ids: Column
    card: Column
    is_decidable: Column
    given_from: Column
    given_to: Column
    registrations: tuple[Rows, ...]
    consents: tuple[Rows, ...]

    def __len__(self) -> int:
        return len(self.is_micro)

    def consents_at(self, institution: int, person: Column, scope: Column | int, at: Column) -> Column:
        """Whether consent to the scope is in force at each time."""
        return self.consent_since(institution, person, scope, at) >= 0

    def consent_since(self, institution: int, person: Column, scope: Column | int, at: Column) -> Column:
        """Which of a person's consents to the scope, from the first given on, is in force at each time; -1 for none."""
        since = self.given_from[institution, person, scope]
        until = self.given_to[institution, person, scope]
        holds = (since <= at[:, None]) & (at[:, None] < until)
        return np.where(holds.any(axis=1), holds.argmax(axis=1), -1)

    def consents_all_day(self, institution: int, person: Column, scope: Column | int, day: Column) -> Column:
        """Whether consent to the scope holds from each day's midnight to its end without a break."""
        since = self.given_from[institution, person, scope]
        until = self.given_to[institution, person, scope]
        begin = (day * DAY)[:, None]
        return np.asarray(((since <= begin) & (until >= begin + DAY)).any(axis=1))


@dataclass(frozen=True)
class _Identities:
    """What people really are: citizen id, phone before and after a change, cards. All [size] text."""

    citizen_id: Column
    phone: Column
    new_phone: Column
    bank_card: Column
    other_card: Column
    second_card: Column
    """That of the second bank of this world."""
    change_day: Column
    """The day on which the person takes the new phone; -1 for never."""


def make_block(seed: int, block: int, first: int, size: int, days: int, shared_phones: float, bills: float) -> Block:
    """People `first` … `first + size - 1` with everything that does not depend on what they do."""
    rng = np.random.default_rng((seed, block, 0))
    # What came later draws from a stream of its own: the others' people stay as they are without it.
    own = np.random.default_rng((seed, block, 3))
    streams = [own if institution == UNIONPAY else rng for institution in range(len(INSTITUTIONS))]
    is_micro = rng.random(size) < 0.02
    holds = np.zeros((len(INSTITUTIONS), size), dtype=bool)
    holds[:UNIONPAY] = rng.random((UNIONPAY, size)) < np.array([[SHARES[i]] for i in range(UNIONPAY)])
    holds[ALIPAY, ~holds.any(axis=0)] = True
    holds[UNIONPAY] = own.random(size) < SHARES[UNIONPAY]
    # A bill is brought on a day after the days that it lists.
    brings_bills = (rng.random(size) < bills) & (days > 1)
    holds[WECHAT] = brings_bills & (~holds[ALIPAY] | (rng.random(size) < 0.5))
    who = _identities(rng, seed, first, size, days, is_micro, shared_phones)
    customer_ids = np.array(
        [
            [identifiers.customer_id(first + k, seed, i) if holds[i, k] else "" for k in range(size)]
            for i in range(len(INSTITUTIONS))
        ],
        dtype=object,
    )
    registrations, known = _registrations(streams, holds, who, is_micro, days)
    right = decidable_people(known)
    given_from, given_to, consents = _consents(streams, holds, days)
    return Block(
        first=first,
        is_micro=is_micro,
        brings_bills=brings_bills,
        citizen_id=who.citizen_id,
        holds=holds,
        customer_ids=customer_ids,
        card=np.where(holds[CITIC], who.bank_card, ""),
        is_decidable=np.array([k in right for k in range(size)], dtype=bool),
        given_from=given_from,
        given_to=given_to,
        registrations=registrations,
        consents=consents,
    )


def _identities(
    rng: np.random.Generator,
    seed: int,
    first: int,
    size: int,
    days: int,
    is_micro: Column,
    shared_phones: float,
) -> _Identities:
    """Identities with shared phones, phones passed on to another owner, and owners of micro-enterprises."""
    numbers = range(first, first + size)
    citizen_id = np.array([identifiers.citizen_id(k, seed) for k in numbers], dtype=object)
    phone = np.array([identifiers.phone(2 * k, seed) for k in numbers], dtype=object)
    new_phone = np.array([identifiers.phone(2 * k + 1, seed) for k in numbers], dtype=object)
    bank_card = np.array([identifiers.card(k, seed, 0) for k in numbers], dtype=object)
    other_card = np.array([identifiers.card(k, seed, 1) for k in numbers], dtype=object)
    second_card = np.array([identifiers.card(k, seed, 2) for k in numbers], dtype=object)
    change_day = np.full(size, -1)

    residents = rng.permutation(np.flatnonzero(~is_micro))
    sharing, reusing, changing = (round(share * size / 2) for share in (shared_phones, 0.02, 0.04))
    one, other = residents[:sharing], residents[sharing : 2 * sharing]
    phone[other[: len(one)]] = phone[one[: len(other)]]
    rest = residents[2 * sharing :]
    if days > 1:
        former, later = rest[:reusing], rest[reusing : 2 * reusing]
        movers = np.concatenate([former, rest[2 * reusing : 2 * reusing + changing]])
        change_day[movers] = rng.integers(1, days, len(movers))
        phone[later] = phone[former[: len(later)]]
        change_day[later] = -1 - change_day[former[: len(later)]]
    if len(residents):
        micro = np.flatnonzero(is_micro)
        owner = residents[rng.integers(0, len(residents), len(micro))]
        citizen_id[micro], phone[micro] = citizen_id[owner], phone[owner]
    return _Identities(citizen_id, phone, new_phone, bank_card, other_card, second_card, change_day)


def _registrations(
    streams: list[np.random.Generator], holds: Column, who: _Identities, is_micro: Column, days: int
) -> tuple[tuple[Rows, ...], list[Known]]:
    """Registrations by institution, and what the last one of every customer says.

    Most customers are known on the first day. Some register later than they act; some are first known by
    another phone alone and bring their citizen id later, which merges what was two persons; a change of
    phone brings a new registration at most of the institutions.
    """
    all_rows: list[Rows] = []
    known: list[Known] = []
    for institution in range(len(INSTITUTIONS)):
        rng, person = streams[institution], np.flatnonzero(holds[institution])
        size = len(person)
        share = KNOWS_CITIZEN[institution]
        knows = (rng.random(size) < share) | (is_micro[person] & (share > 0))
        citizen_id = np.where(knows, who.citizen_id[person], "")
        card, card2 = _cards(rng, institution, person, holds, who)
        change = who.change_day[person]
        inherits = change < -1
        fate = rng.random(size)
        can_wait = (days > 1) & (change == -1) & ~is_micro[person]
        is_late = inherits | (can_wait & (fate < 0.03))
        is_staged = can_wait & (fate >= 0.03) & (fate < 0.05)
        late_day = np.where(inherits, -1 - change, rng.integers(1, max(days, 2), size))
        of_day = rng.integers(1, DAY, size)
        first_at = np.where(is_late, late_day * DAY + of_day, -rng.integers(1, 700, size) * DAY + of_day)
        style = rng.integers(0, 3, size)
        shared = {"person": person, "style": style}
        first_card, first_card2 = np.where(is_staged, "", card), np.where(is_staged, "", card2)
        has_moved = (change > 0) & (rng.random(size) < 0.85)
        first = rows(
            size,
            day=np.where(is_late, late_day, 0),
            at=first_at,
            citizen_id=np.where(is_staged, "", citizen_id),
            phone=np.where(is_staged, who.new_phone[person], who.phone[person]),
            card=first_card,
            card2=first_card2,
            **shared,
        )
        second = rows(
            size,
            day=late_day,
            at=late_day * DAY + of_day,
            citizen_id=citizen_id,
            phone=who.phone[person],
            card=card,
            card2=card2,
            **shared,
        ).take(is_staged)
        moved = rows(
            size,
            day=np.maximum(change, 0),
            at=change * DAY + of_day,
            citizen_id=citizen_id,
            phone=who.new_phone[person],
            card=card,
            card2=card2,
            **shared,
        ).take(has_moved)
        whole = stack([first, second, moved])
        whole.columns["kind"] = is_micro[whole["person"]]
        all_rows.append(whole)
        final_phone = np.where(has_moved, who.new_phone[person], who.phone[person])
        known += [
            Known(who_, kind, known_id, known_phone, tuple(c for c in cards if c))
            for who_, kind, known_id, known_phone, *cards in zip(
                person.tolist(), is_micro[person].tolist(), citizen_id, final_phone, card, card2, strict=True
            )
        ]
    return tuple(all_rows), known


def _cards(
    rng: np.random.Generator, institution: int, person: Column, holds: Column, who: _Identities
) -> tuple[Column, Column]:
    """The cards that an institution knows: the banks their own, the first wallet up to two bound ones, the last one."""
    size = len(person)
    none = np.full(size, "", dtype=object)
    if institution in (CITIC, ICBC):
        return (who.bank_card if institution == CITIC else who.second_card)[person], none
    if institution == UNIONPAY:
        bound = np.where(holds[CITIC, person], who.bank_card[person], who.other_card[person])
        return np.where(rng.random(size) < 0.8, bound, ""), none
    if institution != ALIPAY:
        return none, none.copy()
    bank = np.where(holds[CITIC, person] & (rng.random(size) < 0.6), who.bank_card[person], "")
    other = np.where(rng.random(size) < 0.4, who.other_card[person], "")
    other = np.where(holds[ICBC, person] & (rng.random(size) < 0.4), who.second_card[person], other)
    return np.where(bank == "", other, bank), np.where(bank == "", "", other)


def _consents(streams: list[np.random.Generator], holds: Column, days: int) -> tuple[Column, Column, tuple[Rows, ...]]:
    """Intervals of consent [institutions, size, 3, 2] from and to, and the events that tell of them.

    Of the customers 84 % consent to all before the first day, the rest only to some scopes, never, in the
    middle, or withdraw (all or one scope alone), some to give again. A fifth of the events reach the
    institution up to three days late.
    """
    size = holds.shape[1]
    given_from = np.full((len(INSTITUTIONS), size, 3, 2), NEVER, dtype=np.int64)
    given_to = np.full((len(INSTITUTIONS), size, 3, 2), NEVER, dtype=np.int64)
    all_rows = []
    for institution in range(len(INSTITUTIONS)):
        asked = ASKS_FOR.get(institution, (TRAVEL, LIVING, FINANCE))
        rng, person = streams[institution], np.flatnonzero(holds[institution])
        fate = rng.random(len(person))
        before = -rng.integers(1, 60, len(person)) * DAY + rng.integers(1, DAY, len(person))
        moments = np.sort(rng.integers(1, days * DAY, (len(person), 2)), axis=1)
        moments[moments % DAY == 0] += 1
        delay = np.where(rng.random((len(person), 2)) < 0.2, rng.integers(1, 4, (len(person), 2)), 0)
        arrives = np.minimum(moments // DAY + delay, days - 1)
        subset = rng.integers(1, 7, len(person))
        one_alone = rng.random(len(person)) < 0.5
        events: list[tuple[Column, Column, Column, bool, Column]] = []

        def note(mask: Column, scopes: tuple[int, ...], given: bool, at: Column, day: Column) -> None:
            for scope in scopes:
                events.append((person[mask], np.full(int(mask.sum()), scope), at[mask], given, day[mask]))  # noqa: B023

        first_day = np.zeros(len(person), dtype=np.int64)
        from_start = (fate < 0.84) | (fate >= 0.93)
        withdraws = (fate >= 0.93) & (moments[:, 1] > moments[:, 0] + 3600)
        again = withdraws & (fate >= 0.97)
        partial = (fate >= 0.84) & (fate < 0.88)
        middle = (fate >= 0.88) & (fate < 0.91)  # the remaining two in a hundred never consent

        note(from_start, (SCOPE_ALL,), True, before, first_day)
        given_from[institution, person[from_start], :, 0] = before[from_start, None]
        note(middle, (SCOPE_ALL,), True, moments[:, 0], arrives[:, 0])
        given_from[institution, person[middle], :, 0] = moments[middle, 0, None]
        for scope in range(3):
            mask = partial & ((subset >> scope) & 1 == 1)
            if scope not in asked:
                continue
            note(mask, (scope,), True, before, first_day)
            given_from[institution, person[mask], scope, 0] = before[mask]

        for scopes, mask in ((asked[:1], withdraws & one_alone), ((0, 1, 2), withdraws & ~one_alone)):
            named = (SCOPE_ALL,) if len(scopes) == 3 else scopes
            note(mask, named, False, moments[:, 0], arrives[:, 0])
            note(mask & again, named, True, moments[:, 1], arrives[:, 1])
            for scope in scopes:
                given_to[institution, person[mask], scope, 0] = moments[mask, 0]
                given_from[institution, person[mask & again], scope, 1] = moments[mask & again, 1]
        all_rows.append(
            stack(
                [
                    rows(len(who), person=who, scope=scope, at=at, given=given, day=day)
                    for who, scope, at, given, day in events
                ]
            )
        )
    return given_from, given_to, tuple(all_rows)

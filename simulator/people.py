"""A block of people: who holds which accounts, what each institution knows of them, what they consent to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator import identifiers
from simulator.hostile import Hostile
from simulator.linking import decidable_people
from simulator.mistakes import mistaken
from simulator.registrations import known_by, make_identities, register
from simulator.rows import (
    ALIPAY,
    BIKES,
    CANTEEN,
    CAOCAO,
    CITIC,
    DADI,
    DAY,
    ETC,
    FINANCE,
    GAS,
    GEELY,
    HZ_BANK,
    ICBC,
    INSTITUTIONS,
    LIANYUN,
    LIVING,
    METRO,
    PING_AN,
    PORTAL,
    RECYCLER,
    SERVICES,
    TELD,
    TRANSIT,
    TRAVEL,
    UNIONPAY,
    WECHAT,
    ZHUANZHUAN,
    ZTO,
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
SERVICE_SHARE = 0.9
"""Share of customers of each of the `SERVICES` among those who use any: who does, uses most."""
ASKS_FOR = {
    **{METRO: (TRAVEL,), BIKES: (TRAVEL,), RECYCLER: (LIVING,), PORTAL: (LIVING,)},
    **dict.fromkeys((TELD, ETC, CAOCAO, TRANSIT, GEELY), (TRAVEL,)),
    **dict.fromkeys((GAS, ZHUANZHUAN, ZTO, DADI, LIANYUN, CANTEEN), (LIVING,)),
    **{PING_AN: (LIVING, FINANCE), HZ_BANK: (FINANCE,)},
}
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


def make_block(
    seed: int,
    block: int,
    first: int,
    size: int,
    days: int,
    shared_phones: float,
    bills: float,
    services: float,
    hostile: Hostile,
) -> Block:
    """People `first` … `first + size - 1` with everything that does not depend on what they do."""
    rng = np.random.default_rng((seed, block, 0))
    # What came later draws from a stream of its own: the others' people stay as they are without it.
    own = np.random.default_rng((seed, block, 3))
    mishaps = np.random.default_rng((seed, block, 6))
    serving = np.random.default_rng((seed, block, 7))
    streams = [rng] * UNIONPAY + [own] + [serving] * len(SERVICES)
    is_micro = rng.random(size) < 0.02
    holds = np.zeros((len(INSTITUTIONS), size), dtype=bool)
    holds[:UNIONPAY] = rng.random((UNIONPAY, size)) < np.array([[SHARES[i]] for i in range(UNIONPAY)])
    holds[ALIPAY, ~holds.any(axis=0)] = True
    holds[UNIONPAY] = own.random(size) < SHARES[UNIONPAY]
    uses = serving.random(size) < services
    holds[TELD:] = uses & (serving.random((len(SERVICES), size)) < SERVICE_SHARE)
    # A bill is brought on a day after the days that it lists.
    brings_bills = (rng.random(size) < bills) & (days > 1)
    holds[WECHAT] = brings_bills & (~holds[ALIPAY] | (rng.random(size) < 0.5))
    who = make_identities(rng, seed, first, size, days, is_micro, shared_phones)
    customer_ids = np.array(
        [
            [identifiers.customer_id(first + k, seed, i) if holds[i, k] else "" for k in range(size)]
            for i in range(len(INSTITUTIONS))
        ],
        dtype=object,
    )
    registrations = mistaken(register(streams, holds, who, is_micro, days), who, is_micro, days, mishaps, hostile)
    right = decidable_people(known_by(registrations))
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

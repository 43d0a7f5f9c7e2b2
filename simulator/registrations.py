"""Who people are, and what every institution is told of that: citizen ids, phones and cards, some of them wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator import identifiers
from simulator.identifiers import is_phone
from simulator.linking import Known
from simulator.rows import (
    ALIPAY,
    BIKES,
    CANTEEN,
    CAOCAO,
    CITIC,
    DADI,
    DAY,
    ETC,
    GAS,
    GEELY,
    HZ_BANK,
    ICBC,
    INSTITUTIONS,
    LIANYUN,
    METRO,
    PING_AN,
    PORTAL,
    RECYCLER,
    TELD,
    TRANSIT,
    UNIONPAY,
    WECHAT,
    ZHUANZHUAN,
    ZTO,
    Column,
    Rows,
    rows,
    stack,
)

KNOWS_CITIZEN = {
    **{ALIPAY: 0.95, CITIC: 0.90, METRO: 0.60, ICBC: 0.90, WECHAT: 0.5, RECYCLER: 0, BIKES: 0, PORTAL: 1},
    **{UNIONPAY: 0, TELD: 0.9, ETC: 0.95, GAS: 0.7, CAOCAO: 0, ZHUANZHUAN: 0, ZTO: 0.6, TRANSIT: 0.5, DADI: 0},
    **{PING_AN: 1, HZ_BANK: 0.95, GEELY: 0.9, LIANYUN: 0, CANTEEN: 0.5},
}
"""Share of customers whose citizen id the institution knows; it knows that of every micro-enterprise, or of none."""


@dataclass(frozen=True)
class Identities:
    """What people really are: citizen id, phone before and after a change, cards. All [size] text."""

    citizen_id: Column
    phone: Column
    new_phone: Column
    bank_card: Column
    other_card: Column
    second_card: Column
    """That of the second bank of this world."""
    city_card: Column
    """That of the city's bank, which a toll card may be bound to."""
    change_day: Column
    """The day on which the person takes the new phone; -1 for never."""


def make_identities(
    rng: np.random.Generator,
    seed: int,
    first: int,
    size: int,
    days: int,
    is_micro: Column,
    shared_phones: float,
) -> Identities:
    """Identities with shared phones, phones passed on to another owner, and owners of micro-enterprises."""
    numbers = range(first, first + size)
    citizen_id = np.array([identifiers.citizen_id(k, seed) for k in numbers], dtype=object)
    phone = np.array([identifiers.phone(2 * k, seed) for k in numbers], dtype=object)
    new_phone = np.array([identifiers.phone(2 * k + 1, seed) for k in numbers], dtype=object)
    bank_card = np.array([identifiers.card(k, seed, 0) for k in numbers], dtype=object)
    other_card = np.array([identifiers.card(k, seed, 1) for k in numbers], dtype=object)
    second_card = np.array([identifiers.card(k, seed, 2) for k in numbers], dtype=object)
    city_card = np.array([identifiers.card(k, seed, 3) for k in numbers], dtype=object)
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
    return Identities(citizen_id, phone, new_phone, bank_card, other_card, second_card, city_card, change_day)


def register(
    streams: list[np.random.Generator], holds: Column, who: Identities, is_micro: Column, days: int
) -> tuple[Rows, ...]:
    """Registrations by institution.

    Most customers are known on the first day. Some register later than they act; some are first known by
    another phone alone and bring their citizen id later, which merges what was two persons; a change of
    phone brings a new registration at most of the institutions.
    """
    all_rows: list[Rows] = []
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
        whole.columns["card3"] = np.full(len(whole), "", dtype=object)
        all_rows.append(whole)
    return tuple(all_rows)


def known_by(registrations: tuple[Rows, ...]) -> list[Known]:
    """What the last registration of every customer says, a phone that is none left out."""
    known: list[Known] = []
    for told in registrations:
        order = np.lexsort((told["at"], told["person"]))
        last = told.take(order[np.diff(told["person"][order], append=-1) != 0])
        known += [
            Known(person, kind, citizen_id, phone if is_phone(phone) else "", tuple(card for card in cards if card))
            for person, kind, citizen_id, phone, *cards in zip(
                *(last[name].tolist() for name in ("person", "kind", "citizen_id", "phone", "card", "card2", "card3")),
                strict=True,
            )
        ]
    return known


def _cards(
    rng: np.random.Generator, institution: int, person: Column, holds: Column, who: Identities
) -> tuple[Column, Column]:
    """The cards that an institution knows: the banks their own, wallets and toll cards those that are bound to them."""
    size = len(person)
    none = np.full(size, "", dtype=object)
    if institution in (CITIC, ICBC):
        return (who.bank_card if institution == CITIC else who.second_card)[person], none
    if institution == UNIONPAY:
        bound = np.where(holds[CITIC, person], who.bank_card[person], who.other_card[person])
        return np.where(rng.random(size) < 0.8, bound, ""), none
    if institution == HZ_BANK:
        return who.city_card[person], none
    if institution == ETC:
        bound = np.where(holds[CITIC, person], who.bank_card[person], who.other_card[person])
        return np.where(holds[HZ_BANK, person], who.city_card[person], bound), none
    if institution != ALIPAY:
        return none, none.copy()
    bank = np.where(holds[CITIC, person] & (rng.random(size) < 0.6), who.bank_card[person], "")
    other = np.where(rng.random(size) < 0.4, who.other_card[person], "")
    other = np.where(holds[ICBC, person] & (rng.random(size) < 0.4), who.second_card[person], other)
    return np.where(bank == "", other, bank), np.where(bank == "", "", other)

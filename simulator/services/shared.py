"""What acts that one institution reports have in common: who consents, what counts, and what is told beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from simulator.acts import Done, Scene, acts_of, acts_settled, settled
from simulator.bills import payments
from simulator.rows import (
    CREDITED,
    DAY,
    EVIDENCE,
    IGNORED,
    NO_CONSENT,
    NO_FACTOR,
    RECORD,
    REFUNDED,
    UNKNOWN,
    WITHHELD,
    Column,
    Rows,
    rows,
    stack,
)

MICRO = 1_000_000
SLOTS = np.array([7.0, 10.0, 13.0, 16.5, 20.0]) * 3_600
"""What is told by several begins at most once in each part of the day, within two hours: an hour lies between any two."""


class Telling:
    """What is done and told, piece by piece, until it is `done`.

    Args:
        scene: where it happens.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._acts: list[Rows] = []
        self._reports: dict[tuple[int, str], list[Rows]] = {}
        self._size = 0

    def told(
        self,
        institution: int,
        feed: str,
        *,
        person: Column,
        day: Column,
        at: Column,
        scenario: Column,
        scope: Column | int,
        quantity: Column,
        counts: Column,
        has_factor: Column | bool = True,
        is_refunded: Column | bool = False,
        of_day: bool = False,
        also: Column | bool = False,
        **columns: Any,
    ) -> Column:
        """Rows of a feed, of which each that counts is an act that nobody else leads.

        Args:
            institution, feed: who tells of it.
            person, day, at, scenario: of every row; the business date is that of the act.
            scope: of the consent that it needs.
            quantity: millionths of the scenario's unit, `NO_QUANTITY` where none is told.
            counts: which rows tell of an act; the others are ignored.
            has_factor: whether a figure is credited for it.
            is_refunded: whether it was taken back.
            of_day: whether the row tells a day and no clock, so that consent must hold all day.
            also: whether another tells of the act with consent, so that it is credited without this one's.
            columns: what else the feed writes.

        Returns:
            The acts' places, -1 for rows that tell of none.
        """
        block = self._scene.block
        consents = (
            block.consents_all_day(institution, person, scope, day)
            if of_day
            else block.consents_at(institution, person, scope, at)
        )
        due = np.where(has_factor, np.where(quantity > 0, CREDITED, WITHHELD), NO_FACTOR)
        due = np.where(is_refunded, REFUNDED, due)
        outcome = np.where(consents, due, NO_CONSENT)
        is_open = ~block.is_decidable[person] & (outcome == CREDITED)
        of_act = np.where(consents | also, due, NO_CONSENT)
        act_open = ~block.is_decidable[person] & (of_act == CREDITED)
        acts = acts_of(person, scenario, day, at, quantity, acts_settled(of_act, act_open), quantity).take(counts)
        act = np.where(counts, self._size + np.cumsum(counts) - 1, -1)
        self._acts.append(acts)
        self._size += len(acts["person"])
        self.add(
            institution,
            feed,
            rows(
                len(person),
                person=person,
                day=day,
                at=at,
                act=act,
                scenario=scenario,
                disposition=np.where(counts, RECORD, IGNORED),
                outcome=np.where(counts, settled(outcome, is_open), UNKNOWN),
                **columns,
            ),
        )
        return act

    def add(self, institution: int, feed: str, more: Rows) -> None:
        """Rows of what others told of already, or of no act."""
        self._reports.setdefault((institution, feed), []).append(more)

    def done(self) -> Done:
        """All of it."""
        return Done(stack(self._acts), self._reports)


def times_of(scene: Scene, institution: int, rate: float) -> tuple[Column, Column, Column]:
    """Person, day and time of what an institution's customers do in any of the day's `SLOTS`, at a rate for each."""
    holders = np.flatnonzero(scene.block.holds[institution])
    who, day, slot = np.nonzero(scene.rng.random((len(holders), scene.days, len(SLOTS))) < rate)
    at = day * DAY + SLOTS[slot].astype(np.int64) + scene.rng.integers(0, 2 * 3_600, len(who))
    return holders[who], day.astype(np.int64), at


def clock(scene: Scene, day: Column, first: float = 8.0, last: float = 22.0) -> Column:
    """A time of each day between two hours."""
    return day * DAY + scene.rng.integers(int(first * 3_600), int(last * 3_600), len(day))


def pick(scene: Scene, size: int, *shares: float) -> Column:
    """Numbers 0, 1, … with the given shares, which add up to one."""
    return scene.rng.choice(len(shares), size, p=shares)


def paid(
    scene: Scene,
    wallet: int,
    party: int,
    person: Column,
    at: Column,
    fen: Column,
    act: Column | int,
    outcome: Column | int,
) -> Rows:
    """What a wallet's bills can list of payments to somebody."""
    size = len(person)
    return Rows(
        payments(
            wallet,
            scene.bills,
            size,
            person=person,
            act=act,
            at=at,
            fen=fen,
            party=party,
            serial=scene.serials.take(size),
            outcome=outcome,
            disposition=RECORD,
        )
    )


def spend(
    scene: Scene, telling: Telling, party: int, person: Column, at: Column, fen: Column, by: Mapping[int, Column]
) -> None:
    """Payments by wallets that tell of no act: a payment by itself earns nothing. by: wallet → which it paid."""
    block = scene.block
    for wallet, mask in by.items():
        after = at + scene.rng.integers(1, 60, len(person))
        listed = paid(scene, wallet, party, person, after, fen, -1, EVIDENCE)
        telling.add(wallet, "bills", listed.take(mask & block.brings_bills[person] & block.holds[wallet, person]))

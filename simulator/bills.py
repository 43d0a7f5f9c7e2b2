"""Which bills a block's people bring, and which bill has the say on a payment.

A bill lists one customer's payments of whole days and was exported on the day on which it is brought, the one
after its last. Per customer and date the whole bill exported last is in force; one that lists expenses alone
adds to it. Of the rows in force that tell of one payment the latest is the record. As a bill is exported on
the day it is brought and a customer brings at most one a day, the latest is that of the later day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.people import Block
from simulator.rows import ALIPAY, DAY, WECHAT, Column

NO_BILL = -1
MOST = 3
"""Bills of one customer."""
BACKS = 2
"""Refunds of one payment."""


@dataclass(frozen=True)
class Back:
    """Refunds: [BACKS, size] times and fen; zero fen for none."""

    at: Column
    fen: Column

    def until(self, day: Column) -> Column:
        """Fen given back up to the end of a day."""
        return np.asarray((self.fen * (self.at // DAY <= day)).sum(axis=0))


@dataclass(frozen=True)
class Bills:
    """The bills of a block, one place each, and per wallet and person the places of theirs by day.

    Attributes:
        wallet, person: whose bill.
        first, last: the days that it lists, both included; it is brought on the day after.
        exported_at: when it was exported.
        is_filtered: it lists expenses alone.
        is_old: it has the first wallet's old layout.
        form: [bills, 6] random numbers below one, for what it looks like.
        places: wallet → [MOST, size] by person; `NO_BILL` for none, earlier bills first.
    """

    wallet: Column
    person: Column
    first: Column
    last: Column
    exported_at: Column
    is_filtered: Column
    is_old: Column
    form: Column
    places: dict[int, Column]

    def __len__(self) -> int:
        return len(self.person)

    def latest(self, wallet: int, person: Column, day: Column) -> Column:
        """The last bill that lists the day, whole or filtered: its row of an expense is the record."""
        return self._last(wallet, person, day, np.ones(len(self) + 1, dtype=bool))

    def whole(self, wallet: int, person: Column, day: Column) -> Column:
        """The last unfiltered bill that lists the day: the one in force."""
        return self._last(wallet, person, day, np.append(~self.is_filtered, False))

    def lists_refunds(self, person: Column, at: Column) -> Column:
        """Whether the first wallet's bill in force at a time has refunds as rows of their own."""
        bill = self.whole(ALIPAY, person, at // DAY)
        return np.asarray((bill != NO_BILL) & ~np.append(self.is_old, True)[bill])

    def are_taken_back(self, wallet: int, person: Column, at: Column, fen: Column, back: Back) -> Column:
        """Whether the bills in force say that payments were given back as a whole."""
        bill = self.latest(wallet, person, at // DAY)
        on_row = back.until(np.append(self.last, -1)[bill]) >= fen
        if wallet == WECHAT:
            return np.asarray((bill != NO_BILL) & on_row)
        rows = np.zeros(len(person), dtype=np.int64)
        for k in range(BACKS):
            rows += np.where(self.lists_refunds(person, back.at[k]), back.fen[k], 0)
        is_old = np.append(self.is_old, False)[bill]
        return np.asarray((bill != NO_BILL) & ((is_old & on_row) | (rows >= fen)))

    def _last(self, wallet: int, person: Column, day: Column, counts: Column) -> Column:
        first, last = np.append(self.first, 0), np.append(self.last, -1)
        found = np.full(len(person), NO_BILL)
        for places in self.places[wallet]:
            bill = places[person]
            covers = counts[bill] & (first[bill] <= day) & (day <= last[bill])
            found = np.where(covers, bill, found)
        return found


def make_bills(block: Block, days: int, rng: np.random.Generator) -> Bills:
    """One to three bills per wallet of those who bring any: most in full, some expenses alone, some old."""
    drawn: list[tuple[int, int, int, int, bool, bool]] = []
    places = {}
    for wallet in (ALIPAY, WECHAT):
        places[wallet] = np.full((MOST, len(block)), NO_BILL)
        for person in np.flatnonzero(block.brings_bills & block.holds[wallet]).tolist():
            count = min(days - 1, int(rng.choice((1, 2, 3), p=(0.6, 0.25, 0.15))))
            brought = np.sort(rng.permutation(np.arange(1, days))[:count]).tolist()
            for k, day in enumerate(brought):
                first = 0 if rng.random() < 0.4 else int(rng.integers(0, day))
                fate = float(rng.random())
                places[wallet][k, person] = len(drawn)
                drawn.append((wallet, person, first, day - 1, fate < 0.25, wallet == ALIPAY and fate >= 0.9))
    columns = [np.array([bill[k] for bill in drawn], dtype=np.int64) for k in range(6)]
    return Bills(
        wallet=columns[0],
        person=columns[1],
        first=columns[2],
        last=columns[3],
        exported_at=(columns[3] + 1) * DAY + rng.integers(6 * 3_600, 22 * 3_600, len(drawn)),
        is_filtered=columns[4].astype(bool),
        is_old=columns[5].astype(bool),
        form=rng.random((len(drawn), 6)),
        places=places,
    )


def give_back(rng: np.random.Generator, at: Column, fen: Column, share: float) -> Back:
    """Refunds of a share of payments within four days: half of them in full, a few of these in two halves."""
    size = len(at)
    fate = rng.random(size)
    is_full, is_split = fate < share / 2, fate < share / 8
    first = np.select([is_split, is_full, fate < share], [fen // 2, fen, fen // 4], 0)
    second = np.where(is_split, fen - fen // 2, 0)
    soon = at + rng.integers(1_800, 4 * DAY, size)
    return Back(np.stack([soon, soon + rng.integers(1_800, DAY, size)]), np.stack([first, second]))


def payments(
    wallet: int,
    bills: Bills,
    size: int,
    *,
    person: Column,
    act: Column | int,
    at: Column,
    fen: Column,
    party: Column | int,
    serial: Column,
    outcome: Column | int,
    disposition: int,
    back: Back | None = None,
    flow: Column | int = 0,
    state: Column | int = 0,
) -> dict[str, Column]:
    """Columns of what a wallet's bills could list.

    `outcome` and `disposition` are those of the row that is the record; `flow` and `state` are codes of
    `simulator.formats.bill`.
    """
    nothing = np.zeros((BACKS, size), dtype=np.int64)
    backs = back or Back(nothing, nothing)
    given: dict[str, Column | int] = {
        "day": at // DAY,
        "person": person,
        "act": act,
        "at": at,
        "fen": fen,
        "party": party,
        "serial": serial,
        "outcome": outcome,
        "disposition": disposition,
        "flow": flow,
        "state": state,
        "is_known": bills.latest(wallet, person, at // DAY) != NO_BILL,
        **{f"back_at_{k}": backs.at[k] for k in range(BACKS)},
        **{f"back_fen_{k}": backs.fen[k] for k in range(BACKS)},
    }
    return {name: np.broadcast_to(np.asarray(value), size).copy() for name, value in given.items()}

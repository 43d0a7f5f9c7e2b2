"""What both wallets' bills share: what a bill lists, and the file that it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simulator.formats.feed import yuan

EXPENSE, INCOME, NEUTRAL = range(3)
"""Flow of money."""
PAID, WAITING, CLOSED = range(3)
"""State of a payment: closed ones were never paid."""
NO_REFUND = 0


@dataclass(frozen=True)
class Entry:
    """One row of a bill.

    Attributes:
        at: `2026-11-03 08:12:33`.
        party: index of `PARTIES`.
        fen: the amount, positive.
        flow, state: of the payment; a refund's row has those of what it gives back.
        serial: the payment's number.
        refund: which refund of the payment the row is, `NO_REFUND` for the payment itself.
        given_back: fen given back when the bill was exported.
    """

    at: str
    party: int
    fen: int
    flow: int
    state: int
    serial: int
    refund: int
    given_back: int


@dataclass(frozen=True)
class Head:
    """What a bill says of itself.

    Attributes:
        first, last: dates, both included.
        exported_at: a moment.
        is_filtered: it lists expenses alone.
        is_old: it has the first wallet's old layout.
        number: a number of its own, from which made-up names and accounts follow.
        form: random numbers below one.
    """

    name: str
    first: str
    last: str
    exported_at: str
    is_filtered: bool
    is_old: bool
    number: int
    form: tuple[float, ...]

    @property
    def period(self) -> tuple[str, str]:
        """First and last second."""
        return f"{self.first} 00:00:00", f"{self.last} 23:59:59"


@dataclass(frozen=True)
class File:
    """A bill as a file.

    Attributes:
        first_line: the number of its first data row.
    """

    data: bytes
    suffix: str
    first_line: int


def tally(entries: Sequence[Entry], flow: int, *, takes_refunds: int) -> str:
    """How many rows of a flow there are and what they sum up to; refunds count as `takes_refunds`."""
    chosen = [e.fen for e in entries if (e.flow if e.refund == NO_REFUND else takes_refunds) == flow]
    return f"{len(chosen)}笔 {yuan(sum(chosen))}元"

"""What refunds that name no purchase must take back, one after the other, as somebody with a pencil would find it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

WHOLE, PART, EITHER = "whole", "part", "either"


class Line(NamedTuple):
    """A purchase, or what takes one back (`refund`: WHOLE, PART or EITHER).

    of: customer, feed and merchant, in one. day, second: when; of what is known by the day no second. key: tells equals apart.
    """

    of: str
    day: date
    second: int | None
    fen: int
    key: str
    refund: str | None = None

    @property
    def order(self) -> tuple[date, int, bool, str]:
        """What is known by the day is at its first second, a refund at its last; of one moment purchases come first."""
        unknown = 0 if self.refund is None else 86_399
        return self.day, unknown if self.second is None else self.second, self.refund is not None, self.key


def taken_back(lines: Iterable[Line], within_days: int) -> dict[str, str | None]:
    """Key of every refund → key of the purchase that it takes back, if any."""
    ordered = sorted(lines, key=lambda line: line.order)
    result: dict[str, str | None] = {line.key: None for line in ordered if line.refund}
    left = {line.key: line.fen for line in ordered if not line.refund}
    whole: set[str] = set()
    for wants_whole in (True, False):
        for place, refund in enumerate(ordered):
            if refund.refund in (None, PART if wants_whole else WHOLE) or result[refund.key]:
                continue
            for line in reversed(ordered[:place]):
                if line.refund or line.of != refund.of or (refund.day - line.day).days > within_days:
                    continue
                if line.key in whole or (line.fen == refund.fen) != wants_whole or left[line.key] < refund.fen:
                    continue
                result[refund.key] = line.key
                left[line.key] -= refund.fen
                whole |= {line.key} if wants_whole else set()
                break
    return result

"""How well founded a figure is where it is applied, and which of these grades a deployment credits from when on.

A grade is not written: it follows from where a figure was made, how it came about and how far it is lent. So breadth
costs no honesty: an account says how much of it rests on what.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Literal, get_args

Grade = Literal["regional", "national", "proxied", "derived", "programme", "foreign"]
GRADES: tuple[Grade, ...] = get_args(Grade)
"""The best founded first; of two figures that go into one sum the one that comes later tells the grade."""

WELL_FOUNDED: tuple[Grade, ...] = ("regional", "national")
"""What was made for the place or for the country."""

MEANINGS: dict[Grade, str] = {
    "regional": "made for the region of the act, or for one that contains it, by its authority, its programme or a study",
    "national": "made for the whole country",
    "proxied": "made for another Chinese region, or for a programme, and lent with a reason",
    "derived": "computed here from numbers that a source prints",
    "programme": "a programme's own amount, whose derivation is not published",
    "foreign": "made in another country",
}
"""Every grade in words."""


def weakest(grades: Iterable[Grade]) -> Grade:
    """Of several figures of one sum the grade that is founded worst."""
    return max(grades, key=GRADES.index)


@dataclass(frozen=True)
class Inside:
    """Whose acts are a programme's own: those in its region that one of its institutions reports.

    Attributes:
        prefix: what the codes of its region's divisions begin with.
        institutions: empty where whoever reports from its region is inside.
    """

    prefix: str
    institutions: frozenset[str]

    def holds(self, region: str, institution: str | None) -> bool:
        """Whether an act is the programme's own."""
        return region.startswith(self.prefix) and (not self.institutions or institution in self.institutions)


@dataclass(frozen=True)
class Terms:
    """What is credited on a date.

    Attributes:
        grades: those of which figures are credited.
        is_open: whether a programme's own amount is credited outside it as well.
    """

    grades: frozenset[Grade]
    is_open: bool = False


EVERYTHING = Terms(frozenset(GRADES), is_open=True)
"""What was credited before a deployment could say: whatever figure the library applies."""
USUAL = Terms(frozenset(GRADES) - {"foreign"})
"""What is credited where a deployment says nothing: all but foreign figures, a programme's own inside it."""
SINCE = date(2026, 11, 28)
"""Act date from which `USUAL` holds where a deployment says nothing: the day on which figures got grades."""


@dataclass(frozen=True)
class Credits:
    """Terms by act date.

    Attributes:
        lines: first act date and terms, in order; the first line holds for all dates before it as well.
    """

    lines: Sequence[tuple[date, Terms]]

    def on(self, day: date) -> Terms:
        """The terms of an act date."""
        found = self.lines[0][1]
        for first, terms in self.lines[1:]:
            if first <= day:
                found = terms
        return found

    @property
    def turns(self) -> list[date]:
        """Dates on which the terms differ from those of the day before."""
        return [day for (_, was), (day, now) in pairwise(self.lines) if was != now]


ALL = Credits([(date.min, EVERYTHING)])
"""Without a deployment: every figure that the library applies."""
BY_DEFAULT = Credits([(date.min, EVERYTHING), (SINCE, USUAL)])
"""Of a deployment that says nothing."""

"""What can fail and is foreseen; each text is one that a person acts on."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from expectations import RuleResult


class SetupError(Exception):
    """The machine lacks something that only its owner can give; the text is one sentence saying what."""


class RunError(Exception):
    """The run cannot go on; the text says why and what mends it."""


class PublicationBlocked(Exception):
    """A critical rule or invariant is broken; nothing was published. Holds the broken results."""

    def __init__(self, business_date: date, broken: list[RuleResult]) -> None:
        self.broken = broken
        lines = [
            f"{one.rule.id} ({one.measurement.table_name}): {one.measurement.observed} of {one.measurement.checked}"
            for one in broken
        ]
        super().__init__(f"{business_date}: publication blocked; broken: " + "; ".join(lines))


class NotAsPublished(Exception):
    """A table or the chain differs from what was published; the text says where."""


class NotFound(LookupError):
    """Nothing of that name stands in the lake."""


class NoRanking(ValueError):
    """What is asked for is not ranked; the text says why."""


class Busy(Exception):
    """Another process writes there; the text says which."""


class FormatError(Exception):
    """The lake is not of this code's format; the text says what differs and what mends it."""

"""What can fail and is foreseen; each text is one that a person acts on, each class says how the command ends."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from schemas.errors import Foreseen

if TYPE_CHECKING:
    from expectations import RuleResult

USAGE, DEGRADED, BLOCKED, NOT_FOUND, BUSY = Foreseen.exit_code, 3, 4, 5, 6
"""Exit codes of the command, which a scheduler tells apart."""


class SettingError(Foreseen):
    """The environment cannot be used; the text names the variable and the mend, and never shows a secret."""


class SetupError(Foreseen):
    """The machine lacks something that only its owner can give; the text is one sentence saying what."""


class RunError(Foreseen):
    """The run cannot go on; the text says why and what mends it."""


class PublicationBlocked(Foreseen):
    """A critical rule or invariant is broken; nothing was published. Holds the broken results."""

    exit_code = BLOCKED

    def __init__(self, business_date: date, broken: list[RuleResult]) -> None:
        self.broken = broken
        lines = [
            f"{one.rule.id} ({one.measurement.table_name}): {one.measurement.observed} of {one.measurement.checked}"
            for one in broken
        ]
        super().__init__(f"{business_date}: publication blocked; broken: " + "; ".join(lines))


class NotAsPublished(Foreseen):
    """A table or the chain differs from what was published; the text says where."""

    exit_code = BLOCKED


class StorageError(Foreseen):
    """The disk did not take a file, or did not give it; the text says why. Another try may end otherwise."""

    exit_code = 1


class NotFound(Foreseen):
    """Nothing of that name stands in the lake."""

    exit_code = NOT_FOUND


class NoRanking(Foreseen):
    """What is asked for is not ranked; the text says why."""


class Busy(Foreseen):
    """Another process writes there; the text says which."""

    exit_code = BUSY


class FormatError(Foreseen):
    """The lake is not of this code's format; the text says what differs and what mends it."""

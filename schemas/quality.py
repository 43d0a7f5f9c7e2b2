"""What every quality rule has, whatever it is held against: a table, several of them, or an institution's statement."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from schemas.base import Strict, load_yaml

Severity = Literal["critical", "warning", "info"]
"""`critical` stops the publication, or holds the statement back; `warning` publishes with a flag; `info` is only
recorded."""

Bound = Literal["at_most", "at_least"]
"""On which side of its threshold a number holds."""


class QualityRule(Strict):
    """One quality rule. Unless it says otherwise it counts what breaks it, and holds where nothing does."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Unique over everything that is judged."""
    text: str = Field(pattern=r"^\S.{9,}\.$")
    """What must hold, as a sentence."""
    severity: Severity

    @property
    def bound(self) -> Bound:
        """Whether the observed number may be at most or must be at least the threshold."""
        return "at_most"

    @property
    def threshold(self) -> int:
        """What the observed number is held against."""
        return 0


class BoundedRule(QualityRule):
    """A rule that is told with its threshold: the most or the least that the observed number may be."""

    at_most: int | None = None
    at_least: int | None = None

    @model_validator(mode="after")
    def _has_one_threshold(self) -> BoundedRule:
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError(f"{self.id}: give exactly one of at_most and at_least")
        return self

    @property
    def bound(self) -> Bound:
        return "at_least" if self.at_most is None else "at_most"

    @property
    def threshold(self) -> int:
        found = self.at_least if self.at_most is None else self.at_most
        assert found is not None
        return found


class Invariant(QualityRule):
    """What every run checks on what it is about to publish, over several tables at once.

    table: the one that it guards. counted: what is counted, and of how many.
    """

    table: str
    counted: str


class _Invariants(Strict):
    invariants: list[Invariant]


def load_invariants(root: Path) -> dict[str, Invariant]:
    """The invariants of `invariants.yaml` by id.

    Raises:
        RegistryError: the file breaks the model.
    """
    return {one.id: one for one in load_yaml(root / "invariants.yaml", _Invariants).invariants}

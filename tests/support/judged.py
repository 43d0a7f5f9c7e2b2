"""Great Expectations asked each question once: a run asks hundreds, nearly all of which were asked before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import expectations
from expectations import Measurement, RuleResult

by_the_library = expectations.judge
"""What the jobs call."""
Question = tuple[str, int, int]

_verdicts: dict[Question, bool] = {}


def remembered(asked: Sequence[Measurement], session: Any = None) -> list[RuleResult]:
    """The verdicts of `expectations.judge`, which is asked of what it was not asked before in this process."""
    new = {_question(one): one for one in asked if _question(one) not in _verdicts}
    _verdicts.update((_question(one.measurement), one.is_passed) for one in by_the_library(list(new.values()), session))
    return [RuleResult(one, _verdicts[_question(one)]) for one in asked]


def known() -> list[tuple[Question, bool]]:
    """What was asked so far, for another process to `learn`."""
    return list(_verdicts.items())


def learn(verdicts: Iterable[tuple[Sequence[Any], bool]]) -> None:
    """Take what another process asked."""
    _verdicts.update(((bound, threshold, observed), is_passed) for (bound, threshold, observed), is_passed in verdicts)


def _question(one: Measurement) -> Question:
    """Everything that a verdict depends on."""
    return one.rule.bound, one.rule.threshold, one.observed

"""Great Expectations asked each question once: a run asks hundreds, nearly all of which were asked before."""

from __future__ import annotations

from collections.abc import Sequence
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
    _verdicts.update(
        (_question(one.measurement), one.is_passed) for one in by_the_library(list(new.values()), session)
    )
    return [RuleResult(one, _verdicts[_question(one)]) for one in asked]


def _question(one: Measurement) -> Question:
    """Everything that a verdict depends on."""
    return one.rule.bound, one.rule.threshold, one.observed

"""What is measured of a statement as a whole, from its manifests and those of the last statements of its feed.

A slip of the unit – fen for yuan, grams for kilograms – breaks no rule of a row; it shows in the median against
the last statements.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from expectations import Measurement
from jobs.landing.manifests import Manifest
from jobs.landing.profile import Profile, median, merged
from schemas.sources.feeds import Feed
from schemas.sources.statements import Measure

HISTORY = 30
"""With so many last statements of its feed a statement is compared."""
ENOUGH_STATEMENTS, ENOUGH_ROWS = 5, 200
"""Less than this says nothing about what is usual."""
ENOUGH_NUMBERS = 50
"""So many numbers, or rows, a statement must have itself before its median, or a share of them, says anything."""
FEW_BAD = 5
"""So many identifiers that are none are slips in a statement of any size; more say something also where few are given."""

BESIDE: set[Measure] = {"rows_permille", "lowest_median_permille", "highest_median_permille"}
"""What can only be told beside the last statements."""


class Found(NamedTuple):
    """A whole number, of how many rows it is, and of which of their numbers."""

    observed: int
    checked: int
    number: str | None = None


def measurements(parts: Sequence[Manifest], before: Sequence[Sequence[Manifest]], feed: Feed) -> list[Measurement]:
    """What there is enough of to be held against the feed's rules.

    Args:
        parts: of one statement.
        before: the statements of the feed before it, oldest first.
    """
    profile = merged(file.profile for file in parts)
    rules = feed.all_rules
    found = _by_itself(parts, profile)
    if {rule.measure for rule in rules} & BESIDE:
        found |= _beside(parts, profile, before[-HISTORY:])
    medians = {name: classes for name, classes in profile.numbers.items() if _total(classes) >= ENOUGH_NUMBERS}
    measured = []
    for rule in rules:
        one = found.get(rule.measure)
        if rule.number in medians:
            one = Found(int(median(medians[rule.number])), _total(medians[rule.number]), rule.number)
        if one is not None:
            measured.append(
                Measurement(
                    rule,
                    one.observed,
                    one.checked,
                    parts[0].business_date,
                    institution=parts[0].institution,
                    feed=parts[0].feed,
                    column_name=one.number,
                )
            )
    return measured


def _by_itself(parts: Sequence[Manifest], profile: Profile) -> dict[Measure, Found]:
    """What a statement says alone."""
    rows = sum(file.own_rows for file in parts)
    found: dict[Measure, Found] = {"rows": Found(rows, rows), "new_columns": Found(len(profile.new_columns), rows)}
    if rows >= ENOUGH_NUMBERS:
        unusable = sum(file.quarantined_rows + file.rejected_rows for file in parts)
        found["unusable_permille"] = Found(1000 * unusable // rows, rows)
    bad = [
        Found(1000 * profile.bad_identifiers.get(kind, 0) // given, given, kind)
        for kind, given in profile.identifiers.items()
        if given >= ENOUGH_NUMBERS or profile.bad_identifiers.get(kind, 0) > FEW_BAD
    ]
    if bad:
        found["bad_identifiers_permille"] = max(bad)
    return found


def _beside(parts: Sequence[Manifest], profile: Profile, before: Sequence[Sequence[Manifest]]) -> dict[Measure, Found]:
    """What it says beside the last ones."""
    usual_rows = [sum(file.own_rows for file in other) for other in before]
    if len(before) < ENOUGH_STATEMENTS or (middle := statistics.median(usual_rows)) < ENOUGH_ROWS:
        return {}
    rows = sum(file.own_rows for file in parts)
    found: dict[Measure, Found] = {"rows_permille": Found(_permille(rows, middle), rows)}
    usual = merged(file.profile for other in before for file in other).numbers
    medians = [
        Found(_permille(median(classes), median(usual[name])), _total(classes), name)
        for name, classes in profile.numbers.items()
        if _total(classes) >= ENOUGH_NUMBERS and _total(usual.get(name, {})) >= ENOUGH_ROWS
    ]
    if medians:
        found["lowest_median_permille"] = min(medians)
        found["highest_median_permille"] = max(medians)
    return found


def _permille(found: float, usual: float) -> int:
    return int(1000 * found / usual)


def _total(classes: Mapping[int, int]) -> int:
    return sum(classes.values())

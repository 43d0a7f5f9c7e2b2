"""The ledger's words: its measures, its kinds of positions, what spans several things, and whom nobody may be told of."""

from __future__ import annotations

from typing import Literal, get_args

REDUCTION = "reduction_mg"
EMISSION = "emission_mg"
POINTS = "points."
"""What the measures of points begin with; the programme follows."""

IS_POINTS = f"substring(measure, 1, {len(POINTS)}) = '{POINTS}'"
"""SQL: whether an entry is of points."""

MICRO_YUAN = 10_000
"""Millionths of a yuan in a fen."""

PositionKind = Literal["activity", "exclusion", "cap", "payment", "tier", "expiry", "redemption", "donation"]
"""What an entry stands for: an act, what an exclusion or a cap takes, a payment, or what a rule or a person made of points."""
POSITION_KINDS: tuple[PositionKind, ...] = get_args(PositionKind)

GIVEN_UP = "('redemption', 'donation')"
"""SQL: kinds of positions of points that a person gave up."""

SPANNING = "*"
"""Stands for a scenario, an institution, a feed or a table where a row is of several of them at once."""

FEWEST = 5
"""Groups of fewer people are not shown, whatever is asked; nor is their number told, unless there is nobody."""

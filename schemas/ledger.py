"""The ledger's words: its measures, and what stands where an entry spans several things."""

from __future__ import annotations

EMISSION = "emission_mg"
MICRO_YUAN = 10_000
"""Millionths of a yuan in a fen."""

REDUCTION = "reduction_mg"
SPANNING = "*"
"""Institution of an entry that spans institutions, scenario of one that spans scenarios."""


GIVEN_UP = "('redemption', 'donation')"
"""SQL: kinds of positions of points that a person gave up."""

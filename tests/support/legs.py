"""A trip of several legs: what it saves by the formula of the standards, BE - PE."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Leg:
    """One leg of a trip.

    Attributes:
        quantity: kilometres, or whatever its factor is per.
        micrograms_per_unit: what one of them emits; 0 of a leg that emits nothing within the boundary, like a walk.
    """

    quantity: Fraction
    micrograms_per_unit: int


def saved_by_legs(baseline: Iterable[Leg], project: Iterable[Leg]) -> Fraction:
    """Micrograms that a trip saves: Σ EF × BD of what it takes the place of, less Σ EF × PD of its own legs.

    A method of one factor per unit cannot say this, as the legs of one trip have different factors. That the factors
    are of one gas, boundary and unit is the caller's to hold, as the registry does for a displacement.

    Returns:
        Exact, unrounded; 0 where the trip emits no less than what it takes the place of.

    Source: DB11/T 3043-2024, BE = Σ EF × BD, PE = ΣΣ EF × PD, ER = BE - PE.
    """
    return max(emitted_by_legs(baseline) - emitted_by_legs(project), Fraction(0))


def emitted_by_legs(legs: Iterable[Leg]) -> Fraction:
    """Micrograms that the legs emit together, exact."""
    return sum((one.quantity * one.micrograms_per_unit for one in legs), Fraction(0))

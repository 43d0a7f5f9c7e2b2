"""What a block's people do, and the rows in which institutions report it: the parts all scenarios share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from simulator.bills import Bills
from simulator.hostile import Hostile
from simulator.network import Network
from simulator.people import Block
from simulator.rows import CREDITED, UNDECIDABLE, UNKNOWN, Column, Rows, Serials, rows

NO_QUANTITY = -1


@dataclass(frozen=True)
class Scene:
    """Where acts take place.

    Attributes:
        block: the people.
        days: number of business dates; acts and bookings beyond are not delivered.
        network: the metro.
        bills: the bills that the people bring.
        hostile: how much is made hostile on purpose.
        rng: the random numbers of this block's acts.
        redeeming: those of its redemptions, apart from what the acts draw.
        mishaps: those of what is hostile: without it a world stays as it is.
        serving: those of what people do with services, likewise.
        serials: numbers for rows.
    """

    block: Block
    days: int
    network: Network
    bills: Bills
    hostile: Hostile
    rng: np.random.Generator
    redeeming: np.random.Generator
    mishaps: np.random.Generator
    serving: np.random.Generator
    serials: Serials

    def chance(self, share: float, size: int) -> Column:
        """A mask that is true with the given share."""
        return self.rng.random(size) < share

    def mishap(self, share: float, size: int) -> Column:
        """A mask of what is made hostile."""
        return self.mishaps.random(size) < share


@dataclass(frozen=True)
class Done:
    """Acts and the rows that report them; `act` in the rows counts within these acts.

    `acts` has the columns person, scenario, day (the act date that the account shows), at, quantity and
    credited (10^-6 of the scenario's unit, `NO_QUANTITY` for none) and outcome. `reports` maps
    (institution, feed) to rows.
    """

    acts: Rows
    reports: dict[tuple[int, str], list[Rows]]


def acts_of(
    person: Column,
    scenario: Column,
    day: Column,
    at: Column,
    quantity: Column,
    outcome: Column,
    credited: Column,
) -> Rows:
    """The columns of `Done.acts`; `credited` counts only where the outcome is credited."""
    return Rows(
        {
            "person": person,
            "scenario": scenario,
            "day": day,
            "at": at,
            "quantity": quantity,
            "outcome": outcome,
            "credited": np.where(outcome == CREDITED, credited, NO_QUANTITY),
        }
    )


def settled(outcome: Column, is_open: Column) -> Column:
    """Row outcomes, unknown where the policy leaves the assignment open."""
    return np.where(is_open, UNKNOWN, outcome)


def acts_settled(outcome: Column, is_open: Column) -> Column:
    """Act outcomes, undecidable where the policy leaves the assignment open."""
    return np.where(is_open, UNDECIDABLE, outcome)


def wallet_rows(scene: Scene, size: int, *, styles: int = 3, **columns: Any) -> Rows:
    """Acts as the first wallet reports them: to the second, and one row per act, unless said otherwise.

    `styles` is in how many ways an amount may be written.
    """
    style = scene.rng.integers(0, styles, size)
    whole = {"act": np.arange(size), "day_only": False, "style": style, "serial": scene.serials.take(size)}
    return rows(size, **{**whole, **columns})


def days_of(scene: Scene, institution: int, rate: Column | float) -> tuple[Column, Column]:
    """Person and day of what an institution's customers do on a share of days, at most once each day."""
    share = np.where(scene.block.holds[institution], rate, 0.0)[:, None]
    person, day = np.nonzero(scene.rng.random((len(scene.block), scene.days)) < share)
    return person.astype(np.int64), day.astype(np.int64)

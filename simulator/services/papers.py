"""What is not printed: an insurer's documents and a bank's forms, by the sheets that they would have been."""

from __future__ import annotations

import numpy as np

from simulator.acts import NO_QUANTITY, Done, Scene, days_of
from simulator.rows import (
    E_INVOICE,
    E_POLICY,
    FINANCE,
    HZ_BANK,
    INVESTMENT,
    LIVING,
    LOAN,
    PING_AN,
    REPAYMENT,
    Column,
)
from simulator.services.shared import MICRO, Telling, clock, pick

POLICY, ENDORSEMENT, INVOICE, LETTER = range(4)
OF_DOCUMENT = np.array([E_POLICY, E_POLICY, E_INVOICE, E_POLICY])
OF_BUSINESS = np.array([LOAN, REPAYMENT, REPAYMENT, INVESTMENT, INVESTMENT, INVESTMENT, LOAN])
OTHER_BUSINESS = 6
MOST_SHEETS = np.array([9, 5, 5, 5, 5, 5, 1])
AT_COUNTER, FAILED = 1, 2
"""Why a bank's row does not count; 0 where it does."""


def save_paper(scene: Scene) -> Done:
    """All documents and forms of the block."""
    telling = Telling(scene)
    _insure(scene, telling)
    _bank(scene, telling)
    return telling.done()


def _insure(scene: Scene, telling: Telling) -> None:
    """Documents; some on paper, some void, some of which nobody says how many sheets they are."""
    person, day = days_of(scene, PING_AN, 0.05)
    size = len(person)
    kind = pick(scene, size, 0.4, 0.1, 0.4, 0.1)
    sheets = _known(scene, np.where(kind == POLICY, scene.rng.integers(2, 12, size), 1))
    way = pick(scene, size, 0.88, 0.08, 0.04)
    telling.told(
        *(PING_AN, "documents"),
        person=person,
        day=day,
        at=clock(scene, day),
        scenario=OF_DOCUMENT[kind],
        scope=np.where(kind == INVOICE, LIVING, FINANCE),
        quantity=np.where(sheets > 0, sheets * MICRO, NO_QUANTITY),
        counts=(kind != LETTER) & (way == 0),
        kind=kind,
        sheets=sheets,
        way=way,
        has_offset=scene.chance(0.2, size),
        serial=scene.serials.take(size),
    )


def _bank(scene: Scene, telling: Telling) -> None:
    """Loans, repayments, investments and what is none of it; at the counter, refused or without a number of sheets."""
    person, day = days_of(scene, HZ_BANK, 0.1)
    size = len(person)
    business = pick(scene, size, 0.15, 0.15, 0.25, 0.15, 0.1, 0.1, 0.1)
    sheets = _known(scene, scene.rng.integers(1, MOST_SHEETS[business] + 1))
    way = pick(scene, size, 0.88, 0.07, 0.05)
    telling.told(
        *(HZ_BANK, "services"),
        person=person,
        day=day,
        at=clock(scene, day),
        scenario=OF_BUSINESS[business],
        scope=FINANCE,
        quantity=np.where(sheets > 0, sheets * MICRO, NO_QUANTITY),
        counts=(business != OTHER_BUSINESS) & (way == 0),
        business=business,
        sheets=sheets,
        way=way,
        fen=scene.rng.integers(10_000, 5_000_000, size),
        serial=scene.serials.take(size),
    )


def _known(scene: Scene, sheets: Column) -> Column:
    """The sheets, or `NO_QUANTITY` where the export does not say."""
    return np.where(scene.chance(0.05, len(sheets)), NO_QUANTITY, sheets)

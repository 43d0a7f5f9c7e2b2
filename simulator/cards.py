"""Rows of the two banks' cards, which differ in what a row holds."""

from __future__ import annotations

from typing import Any

import numpy as np

from simulator.acts import Scene
from simulator.formats.citic import PURCHASE
from simulator.formats.icbc import BUYS, REVERSES
from simulator.rows import ICBC, Column, Rows, rows


def card_rows(bank: int, size: int, *, kind: Column | int, total: Column, **columns: Any) -> Rows:
    """Card rows of a bank from the first bank's codes: purchases, and reversals with negative amounts."""
    if bank != ICBC:
        return rows(size, kind=kind, total=total, **columns)
    side = np.where(np.asarray(kind) == PURCHASE, BUYS, REVERSES)
    return entries(size, kind=side if side.ndim else int(side), total=np.abs(total), **columns)


def entries(size: int, **columns: Any) -> Rows:
    """Rows of the second bank's statements; one in yuan, booked by date and with details unless said otherwise."""
    whole = {"entry": 0, "currency": 0, "is_pending": False, "has_time": False, "is_bare": False, "original": 0}
    return rows(size, **{**whole, **columns})


def batch(scene: Scene, statements: Rows) -> Rows:
    """The rows with some purchases of one account and day made one entry."""
    may = (statements["kind"] == BUYS) & (statements["currency"] == 0)
    for name in ("is_pending", "has_time", "is_bare"):
        may &= ~statements[name]
    may &= scene.rng.random(len(statements)) < 0.5
    place = np.flatnonzero(may)
    key = statements["person"][place] * (scene.days + 1) + statements["day"][place]
    found, group, count = np.unique(key, return_inverse=True, return_counts=True)
    numbers = scene.serials.take(len(found))
    entry = statements["entry"].copy()
    entry[place] = np.where(count[group] > 1, numbers[group], 0)
    return Rows({**statements.columns, "entry": entry})

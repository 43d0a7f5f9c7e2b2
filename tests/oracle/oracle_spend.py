"""What everybody's payments must emit, from what the oracle finds was paid."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from fractions import Fraction

from tests.oracle.oracle_terms import Paid, Who

KG_PER_EURO = {
    "4111": "0.8541",
    "4900": "0.1814",
    "5311": "0.4223",
    "5411": "0.4223",
    "5541": "1.2286",
    "5651": "0.8615",
    "5812": "0.3911",
    "5814": "0.3911",
}
"""EXIOBASE's figures for China, per euro of 2019, rounded up to four decimals."""
YUAN_PER_EURO = Fraction("7.7355")
PRICES = Fraction("1.025") * Fraction("1.009") * Fraction("1.02") * Fraction("1.002") * Fraction("1.002")
"""Of 2024 and, as prices stood still, of 2025; those of 2026 are not known and taken for the same. 2019 is 1."""

Sums = Counter[tuple[Who, str]]
"""By person number and scenario."""


def micrograms_per_fen(code: str) -> int:
    """A kilogram per yuan is 10^9 micrograms per 100 fen."""
    return math.ceil(Fraction(KG_PER_EURO[code]) * 10**7 / (YUAN_PER_EURO * PRICES))


def sums(payments: Iterable[Paid]) -> tuple[Sums, Sums, Sums]:
    """Fen that were spent, those of them at merchants of a known code, and milligrams: each payment rounded up."""
    spent, known, milligrams = Sums(), Sums(), Sums()
    for one in payments:
        fen = one.spent or 0
        spent[one.who, one.scenario] += fen
        if one.code is not None:
            known[one.who, one.scenario] += fen
            milligrams[one.who, one.scenario] += math.ceil(Fraction(fen * micrograms_per_fen(one.code), 1_000))
    return spent, known, milligrams

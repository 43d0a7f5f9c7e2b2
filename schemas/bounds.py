"""The proof that nothing which rows within their contracts' bounds can state leaves 64 bits while it is computed.

Engines end a query that overflows, and with it everybody's run. So every product and sum of the queries is bounded here,
before any row is read: quantity × factor, fen × spend rate, what is counted × points, and sums of these.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from schemas.errors import RegistryError
from schemas.ledger import MICRO_YUAN
from schemas.library import Library
from schemas.programmes import COUNTED, Programme
from schemas.sources import Feed, Source, load_distances
from schemas.sources.columns import MONEY_AT_MOST, Number
from schemas.spending import Spending
from schemas.units import MICRO, NANO

LARGEST = 2**63 - 1
ROWS = 10_000
"""How many rows may state the most at once before a sum is too large: of what anybody does, never more than a handful."""

Feeds = Iterator[tuple[str, Source, str, Feed]]
"""Where each is declared, its source, its name, and itself."""


def check_bounds(
    feeds: Feeds, root: Path, library: Library, spending: Spending, programmes: Mapping[str, Programme]
) -> None:
    """Every bound of every feed, times all that it is multiplied with.

    Raises:
        RegistryError: a product or a sum of so many rows may leave 64 bits; it names file, feed, field and factor.
    """
    dearest = max(spending.rates, key=lambda rate: rate.micrograms_per_fen, default=None)
    for where, source, _, feed in feeds:
        for scenario, field, most in _quantities(source, feed, root):
            rate = library.highest(scenario)
            factors = [("its sum", MICRO * ROWS), (f"the factor of {scenario}", MICRO * rate)]
            factors += [(name, by) for one in programmes.values() for name, by in _points(one, scenario, rate)]
            _check(f"{where}: {field}", most, factors)
        for number in _numbers(feed.columns):
            field = f"{where}: {number.column or number.item}"
            if number.unit in MONEY_AT_MOST:
                fen = 100 if number.unit == "yuan" else 1
                _check(field, number.most, [("its sum in millionths of a yuan", fen * MICRO_YUAN * ROWS)])
                if dearest:
                    by = fen * (dearest.micrograms_per_fen + 1)
                    _check(
                        field,
                        number.most,
                        [(dearest.factor_id, by), (f"the sum by {dearest.factor_id}", by * ROWS // 1000)],
                    )
            elif number.unit == "point":
                _check(field, number.most, [("its sum", ROWS)])


def _check(field: str, most: int, factors: list[tuple[str, int]]) -> None:
    for name, by in factors:
        if most * by > LARGEST:
            raise RegistryError(
                f"{field}: at most {most:,} in a row, times {name}, leaves 64 bits; lower at_most to {LARGEST // by:,}"
            )


def _points(programme: Programme, scenario: str, rate: int) -> Iterator[tuple[str, int]]:
    """What a unit is multiplied with by the rules of a programme, summed up; a rule's own divisor is added to it."""
    for rule in programme.earn:
        if scenario in rule.scenarios:
            share = Fraction(rule.points) / COUNTED[rule.per]
            counted = {"gram": MICRO * rate // NANO + 1, "unit": MICRO, "act": 1}[rule.per]
            yield f"the points of {programme.key(rule)}", counted * share.numerator * ROWS + share.denominator


def _quantities(source: Source, feed: Feed, root: Path) -> Iterator[tuple[str, str, int]]:
    """Scenario, field and the most units that one row, or one ride of a network, may state."""
    for case in feed.cases:
        if case.quantity is None:
            continue
        number = case.quantity
        most = number.most if isinstance(number, Number) else number.at_most
        yield case.scenario, _field(number), most
    if feed.kind == "tap":
        metres = load_distances(source, root).values()
        yield feed.pairing.scenario, "pairing", max(metres, default=0) // 1000 + 1


def _field(quantity: Any) -> str:
    """What a complaint calls a quantity by."""
    names = ("column", "item", "metered", "constant")
    return next((str(named) for name in names if (named := getattr(quantity, name, None)) is not None), "distance")


def _numbers(columns: object) -> Iterator[Number]:
    """Every number that a columns model reads, however deep."""
    if isinstance(columns, Number):
        yield columns
    elif isinstance(columns, BaseModel):
        for name in type(columns).model_fields:
            yield from _numbers(getattr(columns, name))
    elif isinstance(columns, list):
        for entry in columns:
            yield from _numbers(entry)

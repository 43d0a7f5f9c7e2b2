"""What people's own payments emit, as the ledger says, and how much of what was spent it covers.

An estimate by category of merchants; it stands beside reductions and offsets and is never added to or taken from
them. A whole year of somebody's payments says no more of a single thing bought than the average of its category.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from jobs.lake.chain import published
from jobs.reading.members import alone
from schemas.ledger import EMISSION, MICRO_YUAN
from schemas.spending import CATEGORIES, Spending, parts_of
from schemas.spending.merchants import name_of

if TYPE_CHECKING:
    from jobs.lake import Lake


@dataclass(frozen=True)
class Emissions:
    """Milligrams by factor; fen that were spent, and those of them that the milligrams are of."""

    by_factor: Mapping[str, int]
    spent_fen: int
    known_fen: int

    @property
    def milligrams(self) -> int:
        return sum(self.by_factor.values())

    def by_category(self, spending: Spending) -> dict[str, int]:
        """Milligrams by the category that people read, in its order; those without any are left out."""
        found = dict.fromkeys(CATEGORIES, 0)
        for factor, milligrams in self.by_factor.items():
            found[spending.category(parts_of(factor)[1])] += milligrams
        return {category: milligrams for category, milligrams in found.items() if milligrams}


def own_emissions(
    lake: Lake, seq: int | None = None, *, since: date | None = None, person: str | None = None
) -> Emissions:
    """The emissions that stand.

    Args:
        seq: as of this publication; otherwise as of now.
        since: of payments from this date on; otherwise of all.
        person: of this person; otherwise of everybody.
    """
    days = "true" if since is None else f"act_date >= DATE '{since}' AND act_month >= '{since:%Y-%m}'"
    ledger = published(lake, "gold.ledger", seq).where(f"measure = '{EMISSION}' AND {days}")
    if person is not None:
        ledger = ledger.where(f"person_id = '{person}'")
    # As many rows as there are categories of merchants and years of prices.
    factors = lake.ask(
        dict,
        """
        SELECT factor_id,
            CAST(sum(amount) AS bigint) AS milligrams,
            CAST(sum(CASE WHEN amount > 0 THEN quantity_micro ELSE 0 - quantity_micro END) AS bigint) AS micro_yuan
        FROM ledger
        GROUP BY factor_id
        ORDER BY factor_id
        """,
        ledger=ledger.rows,
    )
    activities = published(lake, "silver.activities", seq).where(days)
    payments = activities.in_force() if person is None else activities.in_force_of(alone(lake, person), "person_id")
    [spent] = lake.ask(
        dict, "SELECT coalesce(CAST(sum(spend_fen) AS bigint), 0) AS fen FROM payments", payments=payments
    )
    return Emissions(
        by_factor={row["factor_id"]: row["milligrams"] for row in factors if row["milligrams"]},
        spent_fen=spent["fen"],
        known_fen=sum(row["micro_yuan"] for row in factors) // MICRO_YUAN,
    )


def arithmetic(spending: Spending, entry: Mapping[str, Any]) -> tuple[str, int, dict[str, Any]]:
    """Formula, amount and factor of a payment's entry, from the registry alone."""
    set_id, code, year = parts_of(entry["factor_id"])
    of, prices = spending.sets[set_id], spending.money.prices
    exchange = spending.money.rate(of.currency, of.price_year)
    fen, per_fen = entry["quantity_micro"] // MICRO_YUAN, spending.micrograms_per_fen(set_id, code, year)
    milligrams = -(-fen * per_fen // 1000)
    formula = (
        f"{fen / 100:,.2f} CNY_{year} × {per_fen / 10:,.1f} mgCO2e per CNY_{year} = {milligrams:,} mg (rounded up)"
    )
    index = prices.index(year) / prices.index(of.price_year)
    factor = {
        "factor_id": entry["factor_id"],
        "merchant category": f"{code} {name_of(code) or of.figures[code].name}; in the set: {of.figures[code].category}",
        "value": f"{float(of.value(code)):g} {of.unit}",
        "rate": f"{exchange.value} {exchange.unit}; {exchange.source.document}, {exchange.source.clause}",
        "price index": f"{float(index):.6f} CNY_{year}/CNY_{of.price_year}",
        "match_quality": entry["match_quality"],
        "gas_basis": of.gas_basis,
        "boundary": of.boundary,
        "status": of.status,
        "source": of.source.model_dump(mode="json"),
        "licence": of.licence.model_dump(mode="json"),
    }
    if entry["act_date"].year > year:
        factor["price index"] += f"; {prices.carried}"
    return formula, milligrams, factor

"""Benefits of which more was given out than their programmes say there are: of everybody's stock, of one person's quota.

What was redeemed was redeemed, so nothing is refused here; who runs the benefit has to see it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

from jobs.lake.chain import published
from jobs.policy.periods import start_of
from jobs.reading.members import members

if TYPE_CHECKING:
    from jobs.lake import Lake
    from schemas import Registry


@dataclass(frozen=True)
class Beyond:
    """A limit that was exceeded in a period.

    Attributes:
        limit: `stock`, of everybody, or `quota`, of one person.
        given: how many were given out; of a quota the most that one person had.
        people: who had more than their quota; of a stock whoever had any.
    """

    programme: str
    benefit: str
    limit: Literal["stock", "quota"]
    period: str
    start: date
    most: int
    given: int
    people: int


def beyond(lake: Lake, registry: Registry) -> list[Beyond]:
    """Every exceeded limit of a benefit, by what is redeemed now. A redemption of n times its price is of n."""
    limits = _limits(registry)
    if not limits.num_rows:
        return []
    return lake.ask(
        Beyond,
        f"""
        WITH given AS (
            SELECT d.programme, d.benefit, l.kind, l.period, l.most, m.person_id,
                {start_of("l.period", "d.act_date")} AS start,
                CASE WHEN l.price = 0 THEN 1 ELSE greatest(d.points div l.price, 1) END AS number
            FROM redemptions AS d
            JOIN limits AS l ON d.programme = l.programme AND d.benefit = l.benefit
            JOIN members AS m ON d.customer_key = m.customer_key
        ),
        by_person AS (
            SELECT programme, benefit, kind, period, most, start, person_id, CAST(sum(number) AS bigint) AS number
            FROM given
            GROUP BY programme, benefit, kind, period, most, start, person_id
        ),
        summed AS (
            SELECT programme, benefit, kind, period, most, start,
                CASE kind WHEN 'stock' THEN sum(number) ELSE max(number) END AS given,
                sum(CASE WHEN kind = 'stock' OR number > most THEN 1 ELSE 0 END) AS people
            FROM by_person
            GROUP BY programme, benefit, kind, period, most, start
        )
        SELECT programme, benefit, kind AS `limit`, period, start, most, CAST(given AS bigint) AS given,
            CAST(people AS bigint) AS people
        FROM summed
        WHERE given > most
        ORDER BY start, programme, benefit, kind
        """,
        redemptions=published(lake, "silver.redemptions").in_force(),
        members=members(lake),
        limits=lake.from_arrow(limits),
    )


def _limits(registry: Registry) -> pa.Table:
    """Every limit of a benefit: what kind of one, of which period, and the most."""
    rows = [
        {"programme": one.id, "benefit": benefit.id, "price": benefit.points or 0, "kind": kind,
         "period": limit.period, "most": limit.number}
        for one in registry.programmes.values()
        for benefit in one.benefits
        for kind, limit in (("stock", benefit.stock), ("quota", benefit.quota))
        if limit
    ]  # fmt: skip
    texts, numbers = ("programme", "benefit", "kind", "period"), ("price", "most")
    schema = pa.schema([*((name, pa.string()) for name in texts), *((name, pa.int64()) for name in numbers)])
    return pa.Table.from_pylist(rows, schema=schema)

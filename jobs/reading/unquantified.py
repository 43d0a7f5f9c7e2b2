"""What a factor would unlock: the acts that nothing quantifies, so that people know what to source next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from jobs.lake.chain import published
from schemas.library import NoFactor

if TYPE_CHECKING:
    from jobs.lake import Lake


@dataclass(frozen=True)
class Wanted:
    """Acts of a scenario in a region that end as `no_factor`.

    Attributes:
        acts: activities, each once whoever reports it.
        quantity_micro: their quantity, as far as one is known; `unmeasured` acts have none.
        first, last: act dates.
        reason: why nothing quantifies them, as the registry says or as the look-up of the last date does.
        unlocked_by: the documents that would bring a figure: document, clause and who holds it.
    """

    scenario: str
    region: str
    acts: int
    people: int
    quantity_micro: int
    unmeasured: int
    unit: str
    first: date
    last: date
    reason: str
    unlocked_by: list[str]


def wanted(lake: Lake) -> list[Wanted]:
    """By scenario and region, the most people first. To the driver: as many rows as scenarios have regions."""
    found = lake.ask(
        dict,
        """
        SELECT scenario, region, count(1) AS acts, count(DISTINCT person_id) AS people,
            coalesce(CAST(sum(quantity_micro) AS bigint), 0) AS quantity_micro,
            CAST(sum(CASE WHEN quantity_micro IS NULL THEN 1 ELSE 0 END) AS bigint) AS unmeasured,
            min(act_date) AS first, max(act_date) AS last
        FROM activities
        WHERE outcome = 'no_factor'
        GROUP BY scenario, region
        ORDER BY people DESC, acts DESC, scenario, region
        """,
        activities=published(lake, "silver.activities").in_force(),
    )
    return [
        Wanted(
            **row,
            unit=lake.registry.scenarios[row["scenario"]].unit,
            reason=_reason(lake, row["scenario"], row["region"], row["last"]),
            unlocked_by=[one.text for one in lake.registry.scenarios[row["scenario"]].unlocked_by],
        )
        for row in found
    ]


def _reason(lake: Lake, scenario: str, region: str, on: date) -> str:
    said = lake.registry.scenarios[scenario].no_factor_reason
    if said is not None:
        return said
    try:
        rate = lake.registry.library.rate(scenario, region, on)
    except NoFactor as missing:
        return missing.reason
    return f"{rate.factor_id} quantifies it since; tanzhang factors release --post credits it"

"""How many people have an account, as far as that may be said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.lake.chain import published
from schemas.ledger import FEWEST, REDUCTION
from schemas.tables import SEQ

if TYPE_CHECKING:
    from jobs.lake import Lake


def accounts(lake: Lake, seq: int) -> tuple[int, int]:
    """People whose kilograms stand above zero, before a publication and as of it."""
    [found] = lake.ask(
        dict,
        f"""
        WITH people AS (
            SELECT person_id, sum(CASE WHEN {SEQ} < {seq} THEN amount ELSE 0 END) AS stood, sum(amount) AS stands
            FROM reductions
            GROUP BY person_id
        )
        SELECT count(CASE WHEN stood > 0 THEN 1 END) AS before, count(CASE WHEN stands > 0 THEN 1 END) AS now
        FROM people
        """,
        reductions=published(lake, "gold.ledger", seq).where(f"measure = '{REDUCTION}'").rows,
    )
    return found["before"], found["now"]


def people(count: int) -> int | None:
    """A number of people as it may be said: None for fewer than `FEWEST`, but none."""
    return None if 0 < abs(count) < FEWEST else count

"""What a run changed of what is matched, as it was before and as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.activities.originals import originals_of
from jobs.persons.members import since_told, told_otherwise

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.runs.run import Run


@dataclass(frozen=True)
class Changed:
    """What this run changed of what is matched.

    Attributes:
        claims: claim_id, act_date, customer_key, family, claim_kind and refers_to_key of all that was ever told of the
            claims that it wrote: a correction may have another scenario, customer or original.
        originals: what the refunds among them take back, as `originals_of` tells it.
        otherwise: customer_key, family, act_date of the acts, and refunds, of customers who are told otherwise.
    """

    claims: Frame
    originals: Frame
    otherwise: Frame


def changed_by(run: Run) -> Changed:
    """What this run changed; where everything is computed again, all that there is."""
    lake, log = run.lake, run.log("silver.claims")
    columns = "claim_id, act_date, customer_key, family, claim_kind, refers_to_key"
    if run.full:
        claims = lake.keep(f"SELECT {columns} FROM log", log=log.rows)
        acts = lake.sql("SELECT customer_key, family, act_date FROM claims WHERE false", claims=claims)
        return Changed(claims, originals_of(run, claims), acts)
    written = lake.keep("SELECT claim_id, act_date FROM written", written=log.written)
    claims = lake.keep(
        f"SELECT {columns} FROM log",
        log=run.log("silver.claims", near=written).of(written, "claim_id", "act_date").rows,
    )
    acts = lake.keep(
        "SELECT DISTINCT customer_key, family, act_date FROM log",
        log=since_told(log, told_otherwise(run), "customer_key"),
    )
    return Changed(claims, originals_of(run, claims), acts)

"""What the acts reduced for which programmes gave points, and what caps on kilograms took of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.entries import REDUCTION
from jobs.rewards import Rewards, start_of
from schemas.programmes import POINTS

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake
    from schemas import Registry

IS_POINTS = f"substring(measure, 1, {len(POINTS)}) = '{POINTS}'"
"""SQL: whether an entry is of points."""


def rewarded(lake: Lake, registry: Registry, entries: Frame) -> Frame:
    """Reductions of the acts at whose position points stand, and the caps of the periods that hold such an act.

    A cap counts whole, whoever pays for the acts that it limits: towards less. An act that earns by a tier alone has no
    points of its own and is not among them.

    Args:
        entries: ledger rows of whole positions.

    Returns:
        measure (of the points), position, person_id, region, reduction_mg; one row per measure and position.
    """
    acts = lake.keep(
        f"""SELECT p.measure, r.position, r.person_id, r.scenario, r.region, r.act_date, r.reduction_mg
            FROM (SELECT measure, position, person_id FROM {{entries}} WHERE {IS_POINTS} AND position_kind = 'activity'
                  GROUP BY measure, position, person_id HAVING sum(amount) <> 0) AS p
            JOIN (SELECT position, person_id, scenario, region, act_date, CAST(sum(amount) AS bigint) AS reduction_mg
                  FROM {{entries}} WHERE measure = '{REDUCTION}' AND position_kind = 'activity'
                  GROUP BY position, person_id, scenario, region, act_date) AS r
              ON p.position = r.position AND p.person_id = r.person_id""",
        entries=entries,
    )
    return lake.keep(
        f"""WITH caps AS (
              SELECT c.position, c.person_id, c.scenario, c.region, c.act_date, r.period, CAST(sum(c.amount) AS bigint) AS reduction_mg
              FROM {{entries}} AS c JOIN {{ruled}} AS r ON c.factor_id = r.rule
              WHERE c.measure = '{REDUCTION}' AND c.position_kind = 'cap'
              GROUP BY c.position, c.person_id, c.scenario, c.region, c.act_date, r.period),
            limited AS (
              SELECT DISTINCT a.measure, c.position, c.person_id, c.region, c.reduction_mg
              FROM caps AS c JOIN {{acts}} AS a ON c.person_id = a.person_id AND c.scenario = a.scenario
               AND {start_of("c.period", "c.act_date")} = {start_of("c.period", "a.act_date")})
            SELECT measure, position, person_id, region, reduction_mg FROM {{acts}}
            UNION ALL SELECT measure, position, person_id, region, reduction_mg FROM limited WHERE reduction_mg <> 0""",
        entries=entries,
        acts=acts,
        ruled=lake.from_arrow(Rewards(registry).ruled),
    )

"""Exclusions: one thing saves once.

Within one of what a rule goes by – a meal, a day, an object in a month, a month – a person's kilograms of the declaring
scenario stand against those of the others taken together. The side that saved more counts, the declaring one where both
saved as much, and the other is taken whole: the union of what both claim is at least the larger. So nothing hangs on
the order in which acts come, and one entry per (person, rule, period, meal or object) and scenario says what was taken.

Where an act does not tell its meal or its object, it may be any: then the acts of that day are of one meal, those of
that month of one object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.lake.frames import hashed, listed
from jobs.policy.periods import start_of
from schemas.ledger import REDUCTION, SPANNING

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake
    from jobs.ledger.touched import Touched
    from jobs.runs.run import Run

OCCASION = "CASE {extent} WHEN 'meal' THEN {act}.meal WHEN 'object' THEN {act}.object_key ELSE '' END"
"""SQL: within what of its period a rule of an extent holds an act; null where the act does not tell."""


def exclusion_position(rule: str, person: str, start: str, occasion: str, scenario: str) -> str:
    """SQL: the position of what an exclusion takes of a scenario; all are expressions."""
    return hashed("'exclusion'", rule, person, f"CAST({start} AS string)", occasion, scenario)


def occasions_of(run: Run, activities: Frame, touched: Touched) -> Frame:
    """position, meal, object_key of acts of scenarios that some rule holds against each other by these.

    Args:
        activities: outcomes in force of the touched days; those of the months and years around are looked up.
    """
    lake, rewards = run.lake, run.policy.rewards
    asked = sorted(rewards.excluded_by("meal") | rewards.excluded_by("object"))
    if not asked:
        return lake.sql(
            "SELECT claim_id AS position, act_date, meal, object_key FROM acts WHERE false", acts=activities
        )
    named = f"scenario IN ({listed([repr(name) for name in asked])})"
    held = lake.keep(
        f"""
        SELECT position AS claim_id, act_date
        FROM held
        WHERE measure = '{REDUCTION}' AND position_kind = 'activity' AND {named}
        """,
        held=touched.held,
    )
    told = f"SELECT claim_id AS position, act_date, meal, object_key FROM acts WHERE is_lead AND {named}"
    now = lake.sql(told, acts=activities)
    if not lake.has_rows(held):
        return now
    around = lake.keep(told, acts=run.log("silver.activities", near=held).in_force(held))
    return lake.union(now, around)


def excluded(lake: Lake, standing: Frame, rules: Frame, occasions: Frame) -> Frame:
    """What each rule takes of each act of the lesser side.

    Args:
        standing: what stands of acts before these rules.
        rules: none of which reaches an act that another does.
        occasions: position, act_date, meal, object_key.

    Returns:
        The columns of `standing` with rule, period, valid_from, start, entry – the position that takes it – and taken.
    """
    side = "PARTITION BY person_id, rule, start, occasion"
    return lake.keep(
        f"""
        WITH held AS (
            SELECT s.measure, s.position, s.person_id, s.act_date, s.scenario, s.region, s.member, s.given, s.amount,
                r.rule, r.period, r.valid_from, r.is_declaring,
                {start_of("r.period", "s.act_date")} AS start,
                {OCCASION.format(extent="r.extent", act="o")} AS told
            FROM standing AS s
            JOIN rules AS r
                ON s.measure = r.measure AND s.member = r.member AND s.act_date >= r.valid_from
                AND s.act_date < r.valid_to
            LEFT JOIN occasions AS o ON s.position = o.position AND s.act_date = o.act_date
        ),
        placed AS (
            SELECT *,
                CASE
                    WHEN max(CASE WHEN told IS NULL THEN 1 ELSE 0 END) OVER (PARTITION BY person_id, rule, start) = 0
                        THEN told
                    ELSE ''
                END AS occasion
            FROM held
        ),
        weighed AS (
            SELECT *,
                sum(CASE WHEN is_declaring THEN amount ELSE 0 END) OVER ({side}) AS declared,
                sum(CASE WHEN is_declaring THEN 0 ELSE amount END) OVER ({side}) AS others
            FROM placed
        )
        SELECT measure, position, person_id, act_date, scenario, region, member, given, amount, rule, period,
            valid_from, start,
            {exclusion_position("rule", "person_id", "start", "occasion", "scenario")} AS entry,
            amount AS taken
        FROM weighed
        WHERE least(declared, others) > 0 AND is_declaring = (declared < others)
        """,
        standing=standing,
        rules=rules,
        occasions=occasions,
    )


def exclusion_entries(lake: Lake, taken: Frame, touched: Touched) -> Frame:
    """The entries of exclusions that take anything, in the touched periods; each of one scenario."""
    return lake.sql(
        f"""
        WITH sums AS (
            SELECT entry, person_id, measure, rule, period, valid_from, start, scenario, min(region) AS region,
                CAST(sum(taken) AS bigint) AS taken
            FROM taken
            GROUP BY entry, person_id, measure, rule, period, valid_from, start, scenario
            HAVING sum(taken) > 0
        )
        SELECT s.entry AS position, s.measure, s.person_id, 0 - s.taken AS amount, 'exclusion' AS position_kind,
            greatest(s.start, s.valid_from) AS act_date,
            s.scenario, s.region, '{SPANNING}' AS institution, s.rule AS factor_id, 'rule' AS match_quality,
            s.taken AS quantity_micro
        FROM sums AS s
        LEFT SEMI JOIN periods AS p ON s.person_id = p.person_id AND s.period = p.period AND s.start = p.start
        """,
        taken=taken,
        periods=touched.periods,
    )

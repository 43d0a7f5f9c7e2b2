"""Caps: one entry per (person, measure, rule, period) brings the period's sum down to what the rule allows.

An entry depends on no other cap than those that lie within it, and these are computed first; so whatever comes late,
the same acts come out at the same sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobs.ledger.entries import rule_position
from jobs.policy.periods import start_of
from schemas.ledger import SPANNING

if TYPE_CHECKING:
    import pyarrow as pa

    from jobs.lake import Frame, Lake
    from jobs.ledger.touched import Touched


MEMBER = "CASE WHEN e.position_kind = 'activity' THEN e.scenario ELSE e.factor_id END"
"""SQL: what a cap knows an entry `e` by: an act by its scenario, what another rule made of a period by that rule."""


def capped(lake: Lake, entries: Frame, touched: Touched, limits: Sequence[pa.Table]) -> Frame:
    """The entries, and those of the caps that they reach.

    Args:
        entries: of the touched days.
        limits: rules, each after those that lie within it.
    """
    for rules in limits:
        entries = lake.union(entries, _caps(lake, lake.union(entries, touched.held), touched, lake.from_arrow(rules)))
    return entries


def _caps(lake: Lake, entries: Frame, touched: Touched, rules: Frame) -> Frame:
    """The entries by which rules of one rank take what is above them, in the touched periods."""
    return lake.keep(
        f"""
        WITH members AS (
            SELECT e.person_id, r.measure, r.rule, r.named, r.region AS of_rule, r.period, r.most, r.valid_from,
                {start_of("r.period", "e.act_date")} AS start,
                e.region, e.amount
            FROM entries AS e
            JOIN rules AS r
                ON e.measure = r.measure AND {MEMBER} = r.member AND e.act_date >= r.valid_from
                AND e.act_date < r.valid_to
        ),
        sums AS (
            SELECT person_id, measure, rule, named, of_rule, period, most, valid_from, start, min(region) AS lowest,
                CAST(sum(amount) AS bigint) AS total
            FROM members
            GROUP BY person_id, measure, rule, named, of_rule, period, most, valid_from, start
        )
        SELECT {rule_position("cap", "s", "start")} AS position,
            s.measure, s.person_id, s.most - s.total AS amount, 'cap' AS position_kind,
            greatest(s.start, s.valid_from) AS act_date,
            s.named AS scenario, coalesce(s.of_rule, s.lowest) AS region, '{SPANNING}' AS institution,
            s.rule AS factor_id, 'rule' AS match_quality, s.total AS quantity_micro
        FROM sums AS s
        LEFT SEMI JOIN periods AS p ON s.person_id = p.person_id AND s.period = p.period AND s.start = p.start
        WHERE s.total > s.most
        """,
        entries=entries,
        rules=rules,
        periods=touched.periods,
    )

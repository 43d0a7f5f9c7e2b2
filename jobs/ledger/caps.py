"""Caps: one entry per (person, measure, rule, period) brings what stands of the period down to what the rule allows.

What one cap has taken no other takes: each finds what those of shorter periods, and of fewer acts, have left of every
act. The earliest acts fill it, what comes after them is taken. So a sum is never below nothing, and an entry depends on
acts and on caps that lie within its own alone; whatever comes late, the same acts come out at the same sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.lake.frames import listed
from jobs.ledger.entries import rule_position
from jobs.policy.periods import start_of
from schemas.ledger import SPANNING

if TYPE_CHECKING:
    import pyarrow as pa

    from jobs.lake import Frame, Lake
    from jobs.ledger.touched import Touched

FILLED = ("rule", "period", "person_id", "start", "position", "scenario", "region", "act_date", "given", "taken")


@dataclass(frozen=True)
class Capped:
    """What caps do to entries.

    Attributes:
        entries: the caps' own, of the touched periods.
        filled: what each cap takes of each entry that it reaches, in columns `FILLED`; None where there is no cap.
    """

    entries: list[Frame]
    filled: Frame | None


def capped(lake: Lake, entries: Frame, touched: Touched, limits: Sequence[pa.Table]) -> Capped:
    """The caps on entries.

    Args:
        entries: acts, and what rules give for periods, of the touched days.
        limits: rules, each after those that lie within it.
    """
    standing, caps, filled = standing_of(lake, entries, touched), [], []
    for rules in limits:
        filled.append(fill(lake, reached(lake, standing, lake.from_arrow(rules))))
        caps.append(cap_entries(lake, filled[-1], touched))
        standing = left(lake, standing, filled[-1])
    told = [lake.sql(f"SELECT {listed(FILLED)} FROM filled", filled=one) for one in filled]
    return Capped(caps, lake.union(*told) if told else None)


def standing_of(lake: Lake, entries: Frame, touched: Touched) -> Frame:
    """What caps may take of, in the touched days and in the months and years around them, before any of them.

    A cap knows an act by its scenario, and what another rule made of a period by that rule: its `member`.
    """
    return lake.keep(
        """
        SELECT measure, position, person_id, act_date, scenario, region,
            CASE position_kind WHEN 'activity' THEN scenario ELSE factor_id END AS member,
            amount AS given, amount
        FROM entries
        WHERE position_kind IN ('activity', 'tier') AND amount > 0
        """,
        entries=lake.union(entries, touched.held),
    )


def reached(lake: Lake, standing: Frame, rules: Frame) -> Frame:
    """Which entries each rule's periods hold, as rows for `fill`."""
    return lake.sql(
        f"""
        SELECT s.measure, s.position, s.person_id, s.act_date, s.scenario, s.region, s.member, s.given, s.amount,
            r.rule, r.period, r.named, r.region AS of_rule, r.most, r.valid_from,
            {start_of("r.period", "s.act_date")} AS start
        FROM standing AS s
        JOIN rules AS r
            ON s.measure = r.measure AND s.member = r.member AND s.act_date >= r.valid_from AND s.act_date < r.valid_to
        """,
        standing=standing,
        rules=rules,
    )


def fill(lake: Lake, reached: Frame) -> Frame:
    """What each cap takes of each entry: nothing of the earliest, which fill it, and all beyond.

    Args:
        reached: measure, rule, person_id, start; position, act_date, member, amount; most, and whatever else.

    Returns:
        The same, with `taken`.
    """
    return lake.keep(
        """
        WITH summed AS (
            SELECT *,
                sum(amount) OVER (
                    PARTITION BY measure, rule, person_id, start
                    ORDER BY act_date, member, position
                ) AS so_far
            FROM reached
        )
        SELECT *, CAST(amount - greatest(least(amount, most - so_far + amount), 0) AS bigint) AS taken
        FROM summed
        """,
        reached=reached,
    )


def left(lake: Lake, standing: Frame, filled: Frame) -> Frame:
    """What stands of entries after caps, none of which reaches an entry that another of them does."""
    return lake.keep(
        """
        SELECT s.measure, s.position, s.person_id, s.act_date, s.scenario, s.region, s.member, s.given,
            s.amount - coalesce(f.taken, 0) AS amount
        FROM standing AS s
        LEFT JOIN filled AS f ON s.measure = f.measure AND s.position = f.position
        """,
        standing=standing,
        filled=filled,
    )


def cap_entries(lake: Lake, filled: Frame, touched: Touched) -> Frame:
    """The entries of caps that take anything, in the touched periods."""
    return lake.sql(
        f"""
        WITH sums AS (
            SELECT person_id, measure, rule, named, of_rule, period, valid_from, start, min(region) AS lowest,
                CAST(sum(amount) AS bigint) AS total, CAST(sum(taken) AS bigint) AS taken
            FROM filled
            GROUP BY person_id, measure, rule, named, of_rule, period, valid_from, start
            HAVING sum(taken) > 0
        )
        SELECT {rule_position("cap", "s", "start")} AS position,
            s.measure, s.person_id, 0 - s.taken AS amount, 'cap' AS position_kind,
            greatest(s.start, s.valid_from) AS act_date,
            s.named AS scenario, coalesce(s.of_rule, s.lowest) AS region, '{SPANNING}' AS institution,
            s.rule AS factor_id, 'rule' AS match_quality, s.total AS quantity_micro
        FROM sums AS s
        LEFT SEMI JOIN periods AS p ON s.person_id = p.person_id AND s.period = p.period AND s.start = p.start
        """,
        filled=filled,
        periods=touched.periods,
    )

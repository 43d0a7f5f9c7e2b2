"""Caps: one entry per (person, measure, rule, period) brings what stands of the period down to what the rule allows.

What one rule has taken no other takes: each finds what those of shorter periods, of one period the exclusions, and caps
of fewer acts, have left of every act. The earliest acts fill a cap, what comes after them is taken. So a sum is never
below nothing, and an entry depends on acts and on rules that lie within its own alone; whatever comes late, the same
acts come out at the same sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.lake.frames import keys_equal, listed
from jobs.ledger.entries import STANDS, rule_position
from jobs.ledger.exclusions import excluded, exclusion_entries
from jobs.policy.periods import start_of
from schemas.ledger import SPANNING

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake
    from jobs.ledger.touched import Touched
    from jobs.policy.programmes import Limits
    from schemas.scenarios.parts import Period

FILLED = ("entry", "period", "person_id", "position", "scenario", "region", "act_date", "given", "taken")


@dataclass(frozen=True)
class Taken:
    """What exclusions and caps do to the entries of acts.

    Attributes:
        entries: their own, of the touched periods.
        filled: what the position `entry` takes of each act that it reaches, in columns `FILLED` and with the `turn` of its
            rule; None where no rule takes anything.
        turns: turn → the period of its rules, in their order.
    """

    entries: list[Frame]
    filled: Frame | None
    turns: dict[int, Period]


def taken_of(lake: Lake, acts: Frame, touched: Touched, limits: Sequence[Limits], occasions: Frame) -> Taken:
    """What exclusions and caps on kilograms take of acts.

    Args:
        acts: entries of the touched days.
        limits: rules, each after those that lie within it.
        occasions: position, act_date, meal, object_key: of acts that rules hold against each other by these.
    """
    standing = standing_of(lake, acts, touched)
    entries: list[Frame] = []
    filled: dict[int, Frame] = {}
    for turn, limit in enumerate(limits):
        rules = lake.from_arrow(limit.rules)
        if limit.kind == "cap":
            found = fill(lake, reached(lake, standing, rules))
            entries.append(cap_entries(lake, found, touched))
        else:
            found = excluded(lake, standing, rules, occasions)
            if not lake.has_rows(found):  # as of most people's days
                continue
            entries.append(exclusion_entries(lake, found, touched))
        filled[turn] = found
        standing = left(lake, standing, found)
    told = [
        lake.sql(f"SELECT {listed(FILLED)}, CAST({turn} AS int) AS turn FROM filled", filled=one)
        for turn, one in filled.items()
    ]
    return Taken(entries, lake.union(*told) if told else None, {turn: limits[turn].period for turn in filled})


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
        WITH held AS (
            SELECT s.measure, s.position, s.person_id, s.act_date, s.scenario, s.region, s.member, s.given, s.amount,
                r.rule, r.period, r.named, r.region AS of_rule, r.most, r.valid_from,
                {start_of("r.period", "s.act_date")} AS start
            FROM standing AS s
            JOIN rules AS r
                ON s.measure = r.measure AND s.member = r.member AND s.act_date >= r.valid_from
                AND s.act_date < r.valid_to
        )
        SELECT *, {rule_position("cap", "h", "start")} AS entry FROM held AS h
        """,
        standing=standing,
        rules=rules,
    )


def fill(lake: Lake, reached: Frame) -> Frame:
    """What each cap takes of each entry: nothing of the earliest, which fill it, and all beyond.

    Args:
        reached: measure, entry – the position that is to take it –, position, act_date, member, amount; most, and
            whatever else.

    Returns:
        The same, with `taken`.
    """
    return lake.keep(
        """
        WITH summed AS (
            SELECT *, sum(amount) OVER (PARTITION BY measure, entry ORDER BY act_date, member, position) AS so_far
            FROM reached
        )
        SELECT *, CAST(amount - greatest(least(amount, most - so_far + amount), 0) AS bigint) AS taken
        FROM summed
        """,
        reached=reached,
    )


def left(lake: Lake, standing: Frame, filled: Frame) -> Frame:
    """What stands of entries after rules, none of which reaches an entry that another of them does."""
    return lake.keep(
        f"""
        SELECT s.measure, s.position, s.person_id, s.act_date, s.scenario, s.region, s.member, s.given,
            s.amount - coalesce(f.taken, 0) AS amount
        FROM standing AS s
        LEFT JOIN filled AS f ON {keys_equal("s", "f", STANDS)}
        """,
        standing=standing,
        filled=filled,
    )


def cap_entries(lake: Lake, filled: Frame, touched: Touched) -> Frame:
    """The entries of caps that take anything, in the touched periods."""
    return lake.sql(
        f"""
        WITH sums AS (
            SELECT entry, person_id, measure, rule, named, of_rule, period, valid_from, start, min(region) AS lowest,
                CAST(sum(amount) AS bigint) AS total, CAST(sum(taken) AS bigint) AS taken
            FROM filled
            GROUP BY entry, person_id, measure, rule, named, of_rule, period, valid_from, start
            HAVING sum(taken) > 0
        )
        SELECT s.entry AS position, s.measure, s.person_id, 0 - s.taken AS amount, 'cap' AS position_kind,
            greatest(s.start, s.valid_from) AS act_date,
            s.named AS scenario, coalesce(s.of_rule, s.lowest) AS region, '{SPANNING}' AS institution,
            s.rule AS factor_id, 'rule' AS match_quality, s.total AS quantity_micro
        FROM sums AS s
        LEFT SEMI JOIN periods AS p ON s.person_id = p.person_id AND s.period = p.period AND s.start = p.start
        """,
        filled=filled,
        periods=touched.periods,
    )

"""One thing saves once: what exclusions took, asked anew of the standing acts and of their claims' own clocks and objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from jobs.lake.frames import listed
from jobs.ledger.entries import LEDGER, standing_entries
from jobs.policy.arrow import VALIDITY, table
from jobs.policy.periods import END_OF_TIME, start_of
from jobs.publications.acts import Audited, beside
from schemas.ledger import REDUCTION

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.runs.run import Run

_RULES = {"rule": str, "scenario": str, "is_declaring": bool, "extent": str, "period": str, **VALIDITY}
SIDE = ("person_id", "rule", "start", "is_declaring")


def saved_once(run: Run) -> Audited:
    """11: of every period that this run wrote of, exclusions take the lesser side whole and nothing of the other.

    Where other rules took something of the same scenarios in the period, less may have been left for them.
    """
    lake, rules = run.lake, _rules(run)
    written = lake.keep(
        f"SELECT DISTINCT person_id, act_month FROM written WHERE measure = '{REDUCTION}'",
        written=run.log(LEDGER).written,
    )
    ledger = beside(run, written).of(written, "person_id", "act_month").where(f"measure = '{REDUCTION}'")
    held = lake.keep(
        f"""
        SELECT e.person_id, e.position, e.position_kind, e.factor_id, e.scenario, e.act_date, e.amount, r.rule,
            r.is_declaring, r.extent,
            {start_of("r.period", "e.act_date")} AS start
        FROM standing AS e
        JOIN rules AS r ON e.scenario = r.scenario AND e.act_date >= r.valid_from AND e.act_date < r.valid_to
        """,
        standing=standing_entries(lake, ledger.rows),
        rules=rules,
    )
    sides = lake.keep(
        f"""
        WITH took AS (
            SELECT {listed(SIDE)},
                CAST(sum(CASE
                    WHEN position_kind = 'exclusion' AND factor_id = rule THEN 0 - amount
                END) AS bigint) AS taken
            FROM held
            GROUP BY {listed(SIDE)}
        ),
        moved AS (
            SELECT DISTINCT person_id, rule, start, 1 AS by_others
            FROM held
            WHERE position_kind IN ('exclusion', 'cap') AND factor_id <> rule
        )
        SELECT t.person_id, t.rule, t.start, t.is_declaring, coalesce(t.taken, 0) AS taken, coalesce(d.due, 0) AS due,
            coalesce(m.by_others, 0) AS by_others
        FROM took AS t
        LEFT JOIN due AS d
            ON t.person_id = d.person_id AND t.rule = d.rule AND t.start = d.start AND t.is_declaring = d.is_declaring
        LEFT JOIN moved AS m ON t.person_id = m.person_id AND t.rule = m.rule AND t.start = m.start
        """,
        held=held,
        due=_due(run, held),
    )
    broken = lake.sql(
        """
        WITH rules AS (
            SELECT person_id, rule, start, max(by_others) AS by_others, sum(taken) AS taken, sum(due) AS due,
                sum(CASE WHEN taken <> due THEN 1 ELSE 0 END) AS differ
            FROM sides
            GROUP BY person_id, rule, start
        )
        SELECT person_id, rule, start
        FROM rules
        WHERE CASE WHEN by_others = 1 THEN taken > due ELSE differ > 0 END
        """,
        sides=sides,
    )
    return Audited("one_thing_saves_once", broken, sides)


def _rules(run: Run) -> Frame:
    """The exclusions, one row per scenario that they reach."""
    rows = [
        {
            **{"rule": one.id, "scenario": name, "is_declaring": name == scenario.id, "extent": one.by},
            **{"period": one.period, "valid_from": one.valid_from, "valid_to": one.valid_to or END_OF_TIME},
        }
        for scenario in run.registry.scenarios.values()
        for one in scenario.excludes
        for name in (scenario.id, *one.scenarios)
    ]
    return run.lake.from_arrow(table(_RULES, rows))


def _due(run: Run, held: Frame) -> Frame:
    """What a rule takes of a side where no other rule takes anything: person_id, rule, start, is_declaring, due."""
    return run.lake.keep(
        f"""
        WITH acts AS (
            SELECT h.*, CASE h.extent WHEN 'meal' THEN t.meal WHEN 'object' THEN t.object_key ELSE '' END AS occasion
            FROM held AS h
            LEFT JOIN told AS t ON h.position = t.position
            WHERE h.position_kind = 'activity'
        ),
        whole AS (SELECT DISTINCT person_id, rule, start, 1 AS is_whole FROM acts WHERE occasion IS NULL),
        weighed AS (
            SELECT a.person_id, a.rule, a.start,
                sum(CASE WHEN a.is_declaring THEN a.amount ELSE 0 END) AS declared,
                sum(CASE WHEN a.is_declaring THEN 0 ELSE a.amount END) AS others
            FROM acts AS a
            LEFT JOIN whole AS w ON a.person_id = w.person_id AND a.rule = w.rule AND a.start = w.start
            GROUP BY a.person_id, a.rule, a.start, CASE WHEN w.is_whole = 1 THEN '' ELSE a.occasion END
        )
        SELECT {listed(SIDE)}, CAST(sum(due) AS bigint) AS due
        FROM (
            SELECT person_id, rule, start, true AS is_declaring,
                CASE WHEN others > declared THEN declared ELSE 0 END AS due
            FROM weighed
            UNION ALL
            SELECT person_id, rule, start, false AS is_declaring,
                CASE WHEN others > declared THEN 0 ELSE others END AS due
            FROM weighed
        )
        GROUP BY {listed(SIDE)}
        """,
        held=held,
        told=_told(run, held),
    )


def _told(run: Run, held: Frame) -> Frame:
    """position, meal, object_key of acts by their claims: of the one that leads, or else of another."""
    lake = run.lake
    acts = lake.keep(
        """
        SELECT DISTINCT position, act_date
        FROM held
        WHERE extent IN ('meal', 'object') AND position_kind = 'activity'
        """,
        held=held,
    )
    if not lake.has_rows(acts):
        return lake.from_arrow(
            pa.table({name: pa.array([], pa.string()) for name in ("position", "meal", "object_key")})
        )
    # A claim of an act may lie on the days beside it, or be booked some days later.
    reach = 1 + max(run.policy.feeds.column("lag_days").to_pylist())
    of_acts = lake.sql("SELECT position AS activity_id FROM acts", acts=acts)
    reports = lake.keep(
        """
        SELECT claim_id, act_date, activity_id
        FROM outcomes
        WHERE outcome IN ('credited', 'absorbed', 'evidence')
        """,
        outcomes=run.log("silver.activities", near=acts, reach=reach).in_force_of(of_acts, "activity_id"),
    )
    clock = "(occurred_at_unix div 3600 + 8) % 24"
    return lake.keep(
        f"""
        WITH said AS (
            SELECT r.activity_id AS position, c.object_key, r.claim_id <> r.activity_id AS is_other,
                CASE
                    WHEN c.time_precision = 'day' THEN NULL
                    WHEN {clock} BETWEEN 0 AND 9 THEN 'morning'
                    WHEN {clock} BETWEEN 10 AND 15 THEN 'midday'
                    ELSE 'evening'
                END AS meal
            FROM reports AS r
            JOIN claims AS c ON r.claim_id = c.claim_id AND r.act_date = c.act_date
        )
        SELECT position,
            coalesce(max(CASE WHEN NOT is_other THEN meal END), min(meal)) AS meal,
            coalesce(max(CASE WHEN NOT is_other THEN object_key END), min(object_key)) AS object_key
        FROM said
        GROUP BY position
        """,
        reports=reports,
        claims=run.log("silver.claims", near=reports).in_force(
            lake.sql("SELECT claim_id, act_date FROM reports", reports=reports)
        ),
    )

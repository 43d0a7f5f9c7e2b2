"""Points that nobody used in time. The oldest are used first.

What has expired in all by a date t has a closed form, so no row depends on another: with E(s) the points of the dates
that have expired by s, and R(s) what was given up by then beyond what is older than the rule, it is the highest of
E(s) − R(s) over the dates s up to t on which something expires, and never below nothing. An entry is dated on the day
that ends the points, and computed again where an entry or a redemption of before has changed: a rule's entry lies at the
first day of its period, however late in it was the act that changed it.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from jobs.lake.frames import semi
from jobs.ledger.entries import LEDGER, rule_position, standing_entries
from schemas.ledger import GIVEN_UP, IS_POINTS, SPANNING

if TYPE_CHECKING:
    import pyarrow as pa

    from jobs.lake import Frame
    from jobs.ledger.touched import Touched
    from jobs.runs.run import Run


HOLDER = ("person_id", "measure")


def expiries(run: Run, points: Frame, touched: Touched) -> tuple[Frame, Frame]:
    """The entries of expired points that should stand, and those that do, of everybody whose may have changed.

    Args:
        points: what of points should stand for what is touched.
    """
    lake = run.lake
    none = lake.sql("SELECT * FROM points WHERE false", points=points)
    dates = run.policy.rewards.expiries(run.business_date)
    if not (dates.num_rows or run.full):
        return none, none
    calendar = lake.from_arrow(dates)
    holders = _everybody(run, points) if run.full else _holders(run, points, touched, dates)
    if not lake.has_rows(holders):
        return none, none
    theirs = run.log(LEDGER).of(holders, *HOLDER)
    events = lake.sql(
        """
        SELECT person_id, measure, act_date, position_kind, amount
        FROM theirs
        WHERE position_kind <> 'expiry'
        UNION ALL
        SELECT person_id, measure, act_date, position_kind, 0 - amount AS amount FROM posted
        UNION ALL
        SELECT person_id, measure, act_date, position_kind, amount FROM points
        """,
        theirs=theirs.rows,
        posted=semi(lake, touched.posted, holders, *HOLDER),
        points=semi(lake, points, holders, *HOLDER),
    )
    expired = theirs.where("position_kind = 'expiry'").rows
    return _expired(run, events, calendar), standing_entries(lake, expired)


def _expired(run: Run, events: Frame, calendar: Frame) -> Frame:
    """The entries of what has expired by the run's date.

    Args:
        events: person_id, measure, act_date, position_kind, amount: what these people got and gave up, ever.
        calendar: measure, rule, region, act_date, expires_on.
    """
    gave_up = f"e.position_kind IN {GIVEN_UP}"
    by_date = "OVER (PARTITION BY person_id, measure ORDER BY at)"
    return run.lake.keep(
        f"""
        WITH rules AS (
            SELECT measure, rule, region, min(act_date) AS since
            FROM calendar
            GROUP BY measure, rule, region
        ),
        dated AS (
            SELECT e.person_id, e.measure, c.expires_on AS at, e.amount AS expiring, 0 AS given_up
            FROM events AS e
            JOIN calendar AS c ON e.measure = c.measure AND e.act_date = c.act_date
            WHERE NOT {gave_up}
            UNION ALL
            SELECT e.person_id, e.measure, e.act_date AS at, 0 AS expiring, 0 - e.amount AS given_up
            FROM events AS e
            JOIN rules AS r ON e.measure = r.measure
            WHERE e.act_date <= DATE '{run.business_date}' AND ({gave_up} OR e.act_date < r.since)
        ),
        days AS (
            SELECT person_id, measure, at, sum(expiring) AS expiring, sum(given_up) AS given_up
            FROM dated
            GROUP BY person_id, measure, at
        ),
        unused AS (
            SELECT person_id, measure, at,
                greatest(least(sum(expiring) {by_date}, sum(expiring - given_up) {by_date}), 0) AS unused
            FROM days
        ),
        highest AS (SELECT person_id, measure, at, max(unused) {by_date} AS expired FROM unused),
        steps AS (
            SELECT person_id, measure, at, CAST(expired - coalesce(lag(expired) {by_date}, 0) AS bigint) AS newly
            FROM highest
        ),
        ruled AS (SELECT s.*, r.rule, r.region FROM steps AS s JOIN rules AS r ON s.measure = r.measure)
        SELECT {rule_position("expiry", "x", "at")} AS position,
            x.measure, x.person_id, 0 - x.newly AS amount, 'expiry' AS position_kind, x.at AS act_date,
            '{SPANNING}' AS scenario, x.region, '{SPANNING}' AS institution, x.rule AS factor_id,
            'rule' AS match_quality, x.newly AS quantity_micro
        FROM ruled AS x
        WHERE x.newly > 0
        """,
        events=events,
        calendar=calendar,
    )


def _holders(run: Run, points: Frame, touched: Touched, dates: pa.Table) -> Frame:
    """(person_id, measure) whose expired points this run may change.

    Whose entries of points that have expired, or of what is older, are posted or taken back; who gave points up until
    the last date that ended points; and, where such a date has passed since the last publication, everybody whose
    points it ends.

    Args:
        dates: when the points of each date expire.
    """
    lake = run.lake
    holders = lake.sql(
        f"""
        WITH changed AS (
            SELECT person_id, measure, act_date, position_kind FROM points
            UNION ALL SELECT person_id, measure, act_date, position_kind FROM posted
        ),
        ends AS (
            SELECT measure, max(act_date) AS ended, max(expires_on) AS last
            FROM calendar
            GROUP BY measure
        )
        SELECT e.person_id, e.measure
        FROM changed AS e
        JOIN ends AS c ON e.measure = c.measure
        WHERE e.act_date <= CASE WHEN e.position_kind IN {GIVEN_UP} THEN c.last ELSE c.ended END
        """,
        points=points,
        posted=touched.posted,
        calendar=lake.from_arrow(dates),
    )
    due = dates.filter(pc.greater(dates.column("expires_on"), run.last.business_date or date.min))
    if due.num_rows:
        ended = lake.sql(
            """
            SELECT e.person_id, e.measure
            FROM ledger AS e
            JOIN due AS c ON e.measure = c.measure AND e.act_date = c.act_date
            """,
            ledger=run.log(LEDGER).rows,
            due=lake.from_arrow(due),
        )
        holders = lake.union(holders, ended)
    return lake.keep("SELECT DISTINCT person_id, measure FROM holders", holders=holders)


def _everybody(run: Run, points: Frame) -> Frame:
    """(person_id, measure) of all who have, had or should have points: all that may be wrong is computed again."""
    return run.lake.keep(
        f"""
        SELECT person_id, measure FROM points
        UNION SELECT person_id, measure FROM ledger WHERE {IS_POINTS}
        """,
        points=points,
        ledger=run.log(LEDGER).rows,
    )

"""Points that nobody used in time. The oldest are used first.

What has expired in all by a date t has a closed form, so no row depends on another: with E(s) the points of the dates
that have expired by s, and R(s) what was given up by then, it is the highest of E(s) − R(s) over the dates s up to t on
which something expires, and never below nothing. An entry is dated on the day that ends the points, and computed again
where an act or a redemption of before has changed.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from jobs.lake.frames import listed, semi
from jobs.ledger.entries import ENTRY, rule_position, standing_entries
from schemas.ledger import GIVEN_UP, SPANNING

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.ledger.touched import Touched
    from jobs.runs.run import Run


HOLDER = ("person_id", "measure")


def expiries(run: Run, points: Frame, scope: Touched) -> tuple[Frame, Frame]:
    """The ENTRY rows of expired points that should stand, and those that do, of everybody whose may have changed.

    Args:
        points: what of points should stand in the scope.
    """
    lake = run.lake
    dates = run.policy.rewards.expiries(run.business_date)
    none = lake.sql(f"SELECT {listed(ENTRY)} FROM points WHERE false", points=points)
    if not dates.num_rows:
        return none, none
    calendar = lake.from_arrow(dates)
    ledger = run.read("gold.ledger")
    last = run.last.business_date or date.min
    is_due = pc.max(dates.column("expires_on")).as_py() > last
    holders = _holders(run, points, scope, calendar, last if is_due else None)
    if not lake.has_rows(holders):
        return none, none
    theirs = semi(lake, ledger, holders, *HOLDER)
    events = lake.sql(
        """SELECT person_id, measure, act_date, position_kind, amount FROM theirs WHERE position_kind <> 'expiry'
            UNION ALL
            SELECT person_id, measure, act_date, position_kind, 0 - amount AS amount FROM posted
            UNION ALL
            SELECT person_id, measure, act_date, position_kind, amount FROM points""",
        theirs=theirs,
        posted=semi(lake, scope.posted, holders, *HOLDER),
        points=semi(lake, points, holders, *HOLDER),
    )
    position = rule_position("expiry", "x", "at")
    gave_up = f"e.position_kind IN {GIVEN_UP}"
    wanted = lake.keep(
        f"""WITH dated AS (
              SELECT e.person_id, e.measure, c.expires_on AS at, e.amount AS expiring, 0 AS given_up
              FROM events AS e JOIN calendar AS c ON e.measure = c.measure AND e.act_date = c.act_date
              WHERE NOT {gave_up}
              UNION ALL
              SELECT e.person_id, e.measure, e.act_date AS at, 0 AS expiring, 0 - e.amount AS given_up
              FROM events AS e WHERE {gave_up} AND e.act_date <= DATE '{run.business_date}'),
            days AS (
              SELECT person_id, measure, at, sum(expiring) AS expiring, sum(given_up) AS given_up FROM dated
              GROUP BY person_id, measure, at),
            unused AS (
              SELECT person_id, measure, at,
                     greatest(sum(expiring - given_up) OVER (PARTITION BY person_id, measure ORDER BY at), 0) AS unused
              FROM days),
            highest AS (
              SELECT person_id, measure, at, max(unused) OVER (PARTITION BY person_id, measure ORDER BY at) AS expired
              FROM unused),
            steps AS (
              SELECT person_id, measure, at, CAST(expired - coalesce(
                       lag(expired) OVER (PARTITION BY person_id, measure ORDER BY at), 0) AS bigint) AS newly
              FROM highest)
            SELECT {position} AS position, x.measure, x.person_id, 0 - x.newly AS amount, 'expiry' AS position_kind,
                   x.at AS act_date, '{SPANNING}' AS scenario, x.region, '{SPANNING}' AS institution,
                   x.rule AS factor_id, 'rule' AS match_quality, x.newly AS quantity_micro
            FROM (SELECT s.*, c.rule, c.region FROM steps AS s
                  JOIN (SELECT DISTINCT measure, rule, region FROM calendar) AS c ON s.measure = c.measure) AS x
            WHERE x.newly > 0""",
        events=events,
        calendar=calendar,
    )
    expired = lake.sql("SELECT * FROM theirs WHERE position_kind = 'expiry'", theirs=theirs)
    return wanted, standing_entries(lake, expired)


def _holders(run: Run, points: Frame, scope: Touched, calendar: Frame, since: date | None) -> Frame:
    """(person_id, measure) whose expired points this run may change.

    Acts that came late, or went, on a date whose points have expired; redemptions up to the last date that ended
    points; and, where such a date has passed since the last publication, everybody whose points it ends.

    Args:
        since: the last published date, where a date that ends points has passed since.
    """
    due = "SELECT DISTINCT e.person_id, e.measure FROM ledger AS e JOIN calendar AS c ON e.measure = c.measure"
    parts = [
        "SELECT DISTINCT d.person_id, c.measure FROM days AS d JOIN calendar AS c ON d.act_date = c.act_date",
        f"""SELECT DISTINCT e.person_id, e.measure FROM (
             SELECT person_id, measure, act_date, position_kind FROM points
             UNION ALL SELECT person_id, measure, act_date, position_kind FROM posted) AS e
           JOIN (SELECT measure, max(expires_on) AS last FROM calendar GROUP BY measure) AS c ON e.measure = c.measure
           WHERE e.position_kind IN {GIVEN_UP} AND e.act_date <= c.last""",
    ]
    if since is not None:
        parts.append(f"{due} AND e.act_date = c.act_date WHERE c.expires_on > DATE '{since}'")
    return run.lake.keep(
        " UNION ".join(parts),
        days=scope.days,
        points=points,
        posted=scope.posted,
        calendar=calendar,
        **({"ledger": run.read("gold.ledger")} if since is not None else {}),
    )

"""What a run posts anew: the days that it touched, and the months and years that rules sum up around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.lake.frames import keys_equal, listed
from jobs.ledger.entries import LEDGER, entry_columns, standing_entries
from jobs.persons.members import moved, reported_otherwise, since_told
from jobs.policy.arrow import table
from jobs.policy.periods import start_of

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.lake.log import Log
    from jobs.runs.run import Run


@dataclass(frozen=True)
class Touched:
    """What is computed again.

    Attributes:
        days: (person_id, act_date).
        periods: (person_id, period, start): the days, and the months and years that some rule sums up.
        posted: entries that stand for any of these, but for what expired.
        held: entries that stand on other days of the same months and years: they are summed up, and stay.
    """

    days: Frame
    periods: Frame
    posted: Frame
    held: Frame


def touched_by(run: Run) -> Touched:
    """From changed outcomes, redemptions and customers to what has to be posted again."""
    lake, rewards = run.lake, run.policy.rewards
    days = _days(run)
    periods = lake.keep(
        f"""
        SELECT DISTINCT d.person_id, s.period, {start_of("s.period", "d.act_date")} AS start
        FROM days AS d
        CROSS JOIN spans AS s
        """,
        days=days,
        spans=lake.from_arrow(table({"period": str}, [{"period": period} for period in rewards.periods])),
    )
    standing = lake.keep(
        f"""
        SELECT {listed(entry_columns(lake), "e.")},
            coalesce(r.period, 'day') AS period,
            {start_of("coalesce(r.period, 'day')", "e.act_date")} AS start
        FROM standing AS e
        LEFT JOIN ruled AS r ON e.factor_id = r.rule
        WHERE e.position_kind <> 'expiry'
        """,
        standing=standing_entries(lake, _ledger_around(run, days)),
        ruled=lake.from_arrow(rewards.ruled),
    )
    columns, same = listed(entry_columns(lake), "s."), keys_equal("s", "p", ("person_id", "period", "start"))
    posted = lake.sql(
        f"SELECT {columns} FROM standing AS s LEFT SEMI JOIN periods AS p ON {same}", standing=standing, periods=periods
    )
    held = lake.sql(
        f"SELECT {columns} FROM standing AS s LEFT ANTI JOIN periods AS p ON {same}", standing=standing, periods=periods
    )
    return Touched(days, periods, posted, held)


def _days(run: Run) -> Frame:
    """(person_id, act_date) of all that this run changed, as it was before and as it is after.

    A redemption is of whoever its customer was and is.
    """
    lake, activities, redemptions = run.lake, run.log("silver.activities"), run.log("silver.redemptions")
    if run.full:
        outcomes, given_up = [activities.rows], [redemptions.rows]
    else:
        outcomes = [_written(run, activities)]
        given_up = [_written(run, redemptions), redemptions.of(moved(run), "customer_key").rows]
        if run.policy.rewards.restrictions.num_rows:
            outcomes.append(since_told(activities, reported_otherwise(run), "person_id"))
    told = lake.keep("SELECT customer_key, act_date FROM redemptions", redemptions=lake.union(*given_up))
    return lake.keep(
        """
        SELECT person_id, act_date FROM outcomes
        UNION
        SELECT m.person_id, r.act_date
        FROM redemptions AS r
        JOIN members AS m ON r.customer_key = m.customer_key
        """,
        outcomes=lake.union(*(lake.sql("SELECT person_id, act_date FROM rows", rows=rows) for rows in outcomes)),
        redemptions=told,
        members=run.log("silver.membership").of(told, "customer_key").rows,
    )


def _written(run: Run, log: Log) -> Frame:
    """All that was ever told of the keys that this run wrote."""
    keys = run.lake.keep(f"SELECT {listed(log.table.identity)} FROM written", written=log.written)
    return run.log(log.name, near=keys).of(keys, *log.table.identity).rows


def _ledger_around(run: Run, days: Frame) -> Frame:
    """The ledger's rows of the longest periods around the days, so that other months' files are not read."""
    longest = run.policy.rewards.periods[-1]
    if run.full:
        return run.log(LEDGER).rows
    if longest == "day":
        return run.log(LEDGER, near=days).of(days, "person_id", "act_date").rows
    dates = run.dates(days)
    if longest == "year":
        months = {f"{day.year}-{month:02}" for day in dates for month in range(1, 13)}
        return run.log(LEDGER).of_months(months).of(days, "person_id").rows
    theirs = run.lake.keep(
        "SELECT DISTINCT person_id, substring(CAST(act_date AS string), 1, 7) AS act_month FROM days", days=days
    )
    return run.log(LEDGER).of_months({f"{day:%Y-%m}" for day in dates}).of(theirs, "person_id", "act_month").rows

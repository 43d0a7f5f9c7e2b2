"""Who is whose: the person of every customer, as it stands now."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.lake.log import Log
    from jobs.runs.run import Run


DAY = 86_400
"""Seconds."""


def members(run: Run, customers: Frame | None = None) -> Frame:
    """The newest rows of silver.membership: customer_key, person_id, subject_kind and the rule that says so.

    Args:
        customers: only of those whose `customer_key` stands here.
    """
    return run.log("silver.membership").newest(customers)


def members_before(run: Run, customers: Frame | None = None) -> Frame:
    """The members as the last publication left them.

    Args:
        customers: only of those whose `customer_key` stands here.
    """
    return run.log("silver.membership").before.newest(customers)


def members_of(run: Run, people: Frame) -> Frame:
    """The members that belong to everybody whose `person_id` stands in a frame."""
    return run.log("silver.membership").in_force_of(people, "person_id")


def moved(run: Run) -> Frame:
    """customer_key of everybody who belonged to another person before this run, or was of another kind.

    Who is new belonged to nobody.
    """
    written = run.log("silver.membership").written
    return run.lake.keep(
        """
        SELECT w.customer_key
        FROM written AS w
        JOIN before AS b ON w.customer_key = b.customer_key
        WHERE w.person_id <> b.person_id OR w.subject_kind <> b.subject_kind
        """,
        written=written,
        before=members_before(run, written),
    )


def consents_changed(run: Run) -> Frame:
    """Whose consents a word changed in this run, and since when: acts of before are covered as they were.

    Returns:
        customer_key, since: a day before the first moment that any of these consents ever spoke of, for the act's local
        date may be behind.
    """
    events = run.log("silver.customer_events").where("event_kind = 'consent'")
    return run.lake.keep(
        f"""
        SELECT customer_key, CAST(date_add(DATE '1970-01-01', CAST(min(at_unix) div {DAY} AS int) - 1) AS date) AS since
        FROM events
        GROUP BY customer_key
        """,
        events=events.of(events.written, "event_key").rows,
    )


def told_otherwise(run: Run) -> Frame:
    """customer_key, since: of whose acts something else may be decided from a date on; of who moved, of all of them."""
    return run.lake.keep(
        """
        WITH told AS (
            SELECT customer_key, since FROM consents
            UNION ALL SELECT customer_key, DATE '1970-01-01' AS since FROM moved
        )
        SELECT customer_key, min(since) AS since FROM told GROUP BY customer_key
        """,
        consents=consents_changed(run),
        moved=moved(run),
    )


def reported_otherwise(run: Run) -> Frame:
    """person_id, since: whose customers, or whose customers' consents, changed in this run, and from what date on."""
    otherwise = told_otherwise(run)
    return run.lake.keep(
        """
        SELECT m.person_id, min(o.since) AS since
        FROM members AS m
        JOIN otherwise AS o ON m.customer_key = o.customer_key
        GROUP BY m.person_id
        """,
        members=run.log("silver.membership").of(otherwise, "customer_key").rows,
        otherwise=otherwise,
    )


def since_told(log: Log, otherwise: Frame, owner: str) -> Frame:
    """The rows of a log by months of whoever is told otherwise, from the month on in which that begins.

    Args:
        otherwise: `owner`, since.
    """
    month = "substring(CAST(since AS string), 1, 7)"
    (first,) = log.lake.ask(dict, f"SELECT min({month}) AS month FROM otherwise", otherwise=otherwise)
    return log.lake.sql(
        f"""
        SELECT r.*
        FROM rows AS r
        JOIN otherwise AS o ON r.{owner} = o.{owner} AND r.act_month >= substring(CAST(o.since AS string), 1, 7)
        """,
        rows=log.where(f"act_month >= '{first['month']}'" if first["month"] else "false").rows,
        otherwise=otherwise,
    )

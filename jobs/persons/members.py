"""Who is whose: the person of every customer, as it stands now."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.lake import Frame
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
    """customer_key of everybody who belonged to another person before this run; who is new belonged to nobody."""
    written = run.log("silver.membership").written
    return run.lake.keep(
        """
        SELECT w.customer_key
        FROM written AS w
        JOIN before AS b ON w.customer_key = b.customer_key
        WHERE w.person_id <> b.person_id
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
    """customer_key of everybody who moved to another person in this run, or of whose consents a word changed.

    A corrected consent may have been another customer's.
    """
    events = run.log("silver.customer_events")
    return run.lake.keep(
        """
        SELECT customer_key FROM events WHERE event_kind = 'consent'
        UNION SELECT customer_key FROM moved
        """,
        events=events.of(events.written, "event_key").rows,
        moved=run.log("silver.membership").written,
    )


def reported_otherwise(run: Run) -> Frame:
    """person_id of everybody whose customers, or whose customers' consents, changed in this run."""
    return run.lake.sql(
        """
        SELECT DISTINCT m.person_id
        FROM members AS m
        LEFT SEMI JOIN otherwise AS o ON m.customer_key = o.customer_key
        """,
        members=run.log("silver.membership").rows,
        otherwise=told_otherwise(run),
    )

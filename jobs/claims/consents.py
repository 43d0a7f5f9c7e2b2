"""Consent as intervals on event time, per customer and scope."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake
    from jobs.runs.run import Run


FOREVER = 2**53
LAST_SECOND = 86_399
"""Of a day, from its midnight."""


def needs_until(alias: str) -> str:
    """SQL: the last second for which the claim `alias` needs consent; of what is known by the day, the day's last."""
    at = f"{alias}.occurred_at_unix"
    return f"CASE WHEN {alias}.time_precision = 'day' THEN {at} + {LAST_SECOND} ELSE {at} END"


def consents_of(run: Run, customers: Frame) -> Frame:
    """The consents in force of the customers whose `customer_key` stands in a frame: rows of silver.customer_events."""
    events = run.log("silver.customer_events").where("event_kind = 'consent'")
    return events.of(customers, "customer_key").in_force()


def scopes_of(run: Run) -> Frame:
    """scope, of every scope that scenarios have."""
    return run.lake.from_arrow(pa.table({"scope": pa.array(run.policy.scopes, pa.string())}))


def given_intervals(lake: Lake, events: Frame, scopes: Frame) -> Frame:
    """When each customer's acts of a scope may be credited.

    The latest event among scope `all` and the scope itself decides; at equal times withdrawal wins.

    Args:
        events: consents in force: customer_key, scope, is_given, at_unix.
        scopes: scope, of every scope that scenarios have.

    Returns:
        customer_key, scope, given_from_unix, given_until_unix (exclusive); intervals of one key neither
        overlap nor touch.
    """
    return lake.sql(
        f"""
        WITH decided AS (
            SELECT e.customer_key, s.scope, e.at_unix, min(CASE WHEN e.is_given THEN 1 ELSE 0 END) AS given
            FROM events AS e
            JOIN scopes AS s ON e.scope = s.scope OR e.scope = 'all'
            GROUP BY e.customer_key, s.scope, e.at_unix
        ),
        beside AS (
            SELECT *, lag(given) OVER (PARTITION BY customer_key, scope ORDER BY at_unix) AS given_before
            FROM decided
        ),
        turns AS (SELECT * FROM beside WHERE given_before IS NULL OR given_before <> given),
        spans AS (
            SELECT *, lead(at_unix) OVER (PARTITION BY customer_key, scope ORDER BY at_unix) AS next_at_unix
            FROM turns
        )
        SELECT customer_key, scope, at_unix AS given_from_unix,
            coalesce(next_at_unix, CAST({FOREVER} AS bigint)) AS given_until_unix
        FROM spans
        WHERE given = 1
        """,
        events=events,
        scopes=scopes,
    )


def with_consent(lake: Lake, claims: Frame, intervals: Frame) -> Frame:
    """claim_id of the claims whose act lies in an interval; a day-precise act needs its whole day.

    Args:
        claims: claim_id, customer_key, scope, needs_from_unix, needs_until_unix (inclusive).
    """
    return lake.keep(
        """
        SELECT DISTINCT c.claim_id
        FROM claims AS c
        JOIN intervals AS i
            ON c.customer_key = i.customer_key AND c.scope = i.scope AND i.given_from_unix <= c.needs_from_unix
            AND i.given_until_unix > c.needs_until_unix
        """,
        claims=claims,
        intervals=intervals,
    )

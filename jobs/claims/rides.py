"""Gate passages → rides: an entry and the exit that follows it.

Pairing looks only at neighbours in time of the same customer, so the rides of a day depend on that day and
the ones beside it, whatever file a tap came in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake


GATE = "institution, feed, customer_key"
"""Whose passages are paired with each other."""
PASSED = "occurred_at_unix, direction, record_key"
"""The order of passages; of one second the entry is the first."""


def pair(lake: Lake, taps: Frame, pairing: Frame, distances: Frame) -> Frame:
    """Say of every tap what it is.

    Args:
        taps: landed taps, records only.
        pairing: institution, feed, scenario, max_ride_seconds, duplicate_seconds.
        distances: institution, from_station, to_station, quantity_micro (kilometres × 10⁶).

    Returns:
        A row per tap: its identity, `claim_kind` (ride, tap), `disposition` (record, supporting, ignored), `code`
        (the rule of an ignored one), `lead_date` (act date of the claim that it belongs to); where it
        leads a ride also the exit's time, amount, file and line, and the ride's `quantity_micro`.
    """
    marked = _marked(lake, taps, pairing)
    judged = _judged(lake, marked)
    return lake.keep(
        """
        SELECT j.file_id, j.line, j.record_key, j.institution, j.feed, j.customer_key, j.scenario, j.occurred_at_unix,
            'second' AS time_precision, j.act_date, j.region,
            CASE WHEN j.leads THEN 'ride' ELSE 'tap' END AS claim_kind,
            CASE WHEN j.follows THEN 'supporting' ELSE 'record' END AS disposition,
            CAST(NULL AS string) AS code,
            CASE WHEN j.follows THEN j.last_date ELSE j.act_date END AS lead_date,
            CASE WHEN j.leads THEN j.next_at_unix END AS ended_at_unix,
            CASE WHEN j.leads THEN j.next_amount_fen ELSE j.amount_fen END AS amount_fen,
            CASE WHEN j.leads THEN j.next_file_id END AS support_file_id,
            CASE WHEN j.leads THEN j.next_line END AS support_line,
            CASE WHEN j.leads THEN d.quantity_micro END AS quantity_micro
        FROM judged AS j
        LEFT JOIN distances AS d
            ON j.institution = d.institution AND j.station = d.from_station AND j.next_station = d.to_station
        UNION ALL
        SELECT file_id, line, record_key, institution, feed, customer_key, scenario, occurred_at_unix,
            'second' AS time_precision, act_date, region, 'tap' AS claim_kind, 'ignored' AS disposition,
            'duplicate_tap' AS code, act_date AS lead_date, CAST(NULL AS bigint) AS ended_at_unix, amount_fen,
            CAST(NULL AS string) AS support_file_id, CAST(NULL AS bigint) AS support_line,
            CAST(NULL AS bigint) AS quantity_micro
        FROM marked
        WHERE is_duplicate
        """,
        judged=judged,
        marked=marked,
        distances=distances,
    )


def _marked(lake: Lake, taps: Frame, pairing: Frame) -> Frame:
    """Taps with their rules of pairing, and whether the gate wrote the same passage again.

    That is measured from the passage written just before it, and only while the customer passed no gate the other way:
    who leaves and enters again within a minute has entered twice. Passages one way without the other between them are
    a `turn`: as many taps before each, less as many of its own direction.
    """
    return lake.keep(
        f"""
        WITH timed AS (
            SELECT t.*, p.scenario, p.max_ride_seconds, p.duplicate_seconds
            FROM taps AS t
            JOIN pairing AS p ON t.institution = p.institution AND t.feed = p.feed
        ),
        turned AS (
            SELECT *,
                row_number() OVER (PARTITION BY {GATE} ORDER BY {PASSED})
                    - row_number() OVER (PARTITION BY {GATE}, direction ORDER BY {PASSED}) AS turn
            FROM timed
        ),
        beside AS (
            SELECT *,
                lag(occurred_at_unix) OVER (
                    PARTITION BY {GATE}, direction, turn, station
                    ORDER BY {PASSED}
                ) AS same_before
            FROM turned
        )
        SELECT *, coalesce(occurred_at_unix - same_before <= duplicate_seconds, false) AS is_duplicate
        FROM beside
        """,
        taps=taps,
        pairing=pairing,
    )


def _judged(lake: Lake, marked: Frame) -> Frame:
    """Every tap but the repeated ones, with the passages beside it: whether it leads a ride, or ends one."""
    return lake.sql(
        f"""
        WITH beside AS (
            SELECT *,
                lead(direction) OVER gate AS next_direction,
                lead(occurred_at_unix) OVER gate AS next_at_unix,
                lead(station) OVER gate AS next_station,
                lead(amount_fen) OVER gate AS next_amount_fen,
                lead(file_id) OVER gate AS next_file_id, lead(line) OVER gate AS next_line,
                lag(direction) OVER gate AS last_direction,
                lag(occurred_at_unix) OVER gate AS last_at_unix,
                lag(act_date) OVER gate AS last_date
            FROM marked
            WHERE NOT is_duplicate
            WINDOW gate AS (PARTITION BY {GATE} ORDER BY {PASSED})
        )
        SELECT *,
            direction = 'entry' AND coalesce(next_direction = 'exit', false)
                AND coalesce(next_at_unix - occurred_at_unix <= max_ride_seconds, false) AS leads,
            direction = 'exit' AND coalesce(last_direction = 'entry', false)
                AND coalesce(occurred_at_unix - last_at_unix <= max_ride_seconds, false) AS follows
        FROM beside
        """,
        marked=marked,
    )

"""Cumulative counts of a day: what of them was counted while the person agreed to it, once for each person.

A phone shows one running total to every account that asks for it. So all consented readings of a person's day are one
act; what is credited is the account's that tells of most, among those of the most trusted feed that tells of any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.days import first_second

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake


def readings_of(lake: Lake, claims: Frame, intervals: Frame) -> Frame:
    """The readings that count, as one group for each person, family and date.

    In each interval of consent counts the difference of its readings: from nothing, where the day began in it, else from
    the first reading in it, for what was counted before nobody knows. Intervals of an account add up, accounts do not.

    Args:
        claims: those looked at, of all kinds; `needs_until_unix` is the last second that a claim needs consent for.
        intervals: customer_key, scope, given_from_unix, given_until_unix.

    Returns:
        claim_id, group_id (the account's highest reading), slot, counted_micro: of the claim that leads, what counts.
    """
    return lake.keep(
        f"""
        WITH inside AS (
            SELECT c.claim_id, c.person_id, c.family, c.act_date, c.customer_key, c.institution, c.feed, c.slot,
                c.start_unix, c.quantity_micro, i.given_from_unix,
                i.given_from_unix <= {first_second("c.act_date")} AS since_midnight
            FROM claims AS c
            JOIN intervals AS i
                ON c.customer_key = i.customer_key AND c.scope = i.scope AND i.given_from_unix <= c.start_unix
                AND i.given_until_unix > c.needs_until_unix
            WHERE c.claim_kind = 'reading' AND c.slot IS NOT NULL
        ),
        spans AS (
            SELECT person_id, family, act_date, customer_key, institution, feed, slot, given_from_unix,
                max(quantity_micro) - CASE WHEN since_midnight THEN 0 ELSE min(quantity_micro) END AS counted_micro
            FROM inside
            GROUP BY person_id, family, act_date, customer_key, institution, feed, slot, given_from_unix, since_midnight
        ),
        accounts AS (
            SELECT person_id, family, act_date, customer_key, institution, feed, slot,
                CAST(sum(counted_micro) AS bigint) AS counted_micro
            FROM spans
            GROUP BY person_id, family, act_date, customer_key, institution, feed, slot
        ),
        ranked AS (
            SELECT *,
                row_number() OVER (
                    PARTITION BY person_id, family, act_date
                    ORDER BY counted_micro <= 0, slot, counted_micro DESC, customer_key
                ) AS rank
            FROM accounts
        ),
        highest AS (
            SELECT i.*, r.counted_micro,
                row_number() OVER (
                    PARTITION BY i.person_id, i.family, i.act_date
                    ORDER BY i.quantity_micro DESC, i.start_unix, i.claim_id
                ) AS place
            FROM inside AS i
            JOIN ranked AS r
                ON i.person_id = r.person_id AND i.family = r.family AND i.act_date = r.act_date
                AND i.customer_key = r.customer_key AND i.institution = r.institution AND i.feed = r.feed
            WHERE r.rank = 1
        )
        SELECT i.claim_id, h.claim_id AS group_id, i.slot,
            CASE WHEN i.claim_id = h.claim_id THEN h.counted_micro END AS counted_micro
        FROM inside AS i
        JOIN highest AS h ON i.person_id = h.person_id AND i.family = h.family AND i.act_date = h.act_date
        WHERE h.place = 1
        """,
        claims=claims,
        intervals=intervals,
    )

"""Every act once, and with consent: what matching decided, asked anew of the claims and consents themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.accounts.touched import months_of
from jobs.claims.consents import consents_of
from jobs.lake.frames import spans
from jobs.ledger.entries import LEDGER, standing_entries
from schemas.days import first_second, last_second

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.lake.log import Log
    from jobs.runs.run import Run


@dataclass(frozen=True)
class Audited:
    """Of one invariant the rows that break it, and the rows that were looked at, or how many they are."""

    rule_id: str
    broken: Frame
    checked: Frame | int


def beside(run: Run, rows: Frame) -> Log:
    """The ledger in the months of a frame; the whole of it is looked at by `whole`."""
    return run.log(LEDGER) if run.full else run.log(LEDGER).of_months(months_of(run.lake, rows))


def credited_once(run: Run) -> Audited:
    """2: no two credited activities of a person could be one act, by what their claims say.

    They could where a claim of one and a claim of the other, of feeds that are assigned to each other, lie within the
    scenario's window or the later one's booking lag, no wallet, amount or clock tells them apart, and no feed reports both.
    """
    lake, activities = run.lake, run.log("silver.activities")
    reach = 1 + max(run.policy.feeds.column("lag_days").to_pylist())
    seen = spans(lake, activities.written, f"{reach}", ("person_id", "family"))
    stand = run.log("silver.activities", near=seen).in_force_of(seen, "person_id", "family", "act_date")
    told = _told(run, lake.keep("SELECT * FROM stand", stand=stand))
    broken = lake.sql(
        """
        WITH pairs AS (
            SELECT DISTINCT a.activity_id, b.activity_id AS other
            FROM told AS a
            JOIN told AS b
                ON a.person_id = b.person_id AND a.family = b.family AND a.activity_id <> b.activity_id
                AND a.slot <> b.slot AND a.turn < b.turn
            WHERE coalesce(a.wallet, b.wallet, '') = coalesce(b.wallet, a.wallet, '')
                AND (
                    NOT b.matches_amount
                    OR coalesce(a.amount_fen, b.amount_fen, 0) = coalesce(b.amount_fen, a.amount_fen, 0)
                )
                AND CASE
                    WHEN b.is_day THEN datediff(b.act_date, a.act_date) BETWEEN 0 AND b.lag_days
                    ELSE a.start_unix <= b.end_unix + b.window_seconds AND a.end_unix >= b.start_unix - b.window_seconds
                END
        ),
        of_one_feed AS (
            SELECT DISTINCT p.activity_id, p.other
            FROM pairs AS p
            JOIN told AS a ON p.activity_id = a.activity_id
            JOIN told AS b ON p.other = b.activity_id AND a.slot = b.slot
        ),
        of_other_money AS (
            SELECT DISTINCT p.activity_id, p.other
            FROM pairs AS p
            JOIN told AS a ON p.activity_id = a.activity_id
            JOIN told AS b ON p.other = b.activity_id AND (a.wallet <> b.wallet OR a.amount_fen <> b.amount_fen)
        ),
        of_other_times AS (
            SELECT DISTINCT p.activity_id, p.other
            FROM pairs AS p
            JOIN told AS a ON p.activity_id = a.activity_id AND NOT a.is_day
            JOIN told AS b ON p.other = b.activity_id AND NOT b.is_day
            WHERE a.start_unix > b.end_unix + b.window_seconds OR a.end_unix < b.start_unix - b.window_seconds
        )
        SELECT p.activity_id
        FROM pairs AS p
        LEFT ANTI JOIN of_one_feed AS f ON p.activity_id = f.activity_id AND p.other = f.other
        LEFT ANTI JOIN of_other_money AS m ON p.activity_id = m.activity_id AND p.other = m.other
        LEFT ANTI JOIN of_other_times AS t ON p.activity_id = t.activity_id AND p.other = t.other
        """,
        told=told,
    )
    return Audited("acts_credited_once", broken, activities.written)


def _told(run: Run, stand: Frame) -> Frame:
    """The claims of credited activities, with their feed's rules; `turn` is their place in the order of assignment.

    Args:
        stand: outcomes in force.
    """
    lake = run.lake
    keys = lake.sql("SELECT claim_id, act_date FROM stand", stand=stand)
    return lake.keep(
        """
        WITH credited AS (SELECT activity_id FROM stand WHERE outcome = 'credited' AND is_lead)
        SELECT s.activity_id, s.person_id, s.family, f.slot, f.lag_days, f.window_seconds, f.matches_amount, c.act_date,
            c.occurred_at_unix AS start_unix,
            coalesce(c.ended_at_unix, c.occurred_at_unix) AS end_unix,
            c.amount_fen, c.time_precision = 'day' AS is_day,
            CASE WHEN f.is_wallet THEN c.institution ELSE c.wallet END AS wallet,
            CASE WHEN c.time_precision = 'day' THEN 1000 ELSE 0 END + f.slot AS turn
        FROM stand AS s
        LEFT SEMI JOIN credited AS d ON s.activity_id = d.activity_id
        JOIN claims AS c ON s.claim_id = c.claim_id
        JOIN feeds AS f
            ON s.family = f.family AND c.institution = f.institution AND c.feed = f.feed AND c.act_date >= f.valid_from
            AND c.act_date < f.valid_to
        WHERE c.claim_kind <> 'reading'
        """,
        stand=stand,
        claims=run.log("silver.claims", near=keys).in_force(keys),
        feeds=lake.from_arrow(run.policy.feeds),
    )


def consented(run: Run) -> Audited:
    """7: what this run posted for acts, their customers agreed to, by the consent events themselves.

    The last event before an act – a withdrawal, of those of one second – must give consent, and over a day of which only
    the date is known none may withdraw it. A running total counts no more than it shows, and where consent did not hold
    at midnight no more than since the first reading with consent could be.
    """
    lake = run.lake
    entries = lake.keep(
        """
        SELECT DISTINCT position, act_month
        FROM posted
        WHERE position_kind = 'activity' AND entry_kind = 'post'
        """,
        posted=run.log(LEDGER).written,
    )
    rows = standing_entries(lake, beside(run, entries).of(entries, "position").rows)
    standing = lake.keep("SELECT * FROM standing", standing=rows)
    claims = lake.sql("SELECT position AS claim_id, act_date FROM standing", standing=standing)
    acts = lake.keep(
        f"""
        SELECT e.position, e.quantity_micro, c.customer_key, c.claim_kind, c.quantity_micro AS shown_micro, f.scope,
            c.occurred_at_unix AS from_unix,
            {first_second("c.act_date")} AS midnight_unix,
            CASE
                WHEN c.time_precision = 'day' THEN {last_second("c.act_date")}
                ELSE c.occurred_at_unix
            END AS until_unix
        FROM standing AS e
        JOIN claims AS c ON e.position = c.claim_id AND e.act_date = c.act_date
        JOIN feeds AS f
            ON e.scenario = f.family AND c.institution = f.institution AND c.feed = f.feed
            AND c.act_date >= f.valid_from AND c.act_date < f.valid_to
        WHERE e.position_kind = 'activity' AND e.measure = 'reduction_mg' AND NOT f.is_brought
        """,
        standing=standing,
        claims=run.log("silver.claims", near=standing).in_force(claims),
        feeds=lake.from_arrow(run.policy.feeds),
    )
    return Audited("acts_have_consent", _without_consent(run, acts), acts)


def _without_consent(run: Run, acts: Frame) -> Frame:
    """Position of the acts that no consent covers, or that count more than it does.

    A consent to everything and one to the scope are joined by an equality each: by either at once, it took a minute.
    """
    lake = run.lake
    return lake.sql(
        """
        WITH asked AS (
            SELECT *, 'all' AS asked_scope FROM acts
            UNION ALL SELECT *, scope AS asked_scope FROM acts
        ),
        told AS (
            SELECT a.position, a.quantity_micro, a.claim_kind, a.shown_micro,
                max(CASE
                    WHEN e.at_unix <= a.from_unix THEN 2 * e.at_unix + CASE WHEN e.is_given THEN 0 ELSE 1 END
                END) AS last,
                max(CASE
                    WHEN e.at_unix <= a.midnight_unix THEN 2 * e.at_unix + CASE WHEN e.is_given THEN 0 ELSE 1 END
                END) AS last_of_before,
                max(CASE
                    WHEN e.at_unix > a.from_unix AND e.at_unix <= a.until_unix AND NOT e.is_given THEN 1
                    ELSE 0
                END) AS is_withdrawn
            FROM asked AS a
            LEFT JOIN consents AS e ON a.customer_key = e.customer_key AND a.asked_scope = e.scope
            GROUP BY a.position, a.from_unix, a.quantity_micro, a.claim_kind, a.shown_micro
        )
        SELECT position
        FROM told
        WHERE coalesce(last, 1) % 2 = 1 OR is_withdrawn = 1
            OR claim_kind = 'reading'
                AND (
                    quantity_micro > shown_micro
                    OR coalesce(last_of_before, 1) % 2 = 1 AND quantity_micro >= shown_micro
                )
        """,
        acts=acts,
        consents=lake.keep("SELECT * FROM given", given=consents_of(run, acts)),
    )

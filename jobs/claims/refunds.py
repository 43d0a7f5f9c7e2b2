"""Refunds that name no original → the purchase that each takes back, by merchant and amount.

Purchases and refunds of one amount close like brackets: a refund takes back the latest purchase before it that no refund
between them takes back. One that finds none, and may be partial, takes back a part of the latest that cost more, that is
not taken back whole and has as much left. Neither is older than the contract's days.

A refund never takes what an earlier one could have left it by taking an older purchase, so what becomes of it hangs on
rows of these days before it and, as to which purchases are taken back whole, of as many around those. Hence a row that
changes moves refunds from the contract's days before it to twice as many after, and no others.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

from jobs.claims.consents import needs_until
from jobs.lake.frames import keys_equal, listed

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake
    from jobs.lake.log import Log
    from jobs.runs.run import Run


MOVED = "datediff(n.act_date, c.act_date) BETWEEN -c.within_days AND 2 * c.within_days"
"""SQL: whether what becomes of a refund `n` may hang on a row `c` that changed."""
SEEN_DAYS = 3
"""How many times the contract's days around a change are looked at."""
KEY = ("claim_id", "act_date")


class _Change(NamedTuple):
    """A date on which something changed, and the days of its contract; their number does not grow with people."""

    act_date: date
    within_days: int


def with_originals(run: Run, records: Frame, reached: Frame) -> tuple[Frame, Frame]:
    """The records with what their refunds take back; other refunds of which that has changed come along.

    Args:
        records: the content of silver.claims that is to hold instead of what is reached.
        reached: claim_id, act_date.
    """
    if not _is_concerned(run):
        return records, reached
    lake, claims = run.lake, run.log("silver.claims")
    records = lake.keep("SELECT * FROM records", records=records)
    changed = _changed(run, records, run.log("silver.claims", near=reached).in_force(reached))
    near = _near(run, changed)
    standing = _standing(lake, near, records, reached, _with_refunds(lake, near, records, changed))
    decided = lake.keep(
        f"""
        SELECT DISTINCT n.claim_id, n.act_date
        FROM standing AS n
        JOIN changed AS c ON n.merchant_key = c.merchant_key
        WHERE n.claim_kind = 'refund' AND {MOVED}
        """,
        standing=standing,
        changed=changed,
    )
    columns = {name: f"n.{name}" for name in claims.table.content} | {"refers_to_key": "o.original AS refers_to_key"}
    told = lake.keep(
        f"""
        SELECT {listed(list(columns.values()))}
        FROM standing AS n
        LEFT SEMI JOIN decided AS d ON {keys_equal("n", "d", KEY)}
        LEFT JOIN originals AS o ON n.claim_id = o.claim_id
        """,
        standing=standing,
        decided=decided,
        originals=originals_of(lake, standing, lake.from_arrow(run.policy.matched_refunds)),
    )
    others = lake.sql(
        f"SELECT r.* FROM records AS r LEFT ANTI JOIN decided AS d ON {keys_equal('r', 'd', KEY)}",
        records=records,
        decided=decided,
    )
    both = lake.keep("SELECT * FROM reached UNION SELECT * FROM decided", reached=reached, decided=decided)
    return lake.union(others, told), both


def originals_of(lake: Lake, claims: Frame, rules: Frame) -> Frame:
    """What each refund takes back; those that take back nothing are left out.

    Args:
        claims: purchases and refunds of some merchant keys, all within the contract's days of each other.
        rules: institution, feed, within_days.

    Returns:
        claim_id of the refund, original.
    """
    placed = _placed(lake, claims, rules)
    whole = _whole(lake, placed)
    return lake.union(whole, _parts(lake, placed, whole))


def _is_concerned(run: Run) -> bool:
    """Whether this run brings or takes away rows of a feed whose refunds name no original."""
    feeds = {(one["institution"], one["feed"]) for one in run.policy.matched_refunds.to_pylist()}
    moved = (*run.new_files, *run.superseded_files, *run.replaced) if feeds else ()
    return any((file.institution, file.feed) in feeds for file in moved)


def _changed(run: Run, records: Frame, former: Frame) -> Frame:
    """merchant_key, act_date and the contract's within_days of what is to hold and of what held."""
    return run.lake.keep(
        """
        WITH both AS (
            SELECT institution, feed, merchant_key, act_date FROM records
            UNION SELECT institution, feed, merchant_key, act_date FROM former
        )
        SELECT b.merchant_key, b.act_date, r.within_days
        FROM both AS b
        JOIN rules AS r ON b.institution = r.institution AND b.feed = r.feed
        WHERE b.merchant_key IS NOT NULL
        """,
        records=records,
        former=former,
        rules=run.lake.from_arrow(run.policy.matched_refunds),
    )


def _near(run: Run, changed: Frame) -> Log:
    """The log of the months that changes may hang on."""
    claims = run.log("silver.claims")
    if run.full:
        return claims
    dates = run.lake.ask(_Change, "SELECT DISTINCT act_date, within_days FROM changed", changed=changed)
    return claims.of_months({month for one in dates for month in _months(one.act_date, SEEN_DAYS * one.within_days)})


def _months(day: date, reach: int) -> set[str]:
    """The months (yyyy-MM) of the days up to `reach` around one."""
    away = [*range(-reach, reach, 28), reach]
    return {f"{day + timedelta(days=one):%Y-%m}" for one in away}


def _with_refunds(lake: Lake, near: Log, records: Frame, changed: Frame) -> Frame:
    """merchant_key of what has changed and has refunds that may hang on it: of few, for refunds are rare."""
    return lake.keep(
        f"""
        WITH refunds AS (
            SELECT merchant_key, act_date FROM log WHERE claim_kind = 'refund'
            UNION SELECT merchant_key, act_date FROM records WHERE claim_kind = 'refund'
        )
        SELECT DISTINCT c.merchant_key
        FROM changed AS c
        JOIN refunds AS n ON c.merchant_key = n.merchant_key AND {MOVED}
        """,
        log=near.rows,
        records=records,
        changed=changed,
    )


def _standing(lake: Lake, near: Log, records: Frame, reached: Frame, merchants: Frame) -> Frame:
    """The claims of some merchant keys as they will stand, from this run's records or from before."""
    columns = near.table.content
    return lake.keep(
        f"""
        SELECT {listed(columns, "h.")}
        FROM held AS h
        LEFT ANTI JOIN reached AS r ON {keys_equal("h", "r", KEY)}
        UNION ALL
        SELECT {listed(columns, "n.")}
        FROM records AS n
        LEFT SEMI JOIN merchants AS m ON n.merchant_key = m.merchant_key
        """,
        held=near.in_force_of(merchants, "merchant_key"),
        reached=reached,
        records=records,
        merchants=merchants,
    )


def _placed(lake: Lake, claims: Frame, rules: Frame) -> Frame:
    """Purchases and refunds with their `place` in their merchant key's order.

    By time, a refund that is known by the day at the day's end; of one moment purchases come first, then it goes by key.
    """
    at = f"CASE WHEN c.claim_kind = 'refund' THEN {needs_until('c')} ELSE c.occurred_at_unix END"
    return lake.keep(
        f"""
        SELECT c.claim_id, c.merchant_key, c.act_date, c.amount_fen, c.is_full_refund, r.within_days,
            c.claim_kind = 'refund' AS is_refund,
            row_number() OVER (PARTITION BY c.merchant_key ORDER BY {at}, c.claim_kind = 'refund', c.claim_id) AS place
        FROM claims AS c
        JOIN rules AS r ON c.institution = r.institution AND c.feed = r.feed
        WHERE c.amount_fen IS NOT NULL
        """,
        claims=claims,
        rules=rules,
    )


def _whole(lake: Lake, placed: Frame) -> Frame:
    """claim_id, original: of the refunds that take back a purchase whole.

    Purchases of an amount go up a level and refunds go down one. Of those that cross one level a purchase and a refund
    take turns, so what stands before a refund there is the purchase that it takes back.
    """
    return lake.keep(
        """
        WITH walked AS (
            SELECT *,
                CAST(sum(CASE WHEN is_refund THEN -1 ELSE 1 END) OVER (
                    PARTITION BY merchant_key, amount_fen
                    ORDER BY place
                ) AS bigint)
                    + CASE WHEN is_refund THEN 1 ELSE 0 END AS level
            FROM placed
            WHERE NOT is_refund OR coalesce(is_full_refund, true)
        ),
        beside AS (
            SELECT *, lag(claim_id) OVER level AS original, lag(act_date) OVER level AS original_date
            FROM walked
            WINDOW level AS (PARTITION BY merchant_key, amount_fen, level ORDER BY place)
        )
        SELECT claim_id, original
        FROM beside
        WHERE is_refund AND original IS NOT NULL AND datediff(act_date, original_date) <= within_days
        """,
        placed=placed,
    )


def _parts(lake: Lake, placed: Frame, whole: Frame) -> Frame:
    """claim_id, original: of the refunds that take back a part of a purchase.

    In every round those do that are the first which could take of their latest purchase; so the rounds end.
    """
    pairs = lake.keep(
        """
        WITH free AS (
            SELECT p.*
            FROM placed AS p
            LEFT ANTI JOIN whole AS r ON p.claim_id = r.claim_id
            LEFT ANTI JOIN whole AS o ON p.claim_id = o.original
        )
        SELECT r.claim_id, p.claim_id AS original, r.amount_fen, p.amount_fen AS left_fen, r.place - p.place AS distance
        FROM free AS r
        JOIN free AS p
            ON r.merchant_key = p.merchant_key AND r.place > p.place AND r.amount_fen < p.amount_fen
            AND datediff(r.act_date, p.act_date) <= r.within_days
        WHERE r.is_refund AND NOT coalesce(r.is_full_refund, false) AND NOT p.is_refund
        """,
        placed=placed,
        whole=whole,
    )
    taken = lake.sql("SELECT claim_id, original FROM pairs WHERE false", pairs=pairs)
    while lake.has_rows(pairs):
        best = lake.keep(
            """
            WITH ranked AS (
                SELECT *,
                    row_number() OVER (PARTITION BY claim_id ORDER BY distance) AS for_refund,
                    row_number() OVER (PARTITION BY original ORDER BY distance) AS for_purchase
                FROM pairs
            )
            SELECT claim_id, original, amount_fen
            FROM ranked
            WHERE for_refund = 1 AND for_purchase = 1
            """,
            pairs=pairs,
        )
        taken = lake.union(taken, lake.sql("SELECT claim_id, original FROM best", best=best))
        pairs = lake.keep(
            """
            WITH rest AS (
                SELECT p.claim_id, p.original, p.amount_fen,
                    p.left_fen - coalesce(o.amount_fen, 0) AS left_fen,
                    p.distance
                FROM pairs AS p
                LEFT ANTI JOIN best AS r ON p.claim_id = r.claim_id
                LEFT JOIN best AS o ON p.original = o.original
            )
            SELECT * FROM rest WHERE amount_fen <= left_fen
            """,
            pairs=pairs,
            best=best,
        )
    return taken

"""Pieces of SQL that several jobs share.

Queries are Spark SQL, which both engines run. Every column list is written out, so that a query says what it
returns; hashes are 32 hexadecimal characters, 16 bytes of SHA-256.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake


def listed(columns: Sequence[str], prefix: str = "") -> str:
    """Columns for a SELECT, each with the prefix of its relation."""
    return ", ".join(f"{prefix}{name}" for name in columns)


def hashed(*parts: str) -> str:
    """Hash of text expressions, joined by a bar; none may be null."""
    return f"substring(sha2(concat_ws('|', {', '.join(parts)}), 256), 1, 32)"


def content_hash(columns: Sequence[str]) -> str:
    """MD5 of the columns' text in order, joined by `|`, null as `~`: it tells a changed row from a repeated one."""
    texts = ", ".join(f"coalesce(CAST({name} AS string), '~')" for name in columns)
    return f"md5(concat_ws('|', {texts}))"


def keys_equal(left: str, right: str, keys: Sequence[str]) -> str:
    """Join condition on columns that both sides call the same."""
    return " AND ".join(f"{left}.{key} = {right}.{key}" for key in keys)


def semi(lake: Lake, rows: Frame, keys: Frame, *on: str) -> Frame:
    """The rows whose key stands in `keys`.

    Args:
        on: columns of the key; where `keys` are spans, an `act_date` among them is any of a span's.
    """
    same = [name for name in on if name in keys.columns]
    within = "" if same == list(on) else " AND r.act_date BETWEEN k.first_date AND k.last_date"
    return lake.sql(
        f"SELECT r.* FROM rows AS r LEFT SEMI JOIN keys AS k ON {keys_equal('r', 'k', same)}{within}",
        rows=rows,
        keys=keys,
    )


def around(lake: Lake, days: Frame, reach: str) -> Frame:
    """Every row of (…, act_date) once for each date up to `reach` days before and after its own."""
    others = listed([name for name in days.columns if name != "act_date"])
    return lake.keep(
        f"""
        WITH spread AS (SELECT *, explode(sequence(-{reach}, {reach})) AS away FROM days)
        SELECT DISTINCT {others}, CAST(date_add(act_date, away) AS date) AS act_date FROM spread
        """,
        days=days,
    )


def spans(lake: Lake, days: Frame, reach: str, key: Sequence[str]) -> Frame:
    """The dates up to `reach` days before and after those of (key…, act_date), as spans that neither overlap nor touch.

    Args:
        reach: SQL; one number of days for a key.

    Returns:
        key…, first_date, last_date: keys for `semi`, and many times fewer than dates where a reach is long.
    """
    same = listed(key)
    return lake.keep(
        f"""
        WITH wide AS (
            SELECT DISTINCT {same},
                CAST(date_sub(act_date, {reach}) AS date) AS first_date,
                CAST(date_add(act_date, {reach}) AS date) AS last_date
            FROM days
        ),
        beside AS (
            SELECT *, lag(last_date) OVER (PARTITION BY {same} ORDER BY first_date) AS last_date_before
            FROM wide
        ),
        numbered AS (
            SELECT {same}, first_date, last_date,
                sum(CASE
                    WHEN datediff(first_date, last_date_before) <= 1 THEN 0
                    ELSE 1
                END) OVER (PARTITION BY {same} ORDER BY first_date) AS number
            FROM beside
        )
        SELECT {same}, min(first_date) AS first_date, max(last_date) AS last_date
        FROM numbered
        GROUP BY {same}, number
        """,
        days=days,
    )

"""Pieces of SQL that several jobs share.

Queries are Spark SQL, which both engines run. Every column list is written out, so that a query says what it
returns; hashes are 32 hexadecimal characters, 16 bytes of SHA-256.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
    """MD5 of the columns' text, null included, for telling a changed row from a repeated one."""
    return f"md5({row_text(columns)})"


def row_text(columns: Sequence[str]) -> str:
    """The columns' text in order, joined by `|`, null as `~`."""
    texts = ", ".join(f"coalesce(CAST({name} AS string), '~')" for name in columns)
    return f"concat_ws('|', {texts})"


def month_of(date: str) -> str:
    """yyyy-MM of a date expression."""
    return f"substring(CAST({date} AS string), 1, 7)"


def keys_equal(left: str, right: str, keys: Sequence[str]) -> str:
    """Join condition on columns that both sides call the same."""
    return " AND ".join(f"{left}.{key} = {right}.{key}" for key in keys)


def newest(lake: Lake, log: Frame, *keys: str) -> Frame:
    """The newest row of a log per key, withdrawn or not."""
    return lake.sql(
        f"""SELECT {listed(log.columns)} FROM (
              SELECT *, row_number() OVER (PARTITION BY {listed(keys)} ORDER BY publication_seq DESC) AS age
              FROM log) AS aged
            WHERE age = 1""",
        log=log,
    )


def in_force(lake: Lake, log: Frame, *keys: str) -> Frame:
    """The rows of a log that hold: the newest per key, unless it withdraws the key."""
    return lake.sql("SELECT * FROM rows WHERE is_live", rows=newest(lake, log, *keys))


def semi(lake: Lake, rows: Frame, keys: Frame, *on: str) -> Frame:
    """The rows whose key stands in `keys`."""
    return lake.sql(
        f"SELECT r.* FROM rows AS r LEFT SEMI JOIN keys AS k ON {keys_equal('r', 'k', on)}",
        rows=rows,
        keys=keys,
    )


def of_months(lake: Lake, log: Frame, months: Collection[str]) -> Frame:
    """The rows of a log in these months (yyyy-MM), so that other months' files are not read."""
    literals = ", ".join(f"'{month}'" for month in sorted(months)) or "''"
    return lake.sql(f"SELECT * FROM log WHERE act_month IN ({literals})", log=log)


def changes(lake: Lake, new: Frame, stored: Frame, keys: Sequence[str], seq: int) -> Frame:
    """What to append to a log so that `new` holds where `stored` (rows in force) held.

    Both have `content_hash`. Rows equal in key and content are left out; stored keys that `new` lacks come
    back with `is_live` false.
    """
    columns = [name for name in new.columns if name not in ("is_live", "publication_seq")]
    return lake.keep(
        f"""SELECT {listed(columns, "n.")}, true AS is_live, CAST({seq} AS bigint) AS publication_seq
            FROM new AS n LEFT ANTI JOIN stored AS s
              ON {keys_equal("n", "s", [*keys, "content_hash"])}
            UNION ALL
            SELECT {listed(columns, "s.")}, false AS is_live, CAST({seq} AS bigint) AS publication_seq
            FROM stored AS s LEFT ANTI JOIN new AS n ON {keys_equal("n", "s", keys)}""",
        new=new,
        stored=stored,
    )


def around(lake: Lake, days: Frame, reach: str) -> Frame:
    """Every row of (…, act_date) once for each date up to `reach` days before and after its own."""
    others = listed([name for name in days.columns if name != "act_date"])
    return lake.keep(
        f"""SELECT DISTINCT {others}, CAST(date_add(act_date, away) AS date) AS act_date FROM (
              SELECT *, explode(sequence(-{reach}, {reach})) AS away FROM days) AS spread""",
        days=days,
    )

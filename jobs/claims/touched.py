"""What a run decides anew of rows: the record keys that its files bring or take away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.claims import bills, landed
from jobs.claims.landed import VALID
from jobs.lake.frames import listed
from jobs.landing.statements import whole_statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from jobs.lake import Frame, Lake
    from jobs.landing.manifests import Manifest
    from jobs.runs.run import Run


LATEST_FIRST = "business_date DESC, revision DESC, part DESC, line DESC"
"""Of rows that share a record key the first in this order is the record."""


@dataclass(frozen=True)
class Touched:
    """Rows that this run must decide on, one frame per kind of feed.

    Attributes:
        fresh: rows of files consumed for the first time.
        gone: rows of files in force until now, superseded by a higher revision.
        former: what files that were landed again held before.
        stirred: rows of earlier bills that share days with a bill that came or went.
        beaten: (file_id, line) of rows that a later bill of the same customer and day replaces.
        keys: record_key of the first four, valid rows only.
        ranked: every valid row in force that has one of the keys, from whatever file, with its `disposition`
            among the rows of its key: `record` or `repeat`; `superseded` where a later bill replaces it.
    """

    fresh: dict[str, Frame]
    gone: dict[str, Frame]
    former: dict[str, Frame]
    stirred: Frame
    beaten: Frame
    keys: Frame
    ranked: dict[str, Frame]


def touched_by(run: Run) -> Touched:
    """From the files that this run brings or takes away to the rows that have to be decided again."""
    fresh = {kind: landed.rows(run, kind, run.new_files) for kind in landed.KINDS}
    gone = {kind: landed.rows(run, kind, run.superseded_files) for kind in landed.KINDS}
    former = {kind: landed.rows(run, kind, run.replaced) for kind in landed.KINDS} if run.replaced else {}
    stirred_bills = bills.stirred(run)
    stirred = landed.rows(run, bills.KIND, stirred_bills)
    keys = _record_keys(run.lake, [*fresh.values(), *gone.values(), *former.values(), stirred])
    others = list({file.file_id: file for file in (*_files_with(run, keys), *stirred_bills)}.values())
    elsewhere = {kind: landed.rows(run, kind, others) for kind in landed.KINDS}
    beaten = bills.beaten(run, fresh[bills.KIND], elsewhere[bills.KIND])
    ranked = {kind: _ranked(run.lake, kind, fresh[kind], elsewhere[kind], keys, beaten) for kind in landed.KINDS}
    return Touched(fresh, gone, former, stirred, beaten, keys, ranked)


def _record_keys(lake: Lake, parts: Sequence[Frame]) -> Frame:
    """record_key of every valid row of the parts."""
    keys = [lake.sql(f"SELECT record_key FROM part WHERE {VALID}", part=part) for part in parts]
    return lake.keep("SELECT DISTINCT record_key FROM keys", keys=lake.union(*keys))


def _files_with(run: Run, keys: Frame) -> list[Manifest]:
    """Statements in force, other than the new ones, that hold a row with one of the keys."""
    old = {file.file_id: file for file in _old_files(run)}
    if not old:
        return []
    held = run.lake.sql(
        """
        SELECT DISTINCT r.file_id
        FROM rows AS r
        LEFT SEMI JOIN keys AS k ON r.record_key = k.record_key
        """,
        rows=run.log("silver.rows").rows,
        keys=keys,
    )
    found = run.lake.to_arrow(held).column("file_id").to_pylist()
    return whole_statements([old[file_id] for file_id in found if file_id in old], old.values())


def _old_files(run: Run) -> list[Manifest]:
    """Files in force that this run does not use first or anew."""
    new = {file.file_id for file in run.new_files}
    return [file for file in run.files_in_force if file.file_id not in new]


def _ranked(lake: Lake, kind: str, fresh: Frame, elsewhere: Frame, keys: Frame, beaten: Frame) -> Frame:
    """The rows in force of a kind that have one of the keys, with their disposition among the rows of their key."""
    columns = listed(fresh.columns)
    candidates = lake.sql(
        f"""
        SELECT {columns} FROM fresh WHERE {VALID}
        UNION ALL
        SELECT {listed(fresh.columns, "e.")}
        FROM elsewhere AS e
        LEFT SEMI JOIN keys AS k ON e.record_key = k.record_key
        WHERE {VALID}
        """,
        fresh=fresh,
        elsewhere=elsewhere,
        keys=keys,
    )
    return lake.keep(
        f"""
        WITH ranked AS (
            SELECT *, row_number() OVER (PARTITION BY record_key, is_beaten ORDER BY {LATEST_FIRST}) AS rank
            FROM candidates
        )
        SELECT {columns},
            CASE WHEN is_beaten THEN 'superseded' WHEN rank = 1 THEN 'record' ELSE 'repeat' END AS disposition
        FROM ranked
        """,
        candidates=bills.marked(lake, kind, candidates, beaten),
    )


def touched_days(run: Run, touched: Touched, kind: str, condition: str) -> Frame:
    """(customer_key, act_date) of every touched valid row of a kind."""
    lake = run.lake
    parts = [touched.fresh[kind], touched.gone[kind], touched.ranked[kind]]
    if touched.former:
        parts.append(touched.former[kind])
    days = [
        lake.sql(f"SELECT customer_key, act_date FROM part WHERE {VALID} AND {condition}", part=part) for part in parts
    ]
    return lake.keep("SELECT DISTINCT customer_key, act_date FROM days", days=lake.union(*days))


def records_on(run: Run, touched: Touched, kind: str, days: Frame) -> Frame:
    """Every record in force of a kind for (customer_key, act_date) in `days`, whatever run brought it."""
    near = _old_files_on(run, kind, run.dates(days))
    held = landed.rows(run, kind, near)
    columns = held.columns
    return run.lake.keep(
        f"""
        WITH passed_over AS (SELECT file_id, line FROM known WHERE disposition IN ('repeat', 'superseded'))
        SELECT {listed(columns, "h.")}
        FROM held AS h
        LEFT SEMI JOIN days AS d ON h.customer_key = d.customer_key AND h.act_date = d.act_date
        LEFT ANTI JOIN keys AS k ON h.record_key = k.record_key
        LEFT ANTI JOIN passed_over AS p ON h.file_id = p.file_id AND h.line = p.line
        WHERE {VALID}
        UNION ALL
        SELECT {listed(columns, "r.")}
        FROM ranked AS r
        LEFT SEMI JOIN days AS d ON r.customer_key = d.customer_key AND r.act_date = d.act_date
        WHERE r.disposition = 'record'
        """,
        held=held,
        days=days,
        keys=touched.keys,
        known=run.log("silver.rows").newest(run.file_frame(near)),
        ranked=touched.ranked[kind],
    )


def _old_files_on(run: Run, kind: str, dates: Iterable[date]) -> list[Manifest]:
    """Earlier statements in force of a kind that have rows on one of the dates."""
    old = [file for file in _old_files(run) if file.kind == kind]
    return whole_statements([file for file in old if not file.act_dates.keys().isdisjoint(dates)], old)

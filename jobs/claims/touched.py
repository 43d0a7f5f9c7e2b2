"""What a run decides anew of rows: the record keys that its files bring or take away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.claims import bills, landed
from jobs.lake.frames import VALID, listed, newest, semi
from jobs.landing.statements import whole_statements

if TYPE_CHECKING:
    from jobs.lake import Frame
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
    lake = run.lake
    fresh = {kind: landed.rows(run, kind, run.new_files) for kind in landed.KINDS}
    gone = {kind: landed.rows(run, kind, run.superseded_files) for kind in landed.KINDS}
    touched_bills = bills.stirred(run)
    stirred = landed.rows(run, bills.KIND, touched_bills)
    every = {f"{kind}_{number}": part[kind] for number, part in enumerate((fresh, gone)) for kind in landed.KINDS}
    every["stirred"] = stirred
    former = {kind: landed.rows(run, kind, run.replaced) for kind in landed.KINDS} if run.replaced else {}
    every |= {f"former_{kind}": rows for kind, rows in former.items()}
    valid = " UNION ALL ".join(f"SELECT record_key FROM {name} WHERE {VALID}" for name in every)
    keys = lake.keep(f"SELECT DISTINCT record_key FROM ({valid}) AS valid", **every)
    others = list({file.file_id: file for file in (*_files_with(run, keys), *touched_bills)}.values())
    elsewhere = {kind: landed.rows(run, kind, others) for kind in landed.KINDS}
    beaten = bills.beaten(run, fresh[bills.KIND], elsewhere[bills.KIND])
    ranked = {}
    for kind in landed.KINDS:
        columns = fresh[kind].columns
        is_beaten, beaten_by = bills.mark_beaten(kind, "c")
        ranked[kind] = lake.keep(
            f"""SELECT {listed(columns)}, CASE WHEN is_beaten THEN 'superseded' WHEN place = 1 THEN 'record'
                                               ELSE 'repeat' END AS disposition FROM (
                  SELECT *, row_number() OVER (PARTITION BY record_key, is_beaten ORDER BY {LATEST_FIRST}) AS place FROM (
                    SELECT {listed(columns, "c.")}, {is_beaten} AS is_beaten FROM (
                      SELECT {listed(columns)} FROM fresh WHERE {VALID}
                      UNION ALL
                      SELECT {listed(columns, "e.")} FROM elsewhere AS e
                      LEFT SEMI JOIN keys AS k ON e.record_key = k.record_key WHERE {VALID}) AS c
                    {beaten_by}) AS candidates) AS placed""",
            fresh=fresh[kind],
            elsewhere=elsewhere[kind],
            keys=keys,
            beaten=beaten,
        )
    return Touched(fresh, gone, former, stirred, beaten, keys, ranked)


def _files_with(run: Run, keys: Frame) -> list[Manifest]:
    """Statements in force, other than the new ones, that hold a row with one of the keys."""
    new = {file.file_id for file in run.new_files}
    old = {file.file_id: file for file in run.files_in_force if file.file_id not in new}
    if not old:
        return []
    held = run.lake.sql(
        """SELECT DISTINCT r.file_id FROM rows AS r LEFT SEMI JOIN keys AS k ON r.record_key = k.record_key""",
        rows=run.read("silver.rows"),
        keys=keys,
    )
    found = run.lake.to_arrow(held).column("file_id").to_pylist()
    return whole_statements([old[file_id] for file_id in found if file_id in old], old.values())


def touched_days(run: Run, touched: Touched, kind: str, condition: str) -> Frame:
    """(customer_key, act_date) of every touched valid row of a kind."""
    parts = {"fresh": touched.fresh[kind], "gone": touched.gone[kind], "ranked": touched.ranked[kind]}
    if touched.former:
        parts["former"] = touched.former[kind]
    rows = " UNION ALL ".join(
        f"SELECT customer_key, act_date FROM {name} WHERE {VALID} AND {condition}" for name in parts
    )
    return run.lake.keep(f"SELECT DISTINCT customer_key, act_date FROM ({rows}) AS days", **parts)


def records_on(run: Run, touched: Touched, kind: str, days: Frame) -> Frame:
    """Every record in force of a kind for (customer_key, act_date) in `days`, whatever run brought it."""
    dates = run.dates(days)
    new = {file.file_id for file in run.new_files}
    old = [file for file in run.files_in_force if file.kind == kind and file.file_id not in new]
    near = whole_statements([file for file in old if not file.act_dates.keys().isdisjoint(dates)], old)
    held = landed.rows(run, kind, near)
    known = newest(
        run.lake, semi(run.lake, run.read("silver.rows"), run.file_frame(near), "file_id"), "file_id", "line"
    )
    columns = held.columns
    return run.lake.keep(
        f"""SELECT {listed(columns, "h.")} FROM held AS h
              LEFT SEMI JOIN days AS d ON h.customer_key = d.customer_key AND h.act_date = d.act_date
              LEFT ANTI JOIN keys AS k ON h.record_key = k.record_key
              LEFT ANTI JOIN (SELECT file_id, line FROM known WHERE disposition IN ('repeat', 'superseded')) AS p
                ON h.file_id = p.file_id AND h.line = p.line
            WHERE {VALID}
            UNION ALL
            SELECT {listed(columns, "r.")} FROM ranked AS r
              LEFT SEMI JOIN days AS d ON r.customer_key = d.customer_key AND r.act_date = d.act_date
            WHERE r.disposition = 'record'""",
        held=held,
        days=days,
        keys=touched.keys,
        known=known,
        ranked=touched.ranked[kind],
    )

"""What a run decides anew of rows: the record keys that its files bring or take away.

Rows that share a key are looked for by causality: an act is stated after it happened. So what shares the key of a row
with an act date stands in a statement of the day before that date or later, and no other statement is read. A number that
is given anew to an act after all statements of its former one is thereby another act; where one run sees both, the later
statement is the record, and the other its repeat.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

from jobs.claims import bills, landed
from jobs.claims.landed import VALID
from jobs.lake.frames import listed
from jobs.landing.statements import whole_statements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.lake import Frame, Lake
    from jobs.lake.log import Log
    from jobs.landing.manifests import Manifest
    from jobs.runs.run import Run
    from schemas.sources import Feed


LATEST_FIRST = "business_date DESC, revision DESC, part DESC, line DESC"
"""Of rows that share a record key the first in this order is the record."""


UNDATED = ("registration", "consent")
"""Kinds of rows that have no act date."""


@dataclass(frozen=True)
class Touched:
    """Rows that this run must decide on, one frame per kind of feed.

    Attributes:
        fresh: rows of files consumed for the first time.
        gone: rows of files in force until now, superseded by a higher revision.
        former: what files that were landed again held before.
        stirred: rows of earlier bills that share days with a bill that came or went.
        beaten: (file_id, line) of rows that a later bill of the same customer and day replaces.
        keys: institution, feed, row_kind, record_key and act_date (null where the kind has none) of the first four, valid
            rows only.
        known: record_key and act_date of the rows with one of the keys that earlier runs saw: `gone`, `former`, and in
            force elsewhere; of a full computation all. What a key made until now, one of these made.
        ranked: every valid row in force that has one of the keys, from whatever file, with its `disposition`
            among the rows of its key: `record` or `repeat`; `superseded` where a later bill replaces it.
        files: those of earlier runs that any of these rows stand in.
    """

    fresh: dict[str, Frame]
    gone: dict[str, Frame]
    former: dict[str, Frame]
    stirred: Frame
    beaten: Frame
    keys: Frame
    known: Frame
    ranked: dict[str, Frame]
    files: list[Manifest]


def touched_by(run: Run) -> Touched:
    """From the files that this run brings or takes away to the rows that have to be decided again."""
    lake = run.lake
    fresh = {kind: landed.rows(run, kind, run.new_files) for kind in landed.KINDS}
    gone = {kind: landed.rows(run, kind, run.superseded_files) for kind in landed.KINDS}
    former = {kind: landed.rows(run, kind, run.replaced) for kind in landed.KINDS} if run.replaced else {}
    stirred_bills = bills.stirred(run)
    stirred = landed.rows(run, bills.KIND, stirred_bills)
    seen_before = [*gone.items(), *former.items()]
    told = [_keys_of(lake, kind, rows) for kind, rows in (*fresh.items(), *seen_before, (bills.KIND, stirred))]
    keys = lake.keep("SELECT * FROM told", told=lake.union(*told))
    others = list({file.file_id: file for file in (*_files_with(run, keys), *stirred_bills)}.values())
    elsewhere = {kind: _elsewhere(run, kind, others, keys) for kind in landed.KINDS}
    seen_before += [*elsewhere.items(), *(fresh.items() if run.full else ())]
    known = [_keys_of(lake, kind, rows) for kind, rows in seen_before]
    beaten = bills.beaten(run, fresh[bills.KIND], stirred, elsewhere[bills.KIND])
    ranked = {kind: _ranked(run, kind, fresh[kind], elsewhere[kind], beaten) for kind in landed.KINDS}
    return Touched(
        fresh,
        gone,
        former,
        stirred,
        beaten,
        keys,
        lake.keep("SELECT DISTINCT record_key, act_date FROM known", known=lake.union(*known)),
        ranked,
        [*others, *run.superseded_files, *run.replaced],
    )


# -- record keys, and who else has them --------------------------------------------------------------


def _keys_of(lake: Lake, kind: str, rows: Frame) -> Frame:
    """What a valid row is looked for by."""
    act_date = "CAST(NULL AS date)" if kind in UNDATED else "act_date"
    return lake.sql(
        f"""
        SELECT institution, feed, '{kind}' AS row_kind, record_key, {act_date} AS act_date
        FROM rows
        WHERE {VALID}
        """,
        rows=rows,
    )


def _elsewhere(run: Run, kind: str, files: Sequence[Manifest], keys: Frame) -> Frame:
    """The valid rows of a kind in these files that have one of the keys."""
    rows = landed.rows(run, kind, files)
    if all(file.kind != kind for file in files):
        return rows
    return run.lake.keep(
        f"""
        SELECT {listed(rows.columns, "r.")}
        FROM rows AS r
        LEFT SEMI JOIN keys AS k ON r.record_key = k.record_key
        WHERE {VALID}
        """,
        rows=rows,
        keys=keys,
    )


def _files_with(run: Run, keys: Frame) -> list[Manifest]:
    """Statements in force, other than the new ones, that hold a row with one of the keys."""
    near = _files_near(run, keys)
    found: list[Manifest] = []
    for has_dates in (True, False):  # those of kinds without act dates go far back
        old = {file.file_id: file for file in near if (file.kind not in UNDATED) == has_dates}
        if not old:
            continue
        held = run.lake.sql(
            """
            SELECT DISTINCT r.file_id
            FROM rows AS r
            LEFT SEMI JOIN keys AS k ON r.record_key = k.record_key
            """,
            rows=rows_log(run, list(old.values())).rows,
            keys=keys,
        )
        ids = run.lake.to_arrow(held).column("file_id").to_pylist()
        found += whole_statements([old[file_id] for file_id in ids if file_id in old], old.values())
    return found


class _First(NamedTuple):
    """The first act date of a feed's keys; none where its kind has none."""

    institution: str
    feed: str
    act_date: date | None


def _files_near(run: Run, keys: Frame) -> list[Manifest]:
    """Files in force, other than the new ones, in which a row with one of the keys may stand."""
    if run.full:
        return []
    firsts = run.lake.ask(
        _First, "SELECT institution, feed, min(act_date) AS act_date FROM keys GROUP BY institution, feed", keys=keys
    )
    moved: dict[tuple[str, str], date] = defaultdict(lambda: date.max)
    for file in (*run.new_files, *run.superseded_files, *run.replaced):
        moved[file.institution, file.feed] = min(moved[file.institution, file.feed], file.business_date)
    near = []
    for one in firsts:
        contract = run.registry.sources[one.institution].feeds[one.feed]
        first = one.act_date or moved[one.institution, one.feed] - timedelta(days=contract.oldest_days)
        first -= timedelta(days=1 + _lag_of(contract))
        near += old_files_of(run, one.institution, one.feed, first, date.max)
    return near


def old_files_of(run: Run, institution: str, feed: str, first: date, last: date) -> list[Manifest]:
    """Files in force of a feed's statements of these business dates, but those that this run uses first or anew."""
    new = {file.file_id for file in run.new_files}
    return [file for file in run.files_in_force_of(institution, feed, first, last) if file.file_id not in new]


def rows_log(run: Run, files: Sequence[Manifest]) -> Log:
    """silver.rows of the months and kinds of these files, so that others are not read."""
    rows = run.log("silver.rows")
    if not files:
        return rows.where("false")
    dates = [file.business_date for file in files]
    months = listed(sorted({f"'{day:%Y-%m}'" for day in dates}))
    kinds = listed(sorted({f"'{file.kind}'" for file in files}))
    return rows.where(
        f"business_month IN ({months}) AND row_kind IN ({kinds}) "
        f"AND business_date BETWEEN DATE '{min(dates)}' AND DATE '{max(dates)}'"
    )


def _ranked(run: Run, kind: str, fresh: Frame, elsewhere: Frame, beaten: Frame) -> Frame:
    """The rows in force of a kind that have one of the keys, with their disposition among the rows of their key."""
    lake, columns = run.lake, listed(fresh.columns)
    candidates = lake.sql(
        f"SELECT {columns} FROM fresh WHERE {VALID} UNION ALL SELECT {columns} FROM elsewhere",
        fresh=fresh,
        elsewhere=elsewhere,
    )
    marked = bills.marked(lake, kind, candidates, beaten)
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
        candidates=marked,
    )


def _lag_of(feed: Feed) -> int:
    """Whoever knows an act by its booking alone may have said the day of the act so many days before."""
    return max(feed.booking_lag_days, *(change.booking_lag_days for change in feed.changes), 0)


# -- days of which everything counts -----------------------------------------------------------------


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


def records_on(run: Run, touched: Touched, kind: str, days: Frame, near: Sequence[Manifest]) -> Frame:
    """Every record in force of a kind for (customer_key, act_date) in `days`, whatever run brought it.

    Args:
        near: earlier statements in force that have rows on these days.
    """
    held = landed.rows(run, kind, near)
    columns = held.columns
    return run.lake.keep(
        f"""
        WITH passed_over AS (SELECT file_id, line FROM known WHERE disposition IN ('repeat', 'superseded'))
        SELECT {listed(columns, "h.")}
        FROM held AS h
        LEFT SEMI JOIN days AS d ON h.customer_key = d.customer_key AND h.act_date = d.act_date
        LEFT ANTI JOIN ranked AS k ON h.file_id = k.file_id AND h.line = k.line
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
        known=rows_log(run, near).newest(run.file_frame(near)),
        ranked=touched.ranked[kind],
    )


def old_files_on(run: Run, kind: str, dates: Sequence[date]) -> list[Manifest]:
    """Earlier statements in force of a kind that have rows on one of the dates."""
    if not dates:
        return []
    near = []
    for source in run.registry.sources.values():
        for name, feed in source.feeds.items():
            if feed.kind == kind:
                last = max(dates) + timedelta(days=feed.oldest_days)
                old = old_files_of(run, source.id, name, min(dates), last)
                near += whole_statements([file for file in old if not file.act_dates.keys().isdisjoint(dates)], old)
    return near

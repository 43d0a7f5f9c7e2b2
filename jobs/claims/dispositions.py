"""Every row's one disposition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.claims import bills, landed
from jobs.claims.grouped import Grouped
from jobs.claims.landed import VALID
from jobs.claims.touched import Touched, rows_log
from jobs.lake.frames import keys_equal, listed

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.lake.log import Log
    from jobs.runs.run import Run


REFUSED = """
    CASE WHEN disposition = 'record' THEN refused_code END AS code,
    CASE WHEN disposition = 'record' THEN refused_column END AS column_name,
    CASE WHEN disposition = 'record' THEN refused_shape END AS value_shape"""
"""Of a registration: the identifier that it counts without."""


def dispositions(run: Run, touched: Touched, taps: Grouped) -> Frame:
    """Rows to append to silver.rows: every row of a new file once, and every older row that changed."""
    lake, log = run.lake, run.log("silver.rows")
    alone = _alone(run, touched)
    stored = _stored(run, alone, touched, taps)
    columns = log.table.content
    computed = listed([f"{told} AS {name}" for name, told in log.table.computed.items()])
    return lake.keep(
        f"""
        WITH changed AS (
            SELECT {listed(columns, "n.")}
            FROM now AS n
            LEFT JOIN stored AS s ON {keys_equal("n", "s", log.table.identity)}
            WHERE s.disposition IS NULL OR s.disposition <> n.disposition
                OR coalesce(s.code, '') <> coalesce(n.code, '')
        )
        SELECT {listed(columns)}, {computed}, CAST({run.seq} AS bigint) AS publication_seq
        FROM changed
        """,
        now=_together(log, alone, taps.rows, stored),
        stored=stored,
    )


def _stored(run: Run, alone: Frame, touched: Touched, taps: Grouped) -> Frame:
    """What earlier runs said of the rows; of files that are used for the first time they said nothing."""
    seen = [*touched.files, *taps.files, *(run.new_files if run.full else ())]
    asked = run.lake.sql(
        """
        WITH both AS (SELECT file_id, line FROM alone UNION ALL SELECT file_id, line FROM grouped)
        SELECT b.file_id, b.line FROM both AS b LEFT SEMI JOIN seen AS s ON b.file_id = s.file_id
        """,
        alone=alone,
        grouped=taps.rows,
        seen=run.file_frame(seen),
    )
    return run.lake.keep("SELECT * FROM stored", stored=rows_log(run, seen).newest(asked))


def _together(log: Log, alone: Frame, grouped: Frame, stored: Frame) -> Frame:
    """What becomes of every row now.

    What a group makes of a row overrides `record`; older rows that the group moved come along.
    """
    columns, key = log.table.content, log.table.identity
    return log.lake.sql(
        f"""
        WITH moved AS (
            SELECT {listed(columns, "s.")}
            FROM stored AS s
            LEFT SEMI JOIN grouped AS g ON {keys_equal("s", "g", key)}
            LEFT ANTI JOIN alone AS a ON {keys_equal("s", "a", key)}
        ),
        named AS (SELECT {listed(columns)} FROM alone UNION ALL SELECT {listed(columns)} FROM moved)
        SELECT n.file_id, n.line, n.institution, n.feed, n.business_date, n.row_kind, n.record_key,
            coalesce(g.disposition, n.disposition) AS disposition,
            CASE WHEN g.disposition IS NULL THEN n.code ELSE g.code END AS code,
            n.column_name, n.value_shape
        FROM named AS n
        LEFT JOIN grouped AS g ON {keys_equal("n", "g", key)}
        """,
        alone=alone,
        grouped=grouped,
        stored=stored,
    )


def _alone(run: Run, touched: Touched) -> Frame:
    """What becomes of every row to decide on by itself, before a group has its say."""
    kinds = [_alone_of(run, touched, kind) for kind in landed.KINDS]
    rows = run.lake.union(landed.rejects(run, run.new_files), *kinds)
    return run.lake.keep("SELECT * FROM rows", rows=rows)


def _alone_of(run: Run, touched: Touched, kind: str) -> Frame:
    """Of the rows of one kind: those that do not count, those that are gone, and those with a rank for their key."""
    lake = run.lake
    seen = touched.fresh[kind]
    if kind == bills.KIND:
        seen = lake.union(seen, touched.stirred)
    row = f"file_id, line, institution, feed, business_date, '{kind}' AS row_kind, record_key"
    no_fault = "CAST(NULL AS string) AS code, CAST(NULL AS string) AS column_name, CAST(NULL AS string) AS value_shape"
    lost = REFUSED if kind == "registration" else no_fault
    return lake.sql(
        f"""
        SELECT {row},
            CASE
                WHEN is_beaten THEN 'superseded'
                WHEN error_code IS NULL THEN 'ignored'
                ELSE 'quarantined'
            END AS disposition,
            CASE WHEN NOT is_beaten THEN coalesce(error_code, ignore_rule) END AS code,
            CASE WHEN NOT is_beaten THEN error_column END AS column_name,
            CASE WHEN NOT is_beaten THEN error_shape END AS value_shape
        FROM seen
        WHERE NOT ({VALID})
        UNION ALL SELECT {row}, 'superseded' AS disposition, {no_fault} FROM gone
        UNION ALL SELECT {row}, disposition, {lost} FROM ranked
        """,
        seen=bills.marked(lake, kind, seen, touched.beaten),
        gone=touched.gone[kind],
        ranked=touched.ranked[kind],
    )

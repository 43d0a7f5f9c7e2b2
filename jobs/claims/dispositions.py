"""Every row's one disposition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.claims import bills, landed
from jobs.claims.grouped import Grouped
from jobs.claims.touched import Touched
from jobs.lake.frames import VALID, keys_equal, listed, newest, semi

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.runs.run import Run


ROW = (
    "file_id", "line", "institution", "feed", "row_kind", "record_key",
    "disposition", "code", "column_name", "value_shape",
)  # fmt: skip


def dispositions(run: Run, touched: Touched, readings: Grouped, taps: Grouped) -> Frame:
    """Rows to append to silver.rows: every row of a new file once, and every older row that changed."""
    lake = run.lake
    frames: dict[str, Frame] = {
        "rejects": landed.rejects(run, run.new_files),
        "stirred": touched.stirred,
        "beaten": touched.beaten,
    }
    parts = [f"SELECT {listed(ROW)} FROM rejects"]
    for kind in landed.KINDS:
        frames |= {
            f"fresh_{kind}": touched.fresh[kind],
            f"gone_{kind}": touched.gone[kind],
            f"ranked_{kind}": touched.ranked[kind],
        }
        is_beaten, beaten_by = bills.mark_beaten(kind, "u")
        uncounted = f"SELECT * FROM fresh_{kind}"
        if kind == bills.KIND:
            uncounted += f" UNION ALL SELECT {listed(touched.fresh[kind].columns)} FROM stirred"
        head = f"SELECT file_id, line, institution, feed, '{kind}' AS row_kind, record_key"
        nothing = (
            "CAST(NULL AS string) AS code, CAST(NULL AS string) AS column_name, CAST(NULL AS string) AS value_shape"
        )
        parts += [
            f"""SELECT u.file_id, u.line, u.institution, u.feed, '{kind}' AS row_kind, u.record_key,
                       CASE WHEN {is_beaten} THEN 'superseded' WHEN u.error_code IS NULL THEN 'ignored'
                            ELSE 'quarantined' END AS disposition,
                       CASE WHEN NOT {is_beaten} THEN coalesce(u.error_code, u.ignore_rule) END AS code,
                       CASE WHEN NOT {is_beaten} THEN u.error_column END AS column_name,
                       CASE WHEN NOT {is_beaten} THEN u.error_shape END AS value_shape
                FROM ({uncounted}) AS u {beaten_by}
                WHERE NOT ({VALID})""",
            f"{head}, 'superseded' AS disposition, {nothing} FROM gone_{kind}",
            f"{head}, disposition, {nothing} FROM ranked_{kind}",
        ]
    decided = lake.keep(" UNION ALL ".join(parts), **frames)
    grouped = lake.keep(
        """SELECT file_id, line, disposition, code FROM readings
           UNION ALL SELECT file_id, line, disposition, code FROM taps""",
        readings=readings.rows,
        taps=taps.rows,
    )
    key = ("file_id", "line")
    asked = lake.sql("SELECT file_id, line FROM a UNION SELECT file_id, line FROM b", a=decided, b=grouped)
    stored = newest(lake, semi(lake, run.read("silver.rows"), asked, *key), *key)
    stored = lake.keep("SELECT * FROM stored", stored=stored)
    # What a group makes of a row overrides `record`; older rows that the group moved come along.
    same = keys_equal("n", "g", key)
    return lake.keep(
        f"""WITH named AS (
              SELECT {listed(ROW)} FROM decided
              UNION ALL
              SELECT {listed(ROW, "s.")} FROM stored AS s
                LEFT SEMI JOIN grouped AS g ON {keys_equal("s", "g", key)}
                LEFT ANTI JOIN decided AS d ON {keys_equal("s", "d", key)}),
            now AS (
              SELECT n.file_id, n.line, n.institution, n.feed, n.row_kind, n.record_key,
                     coalesce(g.disposition, n.disposition) AS disposition,
                     CASE WHEN g.disposition IS NULL THEN n.code ELSE g.code END AS code, n.column_name, n.value_shape
              FROM named AS n LEFT JOIN grouped AS g ON {same})
            SELECT {listed(ROW, "n.")}, CAST({run.seq} AS bigint) AS publication_seq
            FROM now AS n LEFT JOIN stored AS g ON {same}
            WHERE g.disposition IS NULL OR g.disposition <> n.disposition
               OR coalesce(g.code, '') <> coalesce(n.code, '')""",
        decided=decided,
        grouped=grouped,
        stored=stored,
    )

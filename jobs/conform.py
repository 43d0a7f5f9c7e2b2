"""Landed rows → dispositions, claims, customer events and redemptions.

Only what this run's files touch is computed again: the record keys of new and of newly superseded rows,
and – for acts made of several rows: rides and cumulative readings – the days around them. What comes out
is compared with what the logs hold, and the difference is appended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs import bills, landed
from jobs.frames import (
    VALID,
    around,
    changes,
    content_hash,
    in_force,
    keys_equal,
    listed,
    month_of,
    newest,
    semi,
)
from jobs.rides import pair

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.manifests import Manifest
    from jobs.run import Run

LATEST_FIRST = "business_date DESC, revision DESC, part DESC, line DESC"
"""Of rows that share a record key the first in this order is the record."""

ROW = (
    "file_id", "line", "institution", "feed", "row_kind", "record_key",
    "disposition", "code", "column_name", "value_shape",
)  # fmt: skip
CLAIM = (
    "claim_id", "institution", "feed", "customer_key", "claim_kind", "scenario", "occurred_at_unix", "ended_at_unix",
    "time_precision", "act_date", "quantity_micro", "amount_fen", "refunded_fen", "wallet", "merchant_code",
    "merchant_code_source", "is_full_refund", "refers_to_key", "region", "file_id", "line", "support_file_id",
    "support_line",
)  # fmt: skip
EVENT = (
    "event_key", "event_kind", "institution", "feed", "customer_key", "subject_kind", "citizen_id_token",
    "phone_token", "card_token", "card2_token", "key_version", "scope", "is_given", "at_unix", "file_id", "line",
)  # fmt: skip
REDEMPTION = (
    "redemption_id", "institution", "feed", "customer_key", "programme", "benefit", "points", "redeemed_at_unix",
    "act_date", "file_id", "line",
)  # fmt: skip


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


@dataclass(frozen=True)
class Grouped:
    """Acts made of several rows, for the customers and days that were computed again.

    Attributes:
        rows: landed rows with what the group makes of them: `claim_kind`, `disposition`, `code`.
        days: (customer_key, act_date) for which the group's claims are the whole truth.
    """

    rows: Frame
    days: Frame


def conform(run: Run) -> dict[str, Frame]:
    """What this run appends to silver.rows, silver.claims, silver.customer_events and silver.redemptions."""
    touched = _touched(run)
    readings = _readings(run, touched)
    taps = _taps(run, touched)
    return {
        "silver.rows": _rows(run, touched, readings, taps),
        "silver.claims": _claims(run, touched, readings, taps),
        "silver.customer_events": _customer_events(run, touched),
        "silver.redemptions": _redemptions(run, touched),
    }


# -- what is touched ---------------------------------------------------------------------------------


def _touched(run: Run) -> Touched:
    lake = run.lake
    fresh = {kind: landed.rows(run, kind, run.new_files) for kind in landed.KINDS}
    gone = {kind: landed.rows(run, kind, run.superseded_files) for kind in landed.KINDS}
    touched_bills = bills.stirred(run)
    stirred = landed.rows(run, bills.KIND, touched_bills)
    every = {f"{kind}_{number}": part[kind] for number, part in enumerate((fresh, gone)) for kind in landed.KINDS}
    every["stirred"] = stirred
    former = {kind: landed.rows(run, kind, run.replaced) for kind in landed.KINDS} if run.replaced else {}
    every |= {f"former_{kind}": rows for kind, rows in former.items()}
    valid = " UNION ALL ".join(f"SELECT record_key FROM {{{name}}} WHERE {VALID}" for name in every)
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
                      SELECT {listed(columns)} FROM {{fresh}} WHERE {VALID}
                      UNION ALL
                      SELECT {listed(columns, "e.")} FROM {{elsewhere}} AS e
                      LEFT SEMI JOIN {{keys}} AS k ON e.record_key = k.record_key WHERE {VALID}) AS c
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
        """SELECT DISTINCT r.file_id FROM {rows} AS r LEFT SEMI JOIN {keys} AS k ON r.record_key = k.record_key""",
        rows=run.read("silver.rows"),
        keys=keys,
    )
    found = run.lake.to_arrow(held).column("file_id").to_pylist()
    return landed.whole_statements([old[file_id] for file_id in found if file_id in old], old.values())


def _touched_days(run: Run, touched: Touched, kind: str, condition: str) -> Frame:
    """(customer_key, act_date) of every touched valid row of a kind."""
    parts = {"fresh": touched.fresh[kind], "gone": touched.gone[kind], "ranked": touched.ranked[kind]}
    if touched.former:
        parts["former"] = touched.former[kind]
    rows = " UNION ALL ".join(
        f"SELECT customer_key, act_date FROM {{{name}}} WHERE {VALID} AND {condition}" for name in parts
    )
    return run.lake.keep(f"SELECT DISTINCT customer_key, act_date FROM ({rows}) AS days", **parts)


def _records_on(run: Run, touched: Touched, kind: str, days: Frame) -> Frame:
    """Every record in force of a kind for (customer_key, act_date) in `days`, whatever run brought it."""
    dates = run.dates(days)
    new = {file.file_id for file in run.new_files}
    old = [file for file in run.files_in_force if file.kind == kind and file.file_id not in new]
    near = landed.whole_statements([file for file in old if not file.act_dates.keys().isdisjoint(dates)], old)
    held = landed.rows(run, kind, near)
    known = newest(
        run.lake, semi(run.lake, run.read("silver.rows"), run.file_frame(near), "file_id"), "file_id", "line"
    )
    columns = held.columns
    return run.lake.keep(
        f"""SELECT {listed(columns, "h.")} FROM {{held}} AS h
              LEFT SEMI JOIN {{days}} AS d ON h.customer_key = d.customer_key AND h.act_date = d.act_date
              LEFT ANTI JOIN {{keys}} AS k ON h.record_key = k.record_key
              LEFT ANTI JOIN (SELECT file_id, line FROM {{known}} WHERE disposition IN ('repeat', 'superseded')) AS p
                ON h.file_id = p.file_id AND h.line = p.line
            WHERE {VALID}
            UNION ALL
            SELECT {listed(columns, "r.")} FROM {{ranked}} AS r
              LEFT SEMI JOIN {{days}} AS d ON r.customer_key = d.customer_key AND r.act_date = d.act_date
            WHERE r.disposition = 'record'""",
        held=held,
        days=days,
        keys=touched.keys,
        known=known,
        ranked=touched.ranked[kind],
    )


# -- acts made of several rows -----------------------------------------------------------------------


def _readings(run: Run, touched: Touched) -> Grouped:
    """Cumulative counts: the highest reading of a customer's day leads, the others support it."""
    days = _touched_days(run, touched, "act", "claim_kind = 'reading'")
    records = _records_on(run, touched, "act", days)
    columns = listed([name for name in records.columns if name != "disposition"])
    rows = run.lake.keep(
        f"""SELECT {columns}, CASE WHEN place = 1 THEN 'record' ELSE 'supporting' END AS disposition,
                   CAST(NULL AS string) AS code
            FROM (SELECT *, row_number() OVER (
                    PARTITION BY customer_key, institution, feed, scenario, act_date
                    ORDER BY quantity_micro DESC, occurred_at_unix, record_key) AS place
                  FROM {{records}} WHERE claim_kind = 'reading') AS placed""",
        records=records,
    )
    return Grouped(rows, days)


def _taps(run: Run, touched: Touched) -> Grouped:
    """Taps paired into rides. A tap can change rides led on the days beside its own."""
    lake = run.lake
    days = around(lake, _touched_days(run, touched, "tap", "true"), "1")
    records = _records_on(run, touched, "tap", around(lake, days, "1"))
    paired = pair(lake, records, lake.from_arrow(run.policy.pairing), lake.from_arrow(run.policy.distances))
    rows = lake.keep(
        """SELECT p.* FROM {paired} AS p
           LEFT SEMI JOIN {days} AS d ON p.customer_key = d.customer_key AND p.lead_date = d.act_date""",
        paired=paired,
        days=days,
    )
    return Grouped(rows, days)


# -- claims ------------------------------------------------------------------------------------------


def _claims(run: Run, touched: Touched, readings: Grouped, taps: Grouped) -> Frame:
    """Rows to append to silver.claims."""
    lake = run.lake
    types = lake.tables["silver.claims"].types
    given = {"claim_id": "record_key", "scenario": "coalesce(scenario, '')"}
    frames = {
        "acts": touched.ranked["act"],
        "readings": readings.rows,
        "payments": touched.ranked["payment"],
        "taps": taps.rows,
    }
    select = {name: _shaped(CLAIM, types, frame, given) for name, frame in frames.items()}
    new = lake.keep(
        f"""SELECT {listed(CLAIM)}, CASE WHEN claim_kind = 'refund' THEN '' ELSE scenario END AS family,
                   {month_of("act_date")} AS act_month, {content_hash(CLAIM)} AS content_hash FROM (
              SELECT {select["acts"]} FROM {{acts}} WHERE disposition = 'record' AND claim_kind = 'act'
              UNION ALL SELECT {select["readings"]} FROM {{readings}} WHERE disposition = 'record'
              UNION ALL SELECT {select["payments"]} FROM {{payments}} WHERE disposition = 'record'
              UNION ALL SELECT {select["taps"]} FROM {{taps}} WHERE disposition = 'record') AS claims""",
        **frames,
    )
    day = "l.customer_key = d.customer_key AND l.act_date = d.act_date"
    reached = lake.keep(
        f"""SELECT l.claim_id, l.act_date FROM {{log}} AS l LEFT SEMI JOIN {{keys}} AS k ON l.claim_id = k.record_key
            UNION
            SELECT l.claim_id, l.act_date FROM {{log}} AS l LEFT SEMI JOIN {{reading_days}} AS d ON {day}
            WHERE l.claim_kind = 'reading'
            UNION
            SELECT l.claim_id, l.act_date FROM {{log}} AS l LEFT SEMI JOIN {{tap_days}} AS d ON {day}
            WHERE l.claim_kind IN ('ride', 'tap')""",
        log=run.read("silver.claims"),
        keys=touched.keys,
        reading_days=readings.days,
        tap_days=taps.days,
    )
    key = ("claim_id", "act_date")
    return changes(lake, new, in_force(lake, semi(lake, run.read("silver.claims"), reached, *key), *key), key, run.seq)


def _shaped(columns: Sequence[str], types: Mapping[str, str], rows: Frame, given: Mapping[str, str]) -> str:
    """Landed rows as those columns: by the given expression, else by name, else null where the kind has none."""
    held = set(rows.columns)
    return ", ".join(
        f"{given.get(name, name if name in held else f'CAST(NULL AS {types[name]})')} AS {name}" for name in columns
    )


# -- customers ---------------------------------------------------------------------------------------


def _customer_events(run: Run, touched: Touched) -> Frame:
    """Rows to append to silver.customer_events."""
    lake = run.lake
    types = lake.tables["silver.customer_events"].types
    kinds = {
        "registration": {"event_key": "record_key", "at_unix": "registered_at_unix"},
        "consent": {"event_key": "record_key"},
    }
    parts = " UNION ALL ".join(
        f"""SELECT {_shaped(EVENT, types, touched.ranked[kind], given | {"event_kind": f"'{kind}'"})}
            FROM {{{kind}}} WHERE disposition = 'record'"""
        for kind, given in kinds.items()
    )
    new = lake.keep(
        f"SELECT {listed(EVENT)}, {content_hash(EVENT)} AS content_hash FROM ({parts}) AS events",
        **{kind: touched.ranked[kind] for kind in kinds},
    )
    asked = lake.sql("SELECT record_key AS event_key FROM {keys}", keys=touched.keys)
    stored = in_force(lake, semi(lake, run.read("silver.customer_events"), asked, "event_key"), "event_key")
    return changes(lake, new, stored, ["event_key"], run.seq)


# -- redemptions -------------------------------------------------------------------------------------


def _redemptions(run: Run, touched: Touched) -> Frame:
    """Rows to append to silver.redemptions."""
    lake = run.lake
    new = lake.keep(
        f"""SELECT {listed(REDEMPTION)}, {month_of("act_date")} AS act_month, {content_hash(REDEMPTION)} AS content_hash
            FROM (SELECT *, record_key AS redemption_id FROM {{ranked}} WHERE disposition = 'record') AS redeemed""",
        ranked=touched.ranked["redemption"],
    )
    asked = lake.sql("SELECT record_key AS redemption_id FROM {keys}", keys=touched.keys)
    key = ("redemption_id", "act_date")
    stored = in_force(lake, semi(lake, run.read("silver.redemptions"), asked, "redemption_id"), *key)
    return changes(lake, new, stored, key, run.seq)


# -- dispositions ------------------------------------------------------------------------------------


def _rows(run: Run, touched: Touched, readings: Grouped, taps: Grouped) -> Frame:
    """Rows to append to silver.rows: every row of a new file once, and every older row that changed."""
    lake = run.lake
    frames: dict[str, Frame] = {
        "rejects": landed.rejects(run, run.new_files),
        "stirred": touched.stirred,
        "beaten": touched.beaten,
    }
    parts = [f"SELECT {listed(ROW)} FROM {{rejects}}"]
    for kind in landed.KINDS:
        frames |= {
            f"fresh_{kind}": touched.fresh[kind],
            f"gone_{kind}": touched.gone[kind],
            f"ranked_{kind}": touched.ranked[kind],
        }
        is_beaten, beaten_by = bills.mark_beaten(kind, "u")
        uncounted = f"SELECT * FROM {{fresh_{kind}}}"
        if kind == bills.KIND:
            uncounted += f" UNION ALL SELECT {listed(touched.fresh[kind].columns)} FROM {{stirred}}"
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
            f"{head}, 'superseded' AS disposition, {nothing} FROM {{gone_{kind}}}",
            f"{head}, disposition, {nothing} FROM {{ranked_{kind}}}",
        ]
    decided = lake.keep(" UNION ALL ".join(parts), **frames)
    grouped = lake.keep(
        """SELECT file_id, line, disposition, code FROM {readings}
           UNION ALL SELECT file_id, line, disposition, code FROM {taps}""",
        readings=readings.rows,
        taps=taps.rows,
    )
    key = ("file_id", "line")
    asked = lake.sql("SELECT file_id, line FROM {a} UNION SELECT file_id, line FROM {b}", a=decided, b=grouped)
    stored = newest(lake, semi(lake, run.read("silver.rows"), asked, *key), *key)
    stored = lake.keep("SELECT * FROM {stored}", stored=stored)
    # What a group makes of a row overrides `record`; older rows that the group moved come along.
    same = keys_equal("n", "g", key)
    return lake.keep(
        f"""WITH named AS (
              SELECT {listed(ROW)} FROM {{decided}}
              UNION ALL
              SELECT {listed(ROW, "s.")} FROM {{stored}} AS s
                LEFT SEMI JOIN {{grouped}} AS g ON {keys_equal("s", "g", key)}
                LEFT ANTI JOIN {{decided}} AS d ON {keys_equal("s", "d", key)}),
            now AS (
              SELECT n.file_id, n.line, n.institution, n.feed, n.row_kind, n.record_key,
                     coalesce(g.disposition, n.disposition) AS disposition,
                     CASE WHEN g.disposition IS NULL THEN n.code ELSE g.code END AS code, n.column_name, n.value_shape
              FROM named AS n LEFT JOIN {{grouped}} AS g ON {same})
            SELECT {listed(ROW, "n.")}, CAST({run.seq} AS bigint) AS publication_seq
            FROM now AS n LEFT JOIN {{stored}} AS g ON {same}
            WHERE g.disposition IS NULL OR g.disposition <> n.disposition
               OR coalesce(g.code, '') <> coalesce(n.code, '')""",
        decided=decided,
        grouped=grouped,
        stored=stored,
    )

"""Landed rows → dispositions, claims, customer events and redemptions.

Only what this run's files touch is computed again: the record keys of new and of newly superseded rows,
and – for acts made of several rows: rides and cumulative readings – the days around them. What comes out
is compared with what the logs hold, and the difference is appended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from jobs.claims.dispositions import dispositions
from jobs.claims.grouped import Grouped, readings_of, taps_of
from jobs.claims.touched import Touched, touched_by
from jobs.lake.frames import changes, content_hash, in_force, listed, month_of, semi

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.runs.run import Run


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


def conform(run: Run) -> dict[str, Frame]:
    """What this run appends to silver.rows, silver.claims, silver.customer_events and silver.redemptions."""
    touched = touched_by(run)
    readings = readings_of(run, touched)
    taps = taps_of(run, touched)
    return {
        "silver.rows": dispositions(run, touched, readings, taps),
        "silver.claims": _claims(run, touched, readings, taps),
        "silver.customer_events": _customer_events(run, touched),
        "silver.redemptions": _redemptions(run, touched),
    }


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
              SELECT {select["acts"]} FROM acts WHERE disposition = 'record' AND claim_kind = 'act'
              UNION ALL SELECT {select["readings"]} FROM readings WHERE disposition = 'record'
              UNION ALL SELECT {select["payments"]} FROM payments WHERE disposition = 'record'
              UNION ALL SELECT {select["taps"]} FROM taps WHERE disposition = 'record') AS claims""",
        **frames,
    )
    day = "l.customer_key = d.customer_key AND l.act_date = d.act_date"
    reached = lake.keep(
        f"""SELECT l.claim_id, l.act_date FROM log AS l LEFT SEMI JOIN keys AS k ON l.claim_id = k.record_key
            UNION
            SELECT l.claim_id, l.act_date FROM log AS l LEFT SEMI JOIN reading_days AS d ON {day}
            WHERE l.claim_kind = 'reading'
            UNION
            SELECT l.claim_id, l.act_date FROM log AS l LEFT SEMI JOIN tap_days AS d ON {day}
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
            FROM {kind} WHERE disposition = 'record'"""
        for kind, given in kinds.items()
    )
    new = lake.keep(
        f"SELECT {listed(EVENT)}, {content_hash(EVENT)} AS content_hash FROM ({parts}) AS events",
        **{kind: touched.ranked[kind] for kind in kinds},
    )
    asked = lake.sql("SELECT record_key AS event_key FROM keys", keys=touched.keys)
    stored = in_force(lake, semi(lake, run.read("silver.customer_events"), asked, "event_key"), "event_key")
    return changes(lake, new, stored, ["event_key"], run.seq)


def _redemptions(run: Run, touched: Touched) -> Frame:
    """Rows to append to silver.redemptions."""
    lake = run.lake
    new = lake.keep(
        f"""SELECT {listed(REDEMPTION)}, {month_of("act_date")} AS act_month, {content_hash(REDEMPTION)} AS content_hash
            FROM (SELECT *, record_key AS redemption_id FROM ranked WHERE disposition = 'record') AS redeemed""",
        ranked=touched.ranked["redemption"],
    )
    asked = lake.sql("SELECT record_key AS redemption_id FROM keys", keys=touched.keys)
    key = ("redemption_id", "act_date")
    stored = in_force(lake, semi(lake, run.read("silver.redemptions"), asked, "redemption_id"), *key)
    return changes(lake, new, stored, key, run.seq)

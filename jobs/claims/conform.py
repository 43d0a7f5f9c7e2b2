"""conform: landed rows → one disposition each; what counts becomes claims, customers' events and redemptions.

Reads   landed files, silver.rows
Appends silver.rows, silver.claims, silver.customer_events, silver.redemptions

Decided again are the record keys that this run's files bring or take away, and – for rides, which are made of several
rows – the days around them, and for refunds that name no original those that could take back what has changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.claims.dispositions import dispositions
from jobs.claims.grouped import Grouped, taps_of
from jobs.claims.refunds import with_originals
from jobs.claims.touched import Touched, touched_by

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.lake.log import Log
    from jobs.runs.run import Run


def conform(run: Run) -> dict[str, Frame]:
    """What this run appends to silver.rows, silver.claims, silver.customer_events and silver.redemptions."""
    touched = touched_by(run)  # rows by kind: .fresh, .gone, and all in force that share a key with them: .ranked
    taps = taps_of(run, touched)
    return {
        "silver.rows": dispositions(run, touched, taps),
        "silver.claims": _claims(run, touched, taps),
        "silver.customer_events": _customer_events(run, touched),
        "silver.redemptions": _redemptions(run, touched),
    }


def _claims(run: Run, touched: Touched, taps: Grouped) -> Frame:
    """Rows to append to silver.claims."""
    lake, claims = run.lake, run.log("silver.claims")
    told = {"claim_id": "record_key", "scenario": "coalesce(scenario, '')"}
    parts = [touched.ranked["act"], touched.ranked["payment"], taps.rows]
    reached = lake.keep(
        """
        SELECT c.claim_id, c.act_date
        FROM claims AS c
        LEFT SEMI JOIN keys AS k ON c.claim_id = k.record_key
        UNION
        SELECT c.claim_id, c.act_date
        FROM claims AS c
        LEFT SEMI JOIN tap_days AS d ON c.customer_key = d.customer_key AND c.act_date = d.act_date
        WHERE c.claim_kind IN ('ride', 'tap')
        """,
        claims=claims.rows,
        keys=touched.keys,
        tap_days=taps.days,
    )
    records = lake.union(*(_records(claims, part, told) for part in parts))
    records, reached = with_originals(run, records, reached)
    return claims.changes(records, instead_of=claims.in_force(reached))


def _customer_events(run: Run, touched: Touched) -> Frame:
    """Rows to append to silver.customer_events."""
    lake, events = run.lake, run.log("silver.customer_events")
    cards = (
        "coalesce(card_tokens, nullif(concat_ws(' ', card_token, card2_token), ''))"  # older landings have two columns
    )
    told = {
        "registration": {
            "event_kind": "'registration'",
            "event_key": "record_key",
            "at_unix": "registered_at_unix",
            "card_tokens": cards,
        },
        "consent": {"event_kind": "'consent'", "event_key": "record_key"},
    }
    records = lake.union(*(_records(events, touched.ranked[kind], given) for kind, given in told.items()))
    asked = lake.sql("SELECT record_key AS event_key FROM keys", keys=touched.keys)
    return events.changes(records, instead_of=events.in_force(asked))


def _redemptions(run: Run, touched: Touched) -> Frame:
    """Rows to append to silver.redemptions."""
    redemptions = run.log("silver.redemptions")
    records = _records(redemptions, touched.ranked["redemption"], {"redemption_id": "record_key"})
    asked = run.lake.sql("SELECT record_key AS redemption_id FROM keys", keys=touched.keys)
    return redemptions.changes(records, instead_of=redemptions.in_force(asked))


def _records(log: Log, rows: Frame, told: dict[str, str]) -> Frame:
    """The records among landed rows as a table's content.

    Args:
        rows: landed rows with their disposition.
        told: columns by an expression over the row; others go by their name, and are null where the kind has none.
    """
    held = set(rows.columns)
    given = {
        name: told.get(name, name if name in held else f"CAST(NULL AS {log.table.types[name]})")
        for name in log.table.content
    }
    columns = ", ".join(f"{expression} AS {name}" for name, expression in given.items())
    return log.lake.sql(f"SELECT {columns} FROM rows WHERE disposition = 'record'", rows=rows)

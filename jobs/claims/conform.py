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
    made = lake.sql(
        "SELECT record_key AS claim_id, act_date FROM known WHERE act_date IS NOT NULL", known=touched.known
    )
    dates = lake.sql("SELECT act_date FROM made UNION ALL SELECT act_date FROM days", made=made, days=taps.days)
    reached = lake.keep(
        """
        SELECT c.claim_id, c.act_date
        FROM claims AS c
        LEFT SEMI JOIN made AS m ON c.claim_id = m.claim_id AND c.act_date = m.act_date
        UNION
        SELECT c.claim_id, c.act_date
        FROM claims AS c
        LEFT SEMI JOIN tap_days AS d ON c.customer_key = d.customer_key AND c.act_date = d.act_date
        WHERE c.claim_kind IN ('ride', 'tap')
        """,
        claims=run.log("silver.claims", near=dates).rows,
        made=made,
        tap_days=taps.days,
    )
    records = lake.union(*(_records(claims, part, told) for part in parts))
    records, reached = with_originals(run, records, reached)
    return claims.changes(records, instead_of=run.log("silver.claims", near=reached).in_force(reached))


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
    made = lake.sql("SELECT record_key AS event_key FROM known WHERE act_date IS NULL", known=touched.known)
    return events.changes(records, instead_of=events.in_force(made))


def _redemptions(run: Run, touched: Touched) -> Frame:
    """Rows to append to silver.redemptions."""
    redemptions = run.log("silver.redemptions")
    records = _records(redemptions, touched.ranked["redemption"], {"redemption_id": "record_key"})
    made = run.lake.sql(
        "SELECT record_key AS redemption_id, act_date FROM known WHERE act_date IS NOT NULL", known=touched.known
    )
    return redemptions.changes(records, instead_of=run.log("silver.redemptions", near=made).in_force(made))


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

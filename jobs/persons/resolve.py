"""resolve: customers who share an identifier → persons, whose ids last; every birth, merger and split is logged.

Reads   silver.customer_events, silver.claims, silver.redemptions      Appends   silver.membership, silver.identity_log

Components are closed under shared tokens, so one step from the changed customers – to the components of those with
whom they share a token now, and of those they were in before – reaches everybody whose person can change. Nobody else is
looked at: of the logs only the columns by which these are found are read whole, and they grow with people, not with days.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from jobs.lake.frames import listed, semi
from jobs.persons.identity import LEVELS, Identities, Partition, inherit, partition
from jobs.persons.members import members
from schemas.tables import SEQ

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobs.lake import Frame, Lake
    from jobs.runs.run import Run


TOKENS = {
    "citizen_id": ("citizen_id_token", "citizen_id_token"),
    "card": ("card_tokens", "explode(split(card_tokens, ' '))"),
    "phone": ("phone_token", "phone_token"),
}
"""Level of evidence → column of a registration, and the tokens in it: one, or several with spaces between."""
KNOWN = ("person_id", "component_id", "subject_kind", "rule", "origin_id")
"""What silver.membership says of a customer."""


def resolve(run: Run) -> dict[str, Frame]:
    """What this run appends to silver.membership and silver.identity_log."""
    changed = _changed(run)
    affected, registrations = _affected(run, changed, _registrations_near(run, changed))
    customers = _customers(run, affected, registrations)
    found = partition(_column(customers, "customer_key"), _evidence(run.lake, registrations))
    customers = customers.take(pc.index_in(found.customers, value_set=_column(customers, "customer_key")))
    before, origin = (_column(customers, name) for name in ("was_person_id", "was_origin_id"))
    identities = inherit(found, before, origin, lambda some: _births(run, some), run.seq)
    moved = _moved(run, customers, found, identities)
    run.figures["persons_born"] = len(identities.born)
    run.figures["persons_merged"] = len(identities.merged[0])
    log = _log(run, identities, found.conflicts if len(moved) else {})
    return {"silver.membership": run.lake.from_arrow(moved), "silver.identity_log": run.lake.from_arrow(log)}


# -- whose person may change -------------------------------------------------------------------------


def _changed(run: Run) -> Frame:
    """Customers whose registration this run touched, be it that it was theirs, and those that nobody knew before."""
    events, claims, redemptions = map(run.log, ("silver.customer_events", "silver.claims", "silver.redemptions"))
    return run.lake.keep(
        """
        WITH seen AS (
            SELECT customer_key FROM events
            UNION SELECT customer_key FROM claims
            UNION SELECT customer_key FROM redemptions
        )
        SELECT customer_key FROM events WHERE event_kind = 'registration'
        UNION
        SELECT s.customer_key
        FROM seen AS s
        LEFT ANTI JOIN known AS k ON s.customer_key = k.customer_key
        """,
        events=events.rows if run.full else events.of(events.written, "event_key").rows,
        claims=claims.rows if run.full else claims.written,
        redemptions=redemptions.rows if run.full else redemptions.written,
        known=run.read("silver.membership"),
    )


def _registrations_near(run: Run, changed: Frame) -> Frame:
    """The registrations in force of the changed, and of everybody who ever had one of the tokens that these ever had."""
    lake = run.lake
    log = run.log("silver.customer_events").where("event_kind = 'registration'").rows
    near = lake.keep(
        """
        SELECT customer_key FROM changed
        UNION SELECT h.customer_key FROM held AS h LEFT SEMI JOIN theirs AS t ON h.token = t.token
        """,
        changed=changed,
        held=tokens_of(lake, log),
        theirs=tokens_of(lake, semi(lake, log, changed, "customer_key")),
    )
    return registrations_of(run, near)


def registrations_of(run: Run, customers: Frame) -> Frame:
    """The latest registration in force of each of some customers who has one."""
    log = run.log("silver.customer_events").where("event_kind = 'registration'")
    return run.lake.keep(
        f"""
        WITH ranked AS (
            SELECT *, row_number() OVER (PARTITION BY customer_key ORDER BY at_unix DESC, event_key) AS rank
            FROM registrations
        )
        SELECT customer_key, subject_kind, {listed([column for column, _ in TOKENS.values()])}
        FROM ranked
        WHERE rank = 1
        """,
        registrations=log.in_force_of(customers, "customer_key"),
    )


def tokens_of(lake: Lake, registrations: Frame) -> Frame:
    """customer_key, level, token (with the subject kind in it): one row per identifier."""
    parts = " UNION ALL ".join(
        f"""
        SELECT customer_key, subject_kind, '{level}' AS level, {told} AS token
        FROM registrations
        WHERE {column} IS NOT NULL
        """
        for level, (column, told) in TOKENS.items()
    )
    return lake.sql(
        "SELECT customer_key, level, concat_ws('|', level, subject_kind, token) AS token FROM held",
        held=lake.sql(parts, registrations=registrations),
    )


def _affected(run: Run, changed: Frame, near: Frame) -> tuple[Frame, Frame]:
    """customer_key of everybody whose person can change, and their registrations.

    Args:
        near: the registrations of all who may share a token with the changed.
    """
    lake = run.lake
    reached = lake.keep(
        """
        WITH shared AS (
            SELECT t.token
            FROM tokens AS t
            LEFT SEMI JOIN changed AS c ON t.customer_key = c.customer_key
        )
        SELECT customer_key FROM changed
        UNION SELECT t.customer_key FROM tokens AS t LEFT SEMI JOIN shared AS s ON t.token = s.token
        """,
        changed=changed,
        tokens=tokens_of(lake, near),
    )
    affected = lake.keep(
        "SELECT customer_key FROM reached UNION SELECT customer_key FROM beside",
        reached=reached,
        beside=run.log("silver.membership").in_force_of(members(run, reached), "component_id"),
    )
    others = lake.sql(
        """
        SELECT a.customer_key
        FROM affected AS a
        LEFT ANTI JOIN reached AS r ON a.customer_key = r.customer_key
        """,
        affected=affected,
        reached=reached,
    )
    theirs = lake.union(semi(lake, near, reached, "customer_key"), registrations_of(run, others))
    return affected, lake.keep("SELECT * FROM theirs", theirs=theirs)


# -- to the driver, for the union-find: those affected, and what is known of them, as columns ----------


def _customers(run: Run, affected: Frame, registrations: Frame) -> pa.Table:
    """customer_key, subject_kind – who acts without a registration is a resident –, and `was_…`: what it is now."""
    known = listed([f"k.{name} AS was_{name}" for name in KNOWN])
    found = run.lake.sql(
        f"""
        SELECT a.customer_key, coalesce(r.subject_kind, 'resident') AS subject_kind, {known}
        FROM affected AS a
        LEFT JOIN registrations AS r ON a.customer_key = r.customer_key
        LEFT JOIN known AS k ON a.customer_key = k.customer_key
        """,
        affected=affected,
        registrations=registrations,
        known=members(run, affected),
    )
    return run.lake.to_arrow(found)


def _column(table: pa.Table, name: str) -> pa.Array:
    return table.column(name).combine_chunks()


def _evidence(lake: Lake, registrations: Frame) -> dict[str, tuple[pa.ChunkedArray, pa.ChunkedArray]]:
    """Level → customers and tokens."""
    tokens = lake.to_arrow(tokens_of(lake, registrations))
    of_level = {level: tokens.filter(pc.equal(tokens.column("level"), level)) for level in LEVELS}
    return {level: (one.column("customer_key"), one.column("token")) for level, one in of_level.items()}


def _births(run: Run, persons: pa.Array) -> dict[str, int]:
    """Person → number of the publication in which it was born, of those whom a merger or a split concerns."""
    told = run.lake.ask(
        dict,
        """
        SELECT DISTINCT l.person_id, l.publication_seq
        FROM log AS l
        LEFT SEMI JOIN persons AS p ON l.person_id = p.person_id
        WHERE l.change IN ('born', 'split')
        """,
        log=run.read("silver.identity_log"),
        persons=run.lake.from_arrow(pa.table({"person_id": persons})),
    )
    return {row["person_id"]: row["publication_seq"] for row in told}


# -- what is written ---------------------------------------------------------------------------------


def _moved(run: Run, customers: pa.Table, found: Partition, identities: Identities) -> pa.Table:
    """Rows of silver.membership, of whom it says something else until now.

    Args:
        customers: in the order of the partition.
    """
    said = {
        "person_id": identities.person,
        "component_id": found.customers.take(pa.array(found.component)),
        "subject_kind": _column(customers, "subject_kind"),
        "rule": found.rule,
        "origin_id": identities.origin,
    }
    differs = [_differs(said[name], _column(customers, f"was_{name}")) for name in KNOWN]
    moved = pa.table({"customer_key": found.customers, **said}).filter(reduce(pc.or_, differs))
    return _written(run, "silver.membership", moved)


def _differs(one: pa.Array, other: pa.Array) -> pa.Array:
    """Whether values side by side differ; null is a value like others."""
    return pc.fill_null(pc.not_equal(one, other), pc.not_equal(pc.is_null(one), pc.is_null(other)))


def _log(run: Run, identities: Identities, conflicts: Mapping[str, int]) -> pa.Table:
    """Rows of silver.identity_log: how persons came to be, and by level how much evidence was refused."""
    levels = [level for level, count in conflicts.items() if count]
    return pa.concat_tables(
        [
            _changes(run, "born", identities.born, row_count=pa.repeat(1, len(identities.born))),
            _changes(run, "merged", *identities.merged),
            _changes(run, "split", *identities.split),
            _changes(run, "reopened", *identities.reopened),
            _changes(
                run,
                "conflict",
                pa.repeat("", len(levels)),
                rule=pa.array(levels, pa.string()),
                row_count=pa.array([conflicts[level] for level in levels], pa.int64()),
            ),
        ]
    )


def _changes(
    run: Run, change: str, person_id: pa.Array, redirect_to: pa.Array | None = None, **told: pa.Array
) -> pa.Table:
    """Rows of silver.identity_log of one kind of change."""
    size = len(person_id)
    held = {"customer_key": pa.repeat("", size), "rule": pa.repeat("", size), **told}
    if redirect_to is not None:
        held["redirect_to"] = redirect_to
    changes = pa.table({"change": pa.repeat(change, size), "person_id": person_id, **held})
    return _written(run, "silver.identity_log", changes)


def _written(run: Run, table: str, rows: pa.Table) -> pa.Table:
    """Rows in the shape of a table, with the publication that writes them; columns that they lack are null."""
    columns = {name: rows.column(name) for name in rows.column_names} | {SEQ: pa.repeat(run.seq, len(rows))}
    schema = run.lake.arrow_schema(table)
    return pa.table(
        [columns.get(one.name, pa.nulls(len(rows), one.type)).cast(one.type) for one in schema], schema=schema
    )

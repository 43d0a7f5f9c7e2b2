"""resolve: customers who share an identifier → persons, whose ids last; every birth, merger and split is logged.

Reads   silver.customer_events, silver.claims, silver.redemptions      Appends   silver.membership, silver.identity_log

Components are closed under shared tokens, so one step from the changed customers – to the components of those with
whom they share a token now, and of those they were in before – reaches everybody whose person can change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from jobs.lake.frames import listed, semi
from jobs.persons.identity import LEVELS, Identities, Partition, inherit, partition
from jobs.persons.members import members
from schemas.tables import SEQ

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from jobs.lake import Frame, Lake
    from jobs.runs.run import Run


TOKEN_COLUMNS = {
    "citizen_id_token": "citizen_id",
    "card_tokens": "card",
    "phone_token": "phone",
}
"""Column of a registration, of one token or several with spaces between → level of evidence."""


class Member(NamedTuple):
    """A row of silver.membership, but for the publication that wrote it."""

    customer_key: str
    person_id: str
    component_id: str
    subject_kind: str
    rule: str
    origin_id: str | None


class Change(NamedTuple):
    """A row of silver.identity_log, but for the publication that wrote it."""

    change: str
    person_id: str
    redirect_to: str | None = None
    customer_key: str = ""
    rule: str = ""
    row_count: int | None = None


def resolve(run: Run) -> dict[str, Frame]:
    """What this run appends to silver.membership and silver.identity_log."""
    lake = run.lake
    known = lake.keep("SELECT * FROM known", known=members(run))
    registrations = registrations_in_force(run)
    tokens = _tokens(lake, registrations)
    affected = _affected(lake, _changed(run, known), tokens, known)
    kinds = _subject_kinds(lake, affected, registrations)
    before = {one.customer_key: one for one in _members(lake, known, affected)}

    found = partition(list(kinds), _evidence(lake, tokens, affected))
    identities = inherit(
        found,
        {customer: one.person_id for customer, one in before.items()},
        {customer: one.origin_id for customer, one in before.items()},
        _births(run, known, affected),
        run.seq,
    )
    moved = [one for one in _joined(found, identities, kinds) if one != before.get(one.customer_key)]
    conflicts = found.conflicts if moved else {}
    run.figures["persons_born"] = len(identities.born)
    run.figures["persons_merged"] = len(identities.merged)
    return {
        "silver.membership": _rows(run, "silver.membership", moved),
        "silver.identity_log": _rows(run, "silver.identity_log", [*_changes(identities), *_conflicts(conflicts)]),
    }


# -- whose person may change -------------------------------------------------------------------------


def registrations_in_force(run: Run) -> Frame:
    """The latest registration of every customer."""
    return run.lake.keep(
        """
        WITH ranked AS (
            SELECT *, row_number() OVER (PARTITION BY customer_key ORDER BY at_unix DESC, event_key) AS rank
            FROM registrations
        )
        SELECT * FROM ranked WHERE rank = 1
        """,
        registrations=run.log("silver.customer_events").where("event_kind = 'registration'").in_force(),
    )


def _changed(run: Run, known: Frame) -> Frame:
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
        known=known,
    )


def _tokens(lake: Lake, registrations: Frame) -> Frame:
    """customer_key, level, token (with the subject kind in it): one row per identifier."""
    parts = " UNION ALL ".join(
        f"""
        SELECT customer_key, subject_kind, '{level}' AS level, explode(split({column}, ' ')) AS token
        FROM registrations
        WHERE {column} IS NOT NULL
        """
        for column, level in TOKEN_COLUMNS.items()
    )
    return lake.keep(
        "SELECT customer_key, level, concat_ws('|', level, subject_kind, token) AS token FROM held",
        held=lake.sql(parts, registrations=registrations),
    )


def _affected(lake: Lake, changed: Frame, tokens: Frame, known: Frame) -> Frame:
    """customer_key of everybody whose person can change."""
    return lake.keep(
        """
        WITH shared AS (
            SELECT t.token
            FROM tokens AS t
            LEFT SEMI JOIN changed AS c ON t.customer_key = c.customer_key
        ),
        reached AS (
            SELECT customer_key FROM changed
            UNION
            SELECT t.customer_key FROM tokens AS t LEFT SEMI JOIN shared AS s ON t.token = s.token
        ),
        former AS (
            SELECT k.component_id
            FROM known AS k
            LEFT SEMI JOIN reached AS r ON k.customer_key = r.customer_key
        )
        SELECT customer_key FROM reached
        UNION
        SELECT k.customer_key
        FROM known AS k
        LEFT SEMI JOIN former AS f ON k.component_id = f.component_id
        """,
        changed=changed,
        tokens=tokens,
        known=known,
    )


# -- to the driver, for the union-find: those affected, and what is known of them ----------------------


def _subject_kinds(lake: Lake, affected: Frame, registrations: Frame) -> dict[str, str]:
    """Customer → subject kind; who acts without a registration is a resident."""
    found = lake.sql(
        """
        SELECT a.customer_key, coalesce(r.subject_kind, 'resident') AS subject_kind
        FROM affected AS a
        LEFT JOIN registrations AS r ON a.customer_key = r.customer_key
        """,
        affected=affected,
        registrations=registrations,
    )
    columns = lake.to_arrow(found).to_pydict()
    return dict(zip(columns["customer_key"], columns["subject_kind"]))


def _members(lake: Lake, known: Frame, affected: Frame) -> list[Member]:
    """What the affected customers are now."""
    return lake.ask(
        Member,
        f"SELECT {listed(Member._fields)} FROM known",
        known=semi(lake, known, affected, "customer_key"),
    )


def _births(run: Run, known: Frame, affected: Frame) -> dict[str, int]:
    """Person → number of the publication in which it was born, of whom the affected count for."""
    told = run.lake.sql(
        """
        SELECT DISTINCT l.person_id, l.publication_seq
        FROM log AS l
        LEFT SEMI JOIN origins AS o ON l.person_id = o.origin_id
        WHERE l.change IN ('born', 'split')
        """,
        log=run.read("silver.identity_log"),
        origins=semi(run.lake, known, affected, "customer_key"),
    )
    columns = run.lake.to_arrow(told).to_pydict()
    return dict(zip(columns["person_id"], columns["publication_seq"]))


def _evidence(lake: Lake, tokens: Frame, affected: Frame) -> dict[str, list[tuple[str, str]]]:
    """Level → (customer, token) of the affected."""
    columns = lake.to_arrow(semi(lake, tokens, affected, "customer_key")).to_pydict()
    evidence: dict[str, list[tuple[str, str]]] = {level: [] for level in LEVELS}
    for customer, level, token in zip(columns["customer_key"], columns["level"], columns["token"]):
        evidence[level].append((customer, token))
    return evidence


# -- what is written ---------------------------------------------------------------------------------


def _joined(found: Partition, identities: Identities, kinds: Mapping[str, str]) -> Iterator[Member]:
    """Every customer with the person that it belongs to."""
    for customer, component, rule in zip(found.customers, found.component.tolist(), found.rule):
        person, name = identities.person[customer], found.customers[component]
        yield Member(customer, person, name, kinds[customer], rule, identities.origin[customer])


def _changes(identities: Identities) -> Iterator[Change]:
    """How persons came to be."""
    yield from (Change("born", person, row_count=1) for person in identities.born)
    yield from (Change("merged", old, redirect_to=new) for old, new in identities.merged.items())
    yield from (Change("split", new, redirect_to=old) for new, old in identities.split.items())
    yield from (Change("reopened", old, redirect_to=left) for old, left in identities.reopened.items())


def _conflicts(conflicts: Mapping[str, int]) -> Iterator[Change]:
    """Evidence that was refused, by level."""
    yield from (Change("conflict", "", rule=level, row_count=count) for level, count in conflicts.items() if count)


def _rows(run: Run, table: str, rows: Iterable[Member | Change]) -> Frame:
    """Rows of a table, with the publication that writes them."""
    return run.lake.rows(table, [{**row._asdict(), SEQ: run.seq} for row in rows])

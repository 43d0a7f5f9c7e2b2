"""Tokens → persons, for the customers that new evidence can reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.lake.frames import in_force, newest, semi
from jobs.persons.identity import LEVELS, inherit, partition

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake
    from jobs.runs.run import Run


TOKEN_COLUMNS = {
    "citizen_id_token": "citizen_id",
    "card_token": "card",
    "card2_token": "card",
    "phone_token": "phone",
}


def resolve(run: Run) -> dict[str, Frame]:
    """What this run appends to silver.membership and silver.identity_log.

    Components are closed under shared tokens, so one step from the changed customers – to the
    components of those with whom they share a token now, and of those they were in before – reaches
    everybody whose person can change.
    """
    lake = run.lake
    registrations = registrations_in_force(lake, run.read("silver.customer_events"))
    members = lake.keep("SELECT * FROM m", m=newest(lake, run.read("silver.membership"), "customer_key"))
    changed = _changed(run, members)
    tokens = _tokens(lake, registrations)
    affected = lake.keep(
        """WITH reached AS (
             SELECT customer_key FROM changed
             UNION
             SELECT t.customer_key FROM tokens AS t LEFT SEMI JOIN (
               SELECT o.token FROM tokens AS o LEFT SEMI JOIN changed AS c ON o.customer_key = c.customer_key) AS s
               ON t.token = s.token)
           SELECT customer_key FROM reached
           UNION
           SELECT m.customer_key FROM members AS m LEFT SEMI JOIN (
             SELECT n.component_id FROM members AS n LEFT SEMI JOIN reached AS r ON n.customer_key = r.customer_key) AS p
             ON m.component_id = p.component_id""",
        changed=changed,
        tokens=tokens,
        members=members,
    )
    customers = lake.to_arrow(
        lake.sql(
            """SELECT a.customer_key, coalesce(r.subject_kind, 'resident') AS subject_kind
               FROM affected AS a LEFT JOIN registrations AS r ON a.customer_key = r.customer_key""",
            affected=affected,
            registrations=registrations,
        )
    ).to_pydict()
    evidence = _evidence(lake.to_arrow(semi(lake, tokens, affected, "customer_key")).to_pydict())
    known_rows = lake.to_arrow(semi(lake, members, affected, "customer_key")).to_pylist()
    before = {row["customer_key"]: row for row in known_rows}

    found = partition(customers["customer_key"], evidence)
    identities = inherit(found, {key: row["person_id"] for key, row in before.items()}, run.seq)
    kinds = dict(zip(customers["customer_key"], customers["subject_kind"]))
    membership: list[dict[str, Any]] = []
    for number, key in enumerate(found.customers):
        row = {
            "customer_key": key,
            "person_id": identities.person[key],
            "component_id": found.customers[found.component[number]],
            "subject_kind": kinds[key],
            "rule": found.rule[number],
            "publication_seq": run.seq,
        }
        known = before.get(key)
        if known is None or any(known[name] != row[name] for name in row if name != "publication_seq"):
            membership.append(row)
    run.figures["persons_born"] = len(identities.born)
    run.figures["persons_merged"] = len(identities.merged)
    log: list[dict[str, Any]] = [
        *({"change": "born", "person_id": person, "row_count": 1} for person in identities.born),
        *({"change": "merged", "person_id": old, "redirect_to": new} for old, new in identities.merged.items()),
        *({"change": "split", "person_id": new, "redirect_to": old} for new, old in identities.split.items()),
        *(
            {"change": "conflict", "person_id": "", "rule": level, "row_count": count}
            for level, count in found.conflicts.items()
            if count and membership
        ),
    ]
    for entry in log:
        entry.setdefault("customer_key", "")
        entry.setdefault("rule", "")
        entry["publication_seq"] = run.seq
    return {
        "silver.membership": lake.rows("silver.membership", membership),
        "silver.identity_log": lake.rows("silver.identity_log", log),
    }


def registrations_in_force(lake: Lake, events: Frame) -> Frame:
    """The latest registration of every customer."""
    live = in_force(lake, lake.sql("SELECT * FROM e WHERE event_kind = 'registration'", e=events), "event_key")
    return lake.keep(
        """SELECT * FROM (SELECT *, row_number() OVER (
             PARTITION BY customer_key ORDER BY at_unix DESC, event_key) AS place FROM live) AS placed WHERE place = 1""",
        live=live,
    )


def _changed(run: Run, members: Frame) -> Frame:
    """Customers whose registration this run touched, and those that nobody knew before."""
    read = run.read if run.full else run.written
    return run.lake.keep(
        """SELECT customer_key FROM events WHERE event_kind = 'registration'
           UNION
           SELECT s.customer_key FROM (SELECT customer_key FROM events UNION SELECT customer_key FROM claims
                                       UNION SELECT customer_key FROM redemptions) AS s
           LEFT ANTI JOIN members AS m ON s.customer_key = m.customer_key""",
        events=read("silver.customer_events"),
        claims=read("silver.claims"),
        redemptions=read("silver.redemptions"),
        members=members,
    )


def _tokens(lake: Lake, registrations: Frame) -> Frame:
    """customer_key, level, token (with the subject kind in it): one row per identifier."""
    parts = " UNION ALL ".join(
        f"""SELECT customer_key, '{level}' AS level, concat_ws('|', '{level}', subject_kind, {column}) AS token
            FROM registrations WHERE {column} IS NOT NULL"""
        for column, level in TOKEN_COLUMNS.items()
    )
    return lake.keep(parts, registrations=registrations)


def _evidence(columns: dict[str, list[str]]) -> dict[str, list[tuple[str, str]]]:
    evidence: dict[str, list[tuple[str, str]]] = {level: [] for level in LEVELS}
    for customer, level, token in zip(columns["customer_key"], columns["level"], columns["token"]):
        evidence[level].append((customer, token))
    return evidence

"""What a person would want to read: what was credited, what was not and why, what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from jobs.errors import NotFound
from jobs.lake.chain import publication_for
from jobs.lake.frames import in_force, newest, semi
from jobs.reading.carbon_record import Record, record
from jobs.reading.emissions import Emissions, own_emissions
from jobs.reading.explain import only_hex
from jobs.reading.points import Due, Tally, next_due, tallies
from schemas.ledger import REDUCTION

if TYPE_CHECKING:
    from jobs.lake import Lake
    from schemas import Registry


REASONS = {
    "consent_missing": "no consent was in force at that institution when it happened",
    "other_tap_missing": "the entry or the exit of the ride is missing",
    "reporter_not_accepted": "this kind of institution cannot vouch for such an act",
    "payment_taken_back": "the payment was taken back in full",
    "same_payment": "a payment that another institution reported as well; it counts once",
    "payment_alone": "a card payment alone does not show what was done",
    "spend": "a payment: it earns nothing, and what it emits is estimated",
    "same_act": "another institution reported the same act; it counts once",
    "no_factor": "no sourced factor exists for it yet",
    "no_quantity": "no quantity was reported",
    "original_missing": "a refund whose payment has not been reported",
    "refund": "a refund of a payment",
}


@dataclass(frozen=True)
class Statement:
    """One person's account as published for a business date.

    Attributes:
        credited: scenario, institution, acts, milligrams of the month so far.
        reductions: scenario → milligrams since the account began, caps applied.
        emissions: what the person's payments emit, since the account began; apart from reductions.
        points: of every programme with any entry; due: what of them expires next.
        record: months of history, levels, and how whole the account is.
        not_credited: scenario, institution, outcome, reason, claims of the month so far.
        missing: (institution, feed) that the person's institutions owe for the date.
        institutions: institutions where the person has given a consent.
        example: an entry id to try `explain` with.
    """

    person_id: str
    business_date: date
    publication_seq: int
    credited: list[dict[str, Any]]
    reductions: dict[str, int]
    emissions: Emissions
    points: list[Tally]
    due: list[Due]
    record: Record
    not_credited: list[dict[str, Any]]
    missing: list[tuple[str, str]]
    institutions: list[str]
    example: str | None


def statement(lake: Lake, registry: Registry, person_id: str, business_date: date) -> Statement:
    """The account of a person as it was published for a date.

    Raises:
        NotFound: the date was not published, or the person is unknown then; a merged person names the successor.
    """
    person = only_hex(person_id)
    seq = publication_for(lake, business_date)
    _require(lake, person, seq)
    month = f"{business_date:%Y-%m}"

    def ask(query: str, **tables: str) -> list[dict[str, Any]]:
        frames = {name: lake.read(table) for name, table in tables.items()}
        found: list[dict[str, Any]] = lake.to_arrow(lake.sql(query, **frames)).to_pylist()
        return found

    mine = f"person_id = '{person}' AND publication_seq <= {seq}"
    credited = ask(
        f"""SELECT scenario, institution, count(DISTINCT position) AS acts, CAST(sum(amount) AS bigint) AS milligrams
            FROM (SELECT *, CAST(sum(amount) OVER (PARTITION BY position, measure) AS bigint) AS standing FROM ledger
                  WHERE {mine} AND measure = '{REDUCTION}' AND act_month = '{month}'
                    AND act_date <= DATE '{business_date}') AS entries
            WHERE standing <> 0 GROUP BY scenario, institution ORDER BY scenario, institution""",
        ledger="gold.ledger",
    )
    sums = ask(
        f"""SELECT scenario, CAST(sum(amount) AS bigint) AS amount FROM ledger
            WHERE {mine} AND measure = '{REDUCTION}' GROUP BY scenario ORDER BY scenario""",
        ledger="gold.ledger",
    )
    # A claim may since have gone to another person: its newest row says whose it is.
    month_log = lake.sql(
        f"""SELECT * FROM log WHERE publication_seq <= {seq} AND act_month = '{month}'
            AND act_date <= DATE '{business_date}'""",
        log=lake.read("silver.activities"),
    )
    ever_mine = lake.sql(f"SELECT claim_id FROM log WHERE person_id = '{person}'", log=month_log)
    held_back = lake.to_arrow(
        lake.sql(
            f"""SELECT scenario, institution, outcome, reason, count(1) AS claims FROM now
                WHERE person_id = '{person}' AND outcome <> 'credited'
                GROUP BY scenario, institution, outcome, reason ORDER BY scenario, institution, outcome""",
            now=in_force(lake, semi(lake, month_log, ever_mine, "claim_id"), "claim_id", "act_date"),
        )
    ).to_pylist()
    institutions = [
        row["institution"]
        for row in ask(
            f"""SELECT DISTINCT e.institution FROM events AS e JOIN (
                  SELECT customer_key, person_id, row_number() OVER (PARTITION BY customer_key ORDER BY publication_seq DESC) AS age
                  FROM members WHERE publication_seq <= {seq}) AS m
                ON e.customer_key = m.customer_key
                WHERE m.age = 1 AND m.person_id = '{person}' AND e.is_given ORDER BY e.institution""",
            events="silver.customer_events",
            members="silver.membership",
        )
    ]
    missing = [
        (row["institution"], row["feed"])
        for row in ask(
            f"""SELECT DISTINCT m.institution, m.feed FROM coverage AS m LEFT ANTI JOIN (
                  SELECT institution, feed FROM coverage WHERE file_state = 'consumed'
                  AND business_date = DATE '{business_date}' AND publication_seq <= {seq}) AS c
                  ON m.institution = c.institution AND m.feed = c.feed
                WHERE m.file_state = 'missing' AND m.business_date = DATE '{business_date}'
                  AND m.publication_seq <= {seq} ORDER BY m.institution, m.feed""",
            coverage="gold.coverage",
        )
        if row["institution"] in institutions
    ]
    example = ask(
        f"SELECT entry_id FROM ledger WHERE {mine} AND measure = '{REDUCTION}' ORDER BY amount DESC, entry_id LIMIT 1",
        ledger="gold.ledger",
    )
    points = tallies(lake, seq, person=person)
    return Statement(
        person_id=person,
        business_date=business_date,
        publication_seq=seq,
        credited=credited,
        reductions={row["scenario"]: row["amount"] for row in sums},
        emissions=own_emissions(lake, seq, person=person),
        points=points,
        due=next_due(lake, registry.programmes.values(), person, seq, business_date),
        record=record(
            lake, registry, person, seq, business_date, [registry.programmes[one.programme] for one in points]
        ),
        not_credited=held_back,
        missing=missing,
        institutions=institutions,
        example=example[0]["entry_id"] if example else None,
    )


def _require(lake: Lake, person: str, seq: int) -> None:
    members = newest(
        lake,
        lake.sql(f"SELECT * FROM m WHERE publication_seq <= {seq}", m=lake.read("silver.membership")),
        "customer_key",
    )
    if lake.has_rows(lake.sql(f"SELECT * FROM m WHERE person_id = '{person}'", m=members)):
        return
    redirects = lake.to_arrow(
        lake.sql(
            f"SELECT redirect_to FROM log WHERE change = 'merged' AND person_id = '{person}' AND publication_seq <= {seq}",
            log=lake.read("silver.identity_log"),
        )
    ).to_pylist()
    if redirects:
        raise NotFound(f"person {person} was merged into {redirects[-1]['redirect_to']}")
    raise NotFound(f"no person {person}")

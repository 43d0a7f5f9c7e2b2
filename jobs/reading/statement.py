"""What a person would want to read: what was credited, what was not and why, what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from jobs.lake.chain import publication_for, published
from jobs.reading.carbon_record import CarbonRecord, carbon_record
from jobs.reading.emissions import Emissions, own_emissions
from jobs.reading.exclusions import Excluded, excluded_of
from jobs.reading.members import alone, members, only_hex, require
from jobs.reading.points import Due, Tally, next_due, tallies
from schemas.ledger import REDUCTION

if TYPE_CHECKING:
    from jobs.lake import Lake
    from jobs.lake.log import Log
    from schemas import Registry


REASONS = {
    "consent_missing": "no consent was in force at that institution when it happened",
    "other_tap_missing": "the entry or the exit of the ride is missing",
    "number_given_anew": "the institution gave this act's number to a later act",
    "reporter_not_accepted": "this kind of institution cannot vouch for such an act",
    "payment_taken_back": "the payment was taken back in full",
    "payment_taken_back_by_match": "the payment was taken back in full, by a refund matched by merchant and amount",
    "same_payment": "a payment that another institution reported as well; it counts once",
    "payment_alone": "a card payment alone does not show what was done",
    "spend": "a payment: it earns nothing, and what it emits is estimated",
    "same_act": "another institution reported the same act; it counts once",
    "same_count": "a running total of the day that another reading counts",
    "no_factor": "no sourced factor exists for it yet",
    "no_quantity": "no quantity was reported",
    "original_missing": "a refund whose payment has not been reported",
    "no_purchase_matches": "a refund to which no payment fits by merchant and amount",
    "refund": "a refund of a payment",
    "refund_by_match": "a refund of a payment, which it was matched to by merchant and amount",
}


@dataclass(frozen=True)
class AccountStatement:
    """One person's account as published for a business date.

    Attributes:
        credited: scenario, institution, acts, milligrams of the month so far.
        excluded: what of it does not count, for another act claims the same saving.
        reductions: scenario → milligrams since the account began, exclusions and caps applied.
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
    excluded: list[Excluded]
    reductions: dict[str, int]
    emissions: Emissions
    points: list[Tally]
    due: list[Due]
    record: CarbonRecord
    not_credited: list[dict[str, Any]]
    missing: list[tuple[str, str]]
    institutions: list[str]
    example: str | None


def statement(lake: Lake, registry: Registry, person_id: str, business_date: date) -> AccountStatement:
    """The account of a person as it was published for a date.

    Raises:
        NotFound: the date was not published, or the person is unknown then; a merged person names the successor.
    """
    person = only_hex(person_id)
    seq = publication_for(lake, business_date)
    require(lake, person, seq)
    ledger = published(lake, "gold.ledger", seq).where(f"person_id = '{person}'")
    points = tallies(lake, seq, person=person)
    rewarding = [registry.programmes[one.programme] for one in points]
    institutions = _institutions(lake, person, seq)
    return AccountStatement(
        person_id=person,
        business_date=business_date,
        publication_seq=seq,
        credited=_credited(lake, ledger, business_date),
        excluded=excluded_of(lake, registry, ledger.where(f"act_month = '{business_date:%Y-%m}'")),
        reductions=_reductions(lake, ledger),
        emissions=own_emissions(lake, seq, person=person),
        points=points,
        due=next_due(lake, registry.programmes.values(), person, seq, business_date),
        record=carbon_record(lake, registry, person, seq, business_date, rewarding),
        not_credited=_not_credited(lake, person, seq, business_date),
        missing=[one for one in _missing(lake, seq, business_date) if one[0] in institutions],
        institutions=institutions,
        example=_example(lake, ledger),
    )


def _credited(lake: Lake, ledger: Log, on: date) -> list[dict[str, Any]]:
    """What was done in the month and counts: acts and milligrams by scenario and institution, with what caps took."""
    return lake.ask(
        dict,
        """
        WITH by_position AS (
            SELECT scenario, institution, position, sum(amount) AS standing
            FROM month
            GROUP BY scenario, institution, position
        )
        SELECT scenario, institution, count(1) AS acts, CAST(sum(standing) AS bigint) AS milligrams
        FROM by_position
        WHERE standing <> 0
        GROUP BY scenario, institution
        ORDER BY scenario, institution
        """,
        month=ledger.where(
            f"measure = '{REDUCTION}' AND position_kind <> 'exclusion' AND act_month = '{on:%Y-%m}'"
        ).rows,
    )


def _reductions(lake: Lake, ledger: Log) -> dict[str, int]:
    """What was reduced since the account began, by scenario."""
    found = lake.ask(
        dict,
        """
        SELECT scenario, CAST(sum(amount) AS bigint) AS amount
        FROM reductions
        GROUP BY scenario
        ORDER BY scenario
        """,
        reductions=ledger.where(f"measure = '{REDUCTION}'").rows,
    )
    return {row["scenario"]: row["amount"] for row in found}


def _not_credited(lake: Lake, person: str, seq: int, on: date) -> list[dict[str, Any]]:
    """What was reported of the month and does not count, and why: claims by scenario, institution and reason."""
    month = published(lake, "silver.activities", seq).where(f"act_month = '{on:%Y-%m}' AND act_date <= DATE '{on}'")
    return lake.ask(
        dict,
        """
        SELECT scenario, institution, outcome, reason, count(1) AS claims
        FROM mine
        WHERE outcome <> 'credited'
        GROUP BY scenario, institution, outcome, reason
        ORDER BY scenario, institution, outcome
        """,
        mine=month.in_force_of(alone(lake, person), "person_id"),
    )


def _institutions(lake: Lake, person: str, seq: int) -> list[str]:
    """Where the person has given a consent."""
    found = lake.ask(
        dict,
        f"""
        SELECT DISTINCT e.institution
        FROM events AS e
        JOIN members AS m ON e.customer_key = m.customer_key
        WHERE m.person_id = '{person}' AND e.is_given
        ORDER BY e.institution
        """,
        events=lake.read("silver.customer_events"),
        members=members(lake, seq),
    )
    return [row["institution"] for row in found]


def _missing(lake: Lake, seq: int, on: date) -> list[tuple[str, str]]:
    """What is owed for the date, by whomever: institution and feed."""
    coverage = published(lake, "gold.coverage", seq).where(f"business_date = DATE '{on}'")
    found = lake.ask(
        dict,
        """
        WITH used AS (SELECT institution, feed FROM coverage WHERE file_state = 'consumed')
        SELECT DISTINCT m.institution, m.feed
        FROM coverage AS m
        LEFT ANTI JOIN used AS u ON m.institution = u.institution AND m.feed = u.feed
        WHERE m.file_state = 'missing'
        ORDER BY m.institution, m.feed
        """,
        coverage=coverage.rows,
    )
    return [(row["institution"], row["feed"]) for row in found]


def _example(lake: Lake, ledger: Log) -> str | None:
    """An entry to contest: the largest."""
    largest = lake.ask(
        dict,
        "SELECT entry_id FROM reductions ORDER BY amount DESC, entry_id LIMIT 1",
        reductions=ledger.where(f"measure = '{REDUCTION}'").rows,
    )
    return largest[0]["entry_id"] if largest else None

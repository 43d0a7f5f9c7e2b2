"""The report of one publication, put together from its parts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from jobs.errors import NotFound
from jobs.lake.chain import QUALITY, publications, published
from jobs.reading.emissions import Emissions, own_emissions
from jobs.reading.points import Tally, tallies
from jobs.reading.report.accounts import accounts, people
from jobs.reading.report.claims import Claims, Duplicates, claims
from jobs.reading.report.coverage import Coverage, Rows, coverage, rows, states_of
from jobs.reading.report.kilograms import Kilograms, kilograms
from schemas.tables import SEQ

if TYPE_CHECKING:
    from jobs.lake import Lake
    from schemas import Registry

DAYS = 31
"""So many act dates stand singly; what is older is one sum."""


@dataclass(frozen=True)
class Imprint:
    """Who is speaking: number, business date, state, and the hashes that chain the publication."""

    seq: int
    business_date: date
    state: str
    registry_hash: str
    hash: str
    previous_hash: str


@dataclass(frozen=True)
class Verdict:
    """A quality rule's result."""

    rule_id: str
    table_name: str
    severity: str
    is_passed: bool
    observed: int
    checked: int


@dataclass(frozen=True)
class Report:
    """One publication.

    Attributes:
        previous: the publication before; None for the first.
        emissions: of people's payments of the last `DAYS` act dates, apart from the kilograms.
        points: of every programme with any entry, since it began.
        accounts: people whose kilograms stand above zero; None for fewer than `FEWEST`, but none.
        accounts_before: as the publication before had it; None where the two together would count out the change.
        accounts_change: their difference; None for fewer than `FEWEST`, but none.
        coverage: of the last `DAYS` business dates as known now, and everything that this publication used.
        brought: (institution, feed) that only people bring: nobody owes them.
    """

    publication: Imprint
    previous: Imprint | None
    kilograms: Kilograms
    emissions: Emissions
    points: list[Tally]
    accounts: int | None
    accounts_before: int | None
    accounts_change: int | None
    coverage: list[Coverage]
    rows: list[Rows]
    claims: list[Claims]
    duplicates: list[Duplicates]
    verdicts: list[Verdict]
    brought: frozenset[tuple[str, str]]

    def states(self, seq: int) -> dict[tuple[str, date], str]:
        """(institution, business date) → how its statements came, as known in publication `seq`: `states_of`."""
        return states_of((one for one in self.coverage if one.seq <= seq), self.brought)


def report(lake: Lake, seq: int) -> Report:
    """What publication `seq` says; the same at any later time.

    Raises:
        NotFound: there is no such publication.
    """
    publication, previous = _imprints(lake, seq)
    first = publication.business_date - timedelta(days=DAYS - 1)
    before, now = accounts(lake, seq)
    decided, duplicates = claims(lake, seq)
    told = Report(
        publication=publication,
        previous=previous,
        kilograms=kilograms(lake, seq, publication.business_date, first),
        emissions=own_emissions(lake, seq, since=first),
        points=tallies(lake, seq),
        accounts=people(now),
        accounts_before=before if people(now - before) is not None else None,
        accounts_change=people(now - before),
        coverage=coverage(lake, seq, first),
        rows=rows(lake, seq),
        claims=decided,
        duplicates=duplicates,
        verdicts=_verdicts(lake, seq),
        brought=_brought(lake.registry),
    )
    lake.forget()
    return told


def _imprints(lake: Lake, seq: int) -> tuple[Imprint, Imprint | None]:
    """A publication's, and that of the one before."""
    found = {}
    for one in publications(lake, f"{SEQ} IN ({seq}, {seq - 1})"):
        assert one.business_date is not None
        found[one.seq] = Imprint(one.seq, one.business_date, one.state, one.registry_hash, one.hash, one.previous_hash)
    if seq not in found:
        raise NotFound(f"there is no publication {seq}; `tanzhang publications` lists them")
    return found[seq], found.get(seq - 1)


def _verdicts(lake: Lake, seq: int) -> list[Verdict]:
    return lake.ask(
        Verdict,
        """
        SELECT rule_id, table_name, severity, is_passed, observed, checked
        FROM quality
        ORDER BY is_passed, severity, table_name, rule_id, observed DESC, checked
        """,
        quality=published(lake, QUALITY, seq).written,
    )


def _brought(registry: Registry) -> frozenset[tuple[str, str]]:
    return frozenset(
        (source.id, name) for source in registry.sources.values() for name, feed in source.feeds.items() if feed.is_bill
    )

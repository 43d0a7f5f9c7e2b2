"""What came from whom and what became of it, read from the lake and the receipts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.lake.chain import published
from jobs.landing.manifests import LANDING
from jobs.landing.receipts import Receipt, load_receipts
from jobs.reading.emissions import Emissions, own_emissions
from jobs.reading.points import Tally, tallies
from jobs.reading.stock import Beyond, beyond
from schemas.ledger import EMISSION, REDUCTION

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake


@dataclass(frozen=True)
class Status:
    """The state of a lake.

    Attributes:
        dispositions: institution, feed, disposition, rows – every row of every consumed file once.
        outcomes: institution, outcome, claims – every claim in force once.
        figures: accounts, entries, milligrams, absorbed claims.
        emissions: what everybody's payments emit, apart from the reductions among the figures.
        points: of every programme with any entry; beyond: benefits of which more was given out than there are.
        coverage: institution, feed, business_date, file_state, is_late, rows.
        refused: deliveries that pull refused.
        stated: institution → rows that its control files state of the files that were used.
    """

    dispositions: list[dict[str, Any]]
    outcomes: list[dict[str, Any]]
    figures: dict[str, int]
    emissions: Emissions
    points: list[Tally]
    beyond: list[Beyond]
    coverage: list[dict[str, Any]]
    refused: list[Receipt]
    stated: dict[str, int]

    @property
    def adds_up(self) -> bool:
        """Whether every row that a control file states has its disposition, and no other row has one."""
        found: Counter[str] = Counter()
        for row in self.dispositions:
            found[row["institution"]] += row["row_count"]
        return +found == +Counter(self.stated)


def status(lake: Lake, home: Path) -> Status:
    """The state of a lake and of its landing folder."""
    receipts = [
        receipt for source in lake.registry.sources.values() for receipt in load_receipts(source, home / LANDING)
    ]
    activities = lake.keep("SELECT * FROM now", now=published(lake, "silver.activities").in_force())
    return Status(
        dispositions=_dispositions(lake),
        outcomes=lake.ask(
            dict,
            """
            SELECT institution, outcome, count(1) AS claims
            FROM activities
            GROUP BY institution, outcome
            ORDER BY institution, outcome
            """,
            activities=activities,
        ),
        figures=_figures(lake, activities),
        emissions=own_emissions(lake),
        points=tallies(lake),
        beyond=beyond(lake, lake.registry),
        coverage=_coverage(lake),
        refused=[receipt for receipt in receipts if receipt.state == "refused"],
        stated=_stated(lake, receipts),
    )


def _dispositions(lake: Lake) -> list[dict[str, Any]]:
    return lake.ask(
        dict,
        """
        SELECT institution, feed, disposition, count(1) AS row_count
        FROM rows
        GROUP BY institution, feed, disposition
        ORDER BY institution, feed, disposition
        """,
        rows=published(lake, "silver.rows").newest(),
    )


def _figures(lake: Lake, activities: Frame) -> dict[str, int]:
    [figures] = lake.ask(
        dict,
        f"""
        SELECT count(DISTINCT CASE WHEN amount > 0 AND measure <> '{EMISSION}' THEN person_id END) AS accounts,
            coalesce(CAST(sum(entries) AS bigint), 0) AS entries,
            coalesce(CAST(sum(CASE WHEN measure = '{REDUCTION}' THEN amount END) AS bigint), 0) AS milligrams
        FROM balances
        """,
        balances=lake.read("gold.balances"),
    )
    absorbed = lake.sql("SELECT 1 AS one FROM activities WHERE outcome = 'absorbed'", activities=activities)
    return {**figures, "absorbed": lake.count(absorbed)}


def _coverage(lake: Lake) -> list[dict[str, Any]]:
    return lake.ask(
        dict,
        """
        SELECT institution, feed, business_date, file_state, is_late, CAST(sum(row_count) AS bigint) AS row_count
        FROM coverage
        GROUP BY institution, feed, business_date, file_state, is_late
        ORDER BY business_date, institution, feed, file_state, is_late
        """,
        coverage=lake.read("gold.coverage"),
    )


def _stated(lake: Lake, receipts: Sequence[Receipt]) -> dict[str, int]:
    """Institution → rows of its files that were used, as its control files state them."""
    # To the driver: as many rows as there are files.
    used = lake.ask(
        dict,
        "SELECT DISTINCT file_id FROM coverage WHERE file_state = 'consumed'",
        coverage=lake.read("gold.coverage"),
    )
    ids = {row["file_id"] for row in used}
    stated: Counter[str] = Counter()
    for receipt in receipts:
        stated[receipt.institution] += sum(file.rows for file in receipt.files if file.file_id in ids)
    return dict(stated)

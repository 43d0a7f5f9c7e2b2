"""What came from whom and what became of it, read from the lake and the receipts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.lake.frames import in_force, newest
from jobs.landing.manifests import LANDING
from jobs.landing.receipts import Receipt, load_receipts
from jobs.reading.emissions import Emissions, own_emissions
from jobs.reading.points import Tally, tallies
from jobs.reading.stock import Beyond, beyond

if TYPE_CHECKING:
    from jobs.lake import Lake


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

    def ask(query: str, **frames: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = lake.to_arrow(lake.sql(query, **frames)).to_pylist()
        return found

    rows = newest(lake, lake.read("silver.rows"), "file_id", "line")
    activities = lake.keep("SELECT * FROM a", a=in_force(lake, lake.read("silver.activities"), "claim_id", "act_date"))
    balances = lake.read("gold.balances")
    figures = ask(
        """SELECT count(DISTINCT CASE WHEN amount > 0 AND measure <> 'emission_mg' THEN person_id END) AS accounts,
                  coalesce(CAST(sum(entries) AS bigint), 0) AS entries,
                  coalesce(CAST(sum(CASE WHEN measure = 'reduction_mg' THEN amount END) AS bigint), 0) AS milligrams
           FROM balances""",
        balances=balances,
    )[0]
    receipts = [
        receipt for source in lake.registry.sources.values() for receipt in load_receipts(source, home / LANDING)
    ]
    # To the driver: as many rows as there are files.
    consumed = ask("SELECT DISTINCT file_id FROM c WHERE file_state = 'consumed'", c=lake.read("gold.coverage"))
    used = {row["file_id"] for row in consumed}
    stated: Counter[str] = Counter()
    for receipt in receipts:
        stated[receipt.institution] += sum(file.rows for file in receipt.files if file.file_id in used)
    absorbed = ask("SELECT count(1) AS n FROM a WHERE outcome = 'absorbed'", a=activities)[0]["n"]
    return Status(
        dispositions=ask(
            """SELECT institution, feed, disposition, count(1) AS row_count FROM rows
               GROUP BY institution, feed, disposition ORDER BY institution, feed, disposition""",
            rows=rows,
        ),
        outcomes=ask(
            """SELECT institution, outcome, count(1) AS claims FROM a
               GROUP BY institution, outcome ORDER BY institution, outcome""",
            a=activities,
        ),
        figures={**figures, "absorbed": absorbed},
        emissions=own_emissions(lake),
        points=tallies(lake),
        beyond=beyond(lake, lake.registry),
        coverage=ask(
            """SELECT institution, feed, business_date, file_state, is_late, CAST(sum(row_count) AS bigint) AS row_count
               FROM coverage GROUP BY institution, feed, business_date, file_state, is_late
               ORDER BY business_date, institution, feed, file_state""",
            coverage=lake.read("gold.coverage"),
        ),
        refused=[receipt for receipt in receipts if receipt.state == "refused"],
        stated=dict(stated),
    )

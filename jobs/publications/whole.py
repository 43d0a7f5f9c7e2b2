"""The invariants of the ledger asked of all that ever was, where a run asks only beside what it wrote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jobs.lake.frames import listed
from jobs.lake.log import Log
from jobs.ledger.entries import LEDGER, standing_entries
from jobs.publications.acts import Audited, consented
from jobs.publications.audit import earning, invariants, one_credit_per_activity
from jobs.runs.run import Run

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.lake import Frame, Lake
    from jobs.lake.chain import Publication


class _AllOf(Log):
    """A log as if one run had written all of it."""

    @property
    def written(self) -> Frame:
        return self.rows


class _Whole(Run):
    """What the invariants are asked of: every publication at once."""

    def log(self, table: str, near: Frame | None = None, reach: int = 0) -> Log:
        return _AllOf(self.lake, self.registry.tables[table], self.read(table), self.seq)


def broken_by(lake: Lake, home: Path, last: Publication) -> Iterator[str]:
    """Which invariants the lake breaks as its last publication left it, each with how many rows do.

    Of a lake that older code wrote nothing is asked until it is migrated.
    """
    if last.business_date is None or last.schema_version != len(lake.registry.migrations):
        return
    run = _Whole(
        lake=lake, registry=lake.registry, home=home, business_date=last.business_date, last=last, consumed=[], fresh=[],
        replaced=[], refused=[], turned_away=[], judged=[], full=True,
    )  # fmt: skip
    asked = [one_credit_per_activity(run), entries_are_earned(run), consented(run), balances_are_sums(run)]
    for one in invariants(run, asked):
        if one.observed:
            yield f"{one.table_name}: {one.rule.id} is broken by {one.observed} of {one.checked}: {one.rule.text}"
    run.forget()


def entries_are_earned(run: Run) -> Audited:
    """7: whatever stands in the ledger for a claim is earned by its outcome in force."""
    standing = standing_entries(run.lake, run.read(LEDGER))
    unearned = run.lake.sql(
        """
        SELECT s.position, s.act_date
        FROM standing AS s
        LEFT ANTI JOIN earning AS e
            ON s.position = e.position AND s.act_date = e.act_date AND s.position_kind = e.position_kind
        WHERE s.position_kind IN ('activity', 'payment')
        """,
        standing=standing,
        earning=earning(run.lake, run.log("silver.activities").in_force()),
    )
    return Audited("no_consent_no_credit", unearned, standing)


def balances_are_sums(run: Run) -> Audited:
    """9: every balance is the sum of its entries, and of entries without a balance the sum is nothing."""
    lake, held = run.lake, run.read("gold.balances")
    key = listed(lake.tables["gold.balances"].key)
    differ = lake.sql(
        f"""
        WITH parts AS (SELECT {key}, amount FROM ledger UNION ALL SELECT {key}, 0 - amount AS amount FROM held)
        SELECT {key}, CAST(sum(amount) AS bigint) AS amount
        FROM parts
        GROUP BY {key}
        HAVING sum(amount) <> 0
        """,
        ledger=run.read(LEDGER),
        held=held,
    )
    return Audited("balances_equal_ledger", differ, held)

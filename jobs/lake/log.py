"""A log: a table to which every run appends, and in which the newest row of a key is the one that holds.

What its key is, which columns follow from others and what its content is stand in schemas/tables/*.yaml, once.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from jobs.lake.frames import content_hash, keys_equal, listed, semi
from schemas.tables import HASH, IS_LIVE, SEQ

if TYPE_CHECKING:
    from jobs.lake.base import Frame, Lake
    from schemas.tables import Table


@dataclass(frozen=True)
class Log:
    """A log as one run sees it.

    Attributes:
        rows: of the table as it stands now, this run's included; or of what was asked for of it.
        seq: number that the run's publication will have.
    """

    lake: Lake
    table: Table
    rows: Frame
    seq: int

    @property
    def name(self) -> str:
        return self.table.name

    # -- parts of it -----------------------------------------------------------------------------

    @property
    def written(self) -> Frame:
        """The rows that this run appended."""
        return self.lake.sql(f"SELECT * FROM log WHERE {SEQ} = {self.seq}", log=self.rows)

    @property
    def before(self) -> Log:
        """The log as the last publication left it."""
        return self.where(f"{SEQ} < {self.seq}")

    def where(self, condition: str) -> Log:
        """The rows for which a Spark SQL condition holds; one on a partition's column leaves other files unread."""
        return replace(self, rows=self.lake.sql(f"SELECT * FROM log WHERE {condition}", log=self.rows))

    def of_months(self, months: Collection[str]) -> Log:
        """The rows of these months (yyyy-MM), so that other months' files are not read."""
        literals = ", ".join(f"'{one}'" for one in sorted(months))
        return self.where(f"act_month IN ({literals})" if months else "false")

    def of_dates(self, dates: Collection[date]) -> Log:
        """The rows of these act dates, so that other months' files, and those of other dates, are not read."""
        if not dates:
            return self.where("false")
        # No engine passes over files by a list of dates, and both do by months and by the span.
        literals = ", ".join(f"DATE '{one}'" for one in sorted(dates))
        span = f"act_date BETWEEN DATE '{min(dates)}' AND DATE '{max(dates)}' AND act_date IN ({literals})"
        return self.of_months({f"{one:%Y-%m}" for one in dates}).where(span)

    def of(self, owners: Frame, *columns: str) -> Log:
        """The rows of whoever stands in `owners`, told by `columns`."""
        return replace(self, rows=semi(self.lake, self.rows, owners, *columns))

    # -- what holds ------------------------------------------------------------------------------

    def newest(self, among: Frame | None = None) -> Frame:
        """The newest row of every key, withdrawn or not.

        Args:
            among: only of keys that stand here, told by those columns of the key that it has.
        """
        key = self.table.identity
        rows = self.rows if among is None else semi(self.lake, self.rows, among, *_shared(key, among))
        return self.lake.sql(
            f"""
            WITH aged AS (
                SELECT *, row_number() OVER (PARTITION BY {listed(key)} ORDER BY {SEQ} DESC) AS age
                FROM log
            )
            SELECT {listed(self.rows.columns)} FROM aged WHERE age = 1
            """,
            log=rows,
        )

    def in_force(self, among: Frame | None = None) -> Frame:
        """The rows that hold: the newest of every key, unless it withdraws the key."""
        newest = self.newest(among)
        return self.lake.sql(f"SELECT * FROM newest WHERE {IS_LIVE}", newest=newest) if self._withdraws else newest

    def in_force_of(self, owners: Frame, *columns: str) -> Frame:
        """The rows in force of whoever stands in `owners`, told by `columns`, which are none of the key.

        A key may have gone from one owner to another, and its history is long: first every key is found that was ever
        theirs, then its newest row says whose it is.
        """
        key = self.table.identity
        ever = self.lake.keep(
            f"SELECT DISTINCT {listed(key)} FROM held", held=semi(self.lake, self.rows, owners, *columns)
        )
        return semi(self.lake, self.in_force(ever), owners, *columns)

    # -- the next rows ---------------------------------------------------------------------------

    def shaped(self, rows: Frame) -> Frame:
        """Rows of the table's content with what follows from it: computed columns and the content hash."""
        content = self.table.content
        computed = "".join(f", {told} AS {name}" for name, told in self.table.computed.items())
        return self.lake.keep(
            f"SELECT {listed(content)}{computed}, {content_hash(content)} AS {HASH} FROM rows", rows=rows
        )

    def changes(self, rows: Frame, instead_of: Frame) -> Frame:
        """What to append so that `rows` hold where `instead_of` held.

        What is equal in key and content is left out; keys that `rows` lack come back withdrawn.

        Args:
            rows: the table's content.
            instead_of: rows in force of this log.
        """
        columns, key = [*self.table.content, *self.table.computed, HASH], self.table.identity
        return self.lake.keep(
            f"""
            SELECT {listed(columns, "n.")}, true AS {IS_LIVE}, CAST({self.seq} AS bigint) AS {SEQ}
            FROM new AS n
            LEFT ANTI JOIN stored AS s ON {keys_equal("n", "s", [*key, HASH])}
            UNION ALL
            SELECT {listed(columns, "s.")}, false AS {IS_LIVE}, CAST({self.seq} AS bigint) AS {SEQ}
            FROM stored AS s
            LEFT ANTI JOIN new AS n ON {keys_equal("n", "s", key)}
            """,
            new=self.shaped(rows),
            stored=instead_of,
        )

    @property
    def _withdraws(self) -> bool:
        return IS_LIVE in self.table.fields


def _shared(key: list[str], among: Frame) -> list[str]:
    held = set(among.columns)
    return [name for name in key if name in held]

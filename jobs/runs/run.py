"""One run: its number, its frozen list of files, and where each table stood when it began.

A run starts from the last publication's pins. A table beyond its pin – left by a run that was killed
or failed – is restored to it, so such a run leaves nothing behind and its number is used again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from expectations import Measurement, RuleResult
from jobs.lake.chain import Publication
from jobs.lake.log import Log
from jobs.landing.hold import Judged
from jobs.landing.known import Known
from jobs.landing.manifests import Manifest
from jobs.landing.receipts import Receipt
from jobs.landing.statements import in_force
from jobs.policy.tables import Policy
from jobs.runs.notes import Aside
from schemas.deployment import Deployment, since_first

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake
    from jobs.runs.settled import Intake
    from schemas import Registry
    from schemas.quality import QualityRule
    from schemas.sources import Feed


@dataclass
class Run:
    """What every job of one run shares.

    Attributes:
        seq: number that the publication will have.
        consumed: accepted files that earlier publications used, each as it was landed last, of the dates that anything open is
            of; when everything is computed again, of all. Others are asked for by feed and dates.
        fresh: accepted files that this run uses first, or anew because they were landed again: the frozen list.
        replaced: what the files that were landed again were like before.
        refused: files that were refused or held back and not yet reported, and why.
        turned_away: deliveries that were refused as a whole and not yet reported.
        judged: every statement that this run could use first, and what became of its feed's rules.
        unusable, unusable_before: files that landing refused, of this run and before; those that publications told of.
        aside: statements that it does without, as with them no day could be published.
        unjudged: institution → reference in the log, of those whose statements could not be judged and are held back.
        deployment, deployment_before: what deployment.yaml said when the run was opened, and what the last publication
            was made under; None where there was no such file.
        full: compute everything again, from the landed files.
        intake: what of the home is open for the lake; known: all that is settled.
        id: of its record and its log lines; empty where there is nothing to do.
    """

    lake: Lake
    registry: Registry
    home: Path
    business_date: date
    last: Publication
    consumed: list[Manifest]
    fresh: list[Manifest]
    replaced: list[Manifest]
    refused: list[tuple[Manifest, str]]
    turned_away: list[Receipt]
    judged: list[Judged]
    unusable: list[Manifest] = field(default_factory=list)
    unusable_before: list[Manifest] = field(default_factory=list)
    aside: list[Aside] = field(default_factory=list)
    unjudged: dict[str, str] = field(default_factory=dict)
    deployment: Deployment | None = None
    deployment_before: Deployment | None = None
    full: bool = False
    intake: Intake | None = None
    known: Known | None = None
    id: str = ""
    figures: dict[str, Any] = field(default_factory=dict)
    _frames: dict[tuple[str, int], Frame] = field(default_factory=dict)
    """Table and how often it was committed → its rows: opening a table is not free."""

    @property
    def seq(self) -> int:
        return self.last.seq + 1

    @property
    def commit_metadata(self) -> dict[str, str]:
        """What every commit of the run says of itself."""
        return {"publication_seq": str(self.seq), "registry_hash": self.registry.digest}

    @property
    def has_nothing_to_do(self) -> bool:
        """The date is published, and nothing came since; what comes late for a past date belongs to the next one."""
        if self.last.business_date is None or self.business_date > self.last.business_date:
            return False
        return self.business_date < self.last.business_date or not (
            self.fresh or self.refused or self.turned_away or self.full
        )

    @property
    def statement_results(self) -> list[RuleResult]:
        """Of the statements that this run uses first, or is the first to hold back."""
        held = {file.file_id for file, _ in self.refused}
        used = [one for one in self.judged if one.code is None or one.parts[0].file_id in held]
        return [result for one in used for result in one.results] + self._aside_results

    @property
    def _aside_results(self) -> list[RuleResult]:
        """The critical rules for which statements are set aside, each under its statement."""
        rules: dict[str, QualityRule] = {**self.registry.invariants}
        rules |= {rule.id: rule for table in self.registry.tables.values() for rule in table.all_rules}
        return [
            RuleResult(
                Measurement(
                    rules[one.rule_id],
                    one.observed,
                    one.checked,
                    one.business_date,
                    one.table,
                    one.institution,
                    one.feed,
                ),
                is_passed=False,
            )
            for one in self.aside
        ]

    # -- files -----------------------------------------------------------------------------------

    @cached_property
    def near(self) -> list[Manifest]:
        """Files in force of the dates that anything open is of: nothing else can come into force or fall out of it."""
        return in_force([*self.consumed, *self.fresh, *self.unusable])

    @cached_property
    def files_in_force(self) -> list[Manifest]:
        """Accepted files of the highest revision of each statement, and bills that stand; earlier runs' and this one's.

        Every manifest is opened for it.
        """
        if self.intake is None or self.known is None or self.intake.is_whole:
            return self.near
        far = ((one, day) for one in self.known.institutions for day in self.known.dates(one))
        return [
            *self.near,
            *(
                file
                for one, day in far
                if (one, day) not in self.intake.dates
                for file in self.known.in_force_of(one, "*", day)
            ),
        ]

    def files_in_force_of(self, institution: str, feed: str, first_date: date, last_date: date) -> list[Manifest]:
        """The files in force of a feed's business dates, both dates included; of other dates nothing is opened."""
        near = [
            file
            for file in self.near
            if (file.institution, file.feed) == (institution, feed) and first_date <= file.business_date <= last_date
        ]
        return [*near, *self._far(institution, feed, first_date, last_date)]

    def _far(self, institution: str, feed: str, first_date: date, last_date: date) -> list[Manifest]:
        """Those of other dates than `near` is of."""
        if self.intake is None or self.known is None or self.intake.is_whole:
            return []
        return [
            file
            for day in self.known.dates(institution, feed)
            if first_date <= day <= last_date and (institution, day) not in self.intake.dates
            for file in self.known.in_force_of(institution, feed, day)
        ]

    def bills_in_force_of(self, institution: str, first_date: date, customers: Collection[str]) -> list[Manifest]:
        """The bills in force of some customers that came with a business date, or a later one than it."""
        near = [
            file
            for file in self.near
            if file.institution == institution and file.bill and file.bill.customer_key in customers
        ]
        if self.intake is None or self.known is None or self.intake.is_whole:
            return near
        return near + [
            file
            for day in self.known.dates(institution)
            if first_date <= day and (institution, day) not in self.intake.dates
            for file in self.known.bills_of(institution, day, customers)
        ]

    def statements_used(self) -> set[tuple[str, str, date]]:
        """(institution, feed, business date) of which publications before this one used anything. One row each to the driver."""
        said = self.lake.ask(
            dict,
            f"""
            SELECT DISTINCT institution, feed, business_date
            FROM coverage
            WHERE file_state = 'consumed' AND publication_seq <= {self.last.seq}
            """,
            coverage=self.read("gold.coverage"),
        )
        return {(row["institution"], row["feed"], row["business_date"]) for row in said}

    @cached_property
    def first_dates(self) -> dict[str, date]:
        """Institution → the first date of which anything is in force."""
        found = dict((self.intake and self.intake.first) or {})
        dates = self.intake.dates if self.intake else set()
        for institution, day in list(found.items()):
            if (institution, day) in dates:  # it may have been withdrawn
                found.pop(institution)
                known = self.known.dates(institution) if self.known else []
                far = (one for one in known if (institution, one) not in dates)
                far = (one for one in far if self.known and self.known.in_force_of(institution, "*", one))
                found |= {institution: first} if (first := next(far, None)) else {}
        for file in self.near:
            found[file.institution] = min(file.business_date, found.get(file.institution, file.business_date))
        return found

    @cached_property
    def owed(self) -> list[tuple[str, str]]:
        """(institution, feed) of which the run's date has a statement to come."""
        expected = self.deployment or since_first(self.first_dates.items())
        sources = self.registry.sources.values()
        return [(one.id, feed) for one in sources if expected.expects(one.id, self.business_date) for feed in one.owed]

    @cached_property
    def new_files(self) -> list[Manifest]:
        """In force and used by this run first or anew (all in force, when everything is computed again)."""
        taken = self.near if self.full else self.fresh
        force = {file.file_id for file in self.near}
        return [file for file in taken if file.file_id in force]

    @cached_property
    def superseded_files(self) -> list[Manifest]:
        """Out of force now, and not superseded before this run."""
        force = {file.file_id for file in self.near}
        known_before = in_force([*self.consumed, *self.unusable_before])
        before = {file.file_id for file in (*known_before, *self.fresh)}
        known = [*self.consumed, *self.fresh]
        return [file for file in known if file.file_id not in force and (self.full or file.file_id in before)]

    @cached_property
    def policy(self) -> Policy:
        """The registry as the jobs join with it."""
        return Policy(self.registry)

    def feed(self, file: Manifest) -> Feed:
        """The contract of the file's feed."""
        return self.registry.sources[file.institution].feeds[file.feed]

    # -- frames ----------------------------------------------------------------------------------

    def read(self, table: str) -> Frame:
        """The table as it stands now, this run's rows included."""
        stands = (table, self.lake.commits.count(table))
        if stands not in self._frames:
            self._frames[stands] = self.lake.read(table)
        return self._frames[stands]

    def log(self, table: str, near: Frame | None = None, reach: int = 0) -> Log:
        """A log as it stands now, this run's rows included.

        Args:
            near: only the rows on the act dates of this frame, or in its spans, so that other dates' files are not read.
            reach: days around these dates on which rows are wanted, too.
        """
        log = Log(self.lake, self.registry.tables[table], self.read(table), self.seq)
        if near is None or self.full:
            return log
        dates = self.dates(near)
        return log.of_dates({day + timedelta(days=away) for day in dates for away in range(-reach, reach + 1)})

    def forget(self) -> None:
        """Forget every frame: what a job leaves to the next stands in the tables."""
        self._frames.clear()
        self.lake.forget()

    def file_frame(self, files: Iterable[Manifest]) -> Frame:
        """file_id of the files."""
        ids = [file.file_id for file in files]
        return self.lake.from_arrow(pa.table({"file_id": pa.array(ids, pa.string())}))

    def dates(self, days: Frame) -> list[date]:
        """The distinct act dates of a frame, or of its spans; their number does not grow with people."""
        if "act_date" in days.columns:
            found = self.lake.sql("SELECT DISTINCT act_date FROM days", days=days)
            return sorted(self.lake.to_arrow(found).column("act_date").to_pylist())
        found = self.lake.sql("SELECT DISTINCT first_date, last_date FROM days", days=days)
        ends = zip(*(self.lake.to_arrow(found).column(name).to_pylist() for name in ("first_date", "last_date")))
        return sorted({first + timedelta(days=away) for first, last in ends for away in range((last - first).days + 1)})

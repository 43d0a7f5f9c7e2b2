"""One run: its number, its frozen list of files, and where each table stood when it began.

A run starts from the last publication's pins. A table beyond its pin – left by a run that was killed
or failed – is restored to it, so such a run leaves nothing behind and its number is used again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from jobs import hold, landed
from jobs.hold import Judged
from jobs.logs import log
from jobs.manifests import LANDING, Manifest, load_manifests, newest_landings
from jobs.open_run import Landing, OpenRun, load_open_run, new_run_id, verdicts_of
from jobs.policy import Policy
from jobs.pull import Receipt, load_receipts
from schemas.days import cut_off

if TYPE_CHECKING:
    from expectations import RuleResult
    from jobs.lake import Frame, Lake
    from schemas import Registry
    from schemas.sources import Feed

PUBLICATIONS = "gold.publications"


class RunError(Exception):
    """The run cannot go on; the text says why and what mends it."""


@dataclass(frozen=True)
class Pin:
    """Where a table stood in a publication."""

    version: int
    rows: int
    checksum: int


@dataclass(frozen=True)
class Publication:
    """The last publication, as far as the next one needs it. Number 0 is the empty lake."""

    seq: int
    business_date: date | None
    state: str
    hash: str
    pins: dict[str, Pin]


@dataclass
class Run:
    """What every job of one run shares.

    Attributes:
        seq: number that the publication will have.
        consumed: accepted files that earlier publications used, each as it was landed last.
        fresh: accepted files that this run uses first, or anew because they were landed again: the frozen list.
        replaced: what the files that were landed again were like before.
        refused: files that were refused or held back and not yet reported, and why.
        turned_away: deliveries that were refused as a whole and not yet reported.
        judged: every statement that this run could use first, and what became of its feed's rules.
        full: compute everything again, from the landed files.
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
    full: bool = False
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
        return [
            result for one in self.judged if one.code is None or one.parts[0].file_id in held for result in one.results
        ]

    # -- files -----------------------------------------------------------------------------------

    @cached_property
    def files_in_force(self) -> list[Manifest]:
        """Accepted files of the highest revision of each statement, earlier runs' and this one's."""
        return landed.in_force([*self.consumed, *self.fresh])

    @cached_property
    def new_files(self) -> list[Manifest]:
        """In force and used by this run first or anew (all in force, when everything is computed again)."""
        taken = self.files_in_force if self.full else self.fresh
        force = {file.file_id for file in self.files_in_force}
        return [file for file in taken if file.file_id in force]

    @cached_property
    def superseded_files(self) -> list[Manifest]:
        """Out of force now, and not superseded before this run."""
        force = {file.file_id for file in self.files_in_force}
        before = {file.file_id for file in landed.in_force(self.consumed)} | {file.file_id for file in self.fresh}
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

    def release(self) -> None:
        """Forget every frame: what a job leaves to the next stands in the tables."""
        self._frames.clear()
        self.lake.release()

    def written(self, table: str) -> Frame:
        """The rows that this run appended to a log."""
        return self.lake.sql(f"SELECT * FROM {{log}} WHERE publication_seq = {self.seq}", log=self.read(table))

    def before(self, table: str) -> Frame:
        """The rows of a log that earlier publications wrote."""
        return self.lake.sql(f"SELECT * FROM {{log}} WHERE publication_seq < {self.seq}", log=self.read(table))

    def near(self, table: str, days: Frame) -> Frame:
        """The rows of a log on the act dates of a frame, so that other days' files are not read."""
        dates = self.dates(days)
        if self.full or not dates:
            return self.read(table)
        literals = ", ".join(f"DATE '{day}'" for day in dates)
        return self.lake.sql(f"SELECT * FROM {{log}} WHERE act_date IN ({literals})", log=self.read(table))

    def file_frame(self, files: Iterable[Manifest]) -> Frame:
        """file_id of the files."""
        ids = [file.file_id for file in files]
        return self.lake.from_arrow(pa.table({"file_id": pa.array(ids, pa.string())}))

    def dates(self, days: Frame) -> list[date]:
        """The distinct act dates of a frame; their number does not grow with people."""
        found = self.lake.sql("SELECT DISTINCT act_date FROM {days}", days=days)
        return sorted(self.lake.to_arrow(found).column("act_date").to_pylist())


def last_publication(lake: Lake) -> Publication:
    """The newest publication; number 0 where nothing was published yet."""
    newest = lake.sql(
        "SELECT * FROM {record} WHERE publication_seq = (SELECT max(publication_seq) FROM {record})",
        record=lake.read(PUBLICATIONS),
    )
    rows = lake.to_arrow(newest).to_pylist()
    if not rows:
        return Publication(0, None, "", "", {name: Pin(0, 0, 0) for name in lake.tables if name != PUBLICATIONS})
    pins = {row["table_name"]: Pin(row["table_version"], row["row_count"], row["checksum"]) for row in rows}
    one = rows[0]
    return Publication(
        one["publication_seq"], one["business_date"], one["publication_state"], one["publication_hash"], pins
    )


def _is_published(lake: Lake, business_date: date) -> bool:
    record = lake.read(PUBLICATIONS)
    return lake.has_rows(
        lake.sql(f"SELECT 1 FROM {{record}} WHERE business_date = DATE '{business_date}'", record=record)
    )


def begin(
    lake: Lake,
    registry: Registry,
    home: Path,
    business_date: date,
    *,
    full: bool = False,
    done: Collection[str] = (),
) -> Run:
    """Freeze what the run will use and bring every table back to the last publication's pin.

    Args:
        full: compute everything again.
        done: tables that earlier jobs of this same run wrote; they and its frozen list are kept.

    Raises:
        RunError: the date lies before the last published one and was itself never published, or is to be computed
            again; or jobs are to go on with a run that is not open, or is of another date.
    """
    last = last_publication(lake)
    is_past = last.business_date is not None and business_date < last.business_date
    if is_past and (full or not _is_published(lake, business_date)):
        raise RunError(
            f"{business_date} lies before {last.business_date}, the last published date; what came late for it "
            "is part of the next date's run"
        )
    manifests = load_manifests(home)
    noted = load_open_run(lake.path)
    is_open = noted is not None and (noted.publication_seq, noted.business_date) == (last.seq + 1, business_date)
    if done and noted is not None and is_open:
        opened = noted
    else:
        opened = OpenRun(
            publication_seq=last.seq + 1,
            business_date=business_date,
            run_id=new_run_id(),
            files=_received(business_date, manifests),
            released=hold.load_released(home),
            verdicts=noted.verdicts if noted else {},
        )
    run = _frozen(lake, registry, home, opened, last, manifests, full)
    if run.has_nothing_to_do:
        return run  # another date's run may be open: it keeps its tables and its note
    if done and not is_open:
        raise RunError(f"no run of {business_date} is open; start it with conform")
    run.id = opened.run_id
    restore_pins(lake, last, done)
    if not done:
        verdicts = verdicts_of(result for one in run.judged for result in one.results)
        opened.model_copy(update={"verdicts": verdicts}).save(lake.path)
    return run


def restore_pins(lake: Lake, last: Publication, but: Collection[str] = ()) -> None:
    """Bring every table that is beyond the last publication's pin back to it; `but` are left as they are."""
    for name, pin in last.pins.items():
        if name not in but and lake.version(name) != pin.version:
            lake.restore(name, pin.version)
            log.warning("table_restored", table=name, version=pin.version)


Used = dict[str, set[Landing]]
"""State in gold.coverage → files that earlier runs reported."""


def _reported(lake: Lake, seq: int) -> Used:
    """What publications have said of files. To the driver: one row per file of a statement."""
    rows = lake.to_arrow(
        lake.sql(
            f"""SELECT DISTINCT file_id, landing, file_state FROM {{coverage}}
                WHERE file_state <> 'missing' AND publication_seq <= {seq}""",
            coverage=lake.read("gold.coverage"),
        )
    ).to_pylist()
    found: Used = {"consumed": set(), "refused": set()}
    for row in rows:
        found[row["file_state"]].add((row["file_id"], row["landing"]))
    return found


def _frozen(
    lake: Lake,
    registry: Registry,
    home: Path,
    opened: OpenRun,
    last: Publication,
    manifests: list[Manifest],
    full: bool,
) -> Run:
    """The run with its lists of files."""
    business_date = opened.business_date
    used = _reported(lake, last.seq)
    consumed, refused_before = used["consumed"], used["refused"]
    known = newest_landings(file for file in manifests if _landing(file) in consumed)
    usable = newest_landings(file for file in manifests if _landing(file) in opened.files)
    fresh = [file for file in usable if file.state == "accepted" and _landing(file) not in consumed]
    is_past = last.business_date is not None and business_date < last.business_date
    # What is past has nothing to do, and judging takes time.
    judged = [] if is_past else hold.judge_statements(fresh, known, registry, opened.released, opened.judge)
    held = {file.file_id: one.code for one in judged for file in one.parts if one.code is not None}
    fresh = [file for file in fresh if file.file_id not in held]
    again = {file.file_id for file in fresh}
    refused = [(file, file.errors[0].code) for file in usable if file.state == "refused"]
    refused += [(file, held[file.file_id]) for file in usable if file.file_id in held]
    return Run(
        lake=lake,
        registry=registry,
        home=home,
        business_date=business_date,
        last=last,
        consumed=[file for file in known if file.file_id not in again],
        fresh=fresh,
        replaced=[file for file in known if file.file_id in again],
        refused=[(file, code) for file, code in refused if _landing(file) not in refused_before],
        turned_away=[
            receipt
            for source in registry.sources.values()
            for receipt in load_receipts(source, home / LANDING)
            if receipt.state == "refused"
            and receipt.received_at < cut_off(business_date)
            and (receipt.delivery_id, 0) not in refused_before
        ],
        judged=judged,
        full=full,
    )


def _landing(file: Manifest) -> Landing:
    return file.file_id, file.landing


def _received(business_date: date, manifests: list[Manifest]) -> frozenset[Landing]:
    """The files received before the date's cut-off, as they are landed now."""
    until = cut_off(business_date)
    return frozenset(_landing(file) for file in manifests if file.received_at < until)

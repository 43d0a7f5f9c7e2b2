"""migrate: bring the tables of a lake from the format of older code to that of this one, and pin them.

The plan is made and checked before anything is written: the steps, applied to the tables as they stand, must give the
declared ones. Tables are then rewritten from their pinned versions – renaming by column mapping would raise the reader
version –, and one commit of gold.publications makes them visible. Killed before it, nothing has happened to readers,
and migrating again begins anew from the pins.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.errors import FormatError
from jobs.files import remove_tree
from jobs.lake.chain import Next, Pin, Publication, counted, last_publication, sealed_rows
from jobs.lake.format import Format, differences, format_of
from jobs.lake.frames import listed
from jobs.lake.intact import check_start, damages, refuse
from jobs.landing.manifests import LANDED, landed_files
from jobs.logs import log
from jobs.runs.journal import Outcome, recorded
from jobs.runs.notes import discard, new_run_id
from jobs.runs.opening import end_open_run
from schemas.tables import PUBLICATIONS

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake
    from schemas.migrations import LookUpColumn, Migration, Step


@dataclass
class Part:
    """What becomes of a table.

    origin: the table that its rows come from; None where it begins empty. queries: from the rows of one to those of
    the next, each with the table that it looks into. columns: after all of them.
    """

    origin: str | None
    columns: list[str]
    queries: list[tuple[str, str | None]] = field(default_factory=list)
    is_touched: bool = False


@dataclass(frozen=True)
class Plan:
    """What a migration does.

    Attributes:
        stands: the lake as it is.
        pending: the migrations that it has not seen.
        parts: table → what becomes of it, of those that are written anew; gold.publications too where it is touched.
        retired: tables that go.
    """

    stands: Format
    pending: list[Migration]
    parts: dict[str, Part]
    retired: list[str]

    @property
    def is_needed(self) -> bool:
        return bool(self.pending or self.parts)


@dataclass(frozen=True)
class Migrated:
    """What a migration did: the plan, and its publication; None where nothing was to do or nothing is published."""

    plan: Plan
    seq: int | None


def migrate(lake: Lake, home: Path, *, dry_run: bool = False, give_up_run: bool = False) -> Migrated:
    """Apply every migration that the lake has not seen.

    Args:
        lake: opened as it is.
        dry_run: plan only.
        give_up_run: end a run that is open; its date is run again from the start.

    Raises:
        Busy: another process writes.
        RunError: a run is open, or was killed or blocked and not run again.
        FormatError: the steps do not lead from the tables as they stand to the declared ones.
    """
    with lake.writing("migrate"):
        plan = plan_of(lake)
        if dry_run or not plan.is_needed:
            return Migrated(plan, None)
        if not plan.stands.seq:  # begun and never published: nobody has seen its rows
            for name in plan.parts:
                remove_tree(lake.folder(name))
            lake.create_tables()
            discard(lake.path)
            return Migrated(plan, None)
        last = last_publication(lake)
        end_open_run(lake, last, give_up=give_up_run)
        return Migrated(plan, _publish(lake, home, plan, last))


def plan_of(lake: Lake) -> Plan:
    """What is to be done, checked against the declared tables; nothing is written.

    Raises:
        FormatError: newer code wrote the lake, or the steps do not lead to the declared tables.
    """
    stands = format_of(lake)
    pending = lake.registry.migrations[stands.schema_version :]
    if stands.schema_version > len(lake.registry.migrations):
        raise FormatError(f"{lake.path} has seen migration {stands.schema_version}: newer code wrote it; run that")
    if not stands.seq:
        unlike = {clause.split()[0] for clause in differences(lake, stands)}
        return Plan(stands, [], {name: Part(None, [], is_touched=True) for name in sorted(unlike)}, [])
    parts = {name: Part(name, _columns(lake, name, version)) for name, version in stands.pins.items()}
    parts[PUBLICATIONS] = Part(PUBLICATIONS, _columns(lake, PUBLICATIONS, None))
    for migration in pending:
        for step in migration.steps:
            try:
                _apply(step, parts)
            except KeyError as error:
                raise FormatError(f"migrations/{migration.name}.yaml: {step.step}: {error.args[0]}") from None
    wrong = list(_wrong(lake, parts))
    if wrong:
        raise FormatError(
            f"the migrations do not lead from {lake.path} to the declared tables: {'; '.join(wrong)}; mend the steps"
        )
    touched = {name: part for name, part in parts.items() if part.is_touched}
    return Plan(stands, pending, touched, sorted(stands.pins.keys() - parts.keys()))


def _columns(lake: Lake, name: str, version: int | None) -> list[str]:
    return list(lake.read(name, version).columns)


def _apply(step: Step, parts: dict[str, Part]) -> None:
    """Change the parts by one step.

    Raises:
        KeyError: it names a table or column that is not there, or is already.
    """
    if step.step == "add_table":
        _free(step.table, parts, "table")
        parts[step.table] = Part(None, [], is_touched=True)
        return
    if step.table not in parts:
        raise KeyError(f"no table {step.table}")
    part = parts[step.table]
    if step.step == "retire_table":
        del parts[step.table]
        return
    if step.step == "rename_table":
        _free(step.to, parts, "table")
        parts[step.to] = parts.pop(step.table)
    elif step.step == "add_column":
        _free(step.column, part.columns, f"column of {step.table}")
        part.queries.append((f"SELECT {listed(part.columns)}, {step.value} AS {step.column} FROM rows", None))
        part.columns = [*part.columns, step.column]
    elif step.step == "look_up_column":
        _free(step.column, part.columns, f"column of {step.table}")
        if step.told_by not in parts:
            raise KeyError(f"no table {step.told_by}")
        part.queries.append((_looked_up(step, part.columns), step.told_by))
        part.columns = [*part.columns, step.column]
    elif step.step == "rename_column" or step.step == "retire_column":
        if step.column not in part.columns:
            raise KeyError(f"{step.table} has no column {step.column}")
        if step.step == "rename_column":
            _free(step.to, part.columns, f"column of {step.table}")
            kept = [f"{name} AS {step.to}" if name == step.column else name for name in part.columns]
            part.columns = [step.to if name == step.column else name for name in part.columns]
        else:
            kept = part.columns = [name for name in part.columns if name != step.column]
        part.queries.append((f"SELECT {listed(kept)} FROM rows", None))
    part.is_touched = True


def _looked_up(step: LookUpColumn, columns: Sequence[str]) -> str:
    """The query that gives rows a column which another table tells; null where it does not."""
    return f"""
        WITH found AS (SELECT {step.key}, min({step.value}) AS {step.column} FROM told GROUP BY {step.key})
        SELECT {listed(columns, "r.")}, f.{step.column}
        FROM rows AS r
        LEFT JOIN found AS f ON r.{step.key} = f.{step.key}
    """


def _free(name: str, taken: object, what: str) -> None:
    if name in taken:  # type: ignore[operator]
        raise KeyError(f"{name} is a {what} already")


def _wrong(lake: Lake, parts: dict[str, Part]) -> Iterator[str]:
    """How the planned tables differ from the declared ones, a clause each."""
    for name in sorted(parts.keys() | lake.tables.keys()):
        if name not in lake.tables:
            yield f"{name} is not declared"
        elif name not in parts:
            yield f"{name} has no step that adds it"
        elif parts[name].origin is not None and set(parts[name].columns) != set(lake.tables[name].types):
            odd = set(parts[name].columns) ^ set(lake.tables[name].types)
            yield f"{name} differs in {', '.join(sorted(odd))}"


def _publish(lake: Lake, home: Path, plan: Plan, last: Publication) -> int:
    """Rewrite what is touched, then make it visible in one commit of gold.publications."""
    assert last.business_date is not None
    outcome = Outcome(last.business_date, None, "open")
    metadata = {"publication_seq": str(last.seq + 1), "registry_hash": lake.registry.digest}
    with recorded(lake, home, "migration", outcome) as opened:
        opened(new_run_id(), last.seq + 1)
        check_start(lake, last)
        refuse(list(damages(lake, home / LANDED)))
        pins = {name: pin for name, pin in last.pins.items() if name in lake.tables}
        for name, part in plan.parts.items():
            if name == PUBLICATIONS:
                continue
            started = time.perf_counter()
            lake.rebuild(name, _rows(lake, name, part, last), **metadata)
            [(rows, checksum)] = counted(lake, {name: lake.read(name)}).values()
            had = last.pins[part.origin].rows if part.origin else 0
            if rows != had:
                raise FormatError(f"{name} has {rows} rows after the migration and had {had}; nothing was published")
            pins[name] = Pin(lake.version(name), rows, checksum)
            outcome.seconds[name], outcome.appended[name] = time.perf_counter() - started, rows
            log.info("table_migrated", table=name, rows=rows, version=pins[name].version)
        landed = {} if last.seal else landed_files(home)
        with sealed_rows(lake, Next(last, "migration", last.business_date, last.state, pins, landed)) as new:
            if PUBLICATIONS in plan.parts:
                old = _rows(lake, PUBLICATIONS, plan.parts[PUBLICATIONS], last)
                lake.rewrite(PUBLICATIONS, lake.union(old, new), **metadata)
            else:
                lake.write(PUBLICATIONS, new, **metadata)
        outcome.seq, outcome.state = last.seq + 1, last.state
        log.info("published", publication_seq=outcome.seq, state=outcome.state, kind="migration")
        lake.forget()
    return last.seq + 1


def _rows(lake: Lake, name: str, part: Part, last: Publication) -> Frame:
    """The rows that a table is to have, from its origin's pinned version."""
    if part.origin is None:
        return lake.rows(name, [])
    pinned = last.pins.get(part.origin)
    rows = lake.read(part.origin, pinned.version if pinned else lake.version(part.origin))
    for query, told_by in part.queries:
        told = {"told": lake.read(told_by, last.pins[told_by].version)} if told_by else {}
        rows = lake.sql(query, rows=rows, **told)
    return rows

"""Audit the run, then make it visible in one step: the publication.

Reads what the run wrote. Appends to gold.quality, then to gold.publications.

Readers go through the publication, which pins every table's version, rows and checksum and is chained to the one before
by hash. Nothing before its commit is visible to them, so they see a whole day or the last one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import expectations
from jobs.accounts.coverage import missing
from jobs.errors import PublicationBlocked
from jobs.lake.chain import QUALITY, Next, Pin, counted, sealed_rows
from jobs.lake.frames import semi
from jobs.landing.manifests import landed_files
from jobs.publications import audit
from jobs.publications.blame import Broken, StatementsBlamed, blamed
from jobs.runs.expected import note_deployment
from jobs.runs.leaving import note_settled
from jobs.runs.notes import note_blocked
from jobs.runs.settled import COVERAGE
from schemas.tables import PUBLICATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from expectations import Measurement, RuleResult
    from jobs.lake import Frame
    from jobs.publications.acts import Audited
    from jobs.runs.run import Run


def gate(run: Run) -> list[RuleResult]:
    """Every invariant and every rule of the registry, on what this run wrote and on the statements that it judged.

    Raises:
        StatementsBlamed: what is broken is so by rows of statements that the run can do without.
        PublicationBlocked: one of severity critical is broken; all results are noted before.
    """
    asked = audit.asked_of(run)
    results = expectations.judge([*audit.invariants(run, asked), *_counted(run)], run.lake.spark_session)
    broken = [one for one in results if not one.is_passed and one.rule.severity == "critical"]
    results += run.statement_results  # a broken one of these has held its statement back already
    rows = [{**one.as_row(), "publication_seq": run.seq} for one in results]
    if broken:
        if aside := blamed(run, list(_broken(run, broken, asked))):
            raise StatementsBlamed(aside)
        note_blocked(run.lake.path, run.business_date, rows)
        raise PublicationBlocked(run.business_date, broken)
    run.lake.write(QUALITY, run.lake.rows(QUALITY, rows), **run.commit_metadata)
    return results


def _broken(run: Run, results: Sequence[RuleResult], asked: Sequence[Audited]) -> Iterator[Broken]:
    """The rows that break each rule."""
    invariants = {one.rule_id: one.broken for one in asked}
    for one in results:
        found, rule_id = one.measurement, one.rule.id
        rows = invariants.get(rule_id)
        if rows is None:
            query = expectations.breaking(run.lake.tables[found.table_name], rule_id)
            if query is None:
                continue
            rows = run.lake.sql(query, rows=_new_rows(run, found.table_name))
        yield Broken(rule_id, found.table_name, rows, found.observed, found.checked)


def _counted(run: Run) -> list[Measurement]:
    """What the engine counted for every table's rules, in one query."""
    tables = [table for name, table in run.lake.tables.items() if name not in (PUBLICATIONS, QUALITY)]
    frames, parts, columns = {}, [], []
    for number, table in enumerate(tables):
        frames[f"rows_{number}"] = _new_rows(run, table.name)
        query = expectations.counting(table, f"rows_{number}")
        parts.append(f"({query}) AS of_{number}")
        columns += [f"of_{number}.{expectations.CHECKED} AS checked_{number}"]
        columns += [f"of_{number}.{rule.id}" for rule in table.all_rules]
    query = f"SELECT {', '.join(columns)} FROM {' CROSS JOIN '.join(parts)}"
    (row,) = run.lake.ask(dict, query, **frames)
    return [
        found
        for number, table in enumerate(tables)
        for found in expectations.measured(
            table, {**row, expectations.CHECKED: row[f"checked_{number}"]}, run.business_date
        )
    ]


def publish(run: Run, results: list[RuleResult]) -> str:
    """Pin every table and append the publication: the moment at which the day is visible.

    Returns:
        The publication's state.
    """
    pins = pins_of(run)
    # What only informs leaves no flag, and neither does a statement that is held back twice: run.refused has it once.
    is_flagged = any(not one.is_passed and one.rule.severity == "warning" for one in results)
    flawed = bool(missing(run) or run.refused or run.turned_away or run.unjudged or is_flagged)
    state = "degraded" if flawed else "published"
    # Where nothing is sealed yet, all that was landed is taken in.
    used = [*run.fresh, *(file for file, _ in run.refused)] if run.last.seal else None
    note_deployment(run.lake.path, run.seq, run.deployment)
    note_settled(run, pins[COVERAGE])
    to_be = Next(run.last, "run", run.business_date, state, pins, landed_files(run.home, used))
    with sealed_rows(run.lake, to_be) as rows:
        run.lake.write(PUBLICATIONS, rows, **run.commit_metadata)
    return state


def pins_of(run: Run) -> dict[str, Pin]:
    """Version, rows and checksum of every table, continued from the last pins by the rows that this run changed."""
    lake = run.lake
    names = [name for name in lake.tables if name != PUBLICATIONS]
    come = counted(lake, {name: _changed_rows(run, name) for name in names})
    gone = counted(lake, {name: _replaced_rows(run, name) for name in names if lake.tables[name].writes == "overwrite"})
    pins = {}
    for name, (rows, checksum) in come.items():
        before, (fewer, less) = run.last.pins[name], gone.get(name, (0, 0))
        pins[name] = Pin(lake.version(name), before.rows + rows - fewer, before.checksum + checksum - less)
    return pins


def _changed_rows(run: Run, name: str) -> Frame:
    """The rows that this run wrote, but for those of a snapshot that it only passed on."""
    if run.lake.tables[name].writes == "append":
        return run.log(name).written
    return run.lake.sql(f"SELECT * FROM rows WHERE changed_in_seq = {run.seq}", rows=run.read(name))


def _replaced_rows(run: Run, name: str) -> Frame:
    """The last publication's rows of a snapshot in whose place this run wrote others."""
    lake, key = run.lake, run.lake.tables[name].key
    return semi(lake, lake.read(name, run.last.pins[name].version), _changed_rows(run, name), *key)


def _new_rows(run: Run, name: str) -> Frame:
    """Of a log the rows that this run appended; a snapshot is new as a whole."""
    return run.log(name).written if run.lake.tables[name].writes == "append" else run.read(name)

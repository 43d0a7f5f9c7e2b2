"""Audit the run, then make it visible in one step: the publication record.

Readers go through the record, which pins every table's version, rows and checksum and is chained to the
one before by hash. Nothing before its commit is visible to them, so they see a whole day or the last one.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from typing import TYPE_CHECKING, Any

import expectations
from jobs import audit
from jobs.account import missing
from jobs.blocked import note_blocked
from jobs.frames import content_hash
from jobs.run import PUBLICATIONS, Pin

if TYPE_CHECKING:
    from expectations import Measurement, RuleResult
    from jobs.lake import Frame, Lake
    from jobs.run import Publication, Run
    from jobs.run_record import Kind

QUALITY = "gold.quality"


class PublicationBlocked(Exception):
    """A critical rule or invariant is broken; nothing was published. Holds the broken results."""

    def __init__(self, business_date: date, broken: list[RuleResult]) -> None:
        self.broken = broken
        lines = [
            f"{one.rule.id} ({one.measurement.table_name}): {one.measurement.observed} of {one.measurement.checked}"
            for one in broken
        ]
        super().__init__(f"{business_date}: publication blocked; broken: " + "; ".join(lines))


def gate(run: Run) -> list[RuleResult]:
    """Every invariant and every rule of the registry, on what this run wrote and on the statements that it judged.

    Raises:
        PublicationBlocked: one of severity critical is broken; all results are noted before.
    """
    results = expectations.judge([*audit.invariants(run), *_counted(run)], run.lake.spark_session)
    broken = [one for one in results if not one.is_passed and one.rule.severity == "critical"]
    results += run.statement_results  # a broken one of these has held its statement back already
    record = [{**one.as_row(), "publication_seq": run.seq} for one in results]
    if broken:
        note_blocked(run.lake.path, run.business_date, record)
        raise PublicationBlocked(run.business_date, broken)
    run.lake.write(QUALITY, run.lake.rows(QUALITY, record), **run.commit_metadata)
    return results


def _counted(run: Run) -> list[Measurement]:
    """What the engine counted for every table's rules, in one query."""
    tables = [table for name, table in run.lake.tables.items() if name not in (PUBLICATIONS, QUALITY)]
    frames, parts, columns = {}, [], []
    for number, table in enumerate(tables):
        frames[f"rows_{number}"] = run.read(table.name) if table.writes == "overwrite" else run.written(table.name)
        query = expectations.counting(table).replace("{rows}", f"{{rows_{number}}}")
        parts.append(f"({query}) AS of_{number}")
        columns += [f"of_{number}.{expectations.CHECKED} AS checked_{number}"]
        columns += [f"of_{number}.{rule.id}" for rule in table.all_rules]
    query = f"SELECT {', '.join(columns)} FROM {' CROSS JOIN '.join(parts)}"
    row = run.lake.to_arrow(run.lake.sql(query, **frames)).to_pylist()[0]
    return [
        found
        for number, table in enumerate(tables)
        for found in expectations.measured(
            table, {**row, expectations.CHECKED: row[f"checked_{number}"]}, run.business_date
        )
    ]


def publish(run: Run, results: list[RuleResult]) -> str:
    """Pin every table and append the publication record: the moment at which the day is visible.

    Returns:
        The publication's state.
    """
    pins = pins_of(run)
    # What only informs leaves no flag, and neither does a statement that is held back twice: run.refused has it once.
    is_flagged = any(not one.is_passed and one.rule.severity == "warning" for one in results)
    flawed = bool(missing(run) or run.refused or run.turned_away or is_flagged)
    state = "degraded" if flawed else "published"
    rows = record(run.lake, run.last, "run", run.business_date, state, pins)
    run.lake.write(PUBLICATIONS, run.lake.rows(PUBLICATIONS, rows), **run.commit_metadata)
    return state


def record(
    lake: Lake, last: Publication, kind: Kind, business_date: date, state: str, pins: dict[str, Pin]
) -> list[dict[str, Any]]:
    """The rows of the publication after `last`: one per pinned table."""
    content = {
        "publication_seq": last.seq + 1,
        "publication_kind": kind,
        "business_date": business_date.isoformat(),
        "publication_state": state,
        "registry_hash": lake.registry.digest,
        "schema_version": len(lake.registry.migrations),
        "previous_hash": last.hash,
    }
    digest = publication_hash(content, pins)
    return [
        {
            **content,
            "business_date": business_date,
            "table_name": name,
            "table_version": pin.version,
            "row_count": pin.rows,
            "checksum": pin.checksum,
            "publication_hash": digest,
        }
        for name, pin in sorted(pins.items())
    ]


def pins_of(run: Run) -> dict[str, Pin]:
    """Version, rows and checksum of every table, in one query; of a log only this run's rows are read."""
    names = [name for name in run.lake.tables if name != PUBLICATIONS]
    logs = {name for name in names if run.lake.tables[name].writes == "append"}
    found = counted(run.lake, {name: run.written(name) if name in logs else run.read(name) for name in names})
    pins = {}
    for name, (rows, checksum) in found.items():
        before = run.last.pins[name] if name in logs else Pin(0, 0, 0)
        pins[name] = Pin(run.lake.version(name), before.rows + rows, before.checksum + checksum)
    return pins


def counted(lake: Lake, frames: dict[str, Frame]) -> dict[str, tuple[int, int]]:
    """Table → rows and checksum of a frame with its columns, in one query."""
    names = list(frames)
    parts = [
        f"""SELECT {number} AS number, row_count, checksum
            FROM ({checksum_sql(list(lake.tables[name].types), f"{{rows_{number}}}")}) AS sums"""
        for number, name in enumerate(names)
    ]
    query = lake.sql(" UNION ALL ".join(parts), **{f"rows_{number}": frames[name] for number, name in enumerate(names)})
    return {names[row["number"]]: (row["row_count"], row["checksum"]) for row in lake.to_arrow(query).to_pylist()}


def checksum_sql(columns: list[str], relation: str) -> str:
    """The checksum in SQL that every reader's engine runs.

    A row's number is the first 8 hexadecimal digits of the MD5 of its columns' text, in declared order, joined by
    `|`, null as `~`. The checksum is the sum over all rows: rows may come in any order, and a log's sum is continued
    with the rows that are added.
    """
    digits = " + ".join(
        f"CAST(instr('0123456789abcdef', substring(digest, {place}, 1)) - 1 AS bigint) * {16 ** (8 - place)}"
        for place in range(1, 9)
    )
    return f"""SELECT count(1) AS row_count, coalesce(CAST(sum({digits}) AS bigint), 0) AS checksum
               FROM (SELECT {content_hash(columns)} AS digest FROM {relation}) AS digests"""


def publication_hash(content: dict[str, Any], pins: dict[str, Pin]) -> str:
    """SHA-256 over the record's content and the hash before, as JSON with sorted keys.

    Versions are left out: they say where the rows lie. A run that was killed and run again has other versions and
    the same publication. A record that is older than migration 1 has no kind and no version of its schema.
    """
    if not content["schema_version"]:
        content = {key: value for key, value in content.items() if key not in ("publication_kind", "schema_version")}
    said = {**content, "pins": {name: [pin.rows, pin.checksum] for name, pin in pins.items()}}
    return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

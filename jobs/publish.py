"""Audit the run, then make it visible in one step: the publication record.

Readers go through the record, which pins every table's version, rows and checksum and is chained to the
one before by hash. Nothing before its commit is visible to them, so they see a whole day or the last one.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import expectations
from jobs import audit
from jobs.account import missing
from jobs.frames import content_hash
from jobs.run import PUBLICATIONS, Pin

if TYPE_CHECKING:
    from expectations import RuleResult
    from jobs.lake import Frame
    from jobs.run import Run

QUALITY = "gold.quality"


class PublicationBlocked(Exception):
    """A critical rule or invariant is broken; nothing was published. Holds the broken results."""

    def __init__(self, broken: list[RuleResult]) -> None:
        self.broken = broken
        lines = [f"{one.rule_id} ({one.table_name}): {one.observed} of {one.checked}" for one in broken]
        super().__init__("publication blocked; broken: " + "; ".join(lines))


def gate(run: Run) -> list[RuleResult]:
    """Every invariant and every rule of the registry, on what this run wrote.

    Raises:
        PublicationBlocked: one of severity critical is broken; the results are stored before.
    """
    results = audit.invariants(run)
    counted = []
    for name, table in run.lake.tables.items():
        if name not in (PUBLICATIONS, QUALITY):
            rows = run.read(name) if table.writes == "overwrite" else run.written(name)
            row = run.lake.to_arrow(run.lake.sql(expectations.counting(table), rows=rows)).to_pylist()[0]
            counted.append((table, {rule: int(count) for rule, count in row.items()}))
    results += expectations.judge(counted, run.lake.spark_session)
    record = [
        {
            "rule_id": one.rule_id,
            "table_name": one.table_name,
            "severity": one.severity,
            "is_passed": one.is_passed,
            "observed": one.observed,
            "checked": one.checked,
            "publication_seq": run.seq,
        }
        for one in results
    ]
    run.lake.write(QUALITY, run.lake.rows(QUALITY, record), **run.commit_metadata)
    broken = [one for one in results if not one.is_passed and one.severity == "critical"]
    if broken:
        raise PublicationBlocked(broken)
    return results


def publish(run: Run, results: list[RuleResult]) -> str:
    """Pin every table and append the publication record: the moment at which the day is visible.

    Returns:
        The publication's state.
    """
    pins = {name: pin_of(run, name) for name in run.lake.tables if name != PUBLICATIONS}
    flawed = bool(missing(run) or run.refused or any(not one.is_passed for one in results))
    state = "degraded" if flawed else "published"
    digest = publication_hash(run.seq, run.business_date.isoformat(), state, pins, run.registry.digest, run.last.hash)
    rows = [
        {
            "publication_seq": run.seq,
            "business_date": run.business_date,
            "publication_state": state,
            "table_name": name,
            "table_version": pin.version,
            "row_count": pin.rows,
            "checksum": pin.checksum,
            "registry_hash": run.registry.digest,
            "previous_hash": run.last.hash,
            "publication_hash": digest,
        }
        for name, pin in sorted(pins.items())
    ]
    run.lake.write(PUBLICATIONS, run.lake.rows(PUBLICATIONS, rows), **run.commit_metadata)
    return state


def pin_of(run: Run, name: str) -> Pin:
    """Version, rows and checksum of a table; of a log only this run's rows are read."""
    table = run.lake.tables[name]
    columns = list(table.types)
    if table.writes == "overwrite":
        rows, total = rows_and_checksum(run, run.read(name), columns)
        return Pin(run.lake.version(name), rows, total)
    before = run.last.pins.get(name, Pin(0, 0, 0))
    rows, total = rows_and_checksum(run, run.written(name), columns)
    return Pin(run.lake.version(name), before.rows + rows, before.checksum + total)


def rows_and_checksum(run: Run, rows: Frame, columns: list[str]) -> tuple[int, int]:
    """Number of rows, and their order-free checksum, by `checksum_sql`."""
    sums = run.lake.sql(checksum_sql(columns, "{rows}"), rows=rows)
    row = run.lake.to_arrow(sums).to_pylist()[0]
    return int(row["row_count"]), int(row["checksum"])


def checksum_sql(columns: list[str], relation: str) -> str:
    """The checksum in SQL that every reader's engine runs.

    A row's number is the first 8 hexadecimal digits of the MD5 of its columns' text, in declared order, joined by
    `|`, null as `~`. The checksum is the sum over all rows: rows may come in any order, and a log's sum is continued
    with the rows that are added.
    """
    digits = " + ".join(
        f"CAST(instr('0123456789abcdef', substring(digest, {place}, 1)) - 1 AS bigint) * {16 ** (8 - place)}" for place in range(1, 9)
    )
    return f"""SELECT count(1) AS row_count, coalesce(CAST(sum({digits}) AS bigint), 0) AS checksum
               FROM (SELECT {content_hash(columns)} AS digest FROM {relation}) AS digests"""


def publication_hash(
    seq: int, business_date: str, state: str, pins: dict[str, Pin], registry_hash: str, previous_hash: str
) -> str:
    """SHA-256 over the record's content and the hash before, as JSON with sorted keys."""
    content: dict[str, Any] = {
        "publication_seq": seq,
        "business_date": business_date,
        "publication_state": state,
        "pins": {name: [pin.version, pin.rows, pin.checksum] for name, pin in pins.items()},
        "registry_hash": registry_hash,
        "previous_hash": previous_hash,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

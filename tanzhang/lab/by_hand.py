"""A day by hand: landed files → persons, activities, kilograms and balances, from nothing, as Delta tables.

    python -m tanzhang.lab.by_hand HOME OUT DATE

What the pipeline's run is held against (`tanzhang bench-peer`): DuckDB, a union-find, delta-rs, and of us only the
registry's tables. Everything that arrived by the date's cut-off is worked out anew. Left out is all that makes a figure
worth trusting – quarantine and dispositions with their reasons, statements that are held back, checksums, seals, audit –,
and these rules: exclusions and caps, points, carbon records and coverage; refunds that name no original; assignment on
islands (here the nearest pair wins); which of a person's equal payments of a day is which; ids of persons that last.

Prints one JSON object: seconds by step, CPU, peak bytes, rows, and what was posted by measure and scenario.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import time
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from deltalake import write_deltalake
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from jobs.policy.tables import Policy
from schemas import load_registry
from schemas.days import cut_off
from schemas.deployment import load_deployment
from tanzhang.lab import by_hand_steps as steps

KINDS = ("act", "tap", "payment", "registration", "consent")
TABLES = ("feeds", "rates", "pairing", "distances", "places", "spend_rates")
"""Of the registry."""
FILE = ("file_id", "institution", "feed")
BILL = {"bill_of": "customer_key", "first_day": "first_day", "last_day": "last_day", "exported_at": "exported_at"}
"""Of a manifest's bill."""
LEVELS = 3
"""Citizen id, card, phone."""
WRITTEN = {
    "rows": " UNION ALL ".join(
        f"SELECT record_key, place, institution, feed, error_code, ignore_rule FROM {kind}" for kind in KINDS
    ),
    "claims": "SELECT * EXCLUDE (claim, needs_until) FROM claim",
    "registrations": "SELECT * FROM registration_record",
    "consents": "SELECT * FROM consent_record",
    "membership": "SELECT customer, person FROM member",
    "activities": """
        SELECT a.* EXCLUDE (claim, lead), c.record_key AS activity
        FROM activity AS a
        LEFT JOIN claim AS c ON a.lead = c.claim
    """,
    "ledger": "SELECT * FROM ledger",
    "balances": "SELECT * FROM balance",
}
BATCH = 200_000


def main(home: Path, out: Path, day: date) -> dict[str, Any]:
    """Work out everything by the date, and write it."""
    registry = load_registry()
    policy = Policy(registry.under(load_deployment(home, registry.sources)))
    began = time.perf_counter()
    marks: dict[str, float] = {}
    spent_before = _cpu()
    engine = duckdb.connect()
    engine.execute("SET preserve_insertion_order = false")
    engine.execute(f"SET temp_directory = '{out}.spill'")
    if memory := os.environ.get("TANZHANG_MEMORY"):
        engine.execute(f"SET memory_limit = '{memory}'")
    for name in TABLES:
        engine.register(name, getattr(policy, name))

    def mark(name: str) -> None:
        marks[name] = time.perf_counter() - began - sum(marks.values())

    rows = _read(engine, home, day)
    mark("read")
    engine.execute(steps.CLAIMS)
    mark("claims")
    engine.execute(steps.EVIDENCE)
    _join_persons(engine)
    mark("persons")
    engine.execute(steps.CONSENT)
    engine.execute(steps.MATCH)
    for is_day, slot in engine.execute("SELECT DISTINCT is_day, slot FROM report ORDER BY ALL").fetchall():
        _assign(engine, is_day, slot)
    engine.execute(steps.OUTCOMES)
    mark("match")
    engine.execute(steps.LEDGER.format(reporter=policy.reporter("a.institution")))
    mark("post")
    shutil.rmtree(out, ignore_errors=True)
    for name, query in WRITTEN.items():
        _write(engine, out / name, query)
    mark("write")
    posted = """
        SELECT measure, scenario, sum(amount)::BIGINT, count(*)
        FROM ledger
        GROUP BY ALL
        ORDER BY ALL
    """
    return {
        "seconds": marks,
        "cpu": _cpu() - spent_before,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "rows": rows,
        "posted": engine.execute(posted).fetchall(),
    }


def _read(engine: duckdb.DuckDBPyConnection, home: Path, day: date) -> int:
    """The rows of every kind, those of them that count, and how many there are."""
    files = _files(home, day)
    columns = {name: pa.array([one[name] for one in files], pa.string()) for name in FILE}
    bills = [one["bill"] or {} for one in files]
    columns |= {name: pa.array([bill.get(said) for bill in bills], pa.string()) for name, said in BILL.items()}
    numbers = {"file": range(len(files)), "is_whole": [bill.get("is_whole", False) for bill in bills]}
    engine.register("file", pa.table(columns | numbers))
    for kind in KINDS:
        paths = [one["rows_at"] for one in files if one["kind"] == kind]
        engine.execute(steps.ROWS.format(kind=kind, files=paths))
    engine.execute(steps.BEATEN)
    for kind in KINDS:
        engine.execute(steps.RECORDS.format(kind=kind))
    [(rows,)] = engine.execute("SELECT " + " + ".join(f"(SELECT count(*) FROM {kind})" for kind in KINDS)).fetchall()
    return int(rows)


def _files(home: Path, day: date) -> list[dict[str, Any]]:
    """The accepted files of the highest revision of each statement that arrived by the cut-off, in their order."""
    found = []
    for path in (home / "landed").glob("*/*/*/*/*.json"):
        if path.parent.name <= day.isoformat():
            one = json.loads(path.read_bytes())
            is_here = datetime.fromisoformat(one["received_at"].replace("Z", "+00:00")) < cut_off(day)
            if is_here and one["state"] == "accepted" and one["kind"] in KINDS:
                found.append(one | {"rows_at": str(path.with_suffix(".parquet"))})
    highest: dict[Any, int] = {}
    for one in found:
        highest[_statement(one)] = max(highest.get(_statement(one), 0), one["revision"])
    standing = [one for one in found if one["revision"] == highest[_statement(one)]]
    return sorted(standing, key=lambda one: (one["business_date"], one["revision"], one["part"]))


def _statement(one: dict[str, Any]) -> tuple[str, str, str]:
    return one["institution"], one["feed"], one["business_date"]


def _join_persons(engine: duckdb.DuckDBPyConnection) -> None:
    """Customers who share a citizen id, else a card, else a phone; never two citizen ids."""
    holders = engine.execute("SELECT * FROM holder ORDER BY holder").to_arrow_table()
    size = holders.num_rows
    label = np.arange(size)
    has_citizen = np.zeros(size, dtype=bool)
    for level in range(LEVELS):
        held = engine.execute(f"SELECT holder, token FROM held WHERE level = {level}").to_arrow_table()
        of = held.column("holder").to_numpy()
        token = held.column("token").combine_chunks().dictionary_encode().indices.to_numpy()
        if level == 0:
            has_citizen[of] = True
            label = _connected(label, of, token)
            continue
        citizens = np.unique(label[has_citizen])
        known = np.isin(label[of], citizens)
        pairs = np.unique(np.stack([token[known], label[of][known]]), axis=1)
        told = np.bincount(pairs[0], minlength=token.max(initial=0) + 1) < 2
        wider = _connected(label, of[told[token]], token[told[token]])
        refused = np.bincount(wider[citizens], minlength=size) > 1
        label = np.where(refused[wider], label, wider)
    engine.register("labelled", pa.table({"holder": np.arange(size, dtype=np.int32), "person": label.astype(np.int32)}))
    engine.execute(
        "CREATE TABLE member AS SELECT h.customer, l.person FROM holder AS h JOIN labelled AS l USING (holder)"
    )


def _connected(label: Any, of: Any, token: Any) -> Any:
    """The smallest holder of each that the tokens connect."""
    size = len(label)
    width = size + int(token.max(initial=0)) + 1
    ends = np.concatenate([label[of], np.arange(size)]), np.concatenate([token + size, label])
    _, found = connected_components(
        coo_matrix((np.ones(len(ends[0]), dtype=bool), ends), (width, width)), directed=False
    )
    smallest = np.full(width, size)
    np.minimum.at(smallest, found[:size], np.arange(size))
    return smallest[found[:size]]


def _assign(engine: duckdb.DuckDBPyConnection, is_day: bool, slot: int) -> None:
    """One round: the claims of a slot, nearest pairs first; what stays over is a group of its own."""
    lag = "date_diff('day', g.act_date, a.act_date)"
    said = {
        "slot": slot,
        "is_day": is_day,
        "near": f"{lag} BETWEEN 0 AND a.lag_days"
        if is_day
        else "a.begins <= g.until + a.window_seconds AND a.until >= g.begins - a.window_seconds",
        "distance": f"{lag} * 2000 + CASE WHEN coalesce(a.through, '') <> coalesce(g.through, '') THEN 1000 ELSE 0 END"
        if is_day
        else "least(abs(a.begins - g.begins), abs(a.begins - g.until)) + "
        "CASE WHEN coalesce(a.amount_fen <> g.amount_fen, false) THEN 1000000 ELSE 0 END",
        "proven": "" if is_day else " OR g.is_proven",
    }
    engine.execute(steps.PAIRS.format(**said))
    while engine.execute("SELECT count(*) FROM pair").fetchall()[0][0]:
        engine.execute(steps.NEAREST)
    engine.execute(steps.ALONE.format(**said))
    engine.execute(steps.JOIN.format(**said))


def _write(engine: duckdb.DuckDBPyConnection, target: Path, query: str) -> None:
    """One Delta table; keys as text, as anybody can read them."""
    found = engine.execute(f"DESCRIBE {query}").fetchall()
    texts = [name for name, kind, *_ in found if kind == "UUID"]
    replaced = ", ".join(f"replace({name}::VARCHAR, '-', '') AS {name}" for name in texts)
    told = f"SELECT * REPLACE ({replaced}) FROM ({query})" if texts else query
    write_deltalake(str(target), engine.execute(told).to_arrow_reader(BATCH), mode="overwrite")


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]), date.fromisoformat(sys.argv[3]))))

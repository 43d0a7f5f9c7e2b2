"""Statements in an order of arrival, and what a lake then says that may not depend on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from jobs.lake import Lake
from tests.support.exports import Part, deliver
from tests.support.lakes import rows
from tests.support.registries import shipped
from tests.support.worlds import embedded_lake, land_world, run_days

REGISTRY = shipped()


Statement = tuple[str, str, int, list[Part]]
"""Institution, business date, revision, files."""


def account_for(
    home: Path, statements: Mapping[str, Statement], runs: Sequence[Sequence[str]], dates: Sequence[date]
) -> Lake:
    """Deliver each run's statements, by their names, in their order, land and run; the lake afterwards."""
    for day, names in zip(dates, runs):
        for second, name in enumerate(names):
            institution, business_date, revision, parts = statements[name]
            stamp = f"{day:%Y%m%d}T10{second // 60:02}{second % 60:02}Z"
            deliver(home, institution, *parts, stamp=stamp, business_date=business_date, revision=revision)
    land_world(home, REGISTRY)
    lake = embedded_lake(home, REGISTRY)
    run_days(lake, home, dates[: len(runs)])
    return lake


def newest(lake: Path, name: str, *key: str) -> list[dict[str, Any]]:
    """The newest row per key of a log, where it holds."""
    found = {}
    for row in sorted(rows(lake, REGISTRY.tables[name]).to_pylist(), key=lambda row: row["publication_seq"]):
        found[tuple(row[column] for column in key)] = row
    return [row for row in found.values() if row.get("is_live", True)]


def without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in (*names, "publication_seq", "content_hash")}


def reduced(lake: Path) -> dict[str, Any]:
    """What may not depend on the order: persons by their customers, never by their ids."""
    customers = defaultdict(set)
    members = newest(lake, "silver.membership", "customer_key")
    for row in members:
        customers[row["person_id"]].add(row["customer_key"])
    person = {one: frozenset(group) for one, group in customers.items()}
    balances: dict[frozenset[str], dict[tuple[str, ...], int]] = {group: {} for group in person.values()}
    for row in rows(lake, REGISTRY.tables["gold.balances"]).to_pylist():
        if row["amount"]:
            balances[person[row["person_id"]]][row["measure"], row["scenario"], row["institution"]] = row["amount"]
    activities = newest(lake, "silver.activities", "claim_id", "act_date")
    return {
        "persons": set(person.values()),
        "balances": balances,
        "rules": {row["customer_key"]: (row["rule"], row["component_id"]) for row in members},
        "outcomes": sorted(
            str({**without(row, "person_id"), "of": sorted(person[row["person_id"]])}) for row in activities
        ),
        "records": sorted(
            str({**without(row, "person_id"), "of": sorted(person[row["person_id"]])})
            for row in newest(lake, "gold.carbon_records", "person_id", "act_month")
        ),
        "rows": sorted(str(without(row)) for row in newest(lake, "silver.rows", "file_id", "line")),
    }

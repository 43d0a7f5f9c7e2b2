"""What a lake says that may not depend on the order in which its exports came."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from tests.support.lakes import rows
from tests.support.registries import shipped

REGISTRY = shipped()


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

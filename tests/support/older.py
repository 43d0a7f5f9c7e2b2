"""A lake as code wrote it before there were migrations."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from jobs.lake import open_lake
from jobs.lake.base import ARROW_TYPES
from jobs.lake.chain import Pin, Publication
from schemas import Registry
from schemas.ledger import EMISSION
from tests.support.lakes import PUBLICATIONS, checksum

CAME_LATER = {
    "gold.quality": {"institution", "feed", "business_date", "column_name", "bound", "threshold"},
    "silver.claims": {"refunded_fen", "wallet", "merchant_code", "merchant_code_source", "merchant_key", "object_key"},
    "silver.activities": {"spend_fen", "merchant_code", "meal", "object_key"},
    "silver.membership": {"origin_id"},
    "silver.customer_events": {"card_tokens"},
    "silver.rows": {"business_date", "business_month"},
}
"""Columns that migrations brought; quality also the results of statements."""
CAME_LATER_HERE = ("publication_kind", "schema_version", "file_root", "publication_seal")
"""Columns of gold.publications that migrations brought."""
CARDS = ("card_token", "card2_token")
"""What a registration had instead of `card_tokens`."""
WITHOUT_EMISSIONS = {"gold.ledger": "publication_seq", "gold.balances": "changed_in_seq"}
"""Tables in which migrations brought rows of payments, and their columns of the publication that wrote a row."""
NEW_TABLES = {"silver.redemptions", "gold.carbon_records"}
"""Tables that migrations brought."""


def as_it_was(lake: Path, registry: Registry, of: str) -> dict[int, tuple[int, int]]:
    """Make a table one of before the migrations.

    Returns:
        Publication → rows and checksum that it pinned of the table.
    """
    table = registry.tables[of]
    path = lake / table.path
    found = DeltaTable(path).to_pyarrow_table().to_pylist()
    names = [name for name in table.fields if name not in CAME_LATER[of]]
    if of == "silver.customer_events":
        names[names.index("key_version") : names.index("key_version")] = CARDS
        found = [row | dict(zip(CARDS, [*(row["card_tokens"] or "").split(), None, None])) for row in found]
    is_old = [row for row in found if of != "gold.quality" or row["institution"] == "*"]
    of_tables = [{name: row[name] for name in names} for row in is_old]
    schema = pa.schema([(name, ARROW_TYPES[table.types.get(name, "string")]) for name in names])
    shutil.rmtree(path)
    DeltaTable.create(path, schema, configuration={"delta.enableChangeDataFeed": "true"})
    pinned = {}
    for seq in sorted({row["publication_seq"] for row in of_tables}):
        own = [row for row in of_tables if row["publication_seq"] == seq]
        write_deltalake(path, pa.Table.from_pylist(own, schema=schema), mode="append")
        until = [row for row in of_tables if row["publication_seq"] <= seq]
        pinned[seq] = (len(until), checksum(row.values() for row in until))
    return pinned


def without_emissions(lake: Path, registry: Registry, of: str) -> dict[int, tuple[int, int]]:
    """Take from a table what it has of payments: of what was spent the outcomes said nothing yet.

    Returns:
        Publication → rows and checksum that it pinned of the table.
    """
    opened, written_in = open_lake("embedded", lake, registry, as_it_is=True), WITHOUT_EMISSIONS[of]
    table = registry.tables[of]
    found = DeltaTable(lake / table.path).to_pyarrow_table().to_pylist()
    found = [row for row in found if row["measure"] != EMISSION]
    shutil.rmtree(lake / table.path)
    opened.create_tables()
    pinned = {}
    for seq in sorted({row[written_in] for row in found}):
        until = [row for row in found if row[written_in] <= seq]
        new = until if table.writes == "overwrite" else [row for row in until if row[written_in] == seq]
        opened.write(of, opened.rows(of, new))
        pinned[seq] = (len(until), checksum([row[name] for name in table.fields] for row in until))
    opened.close()
    return pinned


def as_older_code_wrote_it(lake: Path, registry: Registry) -> None:
    """Make the lake one of before the migrations: no kinds of publications, hashes without them, no run id in the note."""
    older = {name: without_emissions(lake, registry, name) for name in WITHOUT_EMISSIONS}
    older |= {name: as_it_was(lake, registry, name) for name in CAME_LATER}
    shutil.rmtree(lake / "_seals")
    note = lake / "_open_run.json"
    note.write_text(json.dumps({k: v for k, v in json.loads(note.read_text()).items() if k != "run_id"}))
    path = lake / "gold/publications"
    found = DeltaTable(path).to_pyarrow_table().drop_columns(list(CAME_LATER_HERE)).to_pylist()
    found = [row for row in found if row["table_name"] not in NEW_TABLES]
    for name in NEW_TABLES:
        shutil.rmtree(lake / registry.tables[name].path)
    for row in found:
        if row["table_name"] in older:
            row["row_count"], row["checksum"] = older[row["table_name"]][row["publication_seq"]]
    before = ""
    for seq in sorted({row["publication_seq"] for row in found}):
        own = [row for row in found if row["publication_seq"] == seq]
        digest = Publication(
            seq, own[0]["business_date"], own[0]["publication_state"], "",
            {row["table_name"]: Pin(0, row["row_count"], row["checksum"]) for row in own},
            registry_hash=own[0]["registry_hash"], previous_hash=before,
        ).digest  # fmt: skip
        for row in own:
            row |= {"previous_hash": before, "publication_hash": digest}
        before = digest
    shutil.rmtree(path)
    names = [name for name in registry.tables[PUBLICATIONS].fields if name in found[0]]
    arrow = pa.Table.from_pylist([{name: row[name] for name in names} for row in found])
    write_deltalake(path, arrow, configuration={"delta.enableChangeDataFeed": "true"})

"""Whether the tables of a lake are those that this code declares.

A lake knows its format by its last publication: the number of the last migration that the pinned tables have seen.
Publications that are older than the column which says it have seen none. Read by delta-rs on either engine: of the
tables their logs, of the record a few columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder

from jobs.errors import FormatError, NotAsPublished
from jobs.lake.logs import LOG
from jobs.lake.seals import FOLDER as SEALS
from schemas.tables import PUBLICATIONS

if TYPE_CHECKING:
    from jobs.lake.base import Lake
    from schemas.tables import Table


DELTA_TYPES = {"string": "string", "bigint": "long", "int": "integer", "date": "date", "boolean": "boolean"}


@dataclass(frozen=True)
class Format:
    """What a lake is. seq: its last publication, 0 for none. pins: table → version, as that publication pins it."""

    seq: int
    schema_version: int
    pins: dict[str, int]


def format_of(lake: Lake) -> Format:
    """The format of the lake as it is published."""
    if not lake.exists(PUBLICATIONS):
        if any(lake.path.glob(f"{SEALS}/*.json")) or any(lake.path.glob(f"*/*/{LOG}/*[1-9].json")):
            raise NotAsPublished(
                f"{PUBLICATIONS} is gone from {lake.path}, whose other tables have rows: restore it from the backup; a new "
                "one would begin at publication 1"
            )
        return Format(0, 0, {})
    record = lake.opened(PUBLICATIONS)
    has_version = "schema_version" in columns_of(record)
    names = ["publication_seq", "table_name", "table_version", *(["schema_version"] if has_version else [])]
    # Not by Arrow's own scan: a process that ends soon after one is now and then aborted by its threads.
    query = f"""
        SELECT {", ".join(names)}
        FROM record
        WHERE publication_seq = (SELECT max(publication_seq) FROM record)
    """
    last = pa.table(QueryBuilder().register("record", record).execute(query).read_all()).to_pylist()
    seq = last[0]["publication_seq"] if last else 0
    version = last[0]["schema_version"] if last and has_version else 0
    return Format(seq, version, {row["table_name"]: row["table_version"] for row in last})


def check_format(lake: Lake) -> None:
    """Refuse a lake whose tables are not the declared ones; one without tables passes.

    Raises:
        FormatError: it is older or newer than the code, or its tables were changed without a migration.
        NotAsPublished: a table that was published is gone.
    """
    stands, newest = format_of(lake), len(lake.registry.migrations)
    if lost := [name for name in stands.pins if not lake.exists(name)]:
        raise NotAsPublished(f"{', '.join(lost)}: gone from {lake.path}, and published; restore it from the backup")
    known = f"{lake.path} has seen migration {stands.schema_version}, this code knows {newest}"
    if stands.schema_version > newest:
        raise FormatError(f"{known}: newer code wrote it; run that")
    unlike = "; ".join(differences(lake, stands))
    mend = f"bring it up with `tanzhang migrate{_home(lake)} --lake {lake.name}` (--dry-run says what that does)"
    if stands.seq and stands.schema_version < newest:
        raise FormatError(f"{known} ({unlike or 'no column differs'}); {mend}")
    if unlike and stands.seq:
        raise FormatError(f"{unlike}: {lake.path} is not as declared, and no migration says why; add one")
    if unlike:
        raise FormatError(f"{unlike}: {lake.path} was begun by other code and never published; {mend}")


def _home(lake: Lake) -> str:
    """The option for the home that a lake lies in; which one's a lake in a bucket is, it does not say."""
    return "" if lake.name == str(lake.path) else f" --home {lake.path.parent}"


def differences(lake: Lake, stands: Format) -> Iterator[str]:
    """How the tables differ from the declared ones, a clause each; those that a first run will create do not."""
    for name, table in lake.tables.items():
        if lake.exists(name):
            yield from _unlike(lake.opened(name, stands.pins.get(name)), table)
        elif stands.seq:
            yield f"{name} is missing"
    for name in sorted(stands.pins.keys() - lake.tables.keys()):
        yield f"{name} is no longer declared"


def columns_of(opened: DeltaTable) -> dict[str, str]:
    """Column → Delta's type, in their order."""
    return {field.name: str(getattr(field.type, "type", field.type)) for field in opened.schema().fields}


def _unlike(opened: DeltaTable, table: Table) -> Iterator[str]:
    found = columns_of(opened)
    declared = {name: DELTA_TYPES[kind] for name, kind in table.types.items()}
    lacks, has = [list(one.keys() - other.keys()) for one, other in ((declared, found), (found, declared))]
    if lacks:
        yield f"{table.name} lacks {', '.join(sorted(lacks))}"
    if has:
        yield f"{table.name} has {', '.join(sorted(has))}"
    if not lacks and not has and list(found.items()) != list(declared.items()):
        yield f"{table.name} has other types or another order of columns"
    if opened.metadata().partition_columns != table.partition_by:
        yield f"{table.name} has other partitions"


def retired(lake: Lake) -> list[Path]:
    """Folders of tables that are no longer declared."""
    declared = {lake.folder(name) for name in lake.tables}
    return sorted({log.parent for log in lake.path.glob("*/*/_delta_log")} - declared)

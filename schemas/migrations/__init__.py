"""Migrations: how a lake that older code wrote becomes one that this code reads, as data.

One file per change of `tables/` or of a column's type, `NNNN_<what>.yaml`, numbered without gaps. A lake carries the
number of the last one that its tables have seen (`schema_version` in gold.publications). Files are never changed
once a lake has seen them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from schemas.base import ROOT, Strict, load_folder
from schemas.errors import RegistryError
from schemas.tables import Table

FOLDER = "migrations"
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
TableName = Annotated[str, Field(pattern=r"^(silver|gold)\.[a-z][a-z0-9_]*$")]


class AddColumn(Strict):
    """A new column. value: Spark SQL over the columns that the table had, computed for every row."""

    step: Literal["add_column"]
    table: TableName
    column: Name
    value: str = Field(pattern=r"^[^{};]+$")


class LookUpColumn(Strict):
    """A new column that another table tells. value: Spark SQL over that table's columns, one and the same for each key."""

    step: Literal["look_up_column"]
    table: TableName
    column: Name
    told_by: TableName
    key: Name
    value: str = Field(pattern=r"^[^{};]+$")


class RenameColumn(Strict):
    """A column under another name."""

    step: Literal["rename_column"]
    table: TableName
    column: Name
    to: Name


class RetireColumn(Strict):
    """A column goes; publications that pinned it keep it as long as versions are kept."""

    step: Literal["retire_column"]
    table: TableName
    column: Name


class AddTable(Strict):
    """A new table, empty."""

    step: Literal["add_table"]
    table: TableName


class RenameTable(Strict):
    """A table under another name, in another folder."""

    step: Literal["rename_table"]
    table: TableName
    to: TableName


class RetireTable(Strict):
    """A table goes; its folder stays as long as versions are kept."""

    step: Literal["retire_table"]
    table: TableName


class RebuildTable(Strict):
    """A table is written anew as it is declared: other types, constraints, partitions or order of columns."""

    step: Literal["rebuild_table"]
    table: TableName


Step = Annotated[
    AddColumn | LookUpColumn | RenameColumn | RetireColumn | AddTable | RenameTable | RetireTable | RebuildTable,
    Field(discriminator="step"),
]


class Migration(Strict):
    """One change.

    why: what it is for, in a sentence. tables: `tables_digest` of the registry's tables after it.
    """

    why: str = Field(pattern=r"^\S.{9,}\.$")
    steps: list[Step] = Field(min_length=1)
    tables: str = Field(pattern=r"^[0-9a-f]{64}$")
    name: str = Field(default="", exclude=True)
    """Of its file, filled by the loader."""


def load_migrations(root: Path = ROOT) -> list[Migration]:
    """Every migration in order; the first is number 1.

    Raises:
        RegistryError: a file breaks the model, or a number is missing or taken twice.
    """
    found = []
    for number, (path, migration) in enumerate(load_folder(root / FOLDER, Migration), start=1):
        if not path.stem.startswith(f"{number:04}_"):
            raise RegistryError(f"{path}: expected number {number:04}; number the migrations without gaps")
        found.append(migration.model_copy(update={"name": path.stem}))
    return found


def tables_digest(tables: Mapping[str, Table]) -> str:
    """SHA-256 over all that a stored table has of its declaration: columns, types, partitions, constraints, change feed."""
    content = {
        name: [list(table.types.items()), table.partition_by, table.constraints, table.published]
        for name, table in tables.items()
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

"""Every Delta table and every column, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

import yaml
from pydantic import Field as Default
from pydantic import model_validator

from schemas.base import LOADER, ROOT, Strict, load_folder
from schemas.errors import RegistryError
from schemas.quality import QualityRule


class Field(Strict):
    """One column wherever it stands: type, unit, description, sensitivity."""

    type: Literal["string", "bigint", "int", "date", "boolean"]
    description: str
    unit: str | None = None
    sensitivity: Literal["none", "pseudonym", "token"] = "none"


JobName = Literal["conform", "resolve", "match", "post", "account", "publish"]
JOB_NAMES: tuple[JobName, ...] = get_args(JobName)
"""The jobs of a run that write tables, in their order."""


PUBLICATIONS = "gold.publications"
"""The table through which readers see all others."""
SEQ = "publication_seq"
HASH, IS_LIVE = "content_hash", "is_live"
LOGGED = (HASH, IS_LIVE, SEQ)
"""Columns by which a log tells a changed row from a repeated one, a withdrawn one from one that holds, and when."""


class Rule(QualityRule):
    """One quality rule of a table: what must hold, in our own words, and how a row shows that it does not."""

    breaks_when: str | None = None
    """Spark SQL over the table's columns, window functions included; true for a row that breaks the rule.
    Null does not break it, so a predicate says itself what a null means."""
    unique: list[str] | None = Default(default=None, min_length=1)
    """Columns that tell the rows apart and are never null."""
    min_rows: int | None = Default(default=None, ge=1)
    """Fewest rows that the table, or a publication's part of it, must have."""

    @model_validator(mode="after")
    def _says_one_thing(self) -> Rule:
        said = [name for name in ("breaks_when", "unique", "min_rows") if getattr(self, name) is not None]
        if len(said) != 1:
            found = " and ".join(said) or "none of them"
            raise ValueError(f"{self.id}: give exactly one of breaks_when, unique and min_rows; found {found}")
        return self


class Table(Strict):
    """One Delta table: its columns by name, its key, and how a run writes it."""

    name: str
    description: str
    writes: Literal["append", "overwrite"]
    """`append`: a log, rows carry publication_seq. `overwrite`: a snapshot of the current state."""
    written_by: JobName
    derived_from: list[str] = []
    """Tables of earlier jobs that its rows come from; none where they come from files."""
    key: list[str]
    fields: list[str]
    partition_by: list[str] = []
    published: bool = False
    """Whether readers outside may open it; gets the change data feed."""
    computed: dict[str, str] = {}
    """Columns that follow from others of the same row: Spark SQL over these. A job need not give them."""
    constraints: dict[str, str] = {}
    """Delta CHECK constraints by name."""
    rules: list[Rule] = []
    """What every publication checks, beside the key; compulsory where `needs_rules`."""
    types: dict[str, str] = Default(default={}, exclude=True)
    """Column → type, filled from fields/ by the loader."""

    @property
    def path(self) -> str:
        """Folder below the lake: `gold.ledger` is `gold/ledger`."""
        return self.name.replace(".", "/")

    @property
    def identity(self) -> list[str]:
        """What a row is about: the key, but for the publication that wrote it."""
        return [name for name in self.key if name != SEQ]

    @property
    def content(self) -> list[str]:
        """What a job gives of a row, and what its content hash is made of."""
        return [name for name in self.fields if name not in {*self.computed, *LOGGED}]

    @property
    def needs_rules(self) -> bool:
        """Whether others build on the table: silver, or open to readers outside."""
        return self.published or self.name.startswith("silver.")

    @property
    def all_rules(self) -> list[Rule]:
        """The rule that follows from the key, then the written ones."""
        if not self.key:
            return self.rules
        told = ", ".join(self.key)
        key = Rule(
            id=f"{self.name.replace('.', '_')}_key",
            text=f"A row of {self.name} is told from every other by {told}, none of them null.",
            severity="critical",
            unique=self.key,
        )
        return [key, *self.rules]


def load_fields(root: Path = ROOT) -> dict[str, Field]:
    """All columns of `fields/*.yaml` by name.

    Raises:
        RegistryError: a column is declared twice, or breaks the model.
    """
    fields: dict[str, Field] = {}
    for path in sorted((root / "fields").glob("*.yaml")):
        for name, content in yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER).items():
            if name in fields:
                raise RegistryError(f"{path}: {name}: declared in another file too; keep one")
            try:
                fields[name] = Field.model_validate(content)
            except ValueError as error:
                raise RegistryError(f"{path}: {name}: {error}") from error
    return fields


def load_tables(root: Path = ROOT) -> dict[str, Table]:
    """All tables of `tables/*.yaml` by name, columns typed from `fields/`.

    Raises:
        RegistryError: a table names a column that no file of fields/ declares, lacks a key or rules that it
            needs, or takes the id of another table's rule.
    """
    fields = load_fields(root)
    tables: dict[str, Table] = {}
    rule_of: dict[str, Path] = {}
    for path, table in load_folder(root / "tables", Table):
        in_rules = {name for rule in table.rules for name in rule.unique or ()}
        for name in {*table.fields, *table.key, *table.partition_by, *in_rules}:
            if name not in fields or name not in table.fields:
                raise RegistryError(f"{path}: {name}: no such column; declare it in fields/ and list it under fields")
        if unknown := table.computed.keys() - set(table.fields):
            raise RegistryError(f"{path}: computed: {', '.join(sorted(unknown))}: list it under fields")
        if table.needs_rules and not table.key:
            raise RegistryError(f"{path}: key: empty; name the columns that tell the rows of {table.name} apart")
        if table.needs_rules and not table.rules:
            raise RegistryError(f"{path}: rules: none; say what must hold in {table.name} beside its key")
        for rule in table.all_rules:
            if rule.id in rule_of:
                raise RegistryError(
                    f"{path}: rules: {rule.id!r} is taken by {rule_of[rule.id].name}; choose another id"
                )
            rule_of[rule.id] = path
        tables[table.name] = table.model_copy(update={"types": {n: fields[n].type for n in table.fields}})
    for table in tables.values():
        for name in table.derived_from:
            if name not in tables:
                raise RegistryError(f"tables/: {table.name}: derived_from: {name} is no table")
    return tables

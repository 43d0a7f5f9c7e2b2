"""What outside readers open: the pinned rows and checksum of a published day, in their own engines."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable, QueryBuilder, write_deltalake
from deltalake.exceptions import DeltaError

from jobs.lake.chain import checksum_sql
from schemas.tables import Table
from tests.support.lakes import PUBLICATIONS, checksum, pins
from tests.support.registries import shipped
from tests.support.worlds import accounted, usual_world

REGISTRY = shipped()
Counted = tuple[int, int]
PINNED = [name for name in REGISTRY.tables if name != PUBLICATIONS]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = usual_world(tmp_path_factory.mktemp("readers"))
    accounted(home, 4)
    return home / "lake"


def by_deltalake(folder: Path, table: Table, version: int) -> Counted:
    """DataFusion runs the published formula as it is."""
    query = QueryBuilder().register("pinned", DeltaTable(folder, version=version))
    [row] = pa.table(query.execute(checksum_sql(table.fields, "pinned"))).to_pylist()
    return row["row_count"], row["checksum"]


def by_duckdb(folder: Path, table: Table, version: int) -> Counted:
    """DuckDB runs the published formula as it is, on a connection that the jobs have nothing to do with."""
    import duckdb
    import duckdb_extension_delta

    extension = next(Path(duckdb_extension_delta.__file__).parent.rglob("delta.duckdb_extension"))
    with duckdb.connect() as connection:
        connection.execute(f"LOAD '{extension}'")
        pinned = f"delta_scan('{folder}', version={version})"
        [row] = connection.execute(checksum_sql(table.fields, pinned)).fetchall()
    return row[0], row[1]


def by_polars(folder: Path, table: Table, version: int) -> Counted:
    """Polars has no MD5: the formula in Python, over its rows."""
    found = pl.scan_delta(str(folder), version=version).select(table.fields).collect()
    return found.height, checksum(found.iter_rows())


@pytest.mark.parametrize("reader", [by_deltalake, by_duckdb, by_polars])
@pytest.mark.parametrize("name", PINNED)
def test_every_publication_reads_as_it_was_pinned(
    lake: Path, name: str, reader: Callable[[Path, Table, int], Counted]
) -> None:
    table = REGISTRY.tables[name]
    for pin in pins(lake, REGISTRY):
        if pin.table == name:
            assert reader(lake / table.path, table, pin.version) == (pin.rows, pin.checksum), pin


def test_an_earlier_day_was_restated(lake: Path) -> None:
    """The days that the readers open again are not only history: later runs took some of them back."""
    ledger = pl.read_delta(str(lake / "gold/ledger"))
    restated = ledger.filter(pl.col("entry_kind") == "reverse")
    assert restated.height > 0
    seq = restated["publication_seq"].max()
    former = next(pin for pin in reversed(pins(lake, REGISTRY)) if pin.table == "gold.ledger" and pin.seq < seq)
    then = pl.read_delta(str(lake / "gold/ledger"), version=former.version)
    assert set(restated.filter(pl.col("publication_seq") == seq)["position"]) & set(then["position"])


def test_the_checksum_tells_a_changed_value(lake: Path) -> None:
    pin = next(pin for pin in pins(lake, REGISTRY) if pin.table == "gold.ledger" and pin.rows)
    found = pl.read_delta(str(lake / "gold/ledger"), version=pin.version).select(REGISTRY.tables[pin.table].fields)
    assert checksum(found.iter_rows()) == pin.checksum
    assert checksum(found.with_columns(pl.col("amount") + 1).iter_rows()) != pin.checksum
    assert checksum(found.reverse().iter_rows()) == pin.checksum


@pytest.mark.parametrize("name", REGISTRY.tables)
def test_any_reader_may_open_it(lake: Path, name: str) -> None:
    table = DeltaTable(lake / REGISTRY.tables[name].path)
    assert table.protocol().min_reader_version == 1
    assert not table.protocol().reader_features


CONSTRAINED = [name for name, table in REGISTRY.tables.items() if table.constraints]


@pytest.mark.parametrize("name", CONSTRAINED)
def test_no_writer_breaks_a_constraint(lake: Path, tmp_path: Path, name: str) -> None:
    """Not even one that knows nothing of the registry: the table itself refuses."""
    folder = shutil.copytree(lake / REGISTRY.tables[name].path, tmp_path / "table")
    one = DeltaTable(folder).to_pyarrow_table().slice(0, 1).to_pylist()[0]
    for rule in REGISTRY.tables[name].constraints.values():
        column = rule.split()[0]
        bad = one | {column: 0 if isinstance(one[column], int) else "nonsense"}
        rows = pa.Table.from_pylist([bad], schema=DeltaTable(folder).to_pyarrow_table().schema)
        with pytest.raises(DeltaError, match="validation check"):
            write_deltalake(folder, rows, mode="append")

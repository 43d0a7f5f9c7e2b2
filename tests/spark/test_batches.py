"""What Arrow hands to Spark in several batches comes whole."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from tests.spark.conftest import OpenLake

pytestmark = pytest.mark.spark


@pytest.mark.parametrize("sizes", [(2, 0, 1), (0, 2), (1, 0, 0, 2, 0), (0, 0), ()])
def test_a_batch_without_rows_ends_nothing(spark_lake: OpenLake, tmp_path: Path, sizes: tuple[int, ...]) -> None:
    schema = pa.schema({"n": pa.int64(), "name": pa.string()})
    parts = [pa.table({"n": list(range(size)), "name": ["x"] * size}, schema=schema) for size in sizes]
    table = pa.concat_tables([schema.empty_table(), *parts])
    lake = spark_lake(tmp_path)
    assert lake.to_arrow(lake.from_arrow(table)).num_rows == sum(sizes)

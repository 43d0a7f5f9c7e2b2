"""Frames are plain names of tables in a query, on either engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest

from jobs.lake import Lake, open_lake
from jobs.lake.queries import placed
from jobs.lake.spark import SparkLake
from tests.support.registries import shipped

PATTERN = r"RLIKE '^[0-9]{2}$'"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    opened = open_lake("embedded", tmp_path_factory.mktemp("lake"), shipped())
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT * FROM a", "SELECT * FROM <a>"),
        ("SELECT * FROM a AS b, b AS c JOIN a ON b.a = a.b", "SELECT * FROM <a> AS b, <b> AS c JOIN <a> ON b.a = a.b"),
        ("SELECT a, b FROM c WHERE a IN (b, a) ORDER BY a, b", "SELECT a, b FROM c WHERE a IN (b, a) ORDER BY a, b"),
        ("SELECT x FROM a UNION SELECT x, b FROM b", "SELECT x FROM <a> UNION SELECT x, b FROM <b>"),
        ("SELECT x FROM (SELECT b, a FROM a) AS b, a", "SELECT x FROM (SELECT b, a FROM <a>) AS b, <a>"),
        ("SELECT 1 FROM a AS x LEFT ANTI JOIN b AS a", "SELECT 1 FROM <a> AS x LEFT ANTI JOIN <b> AS a"),
        ("SELECT x FROM a  -- FROM b\nWHERE 'FROM b' = b", "SELECT x FROM <a>  -- FROM b\nWHERE 'FROM b' = b"),
        ("WITH c AS (SELECT b FROM a) SELECT a FROM c", "WITH c AS (SELECT b FROM <a>) SELECT a FROM c"),
    ],
)
def test_a_frame_is_named_where_a_table_is_and_nowhere_else(query: str, expected: str) -> None:
    assert placed(query, {"a", "b"}, "<{}>".format) == expected


@pytest.mark.parametrize(
    "query",
    [
        "SELECT x IS DISTINCT FROM a FROM t",
        "SELECT x FROM t JOIN u ON t.x IS NOT DISTINCT FROM a",
        "SELECT x FROM t WHERE t.x IS DISTINCT FROM a",
        "SELECT extract(year FROM a) AS year FROM t",
        "SELECT x FROM t WHERE extract(year FROM a) = 2026",
        "SELECT x FROM t JOIN u ON coalesce(t.x, a) = 1",
    ],
)
def test_from_is_also_a_word_of_comparisons_and_functions(query: str) -> None:
    assert placed(query, {"a"}, "<{}>".format) == query


def test_a_common_table_expression_hides_no_frame() -> None:
    with pytest.raises(ValueError, match="both a frame and a common table expression"):
        placed("WITH x AS (SELECT 1), a AS (SELECT 2) SELECT * FROM a", {"a"}, "<{}>".format)


def test_a_query_that_is_none_is_left_to_the_engine() -> None:
    assert placed("SELECT x) FROM a", {"a"}, "<{}>".format) == "SELECT x) FROM a"


def test_the_embedded_engine_reads_frames_by_name(lake: Lake) -> None:
    a = lake.from_arrow(pa.table({"a": ["12", "123"], "b": ["x", "y"]}))
    b = lake.from_arrow(pa.table({"b": ["x", "y"]}))
    found = lake.sql(
        f"""
        SELECT x.a, y.b
        FROM a AS x, b AS y
        WHERE x.b = y.b AND x.a {PATTERN} AND x.a IS DISTINCT FROM y.b
        """,
        a=a,
        b=b,
    )
    assert lake.to_arrow(found).to_pylist() == [{"a": "12", "b": "x"}]


def test_spark_is_given_its_own_placeholders(tmp_path: Path) -> None:
    asked: list[tuple[str, dict[str, Any]]] = []

    class Session:
        def sql(self, query: str, **frames: Any) -> None:
            # As PySpark does it: where there are frames, whatever stands in braces is one.
            asked.append((query.format(**frames) if frames else query, frames))

    lake = SparkLake(tmp_path, shipped(), cast("Any", Session()))
    lake.sql(f"SELECT a FROM a WHERE a {PATTERN}", a=cast("Any", "view_1"))
    lake.sql(f"SELECT 'a' {PATTERN}")
    assert asked == [(f"SELECT a FROM view_1 WHERE a {PATTERN}", {"a": "view_1"}), (f"SELECT 'a' {PATTERN}", {})]

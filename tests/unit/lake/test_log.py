"""A log as a run sees it: what is newest, what holds, whose it is, and what to append next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pytest

from jobs.lake import Frame, Lake, open_lake
from jobs.lake.log import Log
from schemas.tables import Table
from tests.support.registries import shipped

TABLE = Table(
    name="silver.seats",
    description="Who sits where on a day.",
    writes="append",
    written_by="match",
    key=["seat", "act_date", "publication_seq"],
    fields=["seat", "person_id", "act_date", "act_month", "content_hash", "is_live", "publication_seq"],
    computed={"act_month": "substring(CAST(act_date AS string), 1, 7)"},
)
DAY, NEXT = date(2026, 11, 30), date(2026, 12, 1)

Row = tuple[str, str, date, bool, int]
STORED: list[Row] = [
    ("1", "ada", DAY, True, 1),
    ("2", "ada", DAY, True, 1),
    ("2", "bob", DAY, True, 2),
    ("3", "bob", NEXT, True, 1),
    ("3", "bob", NEXT, False, 2),
]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    opened = open_lake("embedded", tmp_path_factory.mktemp("lake"), shipped())
    yield opened
    opened.close()


def frame(lake: Lake, names: str, rows: list[tuple[object, ...]]) -> Frame:
    columns = names.split()
    return lake.from_arrow(pa.Table.from_pylist([dict(zip(columns, row)) for row in rows]))


@pytest.fixture
def log(lake: Lake) -> Log:
    rows = frame(lake, "seat person_id act_date is_live publication_seq", [*STORED])
    return Log(lake, TABLE, lake.sql("SELECT *, 'of another hash' AS content_hash FROM rows", rows=rows), 2)


def told(lake: Lake, rows: Frame, *columns: str) -> set[tuple[object, ...]]:
    return {tuple(row[name] for name in columns) for row in lake.to_arrow(rows).to_pylist()}


def test_a_table_knows_its_identity_and_its_content() -> None:
    assert TABLE.identity == ["seat", "act_date"]
    assert TABLE.content == ["seat", "person_id", "act_date"]


def test_the_newest_row_of_a_key_holds_unless_it_withdraws_it(lake: Lake, log: Log) -> None:
    assert told(lake, log.newest(), "seat", "is_live") == {("1", True), ("2", True), ("3", False)}
    assert told(lake, log.in_force(), "seat", "person_id") == {("1", "ada"), ("2", "bob")}
    assert told(lake, log.before.in_force(), "seat", "person_id") == {("1", "ada"), ("2", "ada"), ("3", "bob")}
    assert told(lake, log.written, "seat") == {("2",), ("3",)}


def test_keys_are_looked_up_by_the_columns_that_are_given(lake: Lake, log: Log) -> None:
    assert told(lake, log.in_force(frame(lake, "seat", [("2",), ("3",)])), "seat") == {("2",)}
    among = frame(lake, "seat act_date", [("1", NEXT), ("2", DAY)])
    assert told(lake, log.in_force(among), "seat") == {("2",)}


def test_what_went_to_another_is_no_longer_the_first_ones(lake: Lake, log: Log) -> None:
    assert told(lake, log.in_force_of(frame(lake, "person_id", [("ada",)]), "person_id"), "seat") == {("1",)}
    assert told(lake, log.in_force_of(frame(lake, "person_id", [("bob",)]), "person_id"), "seat") == {("2",)}


def test_parts_by_date_and_month(lake: Lake, log: Log) -> None:
    months = Log(lake, TABLE, log.shaped(log.before.rows), 2)
    assert told(lake, months.of_dates([NEXT]).rows, "seat") == {("3",)}
    assert told(lake, months.of_dates([]).rows, "seat") == set()
    assert told(lake, months.of_months(["2026-11"]).rows, "seat") == {("1",), ("2",)}
    assert told(lake, months.of_months([]).rows, "seat") == set()


def test_changes_are_what_is_other_and_what_is_gone(lake: Lake, log: Log) -> None:
    stored = Log(lake, TABLE, lake.sql(
        "SELECT *, true AS is_live, CAST(1 AS bigint) AS publication_seq FROM rows",
        rows=log.shaped(frame(lake, "seat person_id act_date", [("1", "ada", DAY), ("2", "ada", DAY), ("3", "bob", NEXT)])),
    ), 2)  # fmt: skip
    new = frame(lake, "seat person_id act_date", [("1", "ada", DAY), ("2", "bob", DAY), ("4", "ada", NEXT)])
    found = stored.changes(new, instead_of=stored.in_force())
    assert told(lake, found, "seat", "person_id", "act_month", "is_live", "publication_seq") == {
        ("2", "bob", "2026-11", True, 2),
        ("3", "bob", "2026-12", False, 2),
        ("4", "ada", "2026-12", True, 2),
    }


def test_answers_are_typed_and_frames_are_joined_by_name(lake: Lake) -> None:
    @dataclass(frozen=True)
    class Seat:
        person_id: str
        seats: int

    one, other = (
        frame(lake, "seat person_id", [("1", "ada")]),
        frame(lake, "person_id seat", [("ada", "2"), ("bob", "3")]),
    )
    query = "SELECT person_id, count(1) AS seats FROM both GROUP BY person_id ORDER BY person_id"
    assert lake.ask(Seat, query, both=lake.union(one, other)) == [Seat("ada", 2), Seat("bob", 1)]
    with pytest.raises(TypeError):
        lake.ask(Seat, "SELECT 1 AS nobody FROM one", one=one)

"""The jobs of a run one by one, as a scheduler with a task per job does them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from jobs.day import JOBS, PUBLISH, run_job
from jobs.dry_run import dry_job, dry_post, foretell
from jobs.errors import RunError
from jobs.lake import Lake
from jobs.runs.run import Run
from tests.support.lakes import check_chain, contents, differences
from tests.support.registries import shipped
from tests.support.worlds import accounted, days, embedded_lake, rows, run_days, usual_world

REGISTRY = shipped()
FIRST, SECOND = days(2)
NAMES = [*JOBS, PUBLISH]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return usual_world(tmp_path_factory.mktemp("jobs"))


def after(home: Path, day_count: int, folder: str) -> Lake:
    """The lake of so many days."""
    accounted(home, day_count, folder)
    return embedded_lake(home, REGISTRY, folder)


def do(lake: Lake, home: Path, names: list[str]) -> dict[str, int]:
    written: dict[str, int] = {}
    for name in names:
        written |= run_job(lake, REGISTRY, home, SECOND, name).appended
    return written


def test_one_by_one_is_the_same_run(home: Path) -> None:
    together, apart = after(home, 2, "together"), after(home, 1, "apart")
    do(apart, home, NAMES[: NAMES.index("post")])
    before = contents(apart.path, REGISTRY)
    told = dry_post(apart, REGISTRY, home, SECOND)
    assert differences(contents(apart.path, REGISTRY), before) == {}
    written = do(apart, home, NAMES[NAMES.index("post") :])

    assert differences(contents(apart.path, REGISTRY), contents(together.path, REGISTRY)) == {}
    assert check_chain(apart.path, REGISTRY) == check_chain(together.path, REGISTRY)
    entries = [row for row in rows(apart, "gold.ledger") if row["publication_seq"] == 2]
    kinds = Counter((row["measure"], row["entry_kind"], row["reason"]) for row in entries)
    assert {(one.measure, one.entry_kind, one.reason): one.entries for one in told} == kinds
    assert sum(one.amount for one in told) == sum(row["amount"] for row in entries)
    assert written["gold.ledger"] == len(entries) > 0


def test_a_dry_job_says_what_it_would_write_and_leaves_no_run_open(home: Path) -> None:
    lake = after(home, 1, "dry")
    with pytest.raises(RunError, match="start it with conform"):
        dry_job(lake, REGISTRY, home, SECOND, "match")
    before = contents(lake.path, REGISTRY)
    told = dry_job(lake, REGISTRY, home, SECOND, "conform")
    assert differences(contents(lake.path, REGISTRY), before) == {}
    with pytest.raises(RunError, match="start it with conform"):
        run_job(lake, REGISTRY, home, SECOND, "resolve")
    assert told == do(lake, home, ["conform"]) and told["silver.claims"] > 0

    do(lake, home, ["resolve"])
    before, asked = contents(lake.path, REGISTRY), list[str]()
    lake.watch = asked.append
    told = dry_job(lake, REGISTRY, home, SECOND, "match")
    lake.watch = None
    assert differences(contents(lake.path, REGISTRY), before) == {}
    assert told == do(lake, home, ["match"]) and told["silver.activities"] > 0
    assert any(
        "LEFT SEMI JOIN consented AS a" in query and query.endswith("-- of claims, consented\n") for query in asked
    )


def test_a_later_job_needs_an_open_run_of_its_date(home: Path) -> None:
    lake = embedded_lake(home, REGISTRY, "not_open")
    with pytest.raises(RunError, match="start it with conform"):
        run_job(lake, REGISTRY, home, FIRST, "match")
    run_job(lake, REGISTRY, home, FIRST, "conform")
    with pytest.raises(RunError, match="no run of 2026-11-02 is open"):
        run_job(lake, REGISTRY, home, SECOND, "resolve")


def test_a_published_date_has_no_jobs_left(home: Path) -> None:
    lake = after(home, 2, "published")
    before = contents(lake.path, REGISTRY)
    assert do(lake, home, NAMES) == {}
    assert dry_post(lake, REGISTRY, home, SECOND) == []
    assert differences(contents(lake.path, REGISTRY), before) == {}


def test_an_open_run_is_left_alone_where_nothing_is_to_do(home: Path) -> None:
    lake = after(home, 1, "left_alone")
    do(lake, home, ["conform", "resolve"])
    before = contents(lake.path, REGISTRY)
    assert [outcome.seq for outcome in run_days(lake, home, [FIRST])] == [None]
    assert differences(contents(lake.path, REGISTRY), before) == {}
    do(lake, home, NAMES[NAMES.index("match") :])
    assert len(check_chain(lake.path, REGISTRY)) == 2


def test_a_dry_run_says_what_two_days_then_post(home: Path) -> None:
    lake = embedded_lake(home, REGISTRY, "foretold")
    before = contents(lake.path, REGISTRY)
    told = foretell(lake, REGISTRY, home, SECOND)
    assert differences(contents(lake.path, REGISTRY), before) == {}

    lake = after(home, 2, "came")
    posted: Counter[str] = Counter()
    for row in rows(lake, "gold.ledger"):
        posted[row["measure"]] += row["amount"]
    foretold: Counter[str] = Counter()
    for one in told:
        foretold[one.measure] += one.amount
    assert foretold == posted
    assert max(one.people for one in told) <= len({row["person_id"] for row in rows(lake, "gold.ledger")})
    assert foretell(lake, REGISTRY, home, SECOND, full=True) == []


def test_tables_come_from_what_their_jobs_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = after(home, 1, "read")
    read: set[str] = set()
    opened = Run.read
    monkeypatch.setattr(Run, "read", lambda run, table: read.add(table) or opened(run, table))
    for name in JOBS:
        read.clear()
        run_job(lake, REGISTRY, home, SECOND, name)
        own = [table for table in REGISTRY.tables.values() if table.written_by == name]
        assert read - {table.name for table in own} == {one for table in own for one in table.derived_from}, name

"""What the registry's DAGs look like, and for which date they run."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from airflow.sdk.exceptions import AirflowFailException

from dags.clock import after_each_day, business_date
from schemas import load_registry
from schemas.deployment import FILE
from schemas.tables import JOB_NAMES
from tests.dags.conftest import ROOT

REGISTRY = load_registry()
SHANGHAI = ZoneInfo("Asia/Shanghai")
BY_HAND = {"backfill", "release_factors"}
WEEKLY = {"maintain"}


def test_exactly_these_dags(dags: dict[str, Any]) -> None:
    assert dags.keys() == {f"ingest__{one}" for one in REGISTRY.sources} | {"account_daily"} | BY_HAND | WEEKLY


def test_the_deployment_says_from_whom_is_fetched(
    dags: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is named at any time: what is late for the last date still comes after it."""
    from airflow.dag_processing.dagbag import DagBag

    text = "institutions:\n  alipay: {from: 2026-11-01, to: 2026-11-02}\n  icbc: {from: 2030-01-01}\n"
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    monkeypatch.setenv("TANZHANG_HOME", str(tmp_path))
    found = DagBag(dag_folder=str(ROOT / "dags"))
    assert found.import_errors == {}
    assert {name for name in found.dags if name.startswith("ingest__")} == {"ingest__alipay", "ingest__icbc"}


def test_every_dag_says_whose_it_is_and_what_it_does(dags: dict[str, Any]) -> None:
    for dag in dags.values():
        assert dag.owner == "tanzhang"
        assert "tanzhang" in dag.tags
        assert len(dag.doc_md) > 100
        assert dag.max_active_runs == 1
        assert dag.dagrun_timeout == timedelta(hours=12)


def test_schedules(dags: dict[str, Any]) -> None:
    for source in REGISTRY.sources.values():
        hour, minute = source.ready_by.split(":")
        timetable = dags[f"ingest__{source.id}"].timetable
        assert (timetable.expression, str(timetable.timezone)) == (f"{int(minute)} {int(hour)} * * *", source.time_zone)
    assert dags["account_daily"].timetable.expression == "0 6 * * *"
    assert {name for name, dag in dags.items() if dag.schedule is None} == BY_HAND


def test_transport_is_tried_again_and_verdicts_are_not(dags: dict[str, Any]) -> None:
    for dag in dags.values():
        for task in dag.tasks:
            judges = task.task_id in {"arrived", "verdict", "is_wanted"}
            assert task.retries == (0 if judges else 3), (dag.dag_id, task.task_id)
            assert judges or task.retry_exponential_backoff == 2.0
            assert task.execution_timeout


def test_whatever_writes_to_the_lake_is_in_its_pool(dags: dict[str, Any]) -> None:
    daily = dags["account_daily"]
    pooled = {task.task_id for task in daily.tasks if task.pool == "lake"}
    assert pooled == {*JOB_NAMES, "report", "data_docs"}
    for name in BY_HAND | WEEKLY:
        writers = [task for task in dags[name].tasks if hasattr(task, "arguments")]
        assert writers
        assert all(task.pool == "lake" and task.waits_for == ["account_daily"] for task in writers)


def test_the_jobs_of_a_day_follow_each_other(dags: dict[str, Any]) -> None:
    daily, chain = dags["account_daily"], ["pull", "land", "arrivals", *JOB_NAMES]
    for before, after in pairwise(chain):
        assert daily.get_task(after).upstream_task_ids == {before}
    assert daily.get_task("publish").downstream_task_ids == {"verdict", "report", "data_docs"}


def test_lineage_is_the_registrys(dags: dict[str, Any]) -> None:
    post = dags["account_daily"].get_task("post").get_openlineage_facets_on_complete(None)
    inputs = [one.name.split("/lake/")[1] for one in post.inputs]
    assert sorted(inputs) == ["silver/activities", "silver/customer_events", "silver/membership", "silver/redemptions"]
    assert [one.name.split("/lake/")[1] for one in post.outputs] == ["gold/ledger"]


@pytest.mark.parametrize(
    ("start", "zone", "expected"),
    [
        ("2026-11-20T22:00:00+00:00", SHANGHAI, date(2026, 11, 21)),
        ("2026-11-20T15:59:00+00:00", SHANGHAI, date(2026, 11, 20)),
        ("2026-11-21T00:00:00+00:00", ZoneInfo("Europe/London"), date(2026, 11, 21)),
    ],
)
def test_the_date_is_that_of_the_interval_where_the_institution_is(start: str, zone: ZoneInfo, expected: date) -> None:
    run = SimpleNamespace(data_interval_start=datetime.fromisoformat(start))
    assert business_date(run, {}, zone) == expected
    assert business_date(run, {"business_date": None}, zone) == expected


def test_the_parameter_goes_before() -> None:
    run = SimpleNamespace(data_interval_start=datetime(2026, 11, 20, tzinfo=timezone.utc))
    assert business_date(run, {"business_date": "2026-11-03"}, SHANGHAI) == date(2026, 11, 3)
    with pytest.raises(AirflowFailException, match="say a date"):
        business_date(run, {"business_date": "3.11."}, SHANGHAI)


def test_without_either_nothing_is_guessed() -> None:
    with pytest.raises(AirflowFailException, match="no data interval"):
        business_date(SimpleNamespace(data_interval_start=None), {}, SHANGHAI)


def test_a_timetable_runs_a_day_after_its_date(dags: dict[str, Any]) -> None:
    from airflow.serialization.encoders import coerce_to_core_timetable
    from pendulum import instance

    timetable = coerce_to_core_timetable(after_each_day("06:00", SHANGHAI))
    interval = timetable.infer_manual_data_interval(run_after=instance(datetime(2026, 11, 22, 6, 1, tzinfo=SHANGHAI)))
    assert business_date(SimpleNamespace(data_interval_start=interval.start), {}, SHANGHAI) == date(2026, 11, 21)
    assert interval.end.astimezone(SHANGHAI).isoformat() == "2026-11-22T06:00:00+08:00"


def test_only_tasks_that_make_tokens_get_the_keys(dags: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from dags.command import KEYS, environment

    for name in KEYS:
        monkeypatch.setenv(name, "ab" * 32)
    given = {
        (dag_id, task.task_id)
        for dag_id, dag in dags.items()
        for task in dag.tasks
        if hasattr(task, "arguments") and set(KEYS) <= environment(task.arguments).keys()
    }
    landing = {(f"ingest__{one}", "land") for one in REGISTRY.sources}
    assert given == landing | {("account_daily", "land"), ("backfill", "foretell"), ("backfill", "account")}
    assert not set(KEYS) & environment(["job", "pull", "--date", "2026-11-01"]).keys()

"""Two days of one world through the real tasks, held against the command that does whole days at once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import datetime, time, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from schemas import load_registry
from tests.dags.conftest import LINEAGE, asked, published, tanzhang

FIRST = datetime(2026, 11, 1, tzinfo=timezone(timedelta(hours=8)))
PUNCTUAL = ("--late", "0", "--corrected", "0", "--duplicated", "0", "--bills", "0")
Worlds = Callable[..., Path]
AtHome = Callable[[Path], None]


def days(number: int) -> list[str]:
    return [(FIRST + timedelta(days=one)).date().isoformat() for one in range(number)]


def states(run: Any) -> dict[str, str]:
    return {one.task_id: str(one.state) for one in run.get_task_instances()}


def account(dags: dict[str, Any], day: str) -> Any:
    """A run of account_daily as its schedule makes it: its interval begins on the date."""
    begins = datetime.combine(datetime.fromisoformat(day).date(), time(6), FIRST.tzinfo)
    return dags["account_daily"].test(logical_date=begins + timedelta(days=1))


@pytest.fixture(scope="module")
def sent(worlds: Worlds) -> Path:
    """Nearly everything of the first day is corrected on the second, of which an institution's delivery is refused."""
    home = worlds(60, 2, "--late", "0", "--corrected", "0.9", "--duplicated", "0", "--bills", "0")
    [control] = [path for path in home.glob("exports/hellobike/*/control.json") if whose(path) == (days(2)[1], 0)]
    file = sorted(control.parent.glob("*.csv*"))[0]
    file.write_bytes(file.read_bytes() + b"\n")  # not what its control file says
    return home


def whose(control: Path) -> tuple[str, int]:
    """Business date and revision of a delivery."""
    said = json.loads(control.read_text(encoding="utf-8"))
    return said["business_date"], said["revision"]


@pytest.fixture(scope="module")
def beside(sent: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both days by the command."""
    home = shutil.copytree(sent, tmp_path_factory.mktemp("beside") / "home")
    tanzhang("run", "--from", days(2)[0], "--to", days(2)[1], home=home)
    return home


def test_days_through_their_tasks_are_the_days_of_the_command(
    dags: dict[str, Any], sent: Path, beside: Path, at_home: AtHome, tmp_path: Path
) -> None:
    """The second restates the first, and an institution fails on it, which stops nobody."""
    home = shutil.copytree(sent, tmp_path / "home")
    at_home(home)
    runs = {
        name: dags[f"ingest__{name}"].test(run_conf={"business_date": days(2)[1]}) for name in ("hellobike", "alipay")
    }
    assert str(runs["alipay"].state) == "success", states(runs["alipay"])
    assert states(runs["hellobike"]) == {"delivery": "success", "land": "success", "arrived": "failed"}
    assert str(runs["hellobike"].state) == "failed"

    first, second = (account(dags, day) for day in days(2))
    assert str(first.state) == "success", states(first)
    assert str(second.state) == "failed", "published, but the colour says that somebody is missing"
    assert {name for name, state in states(second).items() if state == "failed"} == {"verdict"}
    assert published(home) == published(beside)
    assert {row["publication_seq"]: row["publication_state"] for row in published(home)} == {
        1: "published",
        2: "degraded",
    }
    [counted] = asked(home, "gold/ledger", "SELECT count(1) AS n FROM t WHERE entry_kind = 'reverse'")
    assert counted["n"] > 0
    assert len(list((home / "reports").glob("*.html"))) == 2
    assert written_by_tasks() == {name.replace(".", "/") for name in load_registry().tables}


@pytest.mark.spark
@pytest.mark.soak
@pytest.mark.parametrize("engine", ["spark", "connect"])
def test_a_day_on_spark_through_its_tasks_is_the_embedded_engines(
    engine: str,
    dags: dict[str, Any],
    worlds: Worlds,
    at_home: AtHome,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """tests/spark has a day in process, and one through Connect, in every run of the suite."""
    home, beside = worlds(60, 1, *PUNCTUAL), worlds(60, 1, *PUNCTUAL)
    tanzhang("run", "--date", days(1)[0], home=beside)
    at_home(home)
    for name, value in request.getfixturevalue("spark_settings").items():
        monkeypatch.setenv(name, value)
    if engine == "connect":
        monkeypatch.setenv("SPARK_REMOTE", request.getfixturevalue("connect"))

    run = account(dags, days(1)[0])
    assert str(run.state) == "success", states(run)
    assert published(home) == published(beside)
    assert list((home / "reports").glob("*.html"))
    assert written_by_tasks() == {name.replace(".", "/") for name in load_registry().tables}


def written_by_tasks() -> set[str]:
    """Tables that the tasks of account_daily told OpenLineage of."""
    events = [json.loads(line) for line in LINEAGE.read_text().splitlines()]
    return {
        output["name"].split("/lake/")[1]
        for event in events
        if event["eventType"] == "COMPLETE" and event["job"]["name"].startswith("account_daily.")
        for output in event.get("outputs", [])
    }


class Receiver(BaseHTTPRequestHandler):
    """Keeps what is posted to it."""

    posted: list[dict[str, Any]] = []

    def do_POST(self) -> None:
        self.posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def test_who_is_missing_is_told(
    dags: dict[str, Any], worlds: Worlds, at_home: AtHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = worlds(60, 1, *PUNCTUAL)
    shutil.rmtree(home / "exports/icbc")
    at_home(home)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv(
        "AIRFLOW_CONN_TANZHANG_NOTICE",
        json.dumps({"conn_type": "http", "host": f"http://127.0.0.1:{server.server_port}/notices"}),
    )
    try:
        run = dags["ingest__icbc"].test(run_conf={"business_date": days(1)[0]})
    finally:
        server.shutdown()
    assert states(run) == {"delivery": "failed", "land": "success", "arrived": "upstream_failed"}
    assert {"event": "missing", "institution": "icbc", "business_date": days(1)[0]} in Receiver.posted
    assert [one["task"] for one in Receiver.posted if one["event"] == "failed"] == ["delivery"]


def test_nobody_waits_for_who_is_not_expected(dags: dict[str, Any], worlds: Worlds, at_home: AtHome) -> None:
    home = worlds(60, 1, *PUNCTUAL)
    shutil.rmtree(home / "exports/icbc")
    said = (home / "deployment.yaml").read_text(encoding="utf-8")
    assert "  icbc: {from: 2026-11-01}\n" in said
    left = said.replace("icbc: {from: 2026-11-01}", "icbc: {from: 2026-10-01, to: 2026-10-31}")
    (home / "deployment.yaml").write_text(left, encoding="utf-8")
    at_home(home)
    run = dags["ingest__icbc"].test(run_conf={"business_date": days(1)[0]})
    assert states(run) == {"delivery": "success", "land": "success", "arrived": "success"}


def test_a_backfill_is_as_many_days(
    dags: dict[str, Any], sent: Path, beside: Path, at_home: AtHome, tmp_path: Path
) -> None:
    home = shutil.copytree(sent, tmp_path / "home")
    dates = {"first": days(2)[0], "last": days(2)[1]}
    at_home(home)

    told = dags["backfill"].test(run_conf=dates)
    assert states(told) == {"foretell": "success", "is_wanted": "success", "account": "skipped", "verdict": "skipped"}
    assert published(home) == []

    done = dags["backfill"].test(run_conf={**dates, "dry_run": False})
    assert states(done)["account"] == "success"
    assert published(home) == published(beside)


def test_releasing_what_has_not_changed_posts_nothing(
    dags: dict[str, Any], beside: Path, at_home: AtHome, tmp_path: Path
) -> None:
    home = shutil.copytree(beside, tmp_path / "home")
    at_home(home)
    run = dags["release_factors"].test(run_conf={"dry_run": False})
    assert str(run.state) == "success", states(run)
    assert published(home) == published(beside) != []


def test_no_task_starts_while_a_day_is_open(dags: dict[str, Any], worlds: Worlds, at_home: AtHome) -> None:
    from airflow.sdk.exceptions import AirflowRescheduleException

    class Instance:
        @staticmethod
        def get_dr_count(dag_id: str, states: list[str]) -> int:
            return int((dag_id, states) == ("account_daily", ["running"]))

    with pytest.raises(AirflowRescheduleException):
        dags["maintain"].get_task("maintain").execute({"ti": Instance()})

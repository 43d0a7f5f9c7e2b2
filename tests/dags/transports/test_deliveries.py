"""Transports where they are used: before pull, in a task that Airflow tries again, and as their guide declares them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from airflow.cli.cli_parser import get_parser
from airflow.models.connection import Connection
from airflow.sdk import BaseHook
from airflow.utils.session import create_session
from sqlalchemy import select

from dags.transports import fetch
from dags.transports.opening import open_remote
from schemas import load_registry
from tests.dags.conftest import ROOT, tanzhang
from tests.dags.transports.remotes import Loop, SFTPRemote

SOURCE = "hangzhou_metro"
CONNECTION = f"tanzhang_{SOURCE}"
ENVIRONMENT = f"AIRFLOW_CONN_{CONNECTION.upper()}"
DAY = "2026-11-01"
Worlds = Callable[..., Path]


def contents(folder: Path) -> dict[str, bytes]:
    """Path below a folder → bytes."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_what_came_over_sftp_is_pulled_as_what_was_dropped(
    worlds: Worlds, loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped, fetched = worlds(40, 1, "--duplicated", "0.9"), tmp_path / "home"
    sent = dropped / "exports" / SOURCE
    remote = SFTPRemote(sent, loop)
    monkeypatch.setenv(ENVIRONMENT, remote.connection(arrival="named"))
    try:
        came = fetch(SOURCE, CONNECTION, fetched / "exports")
    finally:
        remote.stop()
    assert [one.stamp for one in came] == sorted(path.name for path in sent.iterdir())

    for home in (dropped, fetched):
        tanzhang("job", "pull", "--date", DAY, "--institution", SOURCE, home=home)
    landed = contents(dropped / "landing")
    assert contents(fetched / "landing") == landed
    states = [json.loads(data)["state"] for path, data in landed.items() if path.startswith("receipts/")]
    assert sorted(states) == ["accepted", "duplicate"]


NOWHERE = {"conn_type": "fs", "extra": {"path": "/nowhere/at/all"}}
NOBODY = {"conn_type": "sftp", "host": "127.0.0.1", "port": 9, "login": "x", "password": "y", "extra": {"path": "/"}}


@pytest.mark.parametrize(("connection", "tries"), [(NOWHERE, 1), (NOBODY, 2)], ids=["unusable", "unreachable"])
def test_only_what_another_attempt_may_mend_is_tried_again(
    dags: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, connection: dict[str, Any], tries: int
) -> None:
    monkeypatch.setenv("TANZHANG_HOME", str(tmp_path))
    monkeypatch.setenv(ENVIRONMENT, json.dumps(connection))
    task = dags[f"ingest__{SOURCE}"].get_task("delivery")
    for name, value in {"retries": 1, "retry_delay": timedelta(0), "retry_exponential_backoff": 0.0}.items():
        monkeypatch.setattr(task, name, value)
    run = dags[f"ingest__{SOURCE}"].test(run_conf={"business_date": DAY})
    [delivery] = [one for one in run.get_task_instances() if one.task_id == "delivery"]
    assert (str(delivery.state), delivery.try_number) == ("failed", tries)


def commands() -> Iterator[list[str]]:
    """The commands of the guide that add a connection, as a shell would split them, without the first word."""
    text = (ROOT / "docs/transports.md").read_text(encoding="utf-8").replace("\\\n", " ")
    for block in text.split("```\n")[1::2]:
        words = shlex.split(block)
        starts = [place for place, word in enumerate(words) if word == "airflow"]
        for start, end in pairwise([*starts, len(words)]):
            yield words[start + 1 : end]


def test_the_guide_declares_every_transport() -> None:
    assert {words[words.index("--conn-type") + 1] for words in commands()} == {"fs", "sftp", "aws"}


@pytest.mark.parametrize("words", commands(), ids=lambda words: words[2])
def test_the_guides_connections_are_accepted(airflow: None, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = get_parser().parse_args(words)
    arguments.func(arguments)
    name, stated = words[2], json.loads(words[words.index("--conn-extra") + 1])
    assert name.removeprefix("tanzhang_") in load_registry().sources
    with create_session() as session:
        kept = session.scalars(select(Connection).where(Connection.conn_id == name)).one()
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", kept.as_json())
    with open_remote(BaseHook.get_connection(name)) as place:
        settings = place.settings.model_dump()
    assert {key: settings[key] for key in stated if key in settings} == {
        key: value for key, value in stated.items() if key in settings
    }

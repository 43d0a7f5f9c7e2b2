"""What is logged: a line at each joint, for machines; and nothing that tells of a person."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from jobs.logs import NAME, SAID, WHERE, log
from simulator import simulate
from tanzhang.cli import app
from tests.support.reader import deliveries, rows_of
from tests.support.runner import ROOT
from tests.support.worlds import FIRST_DAY

APART = "match"
"""The job that is a process of its own, amid others."""
LEAST = 5
"""Shorter texts are words of every export: codes, states, amounts."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world of a hundred people, two days of it run, maintained and asked about, all of it logged."""
    home = tmp_path_factory.mktemp("logs") / "home"
    simulate(home, 100, 2, 1, FIRST_DAY, late=0.2, corrected=0.2)
    to = home / "log.jsonl"
    listening = {"TANZHANG_LOG": "json", "TANZHANG_LOG_FILE": str(to)}
    logged(home, listening, "run", "--date", "2026-11-01")
    for name in ("conform", "resolve", "match", "post", "account", "publish"):
        job = ("job", name, "--date", "2026-11-02")
        if name == APART:
            tanzhang(home, *job, **listening)
        else:
            logged(home, listening, *job)
    logged(home, listening, "maintain", "--trust-clock")
    return home


def logged(home: Path, listening: dict[str, str], *arguments: str) -> None:
    """Call the command in this process; it listens as it does in one of its own."""
    logger = logging.getLogger(NAME)
    with pytest.MonkeyPatch.context() as environment:
        for name, value in listening.items():
            environment.setenv(name, value)
        try:
            done = CliRunner().invoke(app, [*arguments, "--home", str(home)])
        finally:
            for handler in list(logger.handlers):
                logger.removeHandler(handler)
                handler.close()
            logger.setLevel(logging.NOTSET)
            logger.propagate = True
    assert done.exit_code in (0, 3), done.output


def tanzhang(home: Path, *arguments: str, **environment: str) -> str:
    """The standard error of the command in a process."""
    done = subprocess.run(
        [sys.executable, "-m", "tanzhang.cli", *arguments, "--home", str(home)],
        cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 3), done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def lines(home: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (home / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def test_every_joint_says_a_line(home: Path, lines: list[dict[str, Any]]) -> None:
    said = Counter(line["event"] for line in lines)
    assert said["delivery_received"] == len(deliveries(home))
    assert said["run_opened"] == 2 and said["published"] == 3 and said["gate_passed"] == 2
    assert said["job_done"] == 2 * 5
    assert said["table_maintained"] == 13
    assert said["feed_landed"] >= 2 * 9 * 2
    assert len(lines) < 400, "an event at each joint, no noise"


def test_lines_say_where_they_belong(lines: list[dict[str, Any]]) -> None:
    allowed = {*WHERE, *SAID, "event", "level", "timestamp"}
    for line in lines:
        assert line.keys() <= allowed
        assert line["event"].replace("_", "").isalpha() and line["event"] == line["event"].lower()
        if line["event"] in ("delivery_received", "feed_landed"):
            assert line["institution"]
        else:
            assert line["business_date"] and (line["run_id"] or line["event"] == "table_restored")
    runs = {
        line["run_id"] for line in lines if line.get("business_date") == "2026-11-02" and line["event"] == "job_done"
    }
    assert len(runs) == 1, "one run, though one of its jobs was another process"


def test_no_line_tells_of_a_person(home: Path) -> None:
    """Every value of every export and every token is looked for in the log, in the records and in the locks."""
    secrets = {row["customer_id"] for row in pq.read_table(home / "truth/customers.parquet").to_pylist()}
    for delivery in deliveries(home):
        secrets |= {str(file["customer"]) for file in delivery.control["files"] if file.get("customer")}
        for file in delivery.control["files"]:
            for _, row in rows_of(delivery.folder / file["name"]):
                secrets |= {text.strip() for value in row.values() for text in texts(value)}
    tokens = set()
    for path in (home / "landed").rglob("*.parquet"):
        tokens |= hexadecimal(pq.read_table(path))
    for table in ("silver/membership", "gold/ledger", "silver/claims"):
        for path in (home / "lake" / table).rglob("*.parquet"):
            tokens |= hexadecimal(pq.read_table(path)) if "_delta_log" not in path.parts else set()
    secrets = {secret for secret in secrets if len(secret) >= LEAST and not is_of_the_contract(secret)}
    assert len(secrets) > 2_000 and len(tokens) > 2_000

    written = (home / "log.jsonl").read_text(encoding="utf-8")
    records = list((home / "runs").glob("*.json"))
    locks = [path for path in home.rglob(".*writer") if path.is_file()]
    assert len(records) == 3 and len(locks) >= 10
    written += "".join(path.read_text(encoding="utf-8") for path in (*records, *locks))
    assert [secret for secret in sorted(secrets | tokens) if secret in written] == []


def texts(value: Any) -> list[str]:
    """The texts of a value of an export, nested ones too."""
    if isinstance(value, dict):
        return [text for part in value.values() for text in texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in texts(part)]
    return [value] if isinstance(value, str) else []


def is_of_the_contract(secret: str) -> bool:
    """Dates, short amounts, and the lower-case words that contracts agree as codes, are no one's."""
    word, is_amount = secret.replace("_", ""), secret.replace(".", "").isdigit() and len(secret) < 8
    return (
        is_amount
        or (word.isascii() and word.isalpha() and word.islower())
        or (secret[:4] == "2026" and len(secret) <= 10)
    )


def hexadecimal(table: pa.Table) -> set[str]:
    """Every text of 32 hexadecimal characters."""
    found: set[str] = set()
    for column in table.columns:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            found |= {value for value in column.unique().to_pylist() if value and len(value) == 32}
    return found


def test_nobody_listens_unless_told(home: Path) -> None:
    assert tanzhang(home, "status") == ""


def test_people_can_read_it_too(home: Path) -> None:
    said = tanzhang(home, "maintain", "--trust-clock", TANZHANG_LOG="text")
    assert "table_maintained" in said and "table=gold.ledger" in said and not said.lstrip().startswith("{")


def test_a_wrong_setting_is_refused(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tanzhang.cli", "late", "--date", "2026-11-01", "--home", str(home)],
        cwd=ROOT, env=os.environ | {"TANZHANG_LOG": "xml"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2 and "json or text" in done.stderr


def test_a_line_cannot_say_what_is_not_declared(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="tanzhang"), pytest.raises(ValueError, match="may not say phone"):
        log.info("delivery_received", phone="13800000000")
    assert caplog.records == []

"""Refunds that name no original take back the same on both engines, at once and as rows are corrected."""

from __future__ import annotations

import random
from datetime import date
from pathlib import Path

import pytest

from tests.spark.conftest import OpenLake
from tests.support.lakes import contents, differences
from tests.support.refunding import KINDS_OF_ROWS, KNOWN, RUN_DATES, Row, registry, root, send_runs, told
from tests.support.runner import run_apart
from tests.support.worlds import run_days

pytestmark = pytest.mark.spark


def some_rows(seed: int) -> list[Row]:
    """Of few merchants and amounts, so that much competes."""
    chance = random.Random(seed)
    clocks = ("", " 12:00:00", " 18:30:00")
    return [
        Row(
            f"{number}",
            f"2026-10-{chance.randrange(1, 29):02}{chance.choice(clocks)}",
            chance.choice((100, 200, 300)),
            chance.choice(KINDS_OF_ROWS),
            f"商户{chance.randrange(8)}",
        )
        for number in range(120)
    ]


def test_both_engines_match_alike(tmp_path: Path, spark_lake: OpenLake, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, corrected = some_rows(5), some_rows(6)[::4]
    send_runs(tmp_path, [[KNOWN, told(date(2026, 11, 1), *rows)], [told(date(2026, 11, 2), *corrected)]])
    with monkeypatch.context() as environment:
        environment.setenv("TANZHANG_REGISTRY", str(root()))
        run_apart(tmp_path, "embedded", "embedded", RUN_DATES[:2])
    run_days(spark_lake(tmp_path / "spark", registry()), tmp_path, RUN_DATES[:2])
    expected = contents(tmp_path / "embedded", registry())
    refunds = [row for row in expected["silver.claims"].to_pylist() if row["claim_kind"] == "refund"]
    assert {True, False} == {row["refers_to_key"] is None for row in refunds}
    assert differences(contents(tmp_path / "spark", registry()), expected) == {}

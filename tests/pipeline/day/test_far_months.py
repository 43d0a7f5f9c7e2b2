"""A day opens no file of months that nothing of it reaches: it runs while these are not there at all."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from jobs import day
from jobs.lake import Lake, embedded
from tests.pipeline.publications.test_gates import alone
from tests.support.exports import alipay_acts, alipay_consents, deliver
from tests.support.worlds import embedded_lake, land_world, rows, run_days

FAR, OVER, DAY = date(2026, 8, 5), date(2026, 9, 1), date(2026, 12, 1)
"""OVER: the far month is, so that its record says what it will."""
BY_MONTH = ("silver/claims", "silver/activities", "gold/ledger", "gold/carbon_records")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Two customers of the wallet pay in August, and one of them again in December, when the other first consents."""
    acts = [(k, k, f"{FAR} 1{k}:00:00", "shenghuojiaofei", "10") for k in (1, 2)]
    consents = alipay_consents((1, "ALL", "AUTHORIZED", f"{FAR} 08:00:00"))
    deliver(tmp_path, "alipay", alipay_acts(*acts), consents, stamp="20260805T200000Z", business_date=f"{FAR}")
    later = [(3, 1, f"{DAY} 11:00:00", "shenghuojiaofei", "10"), (4, 2, f"{DAY} 12:00:00", "shenghuojiaofei", "10")]
    consents = alipay_consents((2, "ALL", "AUTHORIZED", f"{DAY} 08:00:00"))
    deliver(tmp_path, "alipay", alipay_acts(*later), consents, stamp="20261201T200000Z", business_date=f"{DAY}")
    registry = alone(tmp_path / "registry")
    land_world(tmp_path, registry)
    opened = embedded_lake(tmp_path, registry)
    run_days(opened, tmp_path, [FAR, OVER])
    return opened


def test_a_day_opens_no_file_of_far_months(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    away = [lake.path / table / f"act_month={FAR:%Y-%m}" for table in BY_MONTH]
    away = [folder for folder in away if folder.exists()]
    assert len(away) == len(BY_MONTH)
    begin: Any = day.begin

    def without(*arguments: Any, **options: Any) -> Any:
        run = begin(*arguments, **options)
        for folder in away:
            folder.rename(folder.with_suffix(".away"))
        return run

    monkeypatch.setattr(embedded, "SMALL", -1)  # small tables are held whole
    monkeypatch.setattr(day, "begin", without)
    [outcome] = run_days(lake, lake.path.parent, [DAY])
    for folder in away:
        folder.with_suffix(".away").rename(folder)
    assert outcome.seq == 3
    credited = {row["act_date"] for row in rows(lake, "silver.activities") if row["outcome"] == "credited"}
    assert credited == {FAR, DAY}
    assert sum(row["act_date"] == DAY for row in rows(lake, "silver.activities") if row["outcome"] == "credited") == 2

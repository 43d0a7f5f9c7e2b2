"""What runs ask of the ledger only beside what they write, maintenance and `verify` ask of all of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from jobs import day
from jobs.errors import NotAsPublished, PublicationBlocked
from jobs.lake import Frame, Lake
from jobs.runs.run import Run
from jobs.upkeep.maintain import maintain
from jobs.upkeep.verify import verify
from tests.pipeline.publications.test_gates import alone
from tests.support.exports import CONSENTED, alipay_acts, alipay_consents, deliver
from tests.support.worlds import embedded_lake, land_world, rows, run_days

DAY, LATER, FAR = date(2026, 11, 1), date(2026, 12, 1), date(2026, 8, 5)
CLERK = "ff" * 16
AT = datetime(2026, 12, 3, tzinfo=timezone.utc)

Forgery = Callable[[Run, dict[str, Frame]], dict[str, Frame]]


def entered(run: Run, tables: dict[str, Frame], position: str) -> dict[str, Frame]:
    """A credit of a far month more, of somebody else."""
    model, _ = [row for row in rows(run.lake, "gold.ledger") if row["measure"] == "reduction_mg"]
    said = {"position": position, "person_id": CLERK, "entry_id": "ee" * 16, "publication_seq": run.seq}
    forged = run.lake.rows("gold.ledger", [{**model, **said, "act_date": FAR, "act_month": f"{FAR:%Y-%m}"}])
    return tables | {"gold.ledger": run.lake.union(tables["gold.ledger"], forged)}


def credited_twice(run: Run, tables: dict[str, Frame]) -> dict[str, Frame]:
    act, _ = [
        row for row in rows(run.lake, "silver.activities") if row["outcome"] == "credited" and row["act_date"] == DAY
    ]
    return entered(run, tables, act["claim_id"])


def credited_without_consent(run: Run, tables: dict[str, Frame]) -> dict[str, Frame]:
    [act] = [row for row in rows(run.lake, "silver.activities") if row["outcome"] == "no_consent"]
    return entered(run, tables, act["claim_id"])


def given_away(run: Run, tables: dict[str, Frame]) -> dict[str, Frame]:
    """A balance of somebody who did nothing that day, without an entry."""
    said = {"person_id": CLERK, "measure": "reduction_mg", "scenario": "metro", "institution": "hangzhou_metro"}
    forged = run.lake.rows("gold.balances", [{**said, "amount": 5, "entries": 1, "changed_in_seq": run.seq}])
    return tables | {"gold.balances": run.lake.union(tables["gold.balances"], forged)}


def told_as_more(run: Run, tables: dict[str, Frame]) -> dict[str, Frame]:
    """A balance of somebody who did nothing that day, raised without an entry."""
    found = run.lake.to_arrow(tables["gold.balances"]).to_pylist()
    touched = {row["person_id"] for row in found if row["changed_in_seq"] == run.seq}
    [other] = [row for row in found if row["person_id"] not in touched and row["measure"] == "reduction_mg"]
    other |= {"amount": other["amount"] + 5, "changed_in_seq": run.seq}
    return tables | {"gold.balances": run.lake.rows("gold.balances", found)}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """One payment each of three customers of the wallet, of whom two consent; and one of the first's a month later."""
    acts = [(k, k, f"{DAY} 1{k}:00:00", "shenghuojiaofei", "10") for k in (1, 2, 4)]
    consents = alipay_consents(*((k, "ALL", "AUTHORIZED", CONSENTED) for k in (1, 4)))
    deliver(tmp_path, "alipay", alipay_acts(*acts), consents, stamp="20261101T200000Z")
    later = alipay_acts((3, 1, f"{LATER} 11:00:00", "shenghuojiaofei", "10"))
    deliver(tmp_path, "alipay", later, stamp="20261201T200000Z", business_date=f"{LATER}")
    land_world(tmp_path)
    return tmp_path


def forged(home: Path, monkeypatch: pytest.MonkeyPatch, job: str, forgery: Forgery) -> Lake:
    """The lake of both dates; the run of the second was led astray, and its gate passed."""
    lake = embedded_lake(home, alone(home / "registry"))
    run_days(lake, home, [DAY])
    honest: Any = day.JOBS[job]
    monkeypatch.setitem(day.JOBS, job, lambda run: forgery(run, honest(run)))
    [outcome] = run_days(lake, home, [LATER])
    assert outcome.seq == 2
    return lake


@pytest.mark.parametrize(
    ("job", "forgery", "rule"),
    [
        ("post", credited_twice, "no_consent_no_credit"),
        ("post", credited_without_consent, "no_consent_no_credit"),
        ("account", told_as_more, "balances_equal_ledger"),
    ],
)
def test_what_lies_far_from_what_a_run_writes_is_found_by_whoever_looks_at_all(
    home: Path, monkeypatch: pytest.MonkeyPatch, job: str, forgery: Forgery, rule: str
) -> None:
    lake = forged(home, monkeypatch, job, forgery)
    with pytest.raises(NotAsPublished, match=f"{rule} is broken by 1 of"):
        verify(lake, home)
    with pytest.raises(NotAsPublished, match=f"{rule} is broken by 1 of"):
        maintain(lake, home, raw_days=1000, at=AT, trust_clock=True)
    assert len(rows(lake, "gold.publications")) == 2 * (len(lake.tables) - 1), "nothing was published"


def test_a_balance_more_than_the_run_entered_is_found_by_the_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PublicationBlocked, match="balances_equal_ledger"):
        forged(home, monkeypatch, "account", given_away)


def test_an_honest_lake_passes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = forged(home, monkeypatch, "post", lambda _, tables: tables)
    assert verify(lake, home).chained == 2
    assert maintain(lake, home, raw_days=1000, at=AT, trust_clock=True).seq == 3

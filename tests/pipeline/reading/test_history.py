"""How every publication came about: gates, commits, seconds; and the runs that published nothing."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from jobs.day import JOBS, PUBLISH, run_job
from jobs.errors import PublicationBlocked
from jobs.lake import Lake
from jobs.landing.manifests import LANDING, load_manifests, newest_landings
from jobs.landing.receipts import load_receipts
from jobs.reading.history import publications, unpublished
from jobs.reading.intake import intakes
from jobs.runs.journal import load_all
from tests.support.lakes import rows
from tests.support.registries import changed, shipped
from tests.support.runner import died, run_killed
from tests.support.worlds import days, embedded_lake, make_world, run_days

REGISTRY = shipped()
FIRST, SECOND, THIRD = days(3)
LATER = THIRD + timedelta(days=4)
NEVER = """rules:
  - id: balance_never_good_enough
    text: "No balance is good enough for this rule."
    severity: critical
    breaks_when: "true"
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day at once, a day killed and then done job by job; a third not yet."""
    home = make_world(tmp_path_factory.mktemp("history"), 100, 3, seed=4, late=0.3, corrected=0.3)
    run_days(embedded_lake(home, REGISTRY), home, [FIRST])
    died(run_killed, home, "lake", SECOND, "after:silver.claims")
    lake = embedded_lake(home, REGISTRY)
    for name in (*JOBS, PUBLISH):
        run_job(lake, REGISTRY, home, SECOND, name)
    return home


@pytest.fixture(scope="module")
def lake(home: Path) -> Lake:
    return embedded_lake(home, REGISTRY)


def test_a_publication_says_what_it_took(home: Path, lake: Lake) -> None:
    found = publications(lake, home)
    assert [(one.seq, one.kind, one.business_date) for one in found] == [(1, "run", FIRST), (2, "run", SECOND)]
    quality = rows(lake.path, REGISTRY.tables["gold.quality"]).to_pylist()
    for one in found:
        own = [row for row in quality if row["publication_seq"] == one.seq]
        assert one.passed == sum(row["is_passed"] for row in own) > 80
        assert sum(one.broken.values()) == sum(not row["is_passed"] for row in own)
        assert one.commits == len(REGISTRY.tables) - 1, "on the first day nobody gives points up"
        assert one.seconds and one.started_at
    assert publications(lake, home, SECOND) == found[1:]


def test_jobs_of_their_own_share_a_record(home: Path, lake: Lake) -> None:
    at_once, killed, by_jobs = load_all(home)
    assert set(at_once.seconds) == set(by_jobs.seconds) == {"begin", *JOBS, "gate", PUBLISH}
    assert (by_jobs.outcome, by_jobs.publication_seq, by_jobs.engine) == (
        publications(lake, home)[1].state,
        2,
        "embedded",
    )
    ledger = rows(lake.path, REGISTRY.tables["gold.ledger"]).to_pylist()
    assert by_jobs.rows["gold.ledger"] == sum(row["publication_seq"] == 2 for row in ledger)
    assert by_jobs.ended_at and by_jobs.ended_at - by_jobs.started_at >= timedelta(seconds=1)
    assert (killed.outcome, killed.ended_at, killed.rows) == ("open", None, {})
    assert [(record.run_id, how) for record, how in unpublished(lake, home)] == [(killed.run_id, "killed")]


def test_what_failed_says_why_and_no_more(home: Path, tmp_path: Path) -> None:
    registry = changed(tmp_path / "root", {"tables/gold_balances.yaml": [("rules:\n", NEVER)]})
    (tmp_path / "landed").symlink_to(home / "landed")
    lake = embedded_lake(tmp_path, registry)
    with pytest.raises(PublicationBlocked):
        run_days(lake, tmp_path, [FIRST])
    [(record, how)] = unpublished(lake, tmp_path)
    assert (how, record.broken_rules, record.error) == ("blocked", ["balance_never_good_enough"], None)
    # What the gates found is kept beside the tables.
    assert record.commits == len(registry.tables) - 1 - 2 and record.ended_at

    run_job(lake, registry, tmp_path, FIRST, "conform")
    for path in (tmp_path / "lake/silver/claims").rglob("*.parquet"):
        path.write_bytes(b"not Parquet any more 13800000000")
    with pytest.raises(Exception, match=r"magic bytes|[Pp]arquet"):
        run_job(lake, registry, tmp_path, FIRST, "match")
    text = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "runs").glob("*.json"))
    last = load_all(tmp_path)[-1]
    assert last.outcome == "failed" and last.error and last.error.isidentifier()
    assert str(tmp_path) not in text and "Parquet" not in text


def test_intakes_tell_every_date(home: Path, lake: Lake) -> None:
    receipts = [one for source in REGISTRY.sources.values() for one in load_receipts(source, home / LANDING)]
    found = intakes(lake, receipts, newest_landings(load_manifests(home)))
    control = [json.loads(path.read_text(encoding="utf-8")) for path in home.glob("exports/*/*/control.json")]
    assert sum(one.deliveries for one in found) == len(control)
    coverage = rows(lake.path, REGISTRY.tables["gold.coverage"]).to_pylist()
    assert sum(one.consumed for one in found) == len(
        {row["file_id"] for row in coverage if row["file_state"] == "consumed"}
    )
    assert sum(one.late for one in found) == len(
        {row["file_id"] for row in coverage if row["file_state"] == "consumed" and row["is_late"]}
    )
    told = {(one.institution, one.business_date): one for one in found}
    assert {day for _, day in told} >= {FIRST, SECOND, THIRD}
    waiting = [one for one in found if one.business_date == THIRD]
    assert all(one.consumed == 0 and one.accepted == one.files for one in waiting) and any(one.files for one in waiting)
    run_days(lake, home, [LATER])
    found = intakes(lake, receipts, newest_landings(load_manifests(home)))
    states: dict[str, set[tuple[str, date, str]]] = {"missing": set(), "consumed": set(), "refused": set()}
    for row in rows(lake.path, REGISTRY.tables["gold.coverage"]).to_pylist():
        states[row["file_state"]].add((row["institution"], row["business_date"], row["feed"]))
    missing = {(one.institution, one.business_date, feed) for one in found for feed in one.missing}
    assert missing == states["missing"] - states["consumed"] != set()
    assert states["missing"] & states["consumed"], "what was missing and came is missing no more"
    assert {one.business_date for one in intakes(lake, receipts, [], FIRST)} == {FIRST}

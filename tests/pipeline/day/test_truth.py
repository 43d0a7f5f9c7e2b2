"""A simulated world accounted for day by day comes out as the truth states, and mistakes are noticed.

The truth says who is who, what was done and what becomes of every row; what no one could decide, it marks.
Milligrams and points are those of an oracle that shares no code with the jobs.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from schemas import Registry
from tests.oracle.judge import CHECKS, Judgement, Truth, differences
from tests.oracle.mutations import FORGETFUL, MUTATIONS, SUBTLER, Mutation, apply
from tests.oracle.oracle import GRAMS, accounts
from tests.support.hostile import occurrences, parted
from tests.support.registries import shipped
from tests.support.simulated import HOSTILE
from tests.support.worlds import days, embedded_lake, make_world, run_days

PEOPLE, DAYS, SEED = 400, 8, 13
SHARES = {"late": 0.1, "corrected": 0.1, "duplicated": 0.1, "shared_phones": 0.05, "bills": 0.3}
BANKS = ["citic_bank", "icbc"]
BY_ORACLE = ("figures", "points", "spends")
"""Checks that need kilograms and money: the oracle knows those of nine institutions, and none of the services."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_world(tmp_path_factory.mktemp("truth"), PEOPLE, DAYS, SEED, **SHARES, **HOSTILE)


@pytest.fixture(scope="module")
def truth(home: Path) -> Truth:
    return Truth(home)


@pytest.fixture(scope="module")
def registry() -> Registry:
    return shipped()


@pytest.fixture(scope="module")
def day_by_day(home: Path, registry: Registry, truth: Truth) -> Judgement:
    lake = embedded_lake(home, registry)
    outcomes = run_days(lake, home, days(DAYS))
    assert [outcome.seq for outcome in outcomes] == list(range(1, DAYS + 1))
    return Judgement(truth, lake.path)


@pytest.fixture
def ungated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The truth has to notice by itself, also what a run's own audit would have stopped."""
    monkeypatch.setattr("jobs.day.gate", lambda run: [])


def name_of(mutation: Mutation) -> str:
    return mutation.name.replace(" ", "_")


def judged(home: Path, registry: Registry, folder: Path, dates: Sequence[date], truth: Truth) -> dict[str, list[str]]:
    """What differs from the truth after runs for these dates into an empty lake."""
    lake = embedded_lake(home, registry, folder=str(folder))
    run_days(lake, home, dates)
    return differences(Judgement(truth, lake.path))


def expect_every_fate(truth: Truth) -> None:
    """A check of what never happens would hold and prove nothing."""
    records, acts = truth.records, truth.acts
    assert set(records["disposition"]) == {
        "record", "supporting", "repeat", "superseded", "ignored", "quarantined"
    }  # fmt: skip
    assert set(records["outcome"].drop_nulls()) == {
        "credited", "absorbed", "evidence", "no_consent", "no_factor", "refunded", "pending", "unpaired", "withheld"
    }  # fmt: skip
    assert set(acts["outcome"]) == {
        "credited", "no_consent", "no_factor", "refunded", "unpaired", "evidence", "withheld", "undecidable"
    }  # fmt: skip
    assert (acts["outcome"] == "undecidable").mean() < 0.1
    assert 0.9 < truth.customers["is_decidable"].mean() < 1
    told = records.filter(pl.col("disposition") != "superseded").group_by("act_no")
    by_all = [pl.col("institution").is_in(names).any() for names in (["hangzhou_metro"], ["alipay"], BANKS)]
    reporters = told.agg(pl.all_horizontal(by_all).alias("by_all"))
    rides = acts.filter(pl.col("scenario") == "metro").join(reporters, on="act_no")
    assert rides["by_all"].mean() >= 0.3
    bills = records.filter(pl.col("feed") == "bills")
    assert set(bills["institution"]) == {"alipay", "wechat_pay"}
    assert set(bills["disposition"]) == {"record", "repeat", "superseded", "ignored"}
    assert {"credited", "absorbed", "evidence", "refunded"} <= set(bills["outcome"].drop_nulls())
    redemptions = records.filter(pl.col("feed") == "redemptions")
    assert {"record", "superseded", "ignored"} <= set(redemptions["disposition"])
    assert len(truth.redemptions) > 50 and max(points for *_, points, _, _ in truth.redemptions) > 1_000


def expect_most_accounts(judgement: Judgement) -> None:
    """What is compared to the milligram is most of what there is."""
    due = judgement.truth.accounts
    assert len(due) > 0.85 * len(accounts(judgement.truth.credited))
    assert {key[1] for key in due} == set(GRAMS)
    ledger = judgement.table("gold.ledger")
    assert set(ledger["position_kind"]) == {"activity", "cap", "payment", "tier", "redemption", "donation"}
    assert set(ledger["entry_kind"]) == {"post", "reverse"}
    assert set(ledger["reason"]) >= {"new", "restated", "absorbed", "refunded", "no_consent"}
    assert set(judgement.table("silver.identity_log")["change"]) >= {"born", "merged", "conflict"}


def expect_hostile_days(judgement: Judgement) -> None:
    """Each kind of them occurs, where the truth decides it; and who was merged by mistake is again who it was."""
    rare = {kind: times for kind, times in occurrences(judgement).items() if times < 3}
    assert not rare
    who = parted(judgement)
    assert (who["born"] == who["person_id"]).all()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Judgement:
    """Fewer people, of whom most use services, in one run for all days."""
    home = make_world(tmp_path_factory.mktemp("served"), 150, 4, SEED, services=0.8, **SHARES, **HOSTILE)
    lake = embedded_lake(home, registry)
    run_days(lake, home, days(4)[-1:])
    return Judgement(Truth(home), lake.path)


def test_the_world_holds_every_fate(day_by_day: Judgement) -> None:
    expect_every_fate(day_by_day.truth)
    expect_hostile_days(day_by_day)
    expect_most_accounts(day_by_day)


@pytest.mark.parametrize("check", CHECKS)
def test_nothing_differs_from_the_truth(day_by_day: Judgement, check: str) -> None:
    assert CHECKS[check](day_by_day) == []


@pytest.mark.parametrize("check", sorted(CHECKS.keys() - set(BY_ORACLE)))
def test_nothing_that_services_tell_differs_from_the_truth(served: Judgement, check: str) -> None:
    assert CHECKS[check](served) == []


def test_services_are_credited_and_once(served: Judgement) -> None:
    """Of the scenarios at least 25, 17 of them where the province's programme pays; and exclusions are entries."""
    acts = served.newest("silver.activities", "claim_id", "act_date").filter("is_live")
    leads = acts.filter(pl.col("is_lead") & (pl.col("outcome") == "credited"))
    assert leads["scenario"].n_unique() >= 25
    assert leads.filter(pl.col("region").str.starts_with("33"))["scenario"].n_unique() >= 17
    absorbed = acts.filter((pl.col("institution") == "hangzhou_bank") & (pl.col("outcome") == "absorbed"))
    assert set(absorbed["scenario"]) == {"etc_payment", "ev_charging"}
    assert "exclusion" in set(served.table("gold.ledger")["position_kind"])


@pytest.mark.usefixtures("ungated")
def test_one_run_for_all_days_says_the_same(home: Path, registry: Registry, truth: Truth) -> None:
    """What the mistakes below are measured against."""
    assert judged(home, registry, home / "at_once", days(DAYS)[-1:], truth) == {}


@pytest.mark.usefixtures("ungated")
@pytest.mark.parametrize(
    "mutation", [*MUTATIONS, *(pytest.param(one, marks=pytest.mark.soak) for one in SUBTLER)], ids=name_of
)
def test_a_mistake_is_noticed(
    home: Path,
    registry: Registry,
    truth: Truth,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mutation: Mutation,
) -> None:
    mutated = apply(mutation, registry, monkeypatch, tmp_path / "registry")
    found = judged(home, mutated, tmp_path / "lake", days(DAYS)[-1:], truth)
    assert mutation.noticed_by in found, found


@pytest.mark.soak
@pytest.mark.usefixtures("ungated")
@pytest.mark.parametrize("mutation", FORGETFUL, ids=name_of)
def test_a_run_that_forgets_is_noticed(
    home: Path,
    registry: Registry,
    truth: Truth,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mutation: Mutation,
) -> None:
    mutated = apply(mutation, registry, monkeypatch, tmp_path / "registry")
    found = judged(home, mutated, tmp_path / "lake", days(DAYS), truth)
    assert mutation.noticed_by in found, found


@pytest.mark.soak
def test_twenty_thousand_people_for_thirty_days(tmp_path: Path) -> None:
    make_world(tmp_path, 20_000, 30, 1)
    lake = embedded_lake(tmp_path)
    run_days(lake, tmp_path, days(30))
    judgement = Judgement(Truth(tmp_path), lake.path)
    expect_every_fate(judgement.truth)
    expect_most_accounts(judgement)
    assert differences(judgement) == {}

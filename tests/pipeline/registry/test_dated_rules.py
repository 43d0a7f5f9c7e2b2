"""A rule of matching that changes from a day on, and a run that begins by one registry and shall not end by another."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from jobs.day import run_day, run_job
from jobs.dry_run import dry_job
from jobs.errors import RunError
from jobs.lake import Lake
from jobs.policy.tables import Policy
from jobs.upkeep.release import foretell_release
from schemas import Registry, load_registry
from tests.support import libraries
from tests.support.exports import (
    CITIZEN,
    CONSENTED,
    PHONE,
    REGISTERED,
    alipay_acts,
    alipay_consents,
    alipay_registrations,
    deliver,
    table,
)
from tests.support.registries import shipped
from tests.support.worlds import embedded_lake, land_world, rows

FIRST, SECOND = date(2026, 11, 1), date(2026, 11, 2)


@pytest.fixture(scope="module")
def wider(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """From the second day on reports of a ride may lie twenty minutes apart, not ten; a bank may book it later."""
    root = libraries.copied(tmp_path_factory.mktemp("wider") / "root")
    since = {"valid_from": SECOND, "known_from": SECOND}
    libraries.edited(root / "scenarios/metro.yaml", changes=[{**since, "window_seconds": 1200}])
    feeds = libraries.content(root / "sources/icbc.yaml")["feeds"]
    feeds["statements"]["changes"] = [{**since, "booking_lag_days": 7}]
    libraries.edited(root / "sources/icbc.yaml", feeds=feeds)
    return load_registry(root)


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ride on each of two days, which the wallet reports a quarter of an hour after the exit."""
    home = tmp_path_factory.mktemp("exports")
    for day in (FIRST, SECOND):
        gates = [
            table("hangzhou_metro", "registrations", f"H1,{CITIZEN[0]},{PHONE[0]},P,{REGISTERED}"),
            table("hangzhou_metro", "consents", f"H1,all,grant,{CONSENTED}"),
            table(
                "hangzhou_metro",
                "taps",
                f"{day} 08:00:00,1,S01,D1,1,H1,3,0",
                f"{day} 08:25:00,1,S05,D1,0,H1,3,400",
                total="400",
            ),
        ]
        wallet = [
            alipay_registrations((1, CITIZEN[0], PHONE[0], [], REGISTERED)),
            alipay_consents((1, "ALL", "AUTHORIZED", CONSENTED)),
            alipay_acts((day.day, 1, f"{day} 08:40:00", "ditiechuxing", "4")),
        ]
        for institution, parts in (("hangzhou_metro", gates), ("alipay", wallet)):
            deliver(home, institution, *parts, stamp=f"{day:%Y%m%d}T100000Z", business_date=day.isoformat())
    land_world(home)
    return home


def wallets_rides(lake: Lake) -> dict[date, str]:
    found = rows(lake, "silver.activities")
    return {row["act_date"]: row["outcome"] for row in found if row["institution"] == "alipay"}


def test_a_rule_holds_from_its_day_on(exports: Path, wider: Registry) -> None:
    lake = embedded_lake(exports, wider, "from_its_day_on")
    run_day(lake, wider, exports, SECOND)
    # Alone, the wallet's ride may have been in a city without a factor.
    assert wallets_rides(lake) == {FIRST: "no_factor", SECOND: "absorbed"}


def test_what_was_before_it_stands(exports: Path, wider: Registry) -> None:
    before = embedded_lake(exports, shipped(), "before_it")
    run_day(before, shipped(), exports, FIRST)
    lake = embedded_lake(exports, wider, "before_it")
    run_day(lake, wider, exports, SECOND)
    assert wallets_rides(lake) == {FIRST: "no_factor", SECOND: "absorbed"}
    assert foretell_release(lake, wider, exports).entries == 0


def test_each_date_of_a_feed_has_one_row(wider: Registry) -> None:
    policy = Policy(wider)
    found = [row for row in policy.feeds.to_pylist() if (row["family"], row["institution"]) == ("metro", "icbc")]
    assert [(row["valid_from"], row["valid_to"], row["window_seconds"], row["lag_days"]) for row in found] == [
        (date.min, SECOND, 600, shipped().sources["icbc"].feeds["statements"].booking_lag_days),
        (SECOND, date(9999, 12, 31), 1200, 7),
    ]
    assert policy.reach["metro"] > Policy(shipped()).reach["metro"], "as far as the longest lag of any date"


def test_precedence_has_dates(tmp_path: Path) -> None:
    root = libraries.copied(tmp_path / "root")
    later = {"valid_from": SECOND, "known_from": SECOND, "precedence": ["payment_app", "transit"]}
    libraries.edited(root / "scenarios/metro.yaml", changes=[later])
    metro = [row for row in Policy(load_registry(root)).feeds.to_pylist() if row["family"] == "metro"]
    slots = {(row["institution"], row["feed"], row["valid_from"]): row["slot"] for row in metro}
    assert slots["hangzhou_metro", "taps", date.min] < slots["alipay", "acts", date.min]
    assert slots["hangzhou_metro", "taps", SECOND] > slots["alipay", "acts", SECOND]
    assert slots["icbc", "statements", date.min] is not None and slots["icbc", "statements", SECOND] is None


def test_jobs_go_on_with_the_registry_that_the_run_was_opened_with(exports: Path, wider: Registry) -> None:
    lake = embedded_lake(exports, shipped(), "pinned")
    run_job(lake, shipped(), exports, FIRST, "conform")
    other = embedded_lake(exports, wider, "pinned")
    one, another = shipped().digest[:12], wider.digest[:12]
    told = (
        f"the run of 2026-11-01 was opened with registry {one}, and this is {another}: .*tanzhang run --date 2026-11-01"
    )
    with pytest.raises(RunError, match=told):
        run_job(other, wider, exports, FIRST, "resolve")
    with pytest.raises(RunError, match="was opened with registry"):
        dry_job(other, wider, exports, FIRST, "resolve")
    for name in ("resolve", "match", "post", "account"):
        run_job(lake, shipped(), exports, FIRST, name)
    with pytest.raises(RunError, match="was opened with registry"):
        run_job(other, wider, exports, FIRST, "publish")
    assert run_job(lake, shipped(), exports, FIRST, "publish").seq == 1


def test_a_run_that_is_begun_again_is_of_the_other_registry_whole(exports: Path, wider: Registry) -> None:
    lake = embedded_lake(exports, shipped(), "begun_again")
    run_job(lake, shipped(), exports, SECOND, "conform")
    run_job(lake, shipped(), exports, SECOND, "resolve")
    other = embedded_lake(exports, wider, "begun_again")
    run_day(other, wider, exports, SECOND)
    assert wallets_rides(other) == {FIRST: "no_factor", SECOND: "absorbed"}
    assert {row["registry_hash"] for row in rows(other, "gold.publications")} == {wider.digest}

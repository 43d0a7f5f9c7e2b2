"""A mistake of ours in judging one institution's statements holds back that institution's, and nobody else's day stops."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from expectations import Measurement
from jobs.day import JOBS, PUBLISH, run_day, run_job
from jobs.errors import DEGRADED, RunError
from jobs.lake import Lake
from jobs.landing import hold
from jobs.landing.hold import let_pass
from jobs.landing.manifests import Manifest, load_manifests
from schemas.sources import Feed
from tanzhang.cli import app
from tests.support.exports import CONSENTED, alipay_acts, alipay_consents, deliver, table
from tests.support.registries import shipped
from tests.support.worlds import embedded_lake, land_world, rows

DAY, NEXT = date(2026, 11, 1), date(2026, 11, 2)
REGISTRY = shipped()
TAPS = ("2026-11-01 08:00:00,1,S01,D1,1,H1,3,0", "2026-11-01 08:20:00,1,S05,D1,0,H1,3,400")
SECRET = "110101199003070000"


def send(home: Path) -> None:
    """A wallet's payment and a ride."""
    acts = alipay_acts((1, 1, "2026-11-01 12:00:00", "shenghuojiaofei", "10"))
    deliver(home, "alipay", acts, alipay_consents((1, "ALL", "AUTHORIZED", CONSENTED)), stamp="20261101T200000Z")
    taps = table("hangzhou_metro", "taps", *TAPS, total="400")
    consents = table("hangzhou_metro", "consents", f"H1,all,grant,{CONSENTED}")
    deliver(home, "hangzhou_metro", taps, consents, stamp="20261101T200000Z")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    send(tmp_path)
    land_world(tmp_path)
    return tmp_path


def failing(patch: pytest.MonkeyPatch, *institutions: str) -> None:
    """From here on our arithmetic fails at the statements of these institutions; at everybody's, where none is named."""
    measurements = hold.measurements

    def fails(parts: Sequence[Manifest], before: Sequence[Sequence[Manifest]], feed: Feed) -> list[Measurement]:
        if not institutions or parts[0].institution in institutions:
            raise ZeroDivisionError(SECRET)
        return measurements(parts, before, feed)

    patch.setattr(hold, "measurements", fails)


def codes(lake: Lake, institution: str) -> set[tuple[str, str | None]]:
    return {
        (row["file_state"], row["code"])
        for row in rows(lake, "gold.coverage")
        if row["institution"] == institution and row["file_state"] != "missing"
    }


def scenarios(lake: Lake) -> set[str]:
    return {row["scenario"] for row in rows(lake, "gold.ledger")}


def test_the_others_are_published_and_the_log_has_the_reference(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lake = embedded_lake(home)
    with monkeypatch.context() as patch, caplog.at_level(logging.INFO, logger="tanzhang"):
        failing(patch, "alipay")
        outcome = run_day(lake, REGISTRY, home, DAY)
    assert outcome.state == "degraded"
    assert codes(lake, "alipay") == {("refused", "internal")}
    assert codes(lake, "hangzhou_metro") == {("consumed", None)}
    assert scenarios(lake) == {"metro"}
    [said] = outcome.held
    [line] = [one.msg for one in caplog.records if isinstance(one.msg, dict) and one.msg["event"] == "judging_failed"]
    assert said.startswith("alipay: ") and str(line["reference"]) in said
    assert (line["institution"], line["error"]) == ("alipay", "ZeroDivisionError")
    assert any(place.startswith("jobs/landing/hold.py:") for place in line["places"])
    assert SECRET not in str(caplog.records) + said

    again = run_day(lake, REGISTRY, home, NEXT)
    assert again.held == [] and ("consumed", None) in codes(lake, "alipay")
    assert scenarios(lake) == {"metro", "utility_payment"}


def test_a_mistake_in_the_verdicts_is_found_to_be_of_whom_it_is(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library is asked once for all: which statement it fails at shows when each institution's are asked alone."""
    from jobs.runs import notes

    judge = notes.expectations.judge

    def fails(asked: Sequence[Measurement], *rest: Any) -> Any:
        if any(one.institution == "hangzhou_metro" for one in asked):
            raise KeyError(SECRET)
        return judge(asked, *rest)

    lake = embedded_lake(home)
    with monkeypatch.context() as patch:
        patch.setattr(notes.OpenRun, "judge", lambda self, asked: fails(asked))
        assert run_day(lake, REGISTRY, home, DAY).state == "degraded"
    assert codes(lake, "hangzhou_metro") == {("refused", "internal")}
    assert scenarios(lake) == {"utility_payment"}


def test_the_command_says_so_and_ends_with_3_as_long_as_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(tmp_path)
    failing(monkeypatch, "alipay")
    for _ in range(2):  # the second time nothing is new
        result = CliRunner().invoke(app, ["run", "--date", str(DAY), "--home", str(tmp_path)])
        assert result.exit_code == DEGRADED
        assert "alipay: its new statements could not be judged and are held back" in result.output
        assert SECRET not in result.output


def test_one_run_holds_to_what_it_could_not_judge_when_it_was_opened(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each job is a process of its own and judges anew: what the first left out does not come in half-way."""
    lake = embedded_lake(home)
    with monkeypatch.context() as patch:
        failing(patch, "alipay")
        run_job(lake, REGISTRY, home, DAY, "conform")
    for name in (*list(JOBS)[1:], PUBLISH):
        outcome = run_job(lake, REGISTRY, home, DAY, name)
        assert len(outcome.held) == 1
    assert outcome.state == "degraded"
    assert codes(lake, "alipay") == {("refused", "internal")} and scenarios(lake) == {"metro"}


def test_what_was_judged_and_cannot_be_any_more_ends_the_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = embedded_lake(home)
    run_job(lake, REGISTRY, home, DAY, "conform")
    failing(monkeypatch, "alipay")
    with pytest.raises(RunError, match="statements of alipay could be judged when the run was opened"):
        run_job(lake, REGISTRY, home, DAY, "resolve")


def test_where_everybodys_judging_fails_it_is_nobodys_finding(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is published without everybody's statements."""
    lake = embedded_lake(home)
    failing(monkeypatch)
    with pytest.raises(ZeroDivisionError):
        run_day(lake, REGISTRY, home, DAY)
    assert rows(lake, "gold.publications") == []


def test_somebody_may_let_pass_what_cannot_be_judged(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of_alipay = [one for one in load_manifests(home) if one.institution == "alipay"]
    for feed in {one.feed for one in of_alipay}:
        let_pass(home, [one for one in of_alipay if one.feed == feed], "looked at by hand")
    lake = embedded_lake(home)
    failing(monkeypatch, "alipay")
    assert run_day(lake, REGISTRY, home, DAY).held
    assert scenarios(lake) == {"metro", "utility_payment"}

"""One institution's rows that break a critical rule hold back their statement, and the rest is published."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from jobs.day import JOBS, PUBLISH, run_day, run_job
from jobs.errors import DEGRADED, PublicationBlocked
from jobs.lake import Lake
from jobs.landing.hold import let_pass
from jobs.landing.manifests import load_manifests
from schemas import Registry, load_registry
from schemas.base import ROOT
from tanzhang.cli import app
from tests.support.exports import CONSENTED, alipay_acts, alipay_consents, deliver, table
from tests.support.worlds import embedded_lake, land_world, rows

DAY, NEXT, THIRD = (date(2026, 11, day) for day in (1, 2, 3))
TAPS = ("{day} 08:00:00,1,S01,D1,1,H1,3,0", "{day} 08:20:00,1,S05,D1,0,H1,3,400")


def with_rule(folder: Path, name: str, **rule: Any) -> Registry:
    """The registry with a critical rule more on a table."""
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    path = folder / f"tables/{name}.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["rules"].append({"id": "odd", "text": "Nothing odd stands here.", "severity": "critical", **rule})
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return load_registry(folder)


DEAR = {"breaks_when": "amount_fen > 100000"}


def send(home: Path, day: date, yuan: int, stamp: str = "200000", revision: int = 0) -> None:
    """A wallet's acts, the second of which may be dear, and a ride."""
    acts = [(day.day * 10 + k, 1, f"{day} 1{k}:00:00", "shenghuojiaofei", str((10, yuan)[k])) for k in (0, 1)]
    consents = alipay_consents((1, "ALL", "AUTHORIZED", CONSENTED))
    of: dict[str, Any] = {"stamp": f"{day:%Y%m%d}T{stamp}Z", "business_date": str(day), "revision": revision}
    deliver(home, "alipay", alipay_acts(*acts), consents, **of)
    taps = table("hangzhou_metro", "taps", *(row.format(day=day) for row in TAPS), total="400")
    if not revision:
        deliver(home, "hangzhou_metro", taps, table("hangzhou_metro", "consents", f"H1,all,grant,{CONSENTED}"), **of)


def scenarios(lake: Lake) -> set[str]:
    return {row["scenario"] for row in rows(lake, "gold.ledger")}


def codes(lake: Lake) -> set[tuple[str, str, int, str]]:
    found = rows(lake, "gold.coverage")
    return {(row["institution"], row["feed"], row["business_date"].day, row["code"]) for row in found if row["code"]}


def by_day(lake: Lake, registry: Registry, home: Path, day: date) -> str:
    return run_day(lake, registry, home, day).state


def by_jobs(lake: Lake, registry: Registry, home: Path, day: date) -> str:
    """As a scheduler has it."""
    return [run_job(lake, registry, home, day, name) for name in (*JOBS, PUBLISH)][-1].state


@pytest.mark.parametrize("run", [by_day, by_jobs])
def test_the_rest_is_published_and_the_verdict_names_the_line(tmp_path: Path, run: Any) -> None:
    registry = with_rule(tmp_path / "registry", "silver_claims", **DEAR)
    send(tmp_path, DAY, 2000)
    land_world(tmp_path, registry)
    lake = embedded_lake(tmp_path, registry)
    assert run(lake, registry, tmp_path, DAY) == "degraded"
    assert "metro" in scenarios(lake) and "utility_payment" not in scenarios(lake)
    assert ("alipay", "acts", 1, "unpublishable") in codes(lake)
    [verdict] = [row for row in rows(lake, "gold.quality") if row["rule_id"] == "odd" and not row["is_passed"]]
    assert (verdict["institution"], verdict["feed"], verdict["table_name"]) == ("alipay", "acts", "silver.claims")
    assert (verdict["observed"], verdict["business_date"]) == (1, DAY)


def test_what_is_held_says_its_file_and_line(tmp_path: Path) -> None:
    registry = with_rule(tmp_path / "registry", "silver_claims", **DEAR)
    send(tmp_path, DAY, 2000)
    land_world(tmp_path, registry)
    lake = embedded_lake(tmp_path, registry)
    [said] = run_day(lake, registry, tmp_path, DAY).held
    [file] = [one for one in load_manifests(tmp_path) if one.institution == "alipay" and one.feed == "acts"]
    assert said.startswith("alipay acts of 2026-11-01 (revision 0) is held back: ")
    assert f"file {file.file_id}, line 2 breaks odd of silver.claims" in said


def test_the_command_says_what_is_held_and_ends_with_3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_rule(tmp_path / "registry", "silver_claims", **DEAR)
    send(tmp_path / "home", DAY, 2000)
    monkeypatch.setattr("schemas.load_registry", lambda root=None: load_registry(tmp_path / "registry"))
    result = CliRunner().invoke(app, ["run", "--date", str(DAY), "--home", str(tmp_path / "home")])
    assert result.exit_code == DEGRADED
    assert "alipay acts of 2026-11-01 (revision 0) is held back" in result.output
    assert "line 2 breaks odd of silver.claims" in result.output


def test_it_stays_held_until_it_is_corrected_or_let_pass(tmp_path: Path) -> None:
    registry = with_rule(tmp_path / "registry", "silver_claims", **DEAR)
    for day, yuan in ((DAY, 2000), (NEXT, 20), (THIRD, 3000)):
        send(tmp_path, day, yuan)
    send(tmp_path, NEXT, 20, stamp="210000", revision=1)
    land_world(tmp_path, registry)
    lake = embedded_lake(tmp_path, registry)
    assert run_day(lake, registry, tmp_path, DAY).held
    next_day = run_day(lake, registry, tmp_path, NEXT)
    assert next_day.held == [], "what was held is not tried again, nor told again"
    assert run_day(lake, registry, tmp_path, THIRD).held
    of_third = [
        one
        for one in load_manifests(tmp_path)
        if (one.institution, one.feed, one.business_date) == ("alipay", "acts", THIRD)
    ]
    let_pass(tmp_path, of_third, "the institution confirmed it")
    send(tmp_path, DAY, 50, stamp="230000", revision=1)
    land_world(tmp_path, registry)
    again = run_day(lake, registry, tmp_path, date(2026, 11, 4))
    assert len(again.held) == 1, "it was let pass, and still breaks the rule"
    assert ("alipay", "acts", 1) in {
        (row["institution"], row["feed"], row["business_date"].day)
        for row in rows(lake, "gold.coverage") if row["file_state"] == "consumed" and row["revision"] == 1
    }  # fmt: skip


def test_what_comes_of_no_statement_blocks_as_before(tmp_path: Path) -> None:
    registry = with_rule(tmp_path / "registry", "gold_balances", breaks_when="amount <> 0")
    send(tmp_path, DAY, 20)
    land_world(tmp_path, registry)
    lake = embedded_lake(tmp_path, registry)
    with pytest.raises(PublicationBlocked):
        run_day(lake, registry, tmp_path, DAY)


def test_registrations_and_repeats_are_found_by_their_rows(tmp_path: Path) -> None:
    """A rule over several rows: the same event twice."""
    registry = with_rule(
        tmp_path / "registry", "silver_customer_events", breaks_when="event_kind = 'consent' AND institution = 'alipay'"
    )
    send(tmp_path, DAY, 20)
    land_world(tmp_path, registry)
    lake = embedded_lake(tmp_path, registry)
    outcome = run_day(lake, registry, tmp_path, DAY)
    assert outcome.state == "degraded"
    assert ("alipay", "consents", 1, "unpublishable") in codes(lake)
    assert scenarios(lake) == {"metro"}

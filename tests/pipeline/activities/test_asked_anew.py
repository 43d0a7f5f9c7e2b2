"""What matching must not do, a run finds by itself, from the claims and consents, before it publishes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobs.lake import Frame, Lake
from tests.support.exports import CITIZEN, CONSENTED, PHONE, REGISTERED, alipay_acts, alipay_registrations, table
from tests.support.one_person import D1, D2, World, cards, credits, known_world
from tests.support.worlds import rows


def broken(world: World) -> set[str]:
    """Rules for which the run of the first date holds back statements; no act is credited twice."""
    lake = world.run(D1)
    assert len({row["position"] for row in rows(lake, "gold.ledger") if row["position_kind"] == "activity"}) <= 1
    return {
        row["rule_id"] for row in rows(lake, "gold.quality") if not row["is_passed"] and row["severity"] == "critical"
    }


def test_two_credits_of_one_bill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(lake: Lake, pairs: Frame, most_span: int) -> Frame:
        return lake.sql("SELECT claim_id, group_id FROM pairs WHERE false", pairs=pairs)

    monkeypatch.setattr("jobs.activities.assignment.one_to_one", nobody)
    world = known_world(tmp_path)
    world.send("alipay", D2, alipay_acts((1, 1, f"{D1}", "shenghuojiaofei", "50")), arrives=D1)
    acts = table("citic_bank", "acts", f"C1|线上缴费（电费）|{D1:%Y%m%d}|1|50.00|", total="50.00")
    world.send("citic_bank", D2, acts, arrives=D1)
    assert broken(world) == {"acts_credited_once"}


def test_rides_of_two_days_are_two_though_a_card_row_could_be_either_s(tmp_path: Path) -> None:
    """A wallet knows the one, the buses the other, at one fare: clocks tell them apart, and nothing is held back."""
    world = known_world(tmp_path)
    bus = "3100000000000001"
    known = table("hangzhou_transit", "registrations", f"{bus};{CITIZEN[0]};{PHONE[0]};P;{REGISTERED}")
    agreed = table("hangzhou_transit", "consents", f"{bus};all;1;{CONSENTED}")
    tap = table("hangzhou_transit", "rides", f"GJ1;{bus};IC;06;01;7;8;P1;{D2} 10:00:00;200;200", total="200")
    world.send("alipay", D2, alipay_acts((1, 1, f"{D1} 08:00:00", "gongjiaochuxing", "2")), arrives=D2)
    world.send("hangzhou_transit", D2, known, agreed, tap)
    world.send("citic_bank", D2, cards((1, D2, "2.00", "杭州公交")))
    assert credits(world.run(D2)) == {"bus": 2}


def test_a_credit_that_nobody_agreed_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def everybody(lake: Lake, claims: Frame, intervals: Any) -> Frame:
        return lake.sql("SELECT claim_id FROM claims", claims=claims)

    monkeypatch.setattr("jobs.activities.reports.with_consent", everybody)
    world = World(tmp_path)
    known = alipay_registrations((1, CITIZEN[0], PHONE[0], [], REGISTERED))
    world.send("alipay", D1, known, alipay_acts((1, 1, f"{D1}", "shenghuojiaofei", "50")))
    assert broken(world) == {"acts_have_consent"}

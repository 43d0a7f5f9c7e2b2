"""Simulated worlds are repeatable, and their deliveries are what the control files say.

What the exports tell is tested in `test_simulator_feeds.py`, the truth about it in `test_simulator_truth.py`.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from simulator import simulate
from tests.support.reader import rows_of
from tests.support.simulated import DAYS, World

FEEDS: dict[str, dict[str, str | None]] = {
    "alipay": {"acts": "item_amount", "registrations": None, "consents": None, "bills": "金额"},
    "citic_bank": {"acts": "金额", "card_transactions": "交易金额", "registrations": None, "consents": None},
    "hangzhou_metro": {"taps": "fare", "registrations": None, "consents": None},
    "icbc": {"statements": "Amt", "registrations": None, "consents": None},
    "wechat_pay": {"registrations": None, "consents": None, "bills": "金额(元)"},
    "huge_recycling": {"orders": "settledWeight", "registrations": None, "consents": None},
    "hellobike": {"trips": None, "registrations": None, "consents": None},
    "unionpay": {"redemptions": "积分", "registrations": None, "consents": None},
    "zheliban": {"cases": None, "registrations": None, "consents": None},
}
"""Institution → feed → the column whose sum is stated."""
LOCAL = timezone(timedelta(hours=8))


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def summed(row: dict[str, Any], column: str) -> list[Decimal]:
    """The numbers of a row that the control sum adds up."""
    if column == "item_amount":
        return [Decimal(item["item_amount"]) for item in row["active_data_list"]]
    value = row[column] if column in row else row["金额（元）"]
    return [Decimal(str(value).strip().lstrip("¥").replace(",", ""))] if value else []


def test_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("one", 3), ("two", 3), ("other", 4)):
        simulate(tmp_path / name, 150, 3, seed)
    one = tree(tmp_path / "one")
    assert one == tree(tmp_path / "two")
    assert set(one.values()).isdisjoint(digest for name, digest in tree(tmp_path / "other").items() if "acts" in name)
    assert {name.split("/")[0] for name in one} == {"exports", "truth"}


def test_a_world_is_not_overwritten(tmp_path: Path) -> None:
    simulate(tmp_path, 10, 1, 1)
    with pytest.raises(FileExistsError, match="fresh folder"):
        simulate(tmp_path, 10, 1, 1)
    with pytest.raises(ValueError, match="needs people and days"):
        simulate(tmp_path / "none", 0, 1, 1)


def test_blocks_join_without_seams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More people than a block holds: numbers, identifiers and act numbers stay unique."""
    monkeypatch.setattr("simulator.PERSON_DAYS", 0)  # blocks of the least size, 100 people
    world = World(tmp_path, simulate(tmp_path, 250, 4, 5, corrected=0, duplicated=0))
    assert [row["person_no"] for row in world.truth("people")] == list(range(250))
    customers = [(row["institution"], row["customer_id"]) for row in world.truth("customers")]
    assert len(set(customers)) == len(customers) > 250
    acts = world.truth("acts")
    assert [row["act_no"] for row in acts] == list(range(len(acts)))
    assert {row["act_no"] for row in world.truth("records")} - {None} == set(range(len(acts)))
    serials = [row["流水号"] for path in tmp_path.glob("exports/*/*/card_trans*") for _, row in rows_of(path)]
    assert len(set(serials)) == len(serials) > 500


def test_control_files_state_what_the_files_hold(world: World) -> None:
    for folder, control in world.deliveries():
        feeds = FEEDS[control["institution"]]
        assert set(feeds) - {"bills"} <= {f["feed"] for f in control["files"]} <= set(feeds)
        assert {f["name"] for f in control["files"]} | {"control.json"} == {p.name for p in folder.iterdir()}
        for listed in control["files"]:
            path = folder / listed["name"]
            rows = [row for _, row in rows_of(path)]
            assert listed["rows"] == len(rows)
            assert listed["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
            feed = [f for f in control["files"] if f["feed"] == listed["feed"]]
            assert [(f["part"], f["parts"]) for f in feed] == [(k + 1, len(feed)) for k in range(len(feed))]
            assert len(feed) == 1 or listed["feed"] == "bills"
            assert path.name.startswith(
                f"{listed['feed']}_{control['business_date'].replace('-', '')}_{listed['part']}."
            )
            assert ("customer" in listed) == (listed["feed"] == "bills")
            column = feeds[listed["feed"]]
            if column is None:
                assert "sums" not in listed
                continue
            assert list(listed["sums"]) == [column]
            assert Decimal(listed["sums"][column]) == sum((sum(summed(row, column)) for row in rows), Decimal(0))


def test_deliveries_come_late_corrected_and_again(world: World) -> None:
    seen: defaultdict[tuple[str, str, int], list[tuple[datetime, Path]]] = defaultdict(list)
    deadline = datetime(2026, 11, 1 + DAYS, 6, tzinfo=LOCAL)
    for folder, control in world.deliveries():
        stamp = datetime.strptime(folder.name, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
        assert stamp < deadline
        key = (control["institution"], control["business_date"], control["revision"])
        seen[key].append((stamp, folder))
    firsts = {key: min(found)[0] for key, found in seen.items() if key[2] == 0}
    assert len(firsts) == len(FEEDS) * DAYS
    nights = Counter(
        (stamp.astimezone(LOCAL).date() - date.fromisoformat(key[1])).days for key, stamp in firsts.items()
    )
    assert min(nights) == 1 and max(nights) <= 5
    assert sum(nights.values()) - nights[1] == world.summary.late > 0
    corrections = {key: min(found)[0] for key, found in seen.items() if key[2] == 1}
    assert len(corrections) == world.summary.corrected > 0
    assert all(stamp > firsts[key[0], key[1], 0] for key, stamp in corrections.items())
    again = [found for found in seen.values() if len(found) > 1]
    assert len(again) == world.summary.resent > 0
    for found in again:
        assert len({tuple(tree(folder).items()) for _, folder in found}) == 1
    assert any(row["disposition"] == "repeat" for row in world.truth("records"))


@pytest.mark.parametrize("seed", range(4))
def test_three_days_suffice_for_every_fate(tmp_path: Path, seed: int) -> None:
    summary = simulate(tmp_path, 60, 3, seed)
    assert min(summary.late, summary.corrected, summary.repeating, summary.resent) >= 1
    assert summary.rides_reported_by_all / summary.rides >= 0.2  # of 60 people; the share is tested below


@pytest.mark.parametrize(("people", "days"), [(1, 1), (1, 3), (40, 1)])
def test_the_smallest_worlds_stand(tmp_path: Path, people: int, days: int) -> None:
    summary = simulate(tmp_path, people, days, 2, bills=1)
    assert summary.deliveries >= len(FEEDS) * days
    assert (summary.bills > 0) == (days > 1)  # a bill lists the days before it is brought


def test_clean_world_has_one_delivery_a_day(tmp_path: Path) -> None:
    summary = simulate(tmp_path, 60, 3, 1, late=0, corrected=0, duplicated=0, shared_phones=0)
    assert summary.deliveries == 3 * len(FEEDS)
    assert (summary.late, summary.corrected, summary.repeating, summary.resent) == (0, 0, 0, 0)

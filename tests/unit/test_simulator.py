"""The simulated world keeps the promises that everything else is tested against.

The exports are read by a small reader of the tests' own, and the acts that they tell of are credited again by
brute force (`tests/pipeline/oracle.py`), so a truth that does not follow the policy fails.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import phonenumbers
import pyarrow.parquet as pq
import pytest
from stdnum import luhn
from stdnum.cn import ric

from simulator import Summary, simulate
from simulator.linking import Known, decidable_people
from tests.pipeline.oracle import credited
from tests.reader import deliveries, rows_of

PEOPLE, DAYS, SEED = 700, 6, 11
START = date(2026, 11, 1)
DAY = 86_400
LOCAL = timezone(timedelta(hours=8))


@dataclass(frozen=True)
class World:
    out: Path
    summary: Summary

    def truth(self, table: str) -> list[dict[str, Any]]:
        return pq.read_table(self.out / "truth" / f"{table}.parquet").to_pylist()

    def deliveries(self) -> list[tuple[Path, dict[str, Any]]]:
        return [(delivery.folder, delivery.control) for delivery in deliveries(self.out)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    out = tmp_path_factory.mktemp("world")
    return World(out, simulate(out, PEOPLE, DAYS, SEED, late=0.15, corrected=0.2, duplicated=0.2, shared_phones=0.1))


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


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
    feeds = {"alipay": {"acts": "item_amount", "registrations": None, "consents": None},
             "citic_bank": {"acts": "金额", "card_transactions": "交易金额", "registrations": None,
                            "consents": None},
             "hangzhou_metro": {"taps": "fare", "registrations": None, "consents": None}}  # fmt: skip
    for folder, control in world.deliveries():
        assert {f["feed"] for f in control["files"]} == set(feeds[control["institution"]])
        assert {f["name"] for f in control["files"]} | {"control.json"} == {p.name for p in folder.iterdir()}
        for listed in control["files"]:
            path = folder / listed["name"]
            rows = [row for _, row in rows_of(path)]
            assert listed["rows"] == len(rows)
            assert listed["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
            assert (listed["part"], listed["parts"]) == (1, 1)
            column = feeds[control["institution"]][listed["feed"]]
            if column is None:
                assert "sums" not in listed
                continue
            if column == "item_amount":
                values = [item["item_amount"] for row in rows for item in row["active_data_list"]]
            else:
                values = [row[column].replace(",", "") or "0" for row in rows]
            assert list(listed["sums"]) == [column]
            assert Decimal(listed["sums"][column]) == sum(map(Decimal, values))


def test_deliveries_come_late_corrected_and_again(world: World) -> None:
    seen: defaultdict[tuple[str, str, int], list[tuple[datetime, Path]]] = defaultdict(list)
    deadline = datetime(2026, 11, 1 + DAYS, 6, tzinfo=LOCAL)
    for folder, control in world.deliveries():
        stamp = datetime.strptime(folder.name, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
        assert stamp < deadline
        key = (control["institution"], control["business_date"], control["revision"])
        seen[key].append((stamp, folder))
    firsts = {key: min(found)[0] for key, found in seen.items() if key[2] == 0}
    assert len(firsts) == 3 * DAYS
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


def test_clean_world_has_one_delivery_a_day(tmp_path: Path) -> None:
    summary = simulate(tmp_path, 60, 3, 1, late=0, corrected=0, duplicated=0, shared_phones=0)
    assert summary.deliveries == 9
    assert (summary.late, summary.corrected, summary.repeating, summary.resent) == (0, 0, 0, 0)


def test_identifiers_are_valid(world: World) -> None:
    citizens, phones, cards = set(), [], set()
    for path in world.out.glob("exports/*/*/registrations_*"):
        for _, row in rows_of(path):
            citizens.add((row.get("cert_no") or row.get("证件号码") or row.get("idCard") or "").upper())
            phones.append(row.get("mobile") or row.get("手机号") or row.get("phone"))
            cards.update([*row.get("bound_cards", ()), row.get("卡号", "")])
    citizens, cards = citizens - {""}, cards - {""}
    assert len(citizens) > PEOPLE * 0.9 and any(c.endswith("X") for c in citizens)
    assert all(ric.is_valid(citizen) for citizen in citizens)
    assert all(luhn.is_valid(card) for card in cards) and len(cards) > PEOPLE * 0.5
    assert all(phonenumbers.is_valid_number(phonenumbers.parse(phone, "CN")) for phone in phones)
    assert {len(phone) for phone in phones} == {11, 14, 17}


def test_every_row_is_in_the_truth_once(world: World) -> None:
    told = Counter(
        (r["institution"], r["feed"], str(r["business_date"]), r["revision"], r["part"], r["line"])
        for r in world.truth("records")
    )
    sent = {
        (control["institution"], listed["feed"], control["business_date"], control["revision"], 1, line)
        for folder, control in world.deliveries()
        for listed in control["files"]
        for line, _ in rows_of(folder / listed["name"])
    }
    assert set(told) == sent and set(told.values()) == {1}
    assert len(sent) == world.summary.rows
    assert {r["disposition"] for r in world.truth("records")} == {
        "record", "supporting", "repeat", "superseded", "ignored"
    }  # fmt: skip
    corrected = {(c["institution"], c["business_date"]) for _, c in world.deliveries() if c["revision"]}
    for r in world.truth("records"):
        is_former = (r["institution"], str(r["business_date"])) in corrected and r["revision"] == 0
        assert (r["disposition"] == "superseded") == is_former


def test_enough_rides_are_reported_by_all_three(world: World) -> None:
    reporters: defaultdict[int, set[str]] = defaultdict(set)
    for record in world.truth("records"):
        if record["act_no"] is not None and record["disposition"] != "superseded":
            reporters[record["act_no"]].add(record["institution"])
    rides = [act["act_no"] for act in world.truth("acts") if act["scenario"] == "metro"]
    triple = sum(len(reporters[ride]) == 3 for ride in rides)
    assert len(rides) == world.summary.rides > 1_000
    assert triple == world.summary.rides_reported_by_all
    assert triple / len(rides) >= 0.3


def test_few_acts_are_undecidable(world: World) -> None:
    outcomes = Counter(act["outcome"] for act in world.truth("acts"))
    assert 0 < outcomes["undecidable"] < 0.1 * sum(outcomes.values())
    assert set(outcomes) == {
        "credited", "no_consent", "no_factor", "refunded", "unpaired", "evidence", "undecidable"
    }  # fmt: skip
    for act in world.truth("acts"):
        assert (act["credited_quantity"] is not None) == (act["outcome"] == "credited")


def test_the_truth_follows_the_policy(world: World) -> None:
    acts = world.truth("acts")
    open_ = {(act["person_no"], act["scenario"]) for act in acts if act["outcome"] == "undecidable"}
    told = Counter(
        (act["person_no"], act["scenario"], act["act_date"], Decimal(act["credited_quantity"]))
        for act in acts
        if act["outcome"] == "credited" and (act["person_no"], act["scenario"]) not in open_
    )
    again = Counter({key: n for key, n in credited(world.out).items() if key[:2] not in open_})
    assert told.total() > 0.8 * len(acts)
    assert again - told == Counter()
    assert told - again == Counter()


def test_decidable_people_are_found_by_their_identifiers(world: World) -> None:
    """By the latest registrations nobody else has their citizen id or card, and evidence connects them."""
    kinds = {row["person_no"]: row["subject_kind"] for row in world.truth("people")}
    person = {row["customer_id"]: row["person_no"] for row in world.truth("customers")}
    latest: dict[str, tuple[str, set[str]]] = {}
    for path in sorted(world.out.glob("exports/*/*/registrations_*")):
        for _, row in rows_of(path):
            customer = row.get("account_did") or row.get("客户号") or row["userID"]
            at = row.get("registered_at") or row.get("开户时间") or row["createTime"]
            citizen = (row.get("cert_no") or row.get("证件号码") or row.get("idCard") or "").upper()
            phone = (row.get("mobile") or row.get("手机号") or row["phone"]).replace("-", "")[-11:]
            known = {citizen, phone, *row.get("bound_cards", ()), row.get("卡号", "")} - {""}
            latest[customer] = max(latest.get(customer, ("", known)), (at, known), key=lambda item: item[0])
    assert set(latest) == set(person)
    holders: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for customer, (_, known) in latest.items():
        for value in known:
            holders[kinds[person[customer]], value].add(customer)
    customers: defaultdict[int, set[str]] = defaultdict(set)
    for customer, who in person.items():
        customers[who].add(customer)
    undecidable = 0
    for row in world.truth("people"):
        mine = customers[row["person_no"]]
        undecidable += not row["is_decidable"]
        if not row["is_decidable"]:
            continue
        reached, todo = set(), [min(mine)]
        while todo:
            customer = todo.pop()
            reached.add(customer)
            for value in latest[customer][1]:
                others = holders[row["subject_kind"], value]
                assert others <= mine or len(value) == 11  # only a shared phone may lead to somebody else
                todo += (others & mine) - reached
        assert reached == mine
    assert 0 < undecidable < 0.1 * PEOPLE


def test_some_reversals_come_before_or_without_their_purchase(world: World) -> None:
    arrived: dict[str, str] = {}
    reversals: list[tuple[str, str]] = []
    for path in sorted(world.out.glob("exports/citic_bank/*/card_transactions_*")):
        for _, row in rows_of(path):
            arrived.setdefault(row["流水号"], path.parent.name)
            if row["交易类型"] == "冲正":
                assert row["交易金额"].startswith("-")
                reversals.append((row["原流水号"], path.parent.name))
    assert any(original not in arrived for original, _ in reversals)
    assert any(arrived.get(original, "") > stamp for original, stamp in reversals)
    assert any(r["outcome"] == "pending" for r in world.truth("records"))


def test_one_record_leads_every_credited_act(world: World) -> None:
    outcomes: defaultdict[int, list[str | None]] = defaultdict(list)
    for record in world.truth("records"):
        if record["disposition"] == "record" and record["act_no"] is not None:
            outcomes[record["act_no"]].append(record["outcome"])
    led = Counter[int]()
    for act in world.truth("acts"):
        found = outcomes[act["act_no"]]
        if act["outcome"] == "credited" and None not in found:
            led[found.count("credited")] += 1
        if act["outcome"] in ("no_consent", "refunded", "no_factor", "unpaired"):
            assert act["outcome"] in found and "credited" not in found
        if act["outcome"] == "evidence":  # a card row alone, perhaps taken for that of a ride at the same fare
            assert set(found) <= {"evidence", "absorbed", "refunded", "no_consent", None}
    assert set(led) == {1} and led[1] > 1_000


def test_conflicting_links_prove_nothing() -> None:
    first = Known(0, 0, "A", "p", ())
    unnamed, named = Known(1, 0, "", "p", ("k",)), Known(1, 0, "B", "q", ("k",))
    assert decidable_people([first, unnamed, named]) == {0, 1}  # the phone would join the citizens A and B
    assert decidable_people([first, unnamed]) == set()  # nothing contradicts the shared phone
    assert decidable_people([first, Known(1, 1, "A", "p", ())]) == {0, 1}  # kinds never join
    assert decidable_people([Known(0, 0, "A", "p", ("k",)), Known(1, 0, "B", "q", ("k",))]) == {0, 1}
    assert decidable_people([first, Known(0, 0, "", "r", ())]) == set()  # nothing joins the two

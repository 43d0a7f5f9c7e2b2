"""What people do with services: none of it unless asked for; all of it told by those who send it, and by the truth."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from simulator import simulate
from simulator.rows import INSTITUTIONS, SERVICES
from tests.support.simulated import HOSTILE, World

NAMES = {INSTITUTIONS[k] for k in SERVICES}
GB = ("hangzhou_gas", "dadi_recycling", "hangzhou_bank")
SEPARATORS = {
    **{"zhejiang_etc": ",", "hangzhou_gas": ",", "zto": ",", "hangzhou_canteen": ",", "zhuanzhuan": "\t"},
    **{"hangzhou_transit": ";", "dadi_recycling": "|", "hangzhou_bank": "|"},
}
SUMS = {
    **{"teld": {"orders": "TotalPower"}, "zhejiang_etc": {"passages": "PAYFEE"}, "hangzhou_gas": {"meters": "用气量"}},
    **{"caocao": {"rides": "DriveMile", "rentals": "DriveMile"}, "zhuanzhuan": {"deals": "amount"}},
    **{"hangzhou_transit": {"rides": "actualFare"}, "dadi_recycling": {"receipts": "重量"}},
    **{"hangzhou_bank": {"card_transactions": "金额"}, "geely": {"drives": "mileage"}},
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> World:
    out = tmp_path_factory.mktemp("served")
    shares = {"late": 0.1, "corrected": 0.1, "duplicated": 0.1, "bills": 0.5, "services": 0.8}
    return World(out, simulate(out, 300, 5, 4, **shares))


def rows_of(path: Path, institution: str) -> list[dict[str, Any]]:
    """A file's rows by the names of its columns; quotes are only around sites, which nobody asks for here."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    text = data.decode("gb18030" if institution in GB else "utf-8")
    newline = "\r\n" if institution in GB else "\n"
    assert text.endswith(newline)
    lines = text.split(newline)[:-1]
    if institution not in SEPARATORS:
        return [{**row, **row.get("Order", {})} for row in map(json.loads, lines)]
    names, *values = (line.split(SEPARATORS[institution]) for line in lines)
    return [dict(zip(names, cells, strict="siteName" not in names)) for cells in values]


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.glob("exports/*/*/*")
        if path.name != "control.json"
    }


def told(world: World, scenario: str, *institutions: str) -> Counter[tuple[str | None, ...]]:
    """Of the acts of a scenario what becomes of the rows of some institutions, those of one act together."""
    acts = {act["act_no"] for act in world.truth("acts") if act["scenario"] == scenario}
    found: defaultdict[int, dict[str, str | None]] = defaultdict(dict)
    for record in world.truth("records"):
        if record["act_no"] in acts and record["disposition"] == "record" and record["institution"] in institutions:
            found[record["act_no"]][record["institution"]] = record["outcome"]
    return Counter(tuple(one[name] for name in institutions) for one in found.values() if len(one) == len(institutions))


def test_without_services_nobody_sends_them_and_with_them_the_others_deliver_when_they_did(tmp_path: Path) -> None:
    simulate(tmp_path / "without", 60, 3, 9, corrected=0, duplicated=0)
    simulate(tmp_path / "with", 60, 3, 9, corrected=0, duplicated=0, services=1)
    without, with_ = digests(tmp_path / "without"), digests(tmp_path / "with")
    assert NAMES.isdisjoint(name.split("/")[1] for name in without)
    assert {name.split("/")[1] for name in with_} >= NAMES
    assert without.keys() <= with_.keys()
    changed = {name.split("/")[-1].split("_")[0] for name in without if without[name] != with_[name]}
    assert changed <= {"acts", "bills"}  # wallets alone tell of some of it


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        simulate(tmp_path / name, 40, 3, 9, services=0.5)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


def test_control_files_state_rows_and_sums(served: World) -> None:
    seen = set()
    for folder, control in served.deliveries():
        institution = control["institution"]
        if institution not in NAMES:
            continue
        for listed in control["files"]:
            rows = rows_of(folder / listed["name"], institution)
            assert len(rows) == listed["rows"]
            column = SUMS.get(institution, {}).get(listed["feed"])
            assert list(listed.get("sums", {})) == [column] * bool(column)
            if column:
                sum_ = sum(Decimal(str(row[column]).replace(",", "")) for row in rows)
                assert Decimal(listed["sums"][column]) == sum_
                seen.add((institution, listed["feed"]))
    assert len(seen) == sum(map(len, SUMS.values()))


def test_every_scenario_and_fate_occurs(served: World) -> None:
    acts = Counter((act["scenario"], act["outcome"]) for act in served.truth("acts"))
    credited = {scenario for scenario, outcome in acts if outcome == "credited"}
    assert len(credited) >= 30
    assert {"carton_reuse", "new_energy_car"}.isdisjoint(credited)  # of which no figure is of here
    fates = Counter((r["institution"], r["disposition"]) for r in served.truth("records"))
    assert {name for name, fate in fates if fate == "ignored"} >= NAMES
    assert {fate for name, fate in fates if name in NAMES} == {"record", "repeat", "superseded", "ignored"}


def test_what_several_tell_of_is_one_act(served: World) -> None:
    tolls = told(served, "etc_payment", "zhejiang_etc", "hangzhou_bank")
    charged = told(served, "ev_charging", "teld", "hangzhou_bank")
    rides = told(served, "bus", "hangzhou_transit", "alipay")
    for pairs in (tolls, charged, rides):
        assert pairs["credited", "absorbed"] > 3
        assert pairs["credited", "credited"] == 0


def test_one_household_charges_and_drives_and_sorts_and_hands_in(served: World) -> None:
    by_person: defaultdict[int, set[str]] = defaultdict(set)
    by_day: defaultdict[tuple[int, Any], set[str]] = defaultdict(set)
    for act in served.truth("acts"):
        if act["outcome"] == "credited":
            by_person[act["person_no"]].add(act["scenario"])
            by_day[act["person_no"], act["act_date"]].add(act["scenario"])
    assert any({"waste_sorting", "recycling_steel"} <= done for done in by_person.values())
    assert any({"parked_car", "metro"} <= done for done in by_day.values())
    assert any({"small_portion", "clean_plate"} <= done for done in by_day.values())
    drives = {act["person_no"] for act in served.truth("acts") if act["scenario"] == "new_energy_car"}
    assert any("ev_charging" in by_person[person] for person in drives)


def test_customers_are_known_by_the_same_identifiers(served: World) -> None:
    """The bank's card is the one that tolls are paid with; most people whom services know are one person."""
    cards: dict[str, set[str]] = {"hangzhou_bank": set(), "zhejiang_etc": set()}
    for institution, column in (("hangzhou_bank", "卡号"), ("zhejiang_etc", "BANKCARDID")):
        for path in served.out.glob(f"exports/{institution}/*/registrations_*"):
            cards[institution] |= {row[column] for row in rows_of(path, institution)} - {""}
    assert len(cards["hangzhou_bank"] & cards["zhejiang_etc"]) > 100
    people = {row["person_no"]: row["is_decidable"] for row in served.truth("people")}
    users = {row["person_no"] for row in served.truth("customers") if row["institution"] in NAMES}
    assert sum(people[person] for person in users) > 0.85 * len(users) > 100


@pytest.mark.parametrize(("people", "days"), [(1, 1), (1, 3), (40, 1)])
def test_the_smallest_worlds_stand(tmp_path: Path, people: int, days: int) -> None:
    simulate(tmp_path / "some", people, days, 3, bills=1, services=0.01)
    simulate(tmp_path / "all", people, days, 3, bills=1, services=1, **dict.fromkeys(HOSTILE, 1.0))


def test_services_are_a_share(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="services"):
        simulate(tmp_path, 10, 1, 1, services=1.5)

"""A scenario that excludes another, from the export to what the person reads: by meal, and by an object that a contract names."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import jobs.ledger.caps
import jobs.ledger.exclusions
from jobs.errors import PublicationBlocked
from jobs.lake import Lake
from jobs.reading.explain import explain
from jobs.reading.statement import statement
from schemas import Registry, RegistryError, load_registry
from tanzhang.screens import statement as screen
from tests.support import libraries
from tests.support.exports import PHONE, deliver, table
from tests.support.worlds import embedded_lake, land_world, rows, run_days

FIRST, SECOND = date(2026, 11, 1), date(2026, 11, 2)
WHY = "one way is ridden once"


def excluding(root: Path, by: str, *, names_object: bool = True) -> Path:
    """A registry in which electric bikes have the bikes' figure, and exclude them; what was ridden is told by its station."""
    libraries.copied(root)
    bike = root / "scenarios/e_bike.yaml"
    said = {name: value for name, value in libraries.content(bike).items() if name != "no_factor_reason"}
    rule = {
        "id": "one_way",
        "scenarios": ["shared_bike"],
        "by": by,
        "why": WHY,
        "valid_from": FIRST,
        "known_from": FIRST,
    }
    figure = {"method": "distance", "factor": "shared_bike_reduction"}
    libraries.write(bike, {**said, "quantification": figure, "alternatives": [], "excludes": [rule]})
    contract = root / "sources/hellobike.yaml"
    feeds = libraries.content(contract)["feeds"]
    if names_object:
        feeds["trips"]["not_kept"].remove("start_station_id")
        feeds["trips"]["columns"]["object"] = "start_station_id"
    libraries.edited(contract, feeds=feeds)
    for other in sorted({*(root / "sources").glob("*.yaml")} - {contract}):
        feeds = libraries.content(other)["feeds"]
        for feed in feeds.values():
            feed |= {"no_object": "no row tells it"} if feed["kind"] in ("act", "payment") else {}
        libraries.edited(other, feeds=feeds)
    return root


def trip(number: int, kind: str, at: str, station: str, degrees: float) -> str:
    """A trip northwards; a hundredth of a degree is 1.1 km."""
    return (
        f"HB{number},{kind},{at}:00,{at[:-2]}59:59,,{station},,,30.25,120.16,{30.25 + degrees:.6f},120.16,M7000000001"
    )


def sent(home: Path, registry: Registry, *days: Iterable[str]) -> Lake:
    """The lake after a run for each day, of what the bikes' operator sends of it."""
    for day, trips in zip((FIRST, SECOND), days):
        parts = [table("hellobike", "trips", *trips)]
        if day == FIRST:
            parts += [
                table("hellobike", "registrations", f"M7000000001,{PHONE[0]},personal,2025-01-01 10:00:00"),
                table("hellobike", "consents", "M7000000001,all,granted,2025-01-02 10:00:00"),
            ]
        deliver(home, "hellobike", *parts, stamp=f"{day:%Y%m%d}T200000Z", business_date=f"{day}")
    land_world(home, registry)
    lake = embedded_lake(home, registry)
    run_days(lake, home, (FIRST, SECOND)[: len(days)])
    return lake


def taken(lake: Lake) -> dict[tuple[str, date], int]:
    found: dict[tuple[str, date], int] = {}
    for row in rows(lake, "gold.ledger"):
        if (row["measure"], row["position_kind"]) == ("reduction_mg", "exclusion"):
            key = row["scenario"], row["act_date"]
            found[key] = found.get(key, 0) + row["amount"]
    return found


def credited(lake: Lake) -> dict[str, int]:
    return {row["scenario"]: row["amount"] for row in rows(lake, "gold.ledger") if row["position_kind"] == "activity"
            and row["measure"] == "reduction_mg"}  # fmt: skip


MORNING = trip(1, "bike", "2026-11-01 09:30", "S1", 0.02)
NIGHT = trip(2, "ebike", "2026-11-01 18:30", "S1", 0.03)
NOON = [trip(3, "bike", "2026-11-02 10:05", "S2", 0.02), trip(4, "ebike", "2026-11-02 15:55", "S3", 0.01)]


@pytest.fixture(scope="module")
def by_object(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return load_registry(excluding(tmp_path_factory.mktemp("by_object") / "root", "object"))


@pytest.fixture(scope="module")
def by_meal(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return load_registry(excluding(tmp_path_factory.mktemp("by_meal") / "root", "meal"))


def test_one_object_of_a_month_saves_once(tmp_path: Path, by_object: Registry) -> None:
    lake = sent(tmp_path, by_object, [MORNING, NIGHT], NOON)
    mine = credited(lake)
    bike = {row["position"]: row["amount"] for row in rows(lake, "gold.ledger") if row["scenario"] == "shared_bike"
            and row["position_kind"] == "activity" and row["act_date"] == FIRST
            and row["measure"] == "reduction_mg"}  # fmt: skip
    assert taken(lake) == {("shared_bike", FIRST): -sum(bike.values())} and mine
    keys = {row["object_key"] for row in rows(lake, "silver.activities")}
    assert len(keys) == 3 and keys == {row["object_key"] for row in rows(lake, "silver.claims")}
    posted = len(rows(lake, "gold.ledger"))
    run_days(lake, tmp_path, [SECOND], full=True)
    assert len(rows(lake, "gold.ledger")) == posted


def test_a_meal_saves_once_and_the_person_is_told(tmp_path: Path, by_meal: Registry) -> None:
    lake = sent(tmp_path, by_meal, [MORNING, NIGHT], NOON)
    assert list(taken(lake)) == [("e_bike", SECOND)]
    meals = {row["meal"] for row in rows(lake, "silver.activities")}
    assert meals == {"morning", "midday", "evening"}
    [entry] = [row for row in rows(lake, "gold.ledger") if row["position_kind"] == "exclusion"
               and row["measure"] == "reduction_mg"]  # fmt: skip
    [told] = explain(lake, by_meal, tmp_path, [entry["entry_id"]])
    assert told.amount == entry["amount"] and "at one meal" in told.formula and told.factor["why"] == WHY
    assert [line.line for claim in told.claims for line in claim.lines] == [2, 3], "both sides, and no other day's"
    ledger = [row for row in rows(lake, "gold.ledger") if row["position_kind"] == "activity"]
    acts = explain(lake, by_meal, tmp_path, [row["entry_id"] for row in ledger if row["measure"] == "reduction_mg"])
    of_acts = {(one.entry["scenario"], one.entry["act_date"]): one.excluded for one in acts}
    [said_of_act] = of_acts.pop(("e_bike", SECOND))
    assert said_of_act.counts == ["shared_bike"] and not any(of_acts.values())
    account = statement(lake, by_meal, entry["person_id"], SECOND)
    [one] = account.excluded
    assert (one.scenario, one.milligrams, one.counts, one.why) == ("e_bike", -entry["amount"], ["shared_bike"], WHY)
    assert "*" not in {row["institution"] for row in account.credited}
    console = Console(width=200, record=True)
    screen.statement(console, account, by_meal)
    for act in acts:
        screen.explanation(console, act, by_meal)
    said = console.export_text()
    assert said.count("not counted, with all of its kind: 共享电单车骑行") == 1
    assert (
        "claims the same saving" in said
        and f"at one meal 共享单车骑行 counts, which saved as much or more; {WHY}" in said
    )


@pytest.mark.parametrize("what", ["nothing", "of the whole day"])
def test_a_run_that_takes_too_little_or_too_much_is_not_published(
    tmp_path: Path, by_meal: Registry, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    trips = (
        [NOON[0].replace("11-02", "11-01"), NOON[1].replace("11-02", "11-01")]
        if what == "nothing"
        else [MORNING, NIGHT]
    )
    if what == "nothing":
        real = jobs.ledger.caps.excluded

        def none(lake: Lake, *given: Any) -> Any:
            return lake.keep("SELECT * FROM found WHERE false", found=real(lake, *given))

        monkeypatch.setattr(jobs.ledger.caps, "excluded", none)
    else:
        monkeypatch.setattr(jobs.ledger.exclusions, "OCCASION", "CASE {extent} WHEN {act}.meal THEN '' ELSE '' END")
    with pytest.raises(PublicationBlocked, match="one_thing_saves_once"):
        sent(tmp_path, by_meal, trips)


def test_a_contract_names_the_object_or_says_why_not(tmp_path: Path) -> None:
    root = excluding(tmp_path / "root", "object", names_object=False)
    told = r"hellobike.yaml: feeds.trips: e_bike: scenarios/e_bike.yaml excludes by object; name the field .* columns.object"
    with pytest.raises(RegistryError, match=told):
        load_registry(root)
    feeds = libraries.content(root / "sources/hellobike.yaml")["feeds"]
    before = load_registry().sources["hellobike"].contract_hash
    feeds["trips"]["no_object"] = "its rows tell none"
    libraries.edited(root / "sources/hellobike.yaml", feeds=feeds)
    assert load_registry(root).sources["hellobike"].contract_hash == before, "nothing of what its rows say"

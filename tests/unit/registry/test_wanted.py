"""What would unlock a figure: named with every scenario that lacks one, and the figures that were seen and not taken."""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import chain

from schemas.base import ROOT
from schemas.scenarios import load_scenarios

NAMED_NOWHERE = {
    "clean_energy": "which device or tariff is one act is not said; a figure per square metre of solar heater has no issuer",
    "deposit_free_stay": "no document on a stay without deposit",
    "direct_drinking_water": "no document of the mainland on a drink in place of a bottle",
    "e_refuelling": "no document on refuelling without a slip",
    "green_appliance": "methods by kind and grade of appliance were looked for by name and not found",
    "green_car_insurance": "no document on insurance by distance",
    "green_flight": "no document tells grams, for meals on demand or for fuel",
    "green_loan": "statistics of portfolios, none of persons' loans",
    "green_packaging": "makers' and carriers' totals, no method",
    "green_renovation": "no document per square metre or material",
    "green_venue": "no document per visit",
    "library_loan": "footprints of books, no rate of purchases displaced",
    "lights_off": "the programme tells grams a photo and no method",
    "online_charity": "a gift has no baseline",
    "online_government": "the courts' report is of filings, which no other affair is like",
    "online_payment": "no document on what a payment online takes the place of",
    "paperless_reading": "no document net of the screen",
    "parking_payment": "only of charging by ETC, which is another act",
    "scan_to_order": "no document on an order by code",
    "shared_office": "operators' projections, no users",
    "shared_rental": "things differ, and of clothes there is evidence against",
    "sustainable_clothing": "percentages, and evidence against",
    "tax_refund": "no document on a traveller's refund",
    "water_saving_tap": "a percentage of a flow, no volume",
}
"""Scenarios without a figure of which no document is known that would bring one: what was found instead."""

BETTER = (
    "bus demand_response e_bike e_invoice ev_charging household_pv metro no_cutlery parked_car second_hand shared_bike "
    "used_garment waste_sorting"
)
"""Scenarios with a lent, a computed or a floor figure of which a document with one of their own is known."""

BOOK = ROOT.parent / "docs" / "figures-not-taken.md"
GROUPS = ["Travel", "Energy", "Food", "Goods", "Waste", "Paper and finance", "Services"]
NUMBER = re.compile(r"(?:T/[A-Z]+|DB\d+/T|SHCER)[ ]?\d+[\dI.]*(?:-\d{4})?")
ROW = re.compile(
    r"^\| (?P<id>[^|]+) \| (?P<scenarios>[^|]+) \| (?P<value>[^|]+) \| (?P<region>[^|]+) \| (?P<source>[^|]+) \| (?P<why>[^|]+) \|$"
)
WHY = {
    *("alternative", "foreign", "unsourced", "contradicts", "other unit", "aggregate", "other act", "other boundary"),
    *("lower taken", "one side", "assumption", "evidence against", "percentage", "no figure", "check"),
}


def unquantified() -> set[str]:
    """Scenarios that could be credited and have no figure."""
    return {one.id for one in load_scenarios().values() if one.quantification is None and not one.is_spend}


def rows() -> list[dict[str, str]]:
    """The table's lines."""
    lines = BOOK.read_text(encoding="utf-8").splitlines()
    return [
        found.groupdict()
        for line in lines
        if (found := ROW.match(line)) and found["id"] != "id" and "--" not in found["id"]
    ]


def test_a_scenario_without_a_figure_names_what_would_unlock_it() -> None:
    scenarios = load_scenarios()
    silent = {name for name in unquantified() if not scenarios[name].unlocked_by}
    assert silent == set(NAMED_NOWHERE)
    for name in silent:
        assert "none is credited" in (scenarios[name].no_factor_reason or ""), name


def test_a_better_document_is_named_where_one_is_known() -> None:
    scenarios = load_scenarios()
    assert [name for name in BETTER.split() if not scenarios[name].unlocked_by] == []


def test_a_document_is_wanted_once_of_an_act() -> None:
    for one in load_scenarios().values():
        wanted = [what.document for what in one.unlocked_by]
        assert len(wanted) == len(set(wanted)), one.id
        assert not one.is_spend or not wanted


def test_one_document_has_one_name_and_one_holder() -> None:
    told = defaultdict(set)
    for what in chain.from_iterable(one.unlocked_by for one in load_scenarios().values()):
        for number in NUMBER.findall(what.document) or [what.document]:
            told[number].add((what.document, what.holder))
    assert {number: names for number, names in told.items() if len(names) > 1} == {}


def test_the_figures_not_taken_are_of_scenarios_and_say_why() -> None:
    scenarios, found = load_scenarios(), rows()
    assert len(found) > 200
    assert [name for name in GROUPS if f"## {name}\n" not in BOOK.read_text(encoding="utf-8")] == []
    assert [one["id"] for one in found if one["why"].partition(":")[0] not in WHY] == []
    unknown = {name for one in found for name in re.findall(r"[a-z_]+", one["scenarios"])} - set(scenarios)
    assert unknown == set()


def test_a_figure_stands_once() -> None:
    seen = defaultdict(list)
    for one in rows():
        seen[one["id"]].append(one["value"])
    assert {name: values for name, values in seen.items() if len(values) > 1} == {}


def test_an_alternative_ships() -> None:
    """What is called an alternative is shown beside a scenario's figure."""
    scenarios = load_scenarios()
    for one in rows():
        if one["why"].startswith("alternative:"):
            assert any(scenarios[name].alternatives for name in re.findall(r"[a-z_]+", one["scenarios"])), one["id"]


def test_every_mark_of_the_table_is_told_at_its_head() -> None:
    head = BOOK.read_text(encoding="utf-8").partition("## Travel")[0]
    assert [mark for mark in sorted(WHY) if f"| {mark} |" not in head] == []
    assert "tanzhang factors show" in head

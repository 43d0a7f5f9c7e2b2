"""The scenarios that ship, and scenario files that must be refused."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from schemas.base import ROOT, RegistryError
from schemas.scenarios import load_scenarios

MATERIALS = ("paper", "plastic", "glass", "textile", "metal", "electrical")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A registry of one's own to break."""
    shutil.copytree(ROOT / "scenarios", tmp_path / "scenarios", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return tmp_path


def test_the_scenarios_as_agreed() -> None:
    shown = {
        one.id: (
            one.unit,
            one.scope,
            one.proof,
            one.reported_by,
            one.precedence,
            one.window_seconds,
            one.match_amount,
        )
        for one in load_scenarios().values()
    }
    everyone, apps_and_banks = ["transit", "payment_app", "bank"], ["payment_app", "bank"]
    assert shown == {
        "metro": ("km", "travel", "taps", "anyone", everyone, 600, True),
        "walking": ("step", "travel", "reading", "anyone", apps_and_banks, 0, False),
        "utility_payment": ("act", "living", "payment", "anyone", apps_and_banks, 600, True),
        "online_government": ("act", "living", "act", "anyone", ["government", *apps_and_banks], 600, False),
        "e_statement": ("statement", "finance", "act", "issuer", apps_and_banks, 0, False),
        "e_card": ("act", "finance", "act", "issuer", ["bank"], 0, False),
        "bus": ("act", "travel", "act", "anyone", everyone, 600, True),
        "spending": ("act", "finance", "payment", "anyone", apps_and_banks, 0, True),
        "shared_bike": ("km", "travel", "act", "anyone", ["bike_share", *apps_and_banks], 600, False),
        "e_bike": ("km", "travel", "act", "anyone", ["bike_share", *apps_and_banks], 600, False),
        **{
            f"recycling_{material}": ("kg", "living", "act", "issuer", ["recycler"], 0, False) for material in MATERIALS
        },
    }


def test_walking_is_capped_and_only_walking() -> None:
    scenarios = load_scenarios()
    assert {one.id for one in scenarios.values() if one.caps} == {"walking"}
    (cap,) = scenarios["walking"].caps
    assert (cap.id, cap.period, cap.limit_mg) == ("walking_day", "day", 296_000)
    assert cap.in_force(date(2025, 1, 1)) and cap.valid_to is None


def test_only_a_metro_ride_has_a_rule_for_a_missing_quantity() -> None:
    rules = {one.id: one.missing_quantity for one in load_scenarios().values() if one.missing_quantity}
    assert list(rules) == ["metro"]
    assert (rules["metro"].rule, rules["metro"].network) == ("shortest_trip", "hangzhou_metro")


def test_old_names_end_on_their_last_day() -> None:
    (old,) = (alias for alias in load_scenarios()["metro"].aliases if alias.name == "地铁购票")
    assert old.in_force(date(2025, 12, 31)) and not old.in_force(date(2026, 1, 1))


@pytest.mark.parametrize(
    ("name", "old", "new", "complaint"),
    [
        pytest.param("metro", "unit: km", "unit: furlong", "'furlong' is not known", id="unknown-unit"),
        pytest.param("metro", "unit: km", "unit: passenger_km", "write 'km'", id="other-name-of-a-unit"),
        pytest.param("metro", "unit: km", "unit: gCO2", "is per 'gCO2'", id="a-mass-is-no-count"),
        pytest.param("metro", "scope: travel", "scope: all", "scope: Input should be", id="scope"),
        pytest.param("metro", "category: 行", "category: 旅", "category: Input should be", id="category"),
        pytest.param("metro", "proof: taps", "proof: tap", "proof: Input should be", id="proof"),
        pytest.param("metro", "window_seconds: 600", "window_seconds: -1", "window_seconds", id="window"),
        pytest.param("metro", "window_seconds: 600", "window: 600", "window: Extra inputs", id="unknown-key"),
        pytest.param("metro", "[transit, payment_app, bank]", "[transit, transit]", "kind twice", id="precedence"),
        pytest.param("metro", "[transit, payment_app, bank]", "[]", "precedence", id="no-precedence"),
        pytest.param("metro", "rule: shortest_trip", "rule: average_trip", "rule: Input should be", id="rule"),
        pytest.param("metro", "valid_to: 2026-01-01", "valid_to: 2018-01-01", "must be after", id="span"),
        pytest.param(
            "metro",
            "name: 地铁购票",
            "name: 行走",
            "walking.yaml: aliases: '行走' is metro",
            id="one-name-two-acts",
        ),
        pytest.param("metro", "unit: km", "unit: act", "the unit is not km", id="distance-of-no-distance"),
        pytest.param("walking", "limit: 296 g", 'limit: "296"', "write it like 296 g", id="cap-without-unit"),
        pytest.param("walking", "limit: 296 g", "limit: 296 gCO2", "no plain mass", id="cap-of-a-gas"),
        pytest.param("walking", "limit: 296 g", "limit: 0 g", "would allow nothing", id="cap-of-nothing"),
        pytest.param("walking", "period: day", "period: week", "period: Input should be", id="period"),
        pytest.param("walking", "      url: fintechdaily.io\n", "", "clause or a url", id="cap-without-source"),
        pytest.param("walking", "caps:", "cap:", "cap: Extra inputs", id="caps-misspelt"),
        pytest.param("e_card", "id: e_card", "id: ecard", "rename the file", id="file-name"),
        pytest.param("e_card", "match_amount: false\n", "", "match_amount: Field required", id="missing-key"),
    ],
)
def test_a_broken_scenario_is_refused(root: Path, name: str, old: str, new: str, complaint: str) -> None:
    path = root / "scenarios" / f"{name}.yaml"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(RegistryError, match=complaint) as refused:
        load_scenarios(root)
    assert ".yaml: " in str(refused.value)


CAP = """
  - id: {id}
    period: {period}
    limit: 100 g
    valid_from: {start}
    source: {{document: made up, clause: "1"}}
"""


@pytest.mark.parametrize(
    ("name", "cap", "complaint"),
    [
        ("walking", {"id": "second", "period": "day", "start": "2025-01-01"}, "caps walking_day and second"),
        ("walking", {"id": "second", "period": "year", "start": "2025-01-01"}, None),
        ("metro", {"id": "walking_day", "period": "day", "start": "2025-01-01"}, "'walking_day' is taken"),
    ],
)
def test_caps_that_contradict_are_refused(root: Path, name: str, cap: dict[str, str], complaint: str | None) -> None:
    path = root / "scenarios" / f"{name}.yaml"
    text = path.read_text(encoding="utf-8")
    assert "caps:" in text
    head, _, rest = text.partition("caps:")
    shown = "" if rest.strip() == "[]" else rest
    path.write_text(head + "caps:" + shown.rstrip("\n") + CAP.format(**cap), encoding="utf-8")
    if complaint is None:
        assert len(load_scenarios(root)[name].caps) == 2
        return
    with pytest.raises(RegistryError, match=complaint):
        load_scenarios(root)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="must not be empty"):
        load_scenarios(tmp_path)

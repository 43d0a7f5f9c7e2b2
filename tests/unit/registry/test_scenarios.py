"""The scenarios that ship, and scenario files that must be refused."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from schemas.base import ROOT
from schemas.errors import RegistryError
from schemas.scenarios import load_scenarios
from tests.support import libraries

MATERIALS = ("paper", "plastic", "glass", "textile", "metal", "electrical")
CARS = ["car_maker", "platform"]
# What an order or a till tells.
ORDERED = {
    "deposit_free_stay",
    "direct_drinking_water",
    "e_receipt",
    "green_hotel",
    "green_packaging",
    "no_cutlery",
    "own_bag",
    "own_cup",
    "scan_to_order",
    "small_portion",
    "shared_office",
}
# Counted otherwise than by the act.
COUNTED = {
    **dict.fromkeys(("near_expiry_food", "second_hand", "waste_sorting"), "kg"),
    **dict.fromkeys(("e_invoice", "green_office", "e_policy", "online_repayment"), "sheet"),
    **dict.fromkeys(("online_investment", "online_loan"), "sheet"),
}
# What a payment proves, so that a refund undoes it: who knows of it before the wallet and the bank do.
PAID: dict[str, list[str]] = {
    "sustainable_clothing": ["platform", "merchant"],
    "plant_based_meat": ["platform", "merchant"],
    "near_expiry_food": ["platform", "merchant"],
    "green_renovation": ["platform", "merchant"],
    "water_saving_tap": ["platform", "merchant"],
    "green_appliance": ["platform", "merchant"],
    "online_ticket": ["platform", "merchant"],
    "second_hand": ["platform"],
    "used_garment": ["platform"],
    "shared_power_bank": ["platform"],
    "shared_rental": ["platform"],
    "offline_payment": [],
    "online_payment": [],
    "online_repayment": [],
}
# What whoever handled it tells, before the wallet and the bank.
HANDLED: dict[str, list[str]] = {
    "clean_plate": ["merchant", "platform", "government"],
    "group_takeaway": ["platform"],
    "clean_energy": ["utility", "platform"],
    "waste_sorting": ["recycler", "government"],
    "lights_off": ["platform"],
    "carton_reuse": ["platform", "recycler"],
    "used_phone": ["recycler", "platform"],
    "online_parcel": ["platform"],
    "library_loan": ["government", "merchant"],
    "green_venue": ["merchant"],
    "online_medical": ["government", "platform"],
    "e_invoice": ["government", "merchant", "platform"],
    "paperless_reading": ["platform"],
    "green_office": ["platform"],
    "tax_refund": ["government"],
    "online_charity": [],
}
# What only the bank or wallet where it was done can tell.
BANKED = {
    "e_card",
    "cardless_debit",
    "e_policy",
    "green_car_insurance",
    "green_loan",
    "online_banking",
    "online_investment",
    "online_loan",
    "online_transfer",
}


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
    assert {name: one for name, one in shown.items() if name not in {*ORDERED, *HANDLED, *PAID, *BANKED}} == {
        "metro": ("km", "travel", "taps", "anyone", everyone, 600, True),
        "walking": ("step", "travel", "reading", "anyone", apps_and_banks, 0, False),
        "utility_payment": ("act", "living", "payment", "anyone", apps_and_banks, 600, True),
        "online_government": ("act", "living", "act", "anyone", ["government", *apps_and_banks], 600, False),
        "e_statement": ("statement", "finance", "act", "issuer", apps_and_banks, 0, False),
        "bus": ("act", "travel", "act", "anyone", everyone, 600, True),
        "spending": ("act", "finance", "payment", "anyone", apps_and_banks, 0, True),
        "shared_bike": ("km", "travel", "act", "anyone", ["bike_share", *apps_and_banks], 600, False),
        "e_bike": ("km", "travel", "act", "anyone", ["bike_share", *apps_and_banks], 600, False),
        **{
            f"recycling_{material}": ("kg", "living", "act", "issuer", ["recycler"], 0, False) for material in MATERIALS
        },
        "recycling_steel": ("kg", "living", "act", "issuer", ["recycler"], 0, False),
        "recycling_pp_box": ("kg", "living", "act", "issuer", ["recycler"], 0, False),
        "recycling_fridge": ("act", "living", "act", "issuer", ["recycler"], 0, False),
        "hospital_receipt": (
            "sheet",
            "living",
            "act",
            "anyone",
            ["government", "merchant", "platform", *apps_and_banks],
            600,
            False,
        ),
        "avoided_trip": (
            "km",
            "living",
            "act",
            "anyone",
            ["government", "platform", "merchant", *apps_and_banks],
            600,
            False,
        ),
        "recycling_mixed": ("kg", "living", "act", "anyone", ["recycler", "payment_app"], 600, False),
        # What a meter tells, its supplier alone settles.
        "electricity_saving": ("kWh", "living", "act", "issuer", ["utility"], 0, False),
        "water_saving": ("m3", "living", "act", "issuer", ["utility"], 0, False),
        "gas_saving": ("m3", "living", "act", "issuer", ["utility"], 0, False),
        "household_pv": ("kWh", "living", "act", "issuer", ["utility"], 0, False),
        "demand_response": ("kWh", "living", "act", "issuer", ["utility"], 0, False),
        # Cars and trains.
        "new_energy_car": ("vehicle_km", "travel", "act", "anyone", [*CARS, *apps_and_banks], 600, False),
        "low_fuel_car": ("vehicle_km", "travel", "act", "anyone", [*CARS, *apps_and_banks], 600, False),
        "ev_charging": ("kWh", "travel", "act", "anyone", ["utility", *CARS, *apps_and_banks], 600, False),
        "parked_car": ("day", "travel", "act", "anyone", ["government", *CARS, *apps_and_banks], 0, False),
        "car_pool": ("km", "travel", "act", "anyone", ["platform", *apps_and_banks], 600, False),
        "new_energy_ride": ("vehicle_km", "travel", "act", "anyone", ["platform", *apps_and_banks], 600, False),
        "new_energy_rental": ("vehicle_km", "travel", "payment", "anyone", ["platform", *apps_and_banks], 600, True),
        "high_speed_rail": ("km", "travel", "act", "anyone", ["carrier", "platform", *apps_and_banks], 600, False),
        "online_train_ticket": (
            "act",
            "travel",
            "payment",
            "anyone",
            ["carrier", "platform", *apps_and_banks],
            600,
            True,
        ),
        "green_flight": ("act", "travel", "act", "anyone", ["carrier", "platform", *apps_and_banks], 600, False),
        "etc_payment": ("act", "travel", "payment", "anyone", ["transit", *apps_and_banks], 600, True),
        "parking_payment": ("act", "travel", "payment", "anyone", ["platform", *apps_and_banks], 600, True),
        "e_refuelling": ("act", "travel", "payment", "anyone", ["merchant", *apps_and_banks], 600, True),
    }
    for name in ORDERED:
        assert shown[name] == ("act", "living", "act", "anyone", ["platform", "merchant", *apps_and_banks], 600, False)
    for name, kinds in PAID.items():
        scope = "living" if kinds else "finance"
        assert shown[name][:4] == (COUNTED.get(name, "act"), scope, "payment", "anyone"), name
        assert [one for one in shown[name][4] if one not in apps_and_banks] == kinds, name
        assert shown[name][5:] == (600, True), name
    for name, kinds in HANDLED.items():
        scope = "finance" if name in {"tax_refund", "online_charity"} else "living"
        unit = COUNTED.get(name, "act")
        assert shown[name] == (unit, scope, "act", "anyone", [*kinds, *apps_and_banks], 600, False), name
    for name in BANKED:
        unit, scope, proof, by, reporters, window, by_amount = shown[name]
        assert (unit, scope, proof, by) == (COUNTED.get(name, "act"), "finance", "act", "issuer"), name
        assert (window, by_amount) == (0, False), name
        assert set(reporters) <= {"bank", "payment_app"}, name


def test_every_category_of_the_standard_has_scenarios() -> None:
    counted = Counter(one.category for one in load_scenarios().values() if not one.is_spend)
    assert counted == {"衣": 3, "食": 9, "住": 12, "行": 19, "用": 27, "办公": 4, "数字金融": 14}
    assert sum(counted.values()) == 88


@pytest.mark.parametrize(
    ("programme", "names"),
    [
        (
            "T/ACEF 031-2022",
            "旧衣回收 可持续原材料衣被 减少一次性餐具 光盘行动 清洁能源 绿色节能产品 节水 节电 生活垃圾分类 机动车停驶 公交出行 "
            "植物基肉 节水龙头 自带杯 共享办公",
        ),
        ("中信银行", "电子信用卡 电子账单 线上缴费 无介质借记卡开通 线上转账 信秒贷办理 信秒贷还款"),
        ("平安", "公交出行 地铁出行 公共缴费 共享单车 新能源充电 高铁"),
        (
            "蚂蚁森林",
            "环保杯 直饮水 电子保单 公交出行 绿色家装 生活缴费 绿色政务 扫码购票 绿色入住 停车缴费 绿色回收 信用住 网上寄件 "
            "共享单车 共享租赁 共享充电宝 绿色银行 电子账单 绿色包装 ETC缴费 临期食品 绿色车险 绿色外卖 新能源租车 无纸化阅读 "
            "图书借阅 车辆停驶 绿色飞行 电子小票 线上还款 扫码点单 绿色医疗 线下支付 电子发票 环保减塑 网购火车票 行走 网络购票 "
            "绿色场馆 打新能源车 国际退税 电子加油 绿色家电 公共充电桩 绿色办公 地铁出行 光盘行动 电子支付",
        ),
    ],
)
def test_every_name_of_a_programme_is_a_scenario_today(programme: str, names: str) -> None:
    today = date(2026, 11, 25)
    scenarios = load_scenarios().values()
    known = {alias.name: one for one in scenarios for alias in one.aliases if alias.in_force(today)}
    missing = [name for name in names.split() if name not in known]
    assert not missing, programme
    if programme in {"T/ACEF 031-2022", "中信银行"}:
        for name in names.split():
            assert any(programme in f"{one.document}{one.clause}" for one in known[name].named_by), name


@pytest.mark.parametrize(
    ("scenario", "old", "new"),
    [("metro", "地铁购票", "地铁出行"), ("online_medical", "预约挂号", "绿色医疗"), ("second_hand", "咸鱼交易", None)],
)
def test_names_drift(scenario: str, old: str, new: str | None) -> None:
    aliases = {alias.name: alias for alias in load_scenarios()[scenario].aliases}
    assert aliases[old].in_force(date(2020, 6, 1)) and not aliases[old].in_force(date(2026, 6, 1))
    if new is not None:
        assert aliases[new].in_force(date(2026, 6, 1)) and not aliases[new].in_force(date(2020, 6, 1))


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


EXCLUSION = {"id": "one", "scenarios": ["walking"], "by": "day", "why": "one way", "valid_from": date(2026, 12, 1),
             "known_from": date(2026, 12, 1)}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"scenarios": ["walking", "flying"]}, "metro.yaml: excludes: flying: no such scenario"),
        ({"scenarios": ["metro"]}, "does not stand against itself"),
        ({"scenarios": ["walking", "walking"]}, "one: names a scenario twice"),
        ({"scenarios": []}, "scenarios: List should have at least 1"),
        ({"by": "year"}, "by: Input should be 'meal', 'day', 'object' or 'month'"),
        ({"why": ""}, "why: String should have at least 1"),
        ({"valid_from": date(2026, 11, 30)}, "valid_from 2026-11-30 is before known_from 2026-12-01"),
        ({"id": "walking_day"}, "'walking_day' is taken by"),
        ({}, None),
    ],
)
def test_an_exclusion_that_cannot_be_is_refused(root: Path, change: dict[str, object], complaint: str | None) -> None:
    libraries.edited(root / "scenarios/metro.yaml", excludes=[{**EXCLUSION, **change}])
    if complaint is None:
        [one] = load_scenarios(root)["metro"].excludes
        assert (one.by, one.period) == ("day", "day")
        return
    with pytest.raises(RegistryError, match=complaint):
        load_scenarios(root)


def test_what_one_thing_saves_is_declared() -> None:
    """One act's saving stands against the other's within the least that both may be of."""
    found = {(one.id, rule.by): rule.scenarios for one in load_scenarios().values() for rule in one.excludes}
    assert found["ev_charging", "month"] == ["new_energy_car"]
    assert found["cardless_debit", "object"] == ["e_card"]
    assert found["household_pv", "month"] == ["electricity_saving"]
    assert {"metro", "walking", "shared_bike", "new_energy_car"} < {*found["parked_car", "day"]}
    assert found["demand_response", "month"] == ["electricity_saving"]
    assert found["small_portion", "meal"] == ["clean_plate"]
    recycled = [name for name in load_scenarios() if name.startswith("recycling_")]
    assert found["waste_sorting", "month"] == recycled, "whatever the material"


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="must not be empty"):
        load_scenarios(tmp_path)

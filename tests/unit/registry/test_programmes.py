"""The programmes that ship, and programme files that must be refused."""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path

import pytest

from schemas.base import ROOT
from schemas.errors import RegistryError
from schemas.programmes import Programme, load_programmes
from tests.support.libraries import content, write
from tests.support.points_world import TRIAL

FILE = "programmes/trial.yaml"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A registry of one's own to break: the programme of the tests, which has every kind of rule."""
    shutil.copytree(ROOT / "scenarios", tmp_path / "scenarios", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (tmp_path / "programmes").mkdir()
    shutil.copy(TRIAL, tmp_path / FILE)
    return tmp_path


def trial(root: Path) -> Programme:
    return load_programmes(root)["trial"]


def test_every_rule_that_ships_has_a_source_or_says_why_it_was_assumed() -> None:
    programmes = load_programmes()
    kept = {key for key, one in programmes.items() if one.kept == "ledger"}
    assert kept == {
        "ant_forest", "jintanxing", "quzhou", "rizhao_bank", "tanhui_tianfu", "unionpay_low_carbon", "wutan_jianghu",
        "zhejiang_tanpuhui",
    }  # fmt: skip
    assert set(programmes) - kept == {
        "c_youji", "carbon_planet_wuhan", "citic_carbon", "dazhou_bus", "lhozhag", "luya_luzhou", "tanhuitong_chongqing",
        "tanyixing_zhengzhou",
    }  # fmt: skip
    for one in programmes.values():
        bases = [*one.rules, *(basis for basis in (one.levels, one.teams, one.rankings) if basis)]
        assert all(basis.source or basis.assumption for basis in bases)
        assert one.left_open, f"{one.id}: no programme's public rules say everything"
        assert (one.kept == "ledger") or one.reason


def test_the_province_gives_a_point_a_gram_by_assumption() -> None:
    programme = load_programmes()["zhejiang_tanpuhui"]
    assert (programme.measure, programme.prefix) == ("points.zhejiang_tanpuhui", "33")
    for rule in programme.earn:
        assert (rule.per, Fraction(rule.points)) == ("gram", 1)
        assert rule.assumption and rule.source and rule.source.url
    materials = {f"recycling_{material}" for material in ("paper", "plastic", "glass", "metal", "textile")}
    assert set(programme.rewarded) == {
        "metro", "walking", "utility_payment", "e_statement", "e_card", "shared_bike", "bus", *materials,
        "e_bike", "new_energy_car", "e_invoice", "recycling_fridge", "electricity_saving", "gas_saving",
    }  # fmt: skip
    kinds = {benefit.kind for benefit in programme.benefits}
    assert kinds == {"goods", "service", "travel", "voucher", "ticket", "donation"}


def test_a_tier_gives_by_the_highest_step_that_is_reached(root: Path) -> None:
    walkers = trial(root).tiers[0]
    found = {steps: walkers.points_at(Fraction(steps)) for steps in (4_999, 5_000, 9_999, 10_000, 50_000)}
    assert found == {4_999: 0, 5_000: 2, 9_999: 2, 10_000: 5, 50_000: 5}


def test_a_voucher_of_twenty_points_for_a_yuan_is_worth_five_fen_a_point(root: Path) -> None:
    voucher, tree = trial(root).benefits
    assert (voucher.fen_per_point, tree.fen_per_point) == (Fraction(5), None)


LIST = {"document": "A list that a test makes up", "clause": "1"}
EXAMPLE = {"scenario": "walking", "quantity": "7000", "source": LIST}
REFUSED = {
    "float": ("earn.0.points", 1.5, "valid string"),
    "nothing": ("earn.0.points", "0", "greater than 0"),
    "by zero": ("earn.0.points", "1/0", "points"),
    "negative": ("earn.0.points", "-1", "points"),
    "for spending": ("earn.0.points_per_yuan", "1", "points_per_yuan: Extra inputs"),
    "no basis": ("earn.0.source", None, "needs a source; or say in `assumption`"),
    "unknown scenario": ("earn.0.scenarios", ["metros"], "'metros' is none of"),
    "spending": ("earn.0.scenarios", ["spending"], "spending"),
    "no factor": ("earn.0.scenarios", ["online_government"], "online_government has no factor"),
    "a scenario twice": ("earn.0.scenarios", ["metro", "metro"], "names one twice"),
    "two rules for one act": ("earn.0.scenarios", ["metro", "walking"], "grams and steps both reward walking"),
    "a rule twice": ("earn.0.id", "acts", "rules of one id: acts"),
    "falling steps": ("tiers.0.steps.0.points", 9, "each must reach further and give more"),
    "crossing caps": ("caps.0.period", "year", "payments_day and doers_month limit some of the same acts"),
    "a cap on nothing": ("caps.0.scenarios", ["bus"], "bus earns nothing here"),
    "one institution": ("coverage.institutions", 1, "greater than or equal to 2"),
    "region": ("region", "33", "region: String should match"),
    "undated": ("valid_from", None, "valid_from"),
    "file name": ("id", "trials", "rename the file"),
    "compared without a reason": ("kept", "compared", "why it is only compared"),
    "ledger without points": ("earn", [], "needs a rule by which they are earned"),
    "an example that does not come out": ("examples", [{**EXAMPLE, "points": "8"}], "walking: gives 9, not 8"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_broken_programme_is_refused(root: Path, name: str) -> None:
    place, value, complaint = REFUSED[name]
    said = content(root / FILE)
    if name == "ledger without points":
        said["tiers"] = said["caps"] = []
    *path, last = place.split(".")
    inner = said
    for key in path:
        inner = inner[int(key) if key.isdigit() else key]
    inner[last] = value
    write(root / FILE, said)
    with pytest.raises(RegistryError, match=complaint) as refused:
        load_programmes(root)
    assert "trial.yaml: " in str(refused.value)


def test_an_example_that_comes_out_is_kept(root: Path) -> None:
    said = content(root / FILE)
    # 7,000 steps: 7 points by the step and 2 of the first step of the day's tier.
    said["examples"] = [{**EXAMPLE, "points": "9"}, {"benefit": "voucher", "points": "60", "fen": 300, "source": LIST}]
    write(root / FILE, said)
    assert len(trial(root).examples) == 2

"""What programmes pay for the same act and the same kilogram, worked out by hand."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from typer.testing import CliRunner

from schemas import Registry, load_registry
from schemas.answers.calculator import quantity_of
from schemas.answers.equivalence import Comparison, Worth, compare, comparisons, reference
from tanzhang.cli import app
from tests.support.libraries import edited
from tests.support.points_world import trial_registry
from tests.support.registries import shipped

DAY = date(2026, 11, 21)
SHIPPED = shipped()


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """The trial programme alone: a point for 3 g of metro, 7 for a payment, tiers and caps."""
    return trial_registry(tmp_path_factory.mktemp("trial") / "root")


def of(registry: Registry, scenario: str, quantity: str, region: str = "330106") -> tuple[Comparison, dict[str, Worth]]:
    meant = registry.scenarios[scenario]
    found = compare(registry, meant, quantity_of(meant, {"quantity": quantity}), region, DAY)
    return found, {worth.programme: worth for worth in found.worths}


def test_points_by_the_gram(trial: Registry) -> None:
    """12 km × 46.7 g = 560.4 g; a third of a point a gram is 186.8, of which 186 are posted: 9.30 yuan at 5 fen a point."""
    found, worths = of(trial, "metro", "12 km")
    one = worths["trial"]
    assert (found.standard_mg, one.points) == (560_400, 186)
    assert one.per_kilogram == Fraction(1000, 3)
    assert one.fen == (930, 930) and one.fen_per_kilogram == (Fraction(5000, 3), Fraction(5000, 3))
    assert one.pays_here and not one.is_assumed
    assert one.notes == [
        "up to 30 more for what is done in a month", "up to 50 more for what is done in a year",
        "only where 2 institutions report the person",
    ]  # fmt: skip


def test_points_by_the_unit_and_the_day_and_their_cap(trial: Registry) -> None:
    """9,999 steps: 9.999 points and the tier's 2, rounded down to 11; 200 g of 296 g. 400,000 steps: limited on both sides."""
    _, worths = of(trial, "walking", "9999 step")
    assert (worths["trial"].points, worths["trial"].per_kilogram) == (11, Fraction(11_999, 1000) * 10**6 / 199_980)
    found, worths = of(trial, "walking", "400000 step")
    assert found.standard_mg == 296_000
    assert worths["trial"].points == 250, "400 and 5, of which a year allows 250"
    assert worths["trial"].notes[:2] == ["at most 320 a month", "at most 250 a year"]


def test_a_programme_of_another_region_does_not_pay_here(trial: Registry) -> None:
    _, worths = of(trial, "metro", "12 km", region="330100")
    assert (worths["trial"].points, worths["trial"].pays_here) == (186, False)


def test_the_same_payment_is_worth_89_and_262_and_500() -> None:
    found, worths = of(SHIPPED, "utility_payment", "1 act", region="330100")
    assert found.standard_mg == 89_000
    assert {key: one.points for key, one in worths.items()} == {
        "ant_forest": 262, "citic_carbon": None, "quzhou": 10, "rizhao_bank": 500, "unionpay_low_carbon": 5,
        "zhejiang_tanpuhui": 89,
    }  # fmt: skip
    assert [own.milligrams for own in worths["citic_carbon"].own] == [89_000]
    assert worths["rizhao_bank"].per_kilogram == Fraction(500_000, 89)
    assert {key for key, one in worths.items() if one.pays_here} == {
        "ant_forest", "unionpay_low_carbon", "zhejiang_tanpuhui",
    }  # fmt: skip


def test_the_money_of_wuhan_for_the_same_kilogram() -> None:
    """1,000 g are two yuan there; its own figure for the ride is more than twice the standard's."""
    found, worths = of(SHIPPED, "metro", "10 km", region="330100")
    wuhan = worths["wutan_jianghu"]
    assert (found.standard_mg, wuhan.points, wuhan.per_kilogram) == (467_000, 467, 1000)
    assert wuhan.fen_per_kilogram == (200, 200) and wuhan.fen == (Fraction(467, 5), Fraction(467, 5))
    assert [own.milligrams for own in wuhan.own] == [784_000]
    assert not wuhan.pays_here and wuhan.is_assumed


def test_a_figure_counts_from_its_day() -> None:
    meant = SHIPPED.scenarios["bus"]
    quantity = quantity_of(meant, {"count": "1"})
    none = "no points: the standard has no figure for it there"
    for on, grams, points, notes in (
        (date(2024, 1, 1), [150], None, [none]),
        (date(2025, 5, 23), [150, 212.5], 80, []),
    ):
        [wuhan] = [
            one for one in compare(SHIPPED, meant, quantity, "420100", on).worths if one.programme == "wutan_jianghu"
        ]
        assert [own.milligrams / 1000 for own in wuhan.own] == grams
        assert (wuhan.points, wuhan.notes) == (points, notes)


def test_a_price_counts_as_long_as_its_benefit(tmp_path: Path) -> None:
    trial_registry(tmp_path / "root")
    voucher = {"id": "voucher", "name": "券", "kind": "voucher", "points": 20, "fen": 100}
    source = {"document": "A list that a test makes up", "clause": "1"}
    ended = {**voucher, "id": "dearer", "fen": 200, "valid_to": DAY, "source": source}
    edited(tmp_path / "root/programmes/trial.yaml", benefits=[{**voucher, "source": source}, ended])
    trial = load_registry(tmp_path / "root").programmes["trial"]
    assert trial.worth(Fraction(40), DAY - timedelta(days=1)) == (200, 400)
    assert trial.worth(Fraction(40), DAY) == (200, 200)


def test_every_act_that_some_programme_knows_is_compared() -> None:
    known = {name for one in SHIPPED.programmes.values() for name in one.rewarded}
    known |= {figure.scenario for one in SHIPPED.programmes.values() for figure in one.published}
    assert {one.scenario for one in comparisons(SHIPPED, "330100", DAY)} == known
    assert reference(SHIPPED.scenarios["walking"]).told == "6000 step"


def test_the_commands(tmp_path: Path) -> None:
    def told(*arguments: str) -> str:
        result = CliRunner().invoke(app, ["programmes", *arguments])
        assert result.exit_code == 0, result.output
        return " ".join(result.output.split())

    assert "quzhou" in told("list") and len(json.loads(told("list", "--json"))) == len(SHIPPED.programmes)
    shown = told("show", "衢州个人碳账户")
    assert "胡柚一箱 (goods), 2,500 points" in shown and "assumption" in shown and "left open" in shown
    assert json.loads(told("show", "quzhou", "--json"))["id"] == "quzhou"
    where = ("--region", "330100", "--date", f"{DAY}")
    assert "560.4 g by the standard" in told("equivalence", "地铁出行", "--distance", "12km", *where)
    assert "6000 step" in told("equivalence", "walking", *where)
    [found] = json.loads(told("equivalence", "utility_payment", *where, "--json"))
    assert {one["programme"]: one["points"] for one in found["worths"]}["ant_forest"] == "262"
    assert len(json.loads(told("equivalence", *where, "--json"))) > 10


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["show", "nobody"], 5, "nobody is no programme; there are ant_forest"),
        (["equivalence", "metro", "--region", "33", "--date", "2026-11-21"], 2, "no six-digit code"),
        (["equivalence", "metr", "--region", "330100", "--date", "2026-11-21"], 5, "is it metro"),
        (["equivalence", "metro", "--steps", "5", "--region", "330100", "--date", "2026-11-21"], 2, "counted in km"),
        (["equivalence", "--steps", "5", "--region", "330100", "--date", "2026-11-21"], 2, "say which scenario"),
    ],
)
def test_what_cannot_be_answered(arguments: list[str], code: int, said: str) -> None:
    result = CliRunner().invoke(app, ["programmes", *arguments])
    assert result.exit_code == code and said in " ".join(result.output.split())


def test_a_broken_registry_is_said_so(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED.root, tmp_path / "root", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (tmp_path / "root/programmes/quzhou.yaml").write_text("id: quzhou\n", encoding="utf-8")
    result = CliRunner().invoke(app, ["programmes", "list", "--registry", str(tmp_path / "root")])
    assert result.exit_code == 2 and "uzhou.yaml: valid_from: Field required" in result.output

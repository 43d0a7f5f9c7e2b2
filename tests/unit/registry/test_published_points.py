"""What programmes publish about their points and grams comes out of their files as it is printed."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from jobs.policy.programmes import Rewards
from schemas.answers.calculator import calculate, quantity_of
from schemas.programmes import Programme
from schemas.scenarios.quantification import load_methods
from tests.support.registries import shipped

REGISTRY = shipped()
PROGRAMMES = REGISTRY.programmes


def published(programme: str, scenario: str) -> list[int | Fraction]:
    """Grams of an act or a unit, the oldest figure first."""
    found = [one for one in PROGRAMMES[programme].published if one.scenario == scenario]
    return [one.milligrams / 1000 for one in sorted(found, key=lambda one: one.of)]


def standard(scenario: str, region: str = "330100") -> int:
    """Milligrams of one act or unit, as the ledger counts them on a day of 2026."""
    meant = REGISTRY.scenarios[scenario]
    answer = calculate(
        REGISTRY.library, load_methods(), meant, quantity_of(meant, {"quantity": f"1 {meant.unit}"}), region,
        date(2026, 11, 21),
    )  # fmt: skip
    assert answer.credited_mg is not None
    return answer.credited_mg


def points(programme: Programme, scenario: str, quantity: str) -> Fraction:
    """Of one act by rules that count acts or units, and by the tiers of a day that holds nothing else."""
    rules = [rule for rule in programme.earn if scenario in rule.scenarios]
    given = sum(
        (Fraction(rule.points) * (1 if rule.per == "act" else Fraction(quantity)) for rule in rules), Fraction(0)
    )
    tiers = [tier for tier in programme.tiers if scenario in tier.scenarios]
    return given + sum(tier.points_at(Fraction(quantity)) for tier in tiers)


@pytest.mark.parametrize(("scenario", "grams"), [("e_card", 89), ("utility_payment", 89), ("e_statement", 24)])
def test_the_grams_of_citic_stand_beside_the_standard(scenario: str, grams: int) -> None:
    """The standard took the same source for these three, so that both say the same; others say other figures."""
    citic = PROGRAMMES["citic_carbon"]
    assert published("citic_carbon", scenario) == [grams]
    assert standard(scenario) == grams * 1000
    assert citic.kept == "compared" and not citic.earning and citic.reason


def test_one_act_has_as_many_figures_as_programmes() -> None:
    """The reason for one standard: 89 g here, 262 g there; a bus ride from 80 to 212.5 g."""
    utility = {key: published(key, "utility_payment") for key in ("citic_carbon", "ant_forest")}
    assert utility == {"citic_carbon": [89], "ant_forest": [262]}
    statements = {key: published(key, "e_statement") for key in ("citic_carbon", "lhozhag")}
    assert statements == {"citic_carbon": [24], "lhozhag": []}
    assert published("lhozhag", "online_banking") == [177], "a query of income and expenses, no statement"
    bus = {one.id: published(one.id, "bus") for one in PROGRAMMES.values() if published(one.id, "bus")}
    assert bus == {
        "ant_forest": [80],
        "c_youji": [98],
        "carbon_planet_wuhan": [105],
        "luya_luzhou": [80],
        "tanhuitong_chongqing": [120],
        "wutan_jianghu": [150, Fraction(425, 2)],
    }


def test_compared_programmes_are_no_measure_of_the_ledger() -> None:
    kept = {one.measure for one in Rewards(REGISTRY).programmes}
    assert "points.citic_carbon" not in kept and "points.zhejiang_tanpuhui" in kept
    tables = (Rewards(REGISTRY).earn, Rewards(REGISTRY).tiers, Rewards(REGISTRY).benefits)
    named = {name for table in tables for name in table.column("measure").to_pylist()}
    assert named <= kept


def test_steps_of_wuhan() -> None:
    planet = PROGRAMMES["carbon_planet_wuhan"]
    assert points(planet, "walking", "7250") == 145
    assert (points(planet, "bus", "1"), points(planet, "metro", "1")) == (105, 274)
    unproved = {rule.scenarios[0]: Fraction(rule.unproved) for rule in planet.earn if rule.unproved}
    assert unproved == {"bus": 52, "metro": 137}


def test_the_loan_of_wuhan() -> None:
    wuhan = PROGRAMMES["wutan_jianghu"]
    [loan] = [one for one in wuhan.benefits if one.id == "loan_interest"]
    assert loan.fen_per_point is not None and loan.fen_per_point * 45_000 == 9_000, "45,000 g for 90 yuan"
    assert loan.quota is not None and loan.fen is not None
    assert loan.quota.number * loan.fen == 2_000 * 100, "2,000 yuan a year"
    [rule] = wuhan.earn
    assert (rule.per, Fraction(rule.points)) == ("gram", 1), "a gram is a point"


def test_the_figures_of_wuhan_drift() -> None:
    """The same ride counts half as much again two years later; on the standard's kilograms it does not."""
    assert published("wutan_jianghu", "bus") == [150, Fraction(2125, 10)]
    assert published("wutan_jianghu", "shared_bike") == [40, Fraction(933, 10)]
    assert published("wutan_jianghu", "metro") == [Fraction(784, 10)]


def test_clothing_of_luzhou() -> None:
    luzhou = PROGRAMMES["luya_luzhou"]
    assert published("luya_luzhou", "recycling_textile") == [1280]
    assert points(luzhou, "recycling_textile", "1") == 30
    assert [points(luzhou, name, "1") for name in ("bus", "clean_plate")] == [10, 5]
    per_kilogram = {
        name: points(luzhou, name, "1") * 1000 / published("luya_luzhou", name)[0]
        for name in ("recycling_textile", "bus", "clean_plate")
    }
    assert [int(one) for one in per_kilogram.values()] == [23, 125, 34], "points do not follow grams"


def test_walking_is_limited_to_296_grams_a_day() -> None:
    [cap] = REGISTRY.scenarios["walking"].caps
    assert (cap.limit_mg, cap.period) == (296_000, "day")
    [own] = [cap for cap in PROGRAMMES["ant_forest"].caps if cap.scenarios == ["walking"]]
    assert (own.points, own.period) == (296, "day")
    assert points(PROGRAMMES["ant_forest"], "walking", "10000") == 200


def test_a_coupon_of_chongqing() -> None:
    chongqing = PROGRAMMES["tanhuitong_chongqing"]
    [coupon] = chongqing.benefits
    assert (coupon.points, coupon.fen) == (20, 200)
    assert points(chongqing, "bus", "1") == Fraction(11, 10)


@pytest.mark.parametrize(
    ("steps", "given"),
    [
        (0, 0),
        (1_999, 0),
        (2_000, 10),
        (3_999, 10),
        (4_000, 20),
        (6_000, 30),
        (8_000, 40),
        (9_999, 40),
        (10_000, 50),
        (30_000, 50),
    ],
)
def test_steps_of_zhengzhou(steps: int, given: int) -> None:
    [tier] = PROGRAMMES["tanyixing_zhengzhou"].tiers
    assert tier.points_at(Fraction(steps)) == given
    assert tier.assumption and tier.source, "the ends are published, the steps between are assumed"


def test_the_pool_of_dazhou() -> None:
    before, now = PROGRAMMES["dazhou_bus"].benefits
    assert before.stock and now.stock
    assert (before.stock.number, now.stock.number, now.points) == (5_000, 10_000, 20)
    assert before.valid_to == now.valid_from

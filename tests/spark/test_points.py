"""Points on Spark: the same history in another order gives the same entries, and those that are worked out by hand."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from tests.spark.conftest import OpenLake

pytestmark = pytest.mark.spark


def test_points_are_the_rules_whatever_comes_late(tmp_path: Path, spark_lake: OpenLake) -> None:
    from jobs.reading.points import KINDS, tallies
    from jobs.reading.stock import beyond
    from tests.support.points_world import RUNS, TRIAL_POINTS, Account, eventful, expected, trial_registry

    registry = trial_registry(tmp_path / "root")
    first, second, third = eventful()
    # The merge and the last of the acts come before the first ones.
    account = Account(spark_lake(tmp_path / "lake", registry), registry)
    account.run([*second, *third], RUNS[0])
    account.run(first, RUNS[2])
    assert account.entries() == expected([*first, *second, *third], date(2027, 2, 28))
    assert account.run([], RUNS[2], full=True) == 0
    sums = Counter[str]()
    for (_, measure, kind, *_), amount in account.entries().items():
        if measure == TRIAL_POINTS:
            sums[KINDS[kind]] += amount
    [told] = tallies(account.lake)
    assert {name: getattr(told, name) for name in KINDS.values()} == {name: sums[name] for name in KINDS.values()}
    assert (told.people, told.overdrawn, told.balance) == (2, 1, sums.total()) and told.rewarded_mg > 0
    assert beyond(account.lake, registry) == [], "no benefit of it has a limit"


def test_one_thing_saves_once_whatever_comes_late(tmp_path: Path, spark_lake: OpenLake) -> None:
    """Exclusions of every extent, and a cap between them, are what the second opinion takes by brute force."""
    from dataclasses import replace

    from schemas.scenarios import Exclusion
    from tests.oracle.oracle_excludes import Done, Excluding, Limiting, taken
    from tests.support.points_world import DAYS, PEOPLE, RUNS, WHOLE, Account, Act, Member, id_of, trial_registry

    trial = trial_registry(tmp_path / "root")
    rules = [
        Excluding("by_meal", "utility_payment", ["walking"], "meal", DAYS[0], date.max),
        Excluding("by_day", "walking", ["metro", "utility_payment"], "day", DAYS[0], date.max),
        Excluding("by_object", "metro", ["walking"], "object", DAYS[2], date.max),
        Excluding("by_month", "utility_payment", ["metro"], "month", DAYS[0], date.max),
    ]
    caps = [Limiting("walking_day", "walking", "day", 296_000), Limiting("metro_month", "metro", "month", 1_000_000),
            Limiting("metro_year", "metro", "year", 2_000_000)]  # fmt: skip
    scenarios = dict(trial.scenarios)
    for rule in rules:
        said = {
            "id": rule.id,
            "scenarios": rule.others,
            "by": rule.by,
            "why": "both claim it",
            "valid_from": rule.since,
        }
        one = Exclusion.model_validate({**said, "known_from": rule.since})
        scenario = scenarios[rule.scenario]
        scenarios[rule.scenario] = scenario.model_copy(update={"excludes": [*scenario.excludes, one]})
    for name, scenario in scenarios.items():
        if scenario.excludes and name not in {rule.scenario for rule in rules}:
            scenarios[name] = scenario.model_copy(update={"excludes": []})
    registry = replace(trial, library=replace(trial.library, scenarios=scenarios))
    acts = [
        Act("a", "a1", DAYS[1], "utility_payment", 1, meal="midday", object="x"),
        Act("b", "a1", DAYS[1], "walking", 4_450, meal="midday", object="x"),
        Act("c", "m1", DAYS[1], "metro", 20, object="x"),
        Act("d", "a1", DAYS[2], "walking", 20_000, object="x"),
        Act("e", "m1", DAYS[3], "metro", 5, object="x"),
        Act("f", "m2", DAYS[3], "metro", 15, object="y"),
        Act("g", "a2", DAYS[3], "utility_payment", 1),
        Act("h", "a2", DAYS[2], "walking", 9_000, object="y"),
        Act("i", "m2", DAYS[2], "metro", 2),
    ]
    account = Account(spark_lake(tmp_path / "lake", registry), registry)
    account.run([*WHOLE, *acts[4:], Member("a2", "p1", 1)], RUNS[0])
    account.run([*acts[:4], Member("a2", "p2", 2)], RUNS[2])
    grams = {"metro": 46_700, "walking": 20, "utility_payment": 89_000}
    whose = {"a1": "p1", "m1": "p1", "a2": "p2", "m2": "p2"}
    due = taken(
        [Done(id_of(one.key), whose[one.customer], one.scenario, one.day, one.quantity * grams[one.scenario], one.meal,
              one.object) for one in acts],
        [*rules, *caps],
    )  # fmt: skip
    found = Counter[tuple[str, str, str, date]]()
    begins = {rule.id: rule.since for rule in rules}
    for row in account.lake.to_arrow(account.lake.read("gold.ledger")).to_pylist():
        if row["measure"] == "reduction_mg" and row["position_kind"] != "activity":
            person = next(name for name in PEOPLE if id_of(name) == row["person_id"])
            found[person, row["factor_id"], row["scenario"], row["act_date"]] -= row["amount"]
    assert +found == Counter({
        (*key[:3], max(key[3], begins.get(key[1], date.min))): amount for key, amount in due.items()
    })  # fmt: skip
    assert {key[1] for key in due} >= {*begins, "walking_day"}, "every rule takes something"
    assert account.run([], RUNS[2], full=True) == 0

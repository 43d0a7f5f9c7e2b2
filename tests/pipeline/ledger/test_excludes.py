"""One thing saves once: of acts that claim one saving those count that saved more, whatever comes when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.policy.programmes import Rewards
from schemas import Registry
from schemas.scenarios import Cap, Exclusion
from tests.oracle.oracle_excludes import Done, Excluding, Limiting, taken
from tests.pipeline.ledger.test_caps import FIRST, NEXT, SOURCE, ride, ruled, stood, sums
from tests.support.points_due import MG, PEOPLE, Fact, in_force, people_of
from tests.support.points_world import DAYS, Act, Member, id_of

Rule = dict[str, Any]
SINCE = date(2026, 1, 1)


def excluding(rules: Sequence[Rule], caps: Sequence[Rule] = (), points: Sequence[Rule] = ()) -> Registry:
    """The trial programme and these exclusions and caps of scenarios, each rule with its `scenario`."""
    registry = ruled(list(points), {})
    scenarios = {name: one.model_copy(update={"excludes": []}) for name, one in registry.scenarios.items()}
    for said in (*rules, *caps):
        rule = {"valid_from": SINCE, **said}
        scenario = scenarios[rule.pop("scenario")]
        if "by" in rule:
            one = Exclusion.model_validate({"known_from": rule["valid_from"], "why": "both claim it", **rule})
            changes: dict[str, Any] = {"excludes": [*scenario.excludes, one]}
        else:
            changes = {"caps": [*scenario.caps, Cap.model_validate({"source": SOURCE, **rule})]}
        scenarios[scenario.id] = scenario.model_copy(update=changes)
    return replace(registry, library=replace(registry.library, scenarios=scenarios))


def walk(key: str, day: date, steps: int, **more: Any) -> Act:
    """A thousand steps are 20 g."""
    return Act(key, "a1", day, "walking", steps, **more)


def bill(key: str, day: date, **more: Any) -> Act:
    """89 g."""
    return Act(key, "a1", day, "utility_payment", 1, **more)


BY_DAY = {"id": "walk_or_ride", "scenario": "walking", "scenarios": ["metro", "utility_payment"], "by": "day"}


def of_rules(found: list[dict[str, Any]]) -> dict[tuple[str, date, str], int]:
    return {key: amount for key, amount in sums(found, "reduction_mg").items() if key[0] != "activity" and amount}


def test_the_side_that_saved_more_counts_and_the_other_is_taken_whole() -> None:
    """400 g of steps against 311 g of two rides and a bill; the next day against 934 g."""
    acts = [walk("a", FIRST, 20_000), ride("b", FIRST, 2), ride("c", FIRST, 3), bill("d", FIRST)]
    acts += [walk("e", NEXT, 20_000), ride("f", NEXT), ride("g", DAYS[3])]
    found = stood(excluding([BY_DAY]), [acts])
    assert of_rules(found) == {
        ("exclusion", FIRST, "metro"): -233_500, ("exclusion", FIRST, "utility_payment"): -89_000,
        ("exclusion", NEXT, "walking"): -400_000,
    }  # fmt: skip
    told = [row for row in found if row["position_kind"] == "exclusion" and row["measure"] == "reduction_mg"]
    assert {(row["factor_id"], row["match_quality"], row["institution"]) for row in told} == {
        ("walk_or_ride", "rule", "*")
    }
    assert all(row["quantity_micro"] == -row["amount"] for row in told)


def test_where_both_saved_as_much_the_one_counts_that_declares_it() -> None:
    rule = {"id": "bill_or_walk", "scenario": "utility_payment", "scenarios": ["walking"], "by": "day"}
    found = stood(excluding([rule]), [[bill("a", FIRST), walk("b", FIRST, 4_450)]])
    assert of_rules(found) == {("exclusion", FIRST, "walking"): -89_000}


def test_a_late_act_turns_the_day() -> None:
    """The ride comes later, then it was shorter: each time what stood is reversed."""
    registry, late = excluding([BY_DAY]), ride("b", FIRST, 20)
    found = stood(registry, [[walk("a", FIRST, 20_000), ride("z", FIRST, 1)], [late]])
    assert of_rules(found) == {("exclusion", FIRST, "walking"): -400_000}
    assert Counter(row["entry_kind"] for row in found if row["position_kind"] == "exclusion"
                   and row["measure"] == "reduction_mg") == {"post": 2, "reverse": 1}  # fmt: skip
    back = late._replace(quantity=0, revision=1)
    found = stood(registry, [[walk("a", FIRST, 20_000), ride("z", FIRST, 1)], [late], [back]])
    assert of_rules(found) == {("exclusion", FIRST, "metro"): -46_700}


def test_a_month_s_exclusion_finds_what_a_day_s_cap_has_left_and_a_month_s_cap_what_it_left() -> None:
    """Of 934 g a day the day's cap leaves 100, so the month's 200 g of rides stand against 300 g of steps."""
    rules = [{"id": "walk_or_ride", "scenario": "walking", "scenarios": ["metro"], "by": "month"}]
    caps = [
        {"id": "metro_day", "scenario": "metro", "period": "day", "limit": "100 g"},
        {"id": "metro_month", "scenario": "metro", "period": "month", "limit": "150 g"},
        {"id": "walking_month", "scenario": "walking", "period": "month", "limit": "250 g"},
    ]
    found = stood(excluding(rules, caps), [[ride("a", FIRST), walk("c", NEXT, 15_000)], [ride("b", NEXT)]])
    assert of_rules(found) == {
        ("cap", FIRST, "metro"): -834_000, ("cap", NEXT, "metro"): -834_000,
        ("exclusion", FIRST, "metro"): -200_000, ("cap", FIRST, "walking"): -50_000,
    }  # fmt: skip


BY_MEAL = {"id": "bill_or_walk", "scenario": "utility_payment", "scenarios": ["walking"], "by": "meal"}


def test_meals_of_a_day_stand_apart_and_are_one_where_an_act_has_no_clock() -> None:
    at_noon, at_night = bill("a", FIRST, meal="midday"), walk("b", FIRST, 1_000, meal="evening")
    registry = excluding([BY_MEAL])
    assert of_rules(stood(registry, [[at_noon, at_night]])) == {}
    found = stood(registry, [[at_noon, at_night, walk("c", FIRST, 500, meal="midday")]])
    assert of_rules(found) == {("exclusion", FIRST, "walking"): -10_000}
    found = stood(registry, [[at_noon, at_night], [walk("c", FIRST, 500)]])
    assert of_rules(found) == {("exclusion", FIRST, "walking"): -30_000}


BY_OBJECT = {"id": "bill_or_walk", "scenario": "utility_payment", "scenarios": ["walking"], "by": "object"}


def test_objects_of_a_month_stand_apart_and_are_one_where_an_act_names_none() -> None:
    """The other day's act is looked up among those of before."""
    first, second = bill("a", FIRST, object="x"), walk("b", DAYS[3], 1_000, object="y")
    registry = excluding([BY_OBJECT])
    assert of_rules(stood(registry, [[first], [second]])) == {}
    found = stood(registry, [[first, second], [walk("c", NEXT, 500, object="x")]])
    assert of_rules(found) == {("exclusion", FIRST, "walking"): -10_000}
    assert of_rules(stood(registry, [[first], [second], [walk("c", NEXT, 500)]])) == {
        ("exclusion", FIRST, "walking"): -30_000
    }
    december = walk("d", DAYS[4], 500, object="x")
    assert of_rules(stood(registry, [[first], [december]])) == {}, "another month"


def test_a_rule_holds_from_its_day_on() -> None:
    """The month's entry is dated on the first day of the rule; the ride of before it stands against nothing."""
    rule = {**BY_DAY, "by": "month", "valid_from": NEXT}
    found = stood(excluding([rule]), [[ride("a", FIRST), ride("b", NEXT, 2), walk("c", DAYS[3], 20_000)]])
    assert of_rules(found) == {("exclusion", NEXT, "metro"): -93_400}


def test_points_by_the_gram_go_along() -> None:
    """Two rides of 20 km earn 311 points each, and lose them with their kilograms; a cap of points finds them gone."""
    rule = {"id": "ride_or_bill", "scenario": "metro", "scenarios": ["walking"], "by": "day"}
    registry = excluding([rule], points=[{"period": "month", "points": 400}])
    found = sums(stood(registry, [[ride("a", FIRST), ride("b", NEXT)], [walk("c", FIRST, 50_000)]]))
    assert found.pop(("cap", FIRST, "*")) == 0, "what it took at first is given back"
    assert found == {
        ("activity", FIRST, "metro"): 311, ("activity", NEXT, "metro"): 311, ("activity", FIRST, "walking"): 50,
        ("exclusion", FIRST, "metro"): -311,
    }  # fmt: skip


def test_a_cap_of_the_same_month_takes_no_points_that_an_exclusion_has_taken() -> None:
    """The month's 1,868 g are 622 points. Steps take them all, so the cap on the rides finds none."""
    rule = {"id": "ride_or_walk", "scenario": "metro", "scenarios": ["walking"], "by": "month"}
    cap = {"id": "metro_month", "scenario": "metro", "period": "month", "limit": "500 g"}
    acts = [ride("a", FIRST), ride("b", NEXT), walk("c", FIRST, 100_000)]
    found = stood(excluding([rule], [cap]), [acts])
    assert of_rules(found) == {("exclusion", FIRST, "metro"): -1_868_000}
    assert sums(found)["exclusion", FIRST, "metro"] == -622 and ("cap", FIRST, "metro") not in sums(found)
    found = stood(excluding([rule], [cap]), [[*acts, ride("d", DAYS[3], 30)]])
    assert of_rules(found) == {("exclusion", FIRST, "walking"): -2_000_000, ("cap", FIRST, "metro"): -2_769_000}


def test_rules_that_meet_go_one_after_the_other_and_others_at_once() -> None:
    named = [("b", "walking", "metro"), ("a", "metro", "utility_payment"), ("c", "e_card", "e_statement")]
    rules = [{"id": key, "scenario": one, "scenarios": [other], "by": "day"} for key, one, other in named]
    limits = Rewards(excluding(rules)).kilogram_limits
    told = [{row["rule"] for row in one.rules.to_pylist()} for one in limits if one.kind == "exclusion"]
    assert told == [{"a", "c"}, {"b"}]
    unquantified = {"id": "d", "scenario": "own_cup", "scenarios": ["metro"], "by": "month"}
    registry = excluding([unquantified])
    if registry.scenarios["own_cup"].quantification is None:
        assert Rewards(registry).kilogram_limits == []


# -- random days -------------------------------------------------------------------------------------

QUANTITIES = {"metro": [1, 2, 9, 20], "walking": [2_335, 4_450, 20_000, 46_700], "utility_payment": [1]}
MEALS = st.sampled_from(["morning", "midday", "midday", None])
THINGS = st.sampled_from(["x", "x", "y", None])
ACTS = st.lists(
    st.sampled_from([*QUANTITIES]).flatmap(
        lambda scenario: st.builds(
            lambda number, customer, day, quantity, meal, thing: Act(
                f"act {number}", customer, day, scenario, quantity, meal=meal, object=thing
            ),
            st.integers(0, 99), st.sampled_from(["a1", "m1", "a2"]), st.sampled_from(DAYS[1:]),
            st.sampled_from(QUANTITIES[scenario]), MEALS, THINGS,
        )
    ),
    min_size=3, max_size=14, unique_by=lambda one: one.key,
)  # fmt: skip
SIDES = st.permutations([*QUANTITIES]).flatmap(
    lambda names: st.sampled_from([(names[0], names[1:2]), (names[0], names[1:])])
)
EXCLUDES = st.lists(
    st.tuples(
        SIDES,
        st.sampled_from(["meal", "day", "object", "month"]),
        st.sampled_from([{}, {}, {"valid_from": NEXT}, {"valid_to": DAYS[3]}]),
    ),
    min_size=1, max_size=3,
).map(
    lambda said: [
        {"id": f"rule_{number}", "scenario": one, "scenarios": list(others), "by": by, **span}
        for number, ((one, others), by, span) in enumerate(said)
    ]
)  # fmt: skip
CAPS = st.lists(
    st.tuples(st.sampled_from(["day", "month", "year"]), st.sampled_from([90, 300, 900])),
    max_size=2, unique_by=lambda one: one[0],
).map(
    lambda said: [
        {"id": f"cap_{period}", "scenario": "metro", "period": period, "limit": f"{grams} g"} for period, grams in said
    ]
)  # fmt: skip


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EXCLUDES, CAPS, ACTS, st.data())
def test_whatever_comes_when_it_is_what_brute_force_takes(
    rules: list[Rule], caps: list[Rule], acts: list[Act], data: st.DataObject
) -> None:
    """Acts in any order and over several runs, some of them corrected or taken back, people joined and parted."""
    facts: list[Fact] = list(data.draw(st.permutations(acts)))
    again = data.draw(st.lists(st.sampled_from(acts), max_size=3, unique_by=lambda one: one.key))
    facts += [one._replace(quantity=data.draw(st.sampled_from([0, one.quantity * 2])), revision=1) for one in again]
    facts += data.draw(st.sampled_from([[], [Member("a2", "p1", 1)], [Member("a2", "p1", 1), Member("a2", "p2", 2)]]))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(facts)), max_size=2)))
    runs = [facts[start:end] for start, end in zip([0, *cuts], [*cuts, len(facts)])]
    found = stood(excluding(rules, caps), runs)
    total: Counter[tuple[Any, ...]] = Counter()
    for row in found:
        if row["measure"] == "reduction_mg" and row["position_kind"] != "activity":
            person = next(name for name in PEOPLE if id_of(name) == row["person_id"])
            total[person, row["factor_id"], row["scenario"], row["act_date"]] -= row["amount"]
    assert +total == due(facts, rules, caps)
    points = Counter[str]()
    for row in found:
        points[row["person_id"]] += row["amount"] if row["measure"].startswith("points") else 0
    assert min(points.values()) >= 0


def due(facts: Sequence[Fact], rules: Sequence[Rule], caps: Sequence[Rule]) -> Counter[tuple[Any, ...]]:
    """What the second opinion takes, by the dates that entries have."""
    held = in_force(facts)
    people = people_of(held)
    acts = [
        Done(id_of(one.key), people[one.customer], one.scenario, one.day, one.quantity * MG[one.scenario], one.meal,
             one.object)
        for one in held.values()
        if isinstance(one, Act) and one.quantity
    ]  # fmt: skip
    begins = {one["id"]: one.get("valid_from", SINCE) for one in (*rules, *caps)}
    asked = [
        *(Excluding(one["id"], one["scenario"], one["scenarios"], one["by"], begins[one["id"]],
                    one.get("valid_to", date.max)) for one in rules),
        *(Limiting(one["id"], one["scenario"], one["period"], int(one["limit"].removesuffix(" g")) * 1_000)
          for one in caps),
    ]  # fmt: skip
    found = taken(acts, asked)
    return Counter({
        (person, rule, scenario, max(start, begins[rule])): amount
        for (person, rule, scenario, start), amount in found.items()
    })  # fmt: skip

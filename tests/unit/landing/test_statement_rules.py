"""What a statement is held against: derived from its contract, measured in whole numbers, judged by severity."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from expectations import Measurement, judge, suite
from jobs.lake import choose_engine
from jobs.landing.hold import CODES, Judged, judge_statements
from jobs.landing.manifests import Manifest
from jobs.landing.measure import ENOUGH_NUMBERS, ENOUGH_STATEMENTS, measurements
from jobs.landing.profile import Profile
from jobs.runs.notes import OpenRun, verdicts_of
from schemas import Registry, RegistryError, load_registry
from schemas.base import ROOT
from schemas.quality import BoundedRule
from schemas.sources import RegistrationFeed
from schemas.sources.errors import ERRORS
from schemas.sources.statements import MEASURES, StatementRule, Volume
from tests.support.manifests import FIRST, manifest, used
from tests.support.registries import shipped

REGISTRY = shipped()
FEEDS = [(source, name) for source in REGISTRY.sources.values() for name in source.feeds]
AMOUNT = "amount_fen"


@pytest.fixture(autouse=True, scope="module")
def _engine() -> None:
    choose_engine("embedded")


def taps(day: int, rows: int = 400, unusable: int = 0, median_class: int = 69, new_columns: int = 0) -> Manifest:
    """A day's statement of the metro; class 69 of fares is about 4 yuan."""
    columns = [f"a{{{k + 2}}}" for k in range(new_columns)]
    return manifest(
        day,
        rows,
        institution="hangzhou_metro",
        feed="taps",
        kind="tap",
        accepted_rows=rows - unusable // 2,
        quarantined_rows=unusable - unusable // 2,
        rejected_rows=unusable // 2,
        profile=Profile(rows=rows, numbers={AMOUNT: {median_class: rows}}, new_columns=columns),
    )


BEFORE = [taps(day) for day in range(6)]


def judged(statement: Manifest, registry: Registry = REGISTRY) -> Judged:
    [one] = judge_statements([statement], used(BEFORE), registry, frozenset(), judge)
    return one


def broken(statement: Manifest) -> dict[str, int]:
    """Rule → observed, of the broken ones."""
    return {one.rule.id: one.measurement.observed for one in judged(statement).results if not one.is_passed}


# -- derived from the registry


@pytest.mark.parametrize(("source", "name"), FEEDS, ids=lambda one: getattr(one, "id", one))
def test_every_feed_but_a_bill_has_a_suite_of_its_contract(source: Any, name: str) -> None:
    feed = source.feeds[name]
    rules = {rule.id: rule for rule in feed.all_rules}
    assert len(rules) == len(feed.all_rules)
    if feed.is_bill:
        assert not rules
        return
    assert rules["statement_rows_possible"].threshold == feed.volume.most_rows
    assert ("statement_not_too_small" in rules) == (feed.volume.least is not None)
    if feed.volume.least is not None:
        assert rules["statement_not_too_small"].threshold == rules["statement_numbers_not_too_low"].threshold == 200
        assert rules["statement_not_too_large"].threshold == rules["statement_numbers_not_too_high"].threshold == 5000
    if isinstance(feed, RegistrationFeed):
        assert (rules["statement_identifiers_valid"].threshold, rules["statement_identifiers_valid"].severity) == (
            100,
            "critical",
        )
    assert ("statement_identifiers_valid" in rules) == isinstance(feed, RegistrationFeed)
    assert {one.severity for one in rules.values()} >= {"critical", "info"}
    said = suite(f"{source.id}.{name}", [(rule, rule.id) for rule in feed.all_rules])
    for rule, one in zip(feed.all_rules, said.expectations):
        assert (one.column, one.severity.value, one.description) == (rule.id, rule.severity, rule.text)
        bounds = (rule.threshold, None) if rule.bound == "at_least" else (None, rule.threshold)
        assert (one.min_value, one.max_value) == bounds


def test_everything_that_is_measured_has_a_meaning_and_a_word_for_the_sender() -> None:
    assert MEASURES.keys() == CODES.keys()
    assert set(CODES.values()) <= ERRORS.keys()


def changed(folder: Path, feed: str, **changes: Any) -> Path:
    """The registry with other values in a feed of the metro."""
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    path = folder / "sources/hangzhou_metro.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["feeds"][feed] |= changes
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return folder


RULE = {"id": "some_rule", "text": "Something holds here.", "severity": "warning", "measure": "rows", "at_most": 100}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"at_most": None}, "give exactly one of at_most and at_least"),
        ({"at_least": 1}, "give exactly one of at_most and at_least"),
        ({"measure": "colour"}, "rules.0.measure"),
        ({"measure": "median"}, "say `number` exactly for measure median"),
        ({"measure": "median", "number": "amount_fen/metro"}, "no such number.*a rule may measure.*amount_fen"),
        ({"severity": "fatal"}, "rules.0.severity"),
        ({"id": "statement_rows_possible"}, "is taken by volume"),
        ({"id": "ledger_factor_named"}, "is taken by tables: gold.ledger"),
        ({"id": "one_act_one_credit"}, "is taken by invariants.yaml"),
    ],
)
def test_a_broken_rule_of_a_statement_is_refused(tmp_path: Path, change: dict[str, Any], complaint: str) -> None:
    rule = {key: value for key, value in {**RULE, **change}.items() if value is not None}
    with pytest.raises(RegistryError, match=complaint):
        load_registry(changed(tmp_path / "registry", "taps", rules=[rule]))


def test_a_rule_is_added_in_the_contract_alone(tmp_path: Path) -> None:
    registry = load_registry(changed(tmp_path / "registry", "taps", rules=[{**RULE, "severity": "critical"}]))
    one = judged(taps(6), registry)
    assert [(r.rule.id, r.measurement.observed) for r in one.results if not r.is_passed] == [("some_rule", 400)]
    assert one.code == "wrong_volume"
    assert judged(taps(6), REGISTRY).code is None


# -- measured


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (taps(6), {}),
        (taps(6, rows=79), {"statement_not_too_small": 197}),
        (taps(6, rows=80), {}),
        (taps(6, rows=2000), {}),
        (taps(6, rows=2001), {"statement_not_too_large": 5002}),
        (taps(6, median_class=69 + 16), {}),
        (taps(6, median_class=69 + 24), {"statement_numbers_not_too_high": 8000, "metro_fares_in_yuan": 3298}),
        (taps(6, median_class=69 - 24), {"statement_numbers_not_too_low": 125}),
        (taps(6, unusable=40), {}),
        (taps(6, unusable=44), {"statement_rows_usable": 110}),
        (taps(6, new_columns=2), {"statement_columns_agreed": 2}),
    ],
)
def test_what_stands_out_breaks_its_rule_and_no_other(statement: Manifest, expected: dict[str, int]) -> None:
    assert broken(statement) == expected


@pytest.mark.parametrize(
    ("given", "bad", "observed"),
    [
        ({"phone": 50}, {"phone": 5}, None),
        ({"phone": 50}, {"phone": 6}, 120),
        ({"phone": 49}, {"phone": 5}, None),
        ({"phone": 6}, {"phone": 6}, 1000),
        ({"phone": 1000, "citizen_id": 1000, "card": 9}, {"phone": 20, "citizen_id": 150, "card": 5}, 150),
        ({}, {}, None),
    ],
)
def test_the_worst_kind_of_identifiers_counts(given: dict[str, int], bad: dict[str, int], observed: int | None) -> None:
    profile = Profile(rows=1000, identifiers=given, bad_identifiers=bad)
    statement = manifest(6, 1000, institution="citic_bank", feed="registrations", kind="registration", profile=profile)
    [one] = judge_statements([statement], used([]), REGISTRY, frozenset(), judge)
    found = [of.measurement for of in one.results if of.rule.id == "statement_identifiers_valid" and not of.is_passed]
    assert [of.observed for of in found] == ([] if observed is None else [observed])
    assert one.code == (None if observed is None else "too_many_bad_identifiers")


def test_severity_decides_what_becomes_of_a_statement() -> None:
    assert judged(taps(6, rows=79)).code == "wrong_volume"
    assert judged(taps(6, median_class=45)).code == "wrong_distribution"
    assert judged(taps(6, unusable=44)).code == "too_many_unusable"
    assert judged(taps(6, median_class=85)).code is None, "a warning holds nothing back"
    assert judged(taps(6, new_columns=1)).code is None


def test_a_median_says_which_number_it_is_of() -> None:
    [one] = [one for one in judged(taps(6, median_class=45)).results if not one.is_passed]
    assert (one.measurement.column_name, one.measurement.checked) == (AMOUNT, 400)
    assert one.as_row()["business_date"] == date(2026, 11, 7)


def test_too_little_says_nothing() -> None:
    def measured(statement: Manifest, before: list[Manifest]) -> set[str]:
        found = measurements([statement], [[one] for one in before], REGISTRY.sources["hangzhou_metro"].feeds["taps"])
        return {one.rule.id for one in found}

    alone = {"statement_rows_possible", "statement_columns_agreed"}
    assert measured(taps(6, rows=ENOUGH_NUMBERS - 1), []) == alone
    assert measured(taps(6), []) == alone | {"statement_rows_usable", "metro_fares_in_yuan"}
    assert measured(taps(6), BEFORE[: ENOUGH_STATEMENTS - 1]) == measured(taps(6), [])
    assert "statement_not_too_small" in measured(taps(6), BEFORE[:ENOUGH_STATEMENTS])


@given(
    rows=st.integers(0, 50_000_000),
    least=st.one_of(st.none(), st.floats(0.001, 0.999)),
    most=st.one_of(st.none(), st.floats(1.001, 100)),
)
def test_bounds_are_whole_numbers_on_their_own_side(rows: int, least: float | None, most: float | None) -> None:
    """Whatever a contract says, a statement like all the others is within its bounds, and one twice beyond is not."""
    rules = {rule.id: rule for rule in Volume(most_rows=max(rows, 1), least=least, most=most).rules()}
    for rule in rules.values():
        assert isinstance(rule.threshold, int)
        if rule.measure.endswith("_permille") and rule.measure != "unusable_permille":
            assert rule.threshold <= 1000 if rule.bound == "at_least" else rule.threshold >= 1000
    assert ("statement_not_too_small" in rules, "statement_not_too_large" in rules) == (
        least is not None,
        most is not None,
    )


# -- judged


@settings(deadline=None, max_examples=40)  # the library takes its time
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 10**9) | st.integers(0, 3), st.integers(0, 10**9) | st.integers(0, 3)),
                min_size=1, max_size=6))  # fmt: skip
def test_a_verdict_is_the_side_of_the_threshold(asked: list[tuple[bool, int, int]]) -> None:
    """Against plain arithmetic: every severity, both bounds, equal numbers included; several measurements for a rule."""
    measured = [
        Measurement(
            BoundedRule(
                id=f"rule_{number % 2}",
                text="Something holds here.",
                severity=("critical", "warning", "info")[number % 2],  # type: ignore[arg-type]
                **{"at_least" if is_least else "at_most": threshold},
            ),
            observed,
            1,
            FIRST,
        )
        for number, (is_least, observed, threshold) in enumerate(asked)
    ]
    expected = [observed >= threshold if is_least else observed <= threshold for is_least, observed, threshold in asked]
    assert [one.is_passed for one in judge(measured)] == expected


def test_many_statements_ask_no_more_of_the_library_than_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A year in one run judges thousands of statements, by the same rules: each rule is asked once, or singly where broken."""
    import expectations

    feed = REGISTRY.sources["hangzhou_metro"].feeds["taps"]
    asked = [one for _ in range(50) for one in measurements([taps(6, rows=100)], [[one] for one in BEFORE], feed)]
    wide: list[int] = []
    made = expectations.suite
    monkeypatch.setattr(expectations, "suite", lambda name, rules: (wide.append(len(rules)), made(name, rules))[1])
    assert all(one.is_passed for one in judge(asked))
    assert wide == [len(asked) // 50]
    small = measurements([taps(6, rows=79)], [[one] for one in BEFORE], feed)
    found = judge([*asked, *small])
    assert [one.measurement for one in found if not one.is_passed] == [
        one for one in small if one.rule.id == "statement_not_too_small"
    ]
    assert wide == [len(asked) // 50] * 2 + [51]


def test_what_a_run_noted_is_not_judged_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The jobs of a run come one process each, and the library takes seconds to import."""
    feed = REGISTRY.sources["hangzhou_metro"].feeds["taps"]
    asked = measurements([taps(6, rows=79)], [[one] for one in BEFORE], feed)
    opened = OpenRun(publication_seq=1, business_date=FIRST, files=frozenset(), verdicts=verdicts_of(judge(asked)))
    opened.save(tmp_path)
    from jobs.runs import notes as open_run

    noted = open_run.load_open_run(tmp_path)
    assert noted == opened
    calls: list[list[Measurement]] = []
    monkeypatch.setattr("expectations.judge", lambda some: (calls.append(list(some)), judge(some))[1])
    assert [(one.rule.id, one.is_passed) for one in noted.judge(asked)] == [
        (one.rule.id, one.rule.id != "statement_not_too_small") for one in asked
    ]
    other = measurements([taps(6, rows=80)], [[one] for one in BEFORE], feed)
    assert all(one.is_passed for one in noted.judge(other))
    assert calls[0] == [] and len(calls[1]) > 0


def test_a_rule_of_a_statement_is_one_of_the_registry() -> None:
    assert all(isinstance(one.rule, StatementRule) for one in judged(taps(6)).results)
